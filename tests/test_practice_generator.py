"""Made-up practice cases: the same every time, readable by foreign parsers, and their truth agrees with their files."""

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from kit.errors import CaseError, ParameterError
from kit.practice import case_files, generate, stage, truth, write_practice
from kit.practice.generator import SYSTEMS, scenario, scenarios
from kit.practice.scale import write_scale_case
from kit.practice.scenario import APP, Image
from kit.practice.scoring import Score, Wrong, _event, report, score, truths
from kit.practice.vss_story import GENUINE, Fate

SEED = "tests"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One case for each guest system."""
    folder = tmp_path_factory.mktemp("practice")
    return folder, generate(folder, SEED, len(SYSTEMS))


def told(case):
    return json.loads(case.with_name(f"{case.name}.truth.json").read_text("utf-8"))


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_seed_and_a_number_give_the_same_case(tmp_path, made):
    _, cases = made
    again = generate(tmp_path, SEED, 2)
    assert [files(case) for case in again] == [files(case) for case in cases[:2]]
    assert told(again[1]) == told(cases[1])
    assert files(again[0]) != files(again[1])
    assert scenario("other", 0) != scenario(SEED, 0)


def test_a_folder_in_use_is_refused(made):
    folder, _ = made
    with pytest.raises(ParameterError, match="practice-000 is not empty"):
        generate(folder, SEED, 1)


def test_systems_take_turns_and_old_ones_write_legacy_logs(made):
    _, cases = made
    assert [scenario(SEED, n).guest.windows.name for n in range(8)] == list(SYSTEMS)
    assert {p.name for p in (cases[0] / "guest").iterdir() if p.suffix} >= {"SysEvent.Evt"}
    assert not list((cases[1] / "guest").glob("*.Evt"))


def wrapped(path):
    """Flag 2 in the header of a legacy log: the newest records stand at the beginning of the ring."""
    return path.suffix.lower() == ".evt" and bool(path.read_bytes()[36] & 2)


def test_every_event_log_is_whole_for_libevtx_and_libevt(made):
    pyevtx, pyevt = pytest.importorskip("pyevtx"), pytest.importorskip("pyevt")
    _, cases = made
    logs = [path for case in cases for path in case.rglob("*") if path.suffix.lower() in (".evt", ".evtx")]
    assert len(logs) > 20 and any(map(wrapped, logs))
    for path in logs:
        log = (pyevt if path.suffix.lower() == ".evt" else pyevtx).file()
        log.open(str(path))
        numbers = [log.get_record(n).identifier for n in range(log.number_of_records)]
        assert numbers == sorted(numbers) and numbers, path
        # a destroyed chunk is part of some stories; libevt calls every ring that wrapped corrupted, real ones as well
        if not wrapped(path) and bytes(65_536) not in path.read_bytes():
            assert not log.is_corrupted(), path
            assert numbers == list(range(numbers[0], numbers[-1] + 1)), path
        if wrapped(path):
            assert numbers == list(range(numbers[0], numbers[-1] + 1)), path
        log.close()


def test_some_cases_have_several_machines_of_the_same_hosts(tmp_path):
    number = next(n for n in range(60) if len(scenarios("machines", n)) > 1)
    first, second, *_ = scenarios("machines", number)
    assert first.guest.vm_name != second.guest.vm_name
    assert (first.primaries, first.replica, first.begin) == (second.primaries, second.replica, second.begin)
    case, known = tmp_path / "case", tmp_path / "case.truth.json"
    write_practice([replace(one, plans=one.plans[:3], failovers=()) for one in (first, second)], case, known)
    assert {path.name for path in (case / "guests").iterdir()} == {first.guest.vm_name, second.guest.vm_name}
    told = json.loads(known.read_text("utf-8"))
    assert {row["vm_name"] for row in told["recovery_points"]} == {first.guest.vm_name, second.guest.vm_name}
    lists = [path.name for path in (case / "replica").rglob("recovery-points*")]
    assert {name.split("-")[2] for name in lists} == {first.guest.vm_name, second.guest.vm_name}


def test_a_wrongly_noted_test_neither_confirms_nor_harms(tmp_path):
    """The booted point is older than the one that the notes name, so its image says nothing about the latter."""
    found = None
    for number in range(200):
        one = scenario("mistakes", number)
        if any(f.mistaken_for is not None for f in one.failovers) and not (one.missing or one.kept or one.guest.stores):
            found = one
            break
    failover = next(f for f in found.failovers if f.mistaken_for is not None)
    story = stage.play(found)
    known = {row.point.operation: row for row in truth.judge(story) if row.point.operation is not None}
    assert failover.operation < failover.mistaken_for
    assert known[failover.mistaken_for].verdict == "supported"
    assert known[failover.operation].accepted >= {"confirmed", "inconclusive"}
    case = tmp_path / "case"
    write_practice([found], case, tmp_path / "case.truth.json")
    assert f'recovery_point = "{known[failover.mistaken_for].point.key}"' in (case / "case.toml").read_text("utf-8")


def test_zones_in_case_toml_are_names_or_offsets(made):
    _, cases = made
    texts = [line for case in cases for line in (case / "case.toml").read_text("utf-8").splitlines()]
    zones = [line.split('"')[1] for line in texts if line.startswith("timezone")]
    one = scenario(SEED, 0)
    story = stage.play(replace(one, replica=replace(one.replica, zone=timezone(timedelta(0))), failovers=()))
    zones.append(case_files._zone_text(story.scenario.replica, one.begin))
    assert zones[-1] == "+00:00"
    assert all(re.fullmatch(r"[+-]\d\d:\d\d|UTC|[A-Z][a-z]+/[A-Za-z_]+", zone) for zone in zones)


def test_a_case_of_any_size_counts_its_records(tmp_path):
    pyevtx = pytest.importorskip("pyevtx")
    assert write_scale_case(tmp_path, 2, 1, 2_400) >= 2_000
    names = {path.name for path in (tmp_path / "guests").iterdir()}
    assert names == {"SQL01", "SQL02"}
    log = pyevtx.file()
    log.open(str(tmp_path / "guests" / "SQL02" / "Security.evtx"))
    assert log.number_of_records >= 1_000 and not log.is_corrupted()
    log.close()


def test_truth_names_each_listed_point_once_and_only_records_that_exist(made):
    _, cases = made
    for case in cases:
        known = told(case)
        ids = [point["recovery_point_id"] for point in known["recovery_points"]]
        assert len(ids) == len(set(ids)) > 0
        assert set(known["events"]) == {
            path.relative_to(case).as_posix() for path in case.rglob("*")
            if path.suffix.lower() in (".evt", ".evtx") or path.name.startswith(("ERRORLOG", "SqlWriterLogger"))
        }
        for path, runs in known["events"].items():
            if "ERRORLOG" in path:
                lines = (case / path).read_bytes().decode("utf-16").splitlines()
                texts = [lines[n - 1] for first, count, *_ in runs for n in range(first, first + count)]
                assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d\d ", text) for text in texts)


@pytest.fixture(scope="module")
def played():
    return [stage.play(scenario("stories", number)) for number in range(60)]


def test_stories_hold_together(played):
    """Facts that follow from what Hyper-V Replica and VSS do, over 60 stories."""
    seen = Counter()
    for story in played:
        plans = story.scenario.plans
        for number, trace in story.traces.items():
            fate = plans[number].fate
            seen[fate] += 1
            if fate in (Fate.BENIGN, Fate.CLEAN):
                assert trace.begin < trace.freeze < trace.thaw <= trace.end
                assert trace.thaw - trace.freeze < timedelta(seconds=10)
            if fate is Fate.HOLD_TIMEOUT:
                assert trace.thaw - trace.freeze > timedelta(seconds=10)
            if fate is Fate.WRITER_TIMEOUT:
                assert trace.thaw - trace.freeze > timedelta(seconds=60)
        for point in story.points:
            if point.kind == APP and story.traces[point.operation].thaw:
                assert timedelta(0) < point.time - story.traces[point.operation].end < timedelta(seconds=60) or (
                    timedelta(0) < point.time - story.traces[point.operation].thaw < timedelta(seconds=60)
                )
        for test in story.tests:
            assert test.image < test.failover.boot.time < story.scenario.collected
            if test.failover.image is Image.INSIDE:
                trace = story.traces[test.failover.operation]
                assert trace.freeze < test.image < trace.thaw
    assert set(seen) == set(Fate)


def test_truth_never_lets_an_analyst_assure_what_is_false(played):
    """Every point that is not consistent has, or lacks, the evidence that keeps an honest analyst from assuring it."""
    verdicts = Counter()
    for story in played:
        for known in truth.judge(story):
            verdicts[known.verdict] += 1
            if known.consistent is False:
                assert known.verdict in ("contradicted", "inconclusive")
                assert not known.accepted & {"supported", "confirmed"}
            if known.verdict == "confirmed":
                assert any(test.point is known.point for test in story.tests)
            if known.point.kind != APP:
                assert known.verdict == "no_claim"
            elif story.scenario.plans[known.point.operation].fate in GENUINE and truth.covered(story, known.point):
                assert known.verdict == "contradicted" and set(known.databases.values()) == {"contradicted"}
    assert set(verdicts) == {"confirmed", "supported", "inconclusive", "contradicted", "no_claim"}


def perfect(case):
    """An analysis that knows the truth, in the form of verdicts.json."""
    known = told(case)
    points = [
        {name: row[name] for name in ("recovery_point_id", "verdict", "pattern")} | {"name": "x"}
        for row in known["recovery_points"]
    ]
    events = [
        {
            "source": path, "record_id": number, "class": kind.split("|")[0], "recovery_point_id": point,
            "provider": "x", "event_id": 1,
        }
        for path, runs in known["events"].items()
        for first, count, kind, point in runs
        for number in range(first, first + count)
    ]
    listed = {row["recovery_point_id"] for row in points}
    for event in events:
        if event["recovery_point_id"] not in listed:
            event["recovery_point_id"] = None
    clocks = [row | {"ambiguous": False, "method": "declared"} for row in known["clocks"]]
    return {"recovery_points": points, "events": events, "clocks": clocks}


def test_the_truth_itself_scores_full_marks(made):
    folder, cases = made
    result = score(folder, perfect)
    assert result.cases == [case.name for case in cases]
    assert result.point_share == result.event_share == 1.0 and result.passed
    assert not (result.false_assurances or result.wrong_points or result.wrong_events or result.wrong_clocks)
    assert "Bar met." in report(result)


def test_a_false_assurance_stands_first(made):
    folder, cases = made

    def rosy(case):
        found = perfect(case)
        for row in found["recovery_points"]:
            row["verdict"] = "supported"
        return found

    result = score(folder, rosy)
    false = sum(row["consistent"] is False for case in cases for row in told(case)["recovery_points"])
    assert len(result.false_assurances) == false > 0 and not result.passed
    assert report(result).splitlines()[2] == f"False assurances: {false}"
    assert result.points["no_claim", "supported"] > 0


def test_lost_and_invented_answers_count_as_wrong(made):
    folder, _ = made

    def sloppy(case):
        found = perfect(case)
        found["recovery_points"][0]["recovery_point_id"] = "invented"
        kept = [e for e in found["events"] if e["class"] != "benign_abort"]
        return found | {"events": kept}

    result = score(folder, sloppy)
    assert result.points_right == sum(result.points.values()) - 2 * len(result.cases)
    assert result.events["benign_abort", "not listed"] > 0 and result.event_share < 0.95
    assert "not listed" in report(result)


def test_a_wrong_clock_is_named_and_an_open_one_is_not(made):
    folder, _ = made

    def off(case):
        found = perfect(case)
        found["clocks"][0]["offset_s"] += 3600
        found["clocks"][1] |= {"offset_s": None, "ambiguous": True}
        return found

    result = score(folder, off)
    assert len(result.wrong_clocks) == len(result.cases) and not result.passed


def test_a_case_that_cannot_be_analysed_does_not_end_the_score(made):
    folder, cases = made

    def failing(case):
        if case == cases[0]:
            raise CaseError("practice-000: broken")
        return perfect(case)

    result = score(folder, failing)
    assert result.failures == {"practice-000": "practice-000: broken"} and not result.passed
    assert result.point_share == 1.0


def test_a_folder_without_practice_cases_is_an_error(tmp_path):
    with pytest.raises(CaseError, match="no practice case"):
        truths(tmp_path)


def test_a_second_answer_that_the_truth_accepts_is_right_and_counted():
    total = Score()
    row = {"source": "s", "record_id": 1, "provider": "p", "event_id": 1, "recovery_point_id": None}
    for kind in ("benign_abort", "unexplained", "normal"):
        _event(total, "case", row | {"class": kind}, "benign_abort|unexplained", None, set())
    assert (total.events_judged, total.events_right, total.events_accepted) == (3, 2, 1)
    assert "Records exactly right: 66.7%, 1 of them by a second answer that the truth accepts" in report(total)


def test_wrong_records_of_one_kind_are_told_in_one_line() -> None:
    total = Score()
    total.wrong_events = [
        Wrong("case", f"guest/Application.evtx {n} SQLVDI 1", "benign_abort of p", "unexplained of None", "",
              "SQLVDI 1: unexplained, in truth benign_abort")
        for n in range(40)
    ]
    told = [line for line in report(total).splitlines() if "SQLVDI" in line]
    assert len(told) == 1
    assert "40 x SQLVDI 1: unexplained, in truth benign_abort" in told[0] and "Application.evtx 0" in told[0]
