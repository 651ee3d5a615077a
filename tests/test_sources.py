"""Sources: the account of a reader adds up whatever it yields; readers are found by themselves."""

# ruff: noqa: DTZ001 - local times without zone are part of the subject

import io
import types
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from conftest import corpus_files
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import sources, tables
from kit.errors import Unreadable
from kit.sources import Account, _account, _sniff, read_source
from kit.sources._runs import Numbers, Runs
from kit.sources.seam import Fact, Lost, Rows

NOON = datetime(2014, 5, 19, 12, tzinfo=UTC)


def at(minute):
    return NOON + timedelta(minutes=minute)


def events(*numbers, minutes=None, channel="Application", computer="SQL01", **columns):
    minutes = minutes if minutes is not None else numbers
    made = {
        "record_id": pa.array(numbers, pa.int64()),
        "time_utc": pa.array([None if one is None else at(one) for one in minutes], tables.TIME),
        "channel": pa.array([channel] * len(numbers)),
        "computer": pa.array([computer] * len(numbers)),
    }
    return Rows("events", pa.table(made | columns))


def reader(*readings, numbered=True, fails=None):
    """A reader that yields what a test says."""

    def read(opened):
        yield from readings
        if fails:
            raise fails

    return types.SimpleNamespace(NAME="made up", VERSION="1", TABLES=("events",), NUMBERED=numbered, read=read)


def run(*readings, content=b"content", **options):
    """Rows of `events` and the account of what a made-up reader yields."""
    rows, account = [], None
    for item in read_source(io.BytesIO(content), "x.log", reader=reader(*readings, **options)):
        if isinstance(item, Account):
            account = item
        else:
            rows += item.columns.to_pylist()
    return rows, account


def spans(account, scale=60):
    return [
        ((one["first_time"] - NOON).total_seconds() / scale, (one["last_time"] - NOON).total_seconds() / scale)
        for one in account.coverage
    ]


def test_readers_are_found_without_a_list():
    found = {module.__name__.rsplit(".", 1)[-1] for module in sources.readers()}
    assert "errorlog" in found
    assert not {name for name in found if name.startswith("_") or name == "seam"}
    for module in sources.readers():
        assert module.NAME and str(module.VERSION) and set(module.TABLES) <= set(tables.SCHEMAS), module


def test_a_whole_log_is_read_and_everything_adds_up():
    _, account = run(Fact(declared=3, computer="SQL01"), events(1, 2), events(3))
    source = account.source
    assert (source["status"], source["seen"], source["kept"], source["skipped"], source["gaps"]) == ("read", 3, 3, 0, 0)
    assert (source["first_time"], source["last_time"]) == (at(1), at(3))
    assert spans(account) == [(1, 3)]
    assert account.losses == []


def test_rows_have_the_declared_columns_and_a_uid_of_their_own():
    rows, account = run(events(1, 2, 2, offset=pa.array([0, 10, 20])), events(2, offset=pa.array([30])))
    name = account.source["source_id"]
    assert [row["uid"] for row in rows] == [f"{name}:1", f"{name}:2", f"{name}:2@20", f"{name}:2@30"]
    assert list(rows[0]) == tables.schema("events").names
    assert {row["integrity"] for row in rows} == {"ok"}
    assert {row["time_basis"] for row in rows} == {"utc"}


def test_rows_without_number_or_offset_still_have_uids_of_their_own():
    rows, _ = run(events(None, None, 7, 7, minutes=(1, 2, 3, 4)), events(None, 7, minutes=(5, 6)))
    assert len({row["uid"] for row in rows}) == 6


def test_a_gap_in_the_numbers_is_counted_and_cuts_the_coverage():
    _, account = run(events(1, 2, 3, 10, 11))
    assert account.source["gaps"] == 6
    assert spans(account) == [(1, 3), (10, 11)]


def test_the_order_of_reading_does_not_matter():
    _, account = run(events(10, 11), events(3, 1, 2))
    assert spans(account) == [(1, 3), (10, 11)]


def test_a_lost_record_is_listed_between_its_neighbours_and_is_no_gap():
    _, account = run(events(1, 2, 4, 5), Lost(1, "bad size", 3, 3, 4711))
    source = account.source
    assert (source["status"], source["seen"], source["kept"], source["skipped"], source["gaps"]) == (
        "partial",
        5,
        4,
        1,
        0,
    )
    (loss,) = account.losses
    assert (loss["first_time"], loss["last_time"], loss["offset"]) == (at(2), at(4), 4711)
    assert spans(account) == [(1, 2), (4, 5)]


def test_promised_records_that_were_not_found_make_the_source_partial_without_counting_as_seen():
    _, account = run(Fact(declared=10), events(1, 2), Lost(8, "beyond the end of the file", found=False))
    assert (account.source["status"], account.source["seen"], account.source["skipped"]) == ("partial", 2, 0)


