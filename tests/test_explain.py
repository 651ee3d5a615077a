"""`kit explain` as a whole: the cases in tests/cases/explain, and what a paste, a frame or a set of lines gives.

A case states its origin, the assessments that are acceptable, and those that would mislead. The texts are made up
after documented wordings; names, numbers and GUIDs are not those of any machine.
"""

import json
from pathlib import Path

import pytest

from kit import explain as kit_explain
from kit import rules, tables
from kit.explain import explain, explain_jsonl, explain_text, rendered
from kit.explain.assess import ASSESSMENTS

FOLDER = Path(__file__).parent / "cases" / "explain"
CASES = [
    (path.stem, case) for path in sorted(FOLDER.glob("*.json")) for case in json.loads(path.read_text(encoding="utf-8"))
]
CLASSES = {
    "benign_abort", "genuine_failure", "other_requestor", "environment", "background_noise", "normal", "unexplained",
}


def explained(case: dict) -> dict:
    if "text" in case:
        return explain_text(case["text"], case["host_state"], case["context"])
    return explain(case["events"], case["host_state"], case["context"])


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[f"{name}-{case['id']}" for name, case in CASES])
def test_a_case_gets_an_acceptable_assessment(case):
    found = explained(case)
    assert found["assessment"] not in case["forbidden"]
    assert found["assessment"] in case["acceptable"]
    if "root_cause" in case:
        assert found["root_cause"] in case["root_cause"]


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[f"{name}-{case['id']}" for name, case in CASES])
def test_every_explanation_has_the_promised_shape(case):
    found = explained(case)
    assert set(found) == {"events", "assessment", "root_cause", "because", "alternatives", "advice"}
    assert found["assessment"] in ASSESSMENTS
    assert found["root_cause"] is None or found["root_cause"] in rules.load().root_causes
    assert found["because"]
    promised = {"provider", "event_id", "phase", "meaning", "class", "rule_id", "status", "reference"}
    assert promised <= set(found["events"][0])
    assert {event["class"] for event in found["events"]} <= CLASSES
    assert json.loads(json.dumps(found)) == found
    assert rendered(found).isprintable() or "\n" in rendered(found)


def test_the_cases_are_many_and_in_six_languages():
    assert len(CASES) >= 80
    assert {case["language"] for _, case in CASES} >= {"en", "de", "fr", "ja", "ru", "pl"}


def test_guest_age_decides_nothing():
    case = next(case for _, case in CASES if case["id"] == "2008r2-abort-before-thaw-listed")
    found = {
        explain(case["events"], case["host_state"], {"requestor": "Hyper-V Replica", "guest_os": system})["assessment"]
        for system in ("Windows Server 2003", "Windows Server 2008 R2", "Windows Server 2022", "")
    }
    assert found == {"label_contradicted"}


def test_noise_never_outweighs_evidence():
    noise = {"provider": "VSS", "event_id": 8194, "message": "Unexpected error querying for IVssWriterCallback."}
    hold = {"provider": "volsnap", "event_id": 8, "message": "timed out"}
    assert explain([noise, hold, *[noise] * 20])["assessment"] == "genuine_failure"


EVENT_CASES = [case for _, case in CASES if "events" in case]
NOISE = {"provider": "VSS", "event_id": 8194, "level": "error", "message": "IVssWriterCallback. hr = 0x80070005."}
HOLD = {"provider": "volsnap", "event_id": 8, "level": "error", "message": "The flush and hold timed out."}


@pytest.mark.parametrize("case", EVENT_CASES, ids=[case["id"] for case in EVENT_CASES])
def test_noise_changes_no_assessment(case):
    before = explained(case)["assessment"]
    for events in ([NOISE, *case["events"]], [*case["events"], NOISE]):
        assert explained({**case, "events": events})["assessment"] == before


@pytest.mark.parametrize("case", EVENT_CASES, ids=[case["id"] for case in EVENT_CASES])
def test_a_failed_hold_never_leaves_a_set_harmless(case):
    events = [*case["events"], HOLD]
    assert explained({**case, "events": events})["assessment"] not in ("benign", "no_failure", "insufficient_evidence")
    listed = explained({**case, "events": events, "host_state": "app_consistent_listed"})
    assert listed["assessment"] == "label_contradicted"


def test_a_wrong_label_is_named_before_any_cause():
    cause = {"provider": "VSS", "event_id": 39, "message": "The VSS service is disabled."}
    assert explain([cause, HOLD], "app_consistent_listed")["assessment"] == "label_contradicted"
    assert explain([cause, HOLD])["assessment"] == "environment_problem"
    assert explain([cause], "app_consistent_listed")["assessment"] == "environment_problem"


def test_the_same_records_in_another_order_are_another_thing():
    def line(kind, name="Sales"):
        return {"message": {
            "frozen": f"I/O is frozen on database {name}. No user action is required.",
            "resumed": f"I/O was resumed on database {name}. No user action is required.",
            "failed": f"BACKUP failed to complete the command BACKUP DATABASE {name}. Check the log.",
        }[kind]}

    listed = {"host_state": "app_consistent_listed", "context": {"requestor": "Hyper-V Replica"}}
    assert explain([line("frozen"), line("resumed"), line("failed")], **listed)["assessment"] == "benign"
    assert explain([line("frozen"), line("failed"), line("resumed")], **listed)["assessment"] == "label_contradicted"


def test_one_harmless_database_does_not_clear_another():
    def lines(name, *kinds):
        words = {"frozen": f"I/O is frozen on database {name}.", "resumed": f"I/O was resumed on database {name}.",
                 "failed": f"BACKUP failed to complete the command BACKUP DATABASE {name}."}
        return [{"message": words[kind]} for kind in kinds]

    frozen = [*lines("model", "frozen"), *lines("Sales", "frozen")]
    rest = [*lines("model", "resumed", "failed")]
    found = explain([*frozen, *rest], "app_consistent_listed", {"requestor": "Hyper-V Replica"})
    assert found["assessment"] != "benign"


def test_a_frame_of_events_is_explained_like_a_list():
    frame = tables.frame("events", [
        {"uid": "a:1", "provider": "MSSQLSERVER", "event_id": 3197, "strings": ["Sales"]},
        {"uid": "a:2", "provider": "MSSQLSERVER", "event_id": 3198, "strings": ["Sales"]},
    ])
    found = explain(frame)
    assert found["assessment"] == "no_failure"
    assert [event["captured"]["database"] for event in found["events"]] == ["Sales", "Sales"]


def test_an_event_without_a_rule_is_shown_with_its_strings_and_how_to_add_one():
    found = explain([{"provider": "MyBackup", "event_id": 77, "strings": ["first", "second"], "level": "error"}])
    event = found["events"][0]
    assert (event["rule_id"], event["class"]) == (None, "unexplained")
    assert "no rule" in event["meaning"]
    assert "first | second" in event["meaning"]
    assert "kit/knowledge" in " ".join(found["advice"])
    assert "no rule" in rendered(found)


def test_jsonl_gives_one_answer_a_line_and_survives_bad_ones():
    events = [{"provider": "volsnap", "event_id": 8, "message": "x"}]
    good = {"id": "one", "events": events, "host_state": None, "context": {}}
    bad = ["", "not json", "[1]", json.dumps({"id": 2, "events": []})]
    lines = [json.dumps(good), *bad, json.dumps({**good, "id": 3})]
    found = [json.loads(line) for line in explain_jsonl(lines)]
    assert [one["id"] for one in found] == ["one", None, None, 2, 3]
    assert [one["assessment"] for one in found] == [
        "genuine_failure", *["insufficient_evidence"] * 3, "genuine_failure",
    ]
    assert "line 3" in found[1]["because"][0]


def test_jsonl_and_a_single_call_agree():
    for _, case in CASES:
        if "events" in case:
            line = {key: case[key] for key in ("id", "events", "host_state", "context")}
            assert json.loads(next(explain_jsonl([json.dumps(line)]))) == {"id": case["id"], **explained(case)}


def test_log_text_cannot_steer_a_terminal():
    found = explain([{"provider": "Trick\x1b[2J", "event_id": 1, "message": "\x1b]0;owned\x07 text \u202e"}])
    assert "\x1b" not in rendered(found)
    assert "\x07" not in rendered(found)
    assert "\u202e" not in rendered(found)


def test_context_words_are_checked():
    assert kit_explain.context_of(["requestor=Hyper-V Replica", "app=SQL=2012"]) == {
        "requestor": "Hyper-V Replica", "app": "SQL=2012",
    }
    with pytest.raises(kit_explain.ParameterError, match="guest_os"):
        kit_explain.context_of(["os=2003"])