def test_fewer_records_than_promised_is_partial_even_if_the_reader_says_nothing():
    assert run(Fact(declared=3), events(1, 2))[1].source["status"] == "partial"
    assert run(Fact(declared=2, recovered=1), events(1, 2, 3))[1].source["status"] == "read"


def test_logs_of_several_computers_and_channels_are_covered_separately():
    _, account = run(events(1, 2), events(5, 6, channel="System"), events(3, 4, computer="SQL02"))
    found = {(one["channel"], one["computer"]): one["last_time"] for one in account.coverage}
    assert found == {("Application", "SQL01"): at(2), ("System", "SQL01"): at(6), ("Application", "SQL02"): at(4)}
    assert account.inventory["channel"] == {"Application": 4, "System": 2}


# A machine that was renamed twice counts its records on; two machines count for themselves.
def test_gaps_of_a_renamed_machine_and_of_two_machines():
    renamed = [events(1, 2, computer="WIN-1"), events(3, 4, computer="DC1"), events(6, 7, computer="WIN-1")]
    assert run(*renamed)[1].source["gaps"] == 1
    forwarded = [events(1, 2, 4, computer="A"), events(500, 501, computer="B")]
    assert run(*forwarded)[1].source["gaps"] == 1
    overlapping = [events(1, 3, 5, computer="A"), events(2, 4, 6, computer="B")]
    assert run(*overlapping)[1].source["gaps"] == 0
    doubled = [events(1, 2, 5, computer="A"), events(1, 2, 3, computer="B")]
    assert run(*doubled)[1].source["gaps"] == 2


# A machine that starts under a wrong clock (2002) and is set right must not make the log cover twelve years.
def test_a_record_under_a_wrong_clock_does_not_stretch_the_coverage():
    years = -12 * 365 * 24 * 60
    _, account = run(events(1, 2, 3, 4, minutes=(0, 10, years, 20)))
    assert spans(account) == [(0, 20)]


def test_damaged_rows_do_not_stretch_the_coverage():
    damaged = events(3, minutes=(9000,), integrity=pa.array(["damaged"]))
    _, account = run(events(1, 2), damaged)
    assert spans(account) == [(1, 2)]


def test_lines_are_no_record_numbers_only_losses_interrupt_them():
    _, account = run(events(1, 5, 9), Lost(1, "rubbish", 11, 11), events(12, 20), numbered=False)
    assert account.source["gaps"] is None
    assert spans(account) == [(1, 9), (12, 20)]


def test_local_times_wait_for_their_zone():
    local = pa.array([datetime(2014, 5, 19, 22)], pa.timestamp("us"))
    _, account = run(Rows("events", pa.table({"record_id": pa.array([1]), "time_local": local})), numbered=False)
    assert account.source["first_time"] is None
    assert account.source["first_local"] == datetime(2014, 5, 19, 22)


def test_a_reader_that_fails_in_the_middle_keeps_what_it_read():
    rows, account = run(events(1, 2), fails=Unreadable("chunk 3 is no chunk"))
    assert len(rows) == 2
    assert account.source["status"] == "partial"
    assert account.source["note"] == "reading stopped: chunk 3 is no chunk"
    rows, account = run(fails=IndexError("list index out of range"))
    assert account.source["status"] == "unreadable"
    assert "IndexError" in account.source["note"]


def test_rows_that_fit_no_table_are_a_failure_of_this_source_only():
    _, account = run(events(1), Rows("events", pa.table({"colour": pa.array(["red"])})), events(2))
    assert account.source["status"] == "partial"
    assert "colour" in account.source["note"]


# Each of the words of contract and design looks different from the others.
def test_no_two_kinds_of_nothing_look_alike():
    def status(content):
        (account,) = read_source(io.BytesIO(content), "x")
        return account.source["status"], account.source["note"]

    known_empty = run(Fact(declared=0))[1].source
    found = [
        status(b""), status(b"\0" * 100), status(b"no log at all"), status(b"7z\xbc\xaf\x27\x1c rest"),
        (known_empty["status"], known_empty["note"]),
    ]  # fmt: skip
    assert [one[0] for one in found] == ["empty", "unrecognised", "unrecognised", "unrecognised", "empty"]
    assert len({one[1] for one in found}) == 5


def test_a_missing_file_is_unreadable_with_the_reason(tmp_path):
    (account,) = read_source(tmp_path / "none.evtx")
    assert account.source["status"] == "unreadable"
    assert "No such file" in account.source["note"]
    (account,) = read_source(tmp_path)
    assert (account.source["status"], account.source["note"]) == (
        "unreadable",
        "no file: a folder, device, pipe or socket",
    )


def test_the_source_id_is_the_beginning_of_the_hash():
    _, account = run(events(1), content=b"abc")  # SHA-256 of abc: ba7816bf 8f01cfea ... (FIPS 180-2, example B.1)
    assert account.source["source_id"] == "ba7816bf8f"
    assert sources.source_id_of("guest/System.evtx") != sources.source_id_of("guest/system.evtx")


def test_losses_beyond_the_most_that_are_listed_are_summed(monkeypatch):
    monkeypatch.setattr(_account, "MOST_LOSSES", 3)
    _, account = run(events(1), *[Lost(2, "rubbish", n, n) for n in range(10, 20)], numbered=False)
    assert len(account.losses) == 3
    assert sum(loss["count"] for loss in account.losses) == account.source["skipped"] == 20
    assert account.losses[-1]["last_id"] == 19


@pytest.mark.parametrize(
    ("begin", "name"),
    [(b"Rar!\x1a\x07\x00", "RAR"), (b"\x1f\x8b\x08", "gzip"), (b"TAPE\0\0\3\0", "tape"), (b"regf", "registry")],
)
def test_well_known_formats_are_named(begin, name):
    assert name in _sniff.unknown_note(begin + bytes(600))


def test_an_unknown_file_is_shown_by_how_it_begins():
    assert _sniff.unknown_note(b"Colour;Weight\r\nred;3\r\n").endswith("(text that begins with 'Colour;Weight')")
    assert _sniff.unknown_note(b"\x01\x02\xff\x00\x90").endswith("(binary content that begins with 01 02 ff 00 90)")


@settings(deadline=None, max_examples=120)
@given(st.lists(st.integers(0, 60), max_size=60), st.integers(1, 7))
def test_runs_and_repeats_are_those_of_a_plain_set(numbers, size):
    known, runs, seen = Numbers(), Runs(True), set()
    for begin in range(0, len(numbers), size):
        part = pa.array(numbers[begin : begin + size], pa.int64()).to_numpy()
        again = known.add(part)
        for number, repeated in zip(part.tolist(), again.tolist(), strict=True):
            assert repeated == (number in seen)
            seen.add(number)
        runs.add(part, part * 10, part == part)
    whole = sorted(seen)
    starts = [number for number in whole if number - 1 not in seen]
    ends = [number for number in whole if number + 1 not in seen]
    assert [(run.first, run.last) for run in runs] == list(zip(starts, ends, strict=True))
    assert [(run.begin, run.end) for run in runs] == [
        (first * 10, last * 10) for first, last in zip(starts, ends, strict=True)
    ]
    assert runs.missing() == (max(seen) - min(seen) + 1 - len(seen) if seen else 0)


READINGS = st.one_of(
    st.lists(st.integers(0, 50), min_size=1, max_size=5).map(lambda numbers: events(*numbers)),
    st.builds(Lost, st.one_of(st.none(), st.integers(0, 4)), st.just("lost"), found=st.booleans()),
    st.builds(Fact, declared=st.one_of(st.none(), st.integers(0, 9)), note=st.one_of(st.none(), st.just("note"))),
)


@settings(deadline=None, max_examples=80)
@given(st.lists(READINGS, max_size=8), st.booleans(), st.booleans())
def test_the_account_always_adds_up(readings, numbered, fails):
    rows, account = run(*readings, numbered=numbered, fails=ValueError("x") if fails else None)
    source = account.source
    assert source["seen"] == source["kept"] + source["skipped"]
    assert source["kept"] == len(rows)
    assert len({row["uid"] for row in rows}) == len(rows)
    lost = [one for one in readings if isinstance(one, Lost)]
    assert source["skipped"] == sum(one.count or 0 for one in lost if one.found)
    assert len(account.losses) == len(lost)
    if lost or fails:
        assert source["status"] in ("partial", "unreadable")
    if source["status"] in ("unreadable", "empty"):
        assert rows == []


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=400), st.sampled_from(["ERRORLOG", "x.evtx", "x.csv", "x.json", "x.txt", "x.xml", "x.evt"]))
def test_junk_never_fails_and_always_has_an_account(content, name):
    *rows, account = read_source(io.BytesIO(content), name)
    assert account.source["status"] in ("read", "partial", "empty", "unreadable", "unrecognised")
    assert account.source["seen"] == account.source["kept"] + account.source["skipped"]
    assert sum(len(one.columns) for one in rows) == account.source["kept"]


@pytest.mark.corpus
@pytest.mark.parametrize("path", corpus_files(), ids=lambda path: path.name[:40])
def test_every_real_log_ends_with_an_account(path):
    account, rows = None, 0
    for item in read_source(path, path.name):
        if isinstance(item, Account):
            account = item
        else:
            rows += len(item.columns)
    source = account.source
    assert source["seen"] == source["kept"] + source["skipped"]
    assert source["kept"] == rows
    assert sum(loss["count"] or 0 for loss in account.losses) >= source["skipped"]
    if path.suffix == ".evtx" and path.name != "empty.evtx":
        assert source["status"] in ("read", "partial")
