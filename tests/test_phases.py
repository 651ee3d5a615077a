"""Outcome of one operation by the order of its records; the orders are written by hand after the documented rules."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import rules, tables
from kit.reasoning import phases

START = datetime(2014, 5, 19, 9, 0, 0, 50_000, tzinfo=UTC)
DEVICE = "{0F5D1A2B-63C4-4964-BA11-5DB600112233}"


def frozen(name):
    return {"message": f"I/O is frozen on database {name}. No user action is required."}


def resumed(name):
    return {"message": f"I/O was resumed on database {name}. No user action is required."}


def failed(name):
    return {"message": f"BACKUP failed to complete the command BACKUP DATABASE {name}. Check the backup log."}


def device(number, routine="BackupVirtualDeviceFile::SendFileInfoBegin"):
    return {
        "provider": "MSSQLSERVER", "event_id": 18210,
        "strings": [routine, "", f"{DEVICE}{number}", "995(The I/O operation has been aborted.)"],
    }


VDI = {"provider": "SQLVDI", "event_id": 1, "message": "SQLVDI: Loc=SignalAbort. Desc=Client initiates abort. "
       "ErrorCode=(0). Process=1. Thread=2. Client. Instance=. VD=Global\\{00000000-0000-0000-0000-000000000000}9"}


def records(*rows, step_s=0.5, source="errorlog", times=None):
    """Matched records of one log, `step_s` apart, or at the given seconds."""
    moments = times or [number * step_s for number in range(len(rows))]
    events = tables.frame("events", [{"uid": f"{source}:{number}", **row} for number, row in enumerate(rows)])
    found = rules.match(events)
    place = found["uid"].str.split(":").str[1].astype(int)
    return found.assign(
        time_utc=[pd.Timestamp(START + timedelta(seconds=moments[one])) for one in place],
        source_id=source, record_id=place.to_numpy(), provider=None, event_id=None,
    )


def outcome(frame, database="Sales"):
    rows = phases.outcomes(frame)
    return rows[rows["database"] == database].iloc[0]


def test_freeze_and_thaw_without_abort_is_clean():
    found = outcome(records(frozen("Sales"), resumed("Sales"), times=[0, 2.5]))
    assert (found["outcome"], found["freeze_s"]) == ("clean", 2.5)
    assert pd.isna(found["abort_after_thaw"])


def test_abort_after_the_thaw_is_benign_and_before_it_is_not():
    late = records(frozen("Sales"), resumed("Sales"), VDI, device(1), failed("Sales"))
    early = records(frozen("Sales"), VDI, device(1), failed("Sales"), resumed("Sales"))
    assert (outcome(late)["outcome"], outcome(early)["outcome"]) == ("benign_abort", "genuine_failure")


def test_an_abort_without_any_thaw_is_genuine_and_a_freeze_alone_is_open():
    assert outcome(records(frozen("Sales"), failed("Sales")))["outcome"] == "genuine_failure"
    assert outcome(records(frozen("Sales")))["outcome"] == "open"


def test_databases_are_judged_one_by_one():
    rows = [frozen("model"), frozen("Sales"), resumed("model"), failed("Sales"), resumed("Sales"), failed("model")]
    frame = records(*rows)
    assert outcome(frame, "model")["outcome"] == "benign_abort"
    assert outcome(frame, "Sales")["outcome"] == "genuine_failure"


def test_one_clean_database_says_nothing_of_another_that_only_failed():
    frame = records(frozen("model"), resumed("model"), failed("model"), failed("Sales"))
    assert outcome(frame, "model")["outcome"] == "benign_abort"
    assert outcome(frame, "Sales")["outcome"] == "open"


@pytest.mark.parametrize(("seconds", "expected"), [(10.1, "clean"), (59.9, "clean"), (60.5, "genuine_failure")])
def test_a_freeze_that_outlives_the_writer_window(seconds, expected):
    # 10.1 s is the length seen in a public log; the window of a writer is 60 s
    assert outcome(records(frozen("Sales"), resumed("Sales"), times=[0, seconds]))["outcome"] == expected


def test_a_failed_hold_counts_for_every_database():
    hold = {"provider": "volsnap", "event_id": 8, "message": "The flush and hold writes operation on volume C:"}
    frame = records(frozen("model"), frozen("Sales"), hold, resumed("model"), resumed("Sales"))
    assert set(phases.outcomes(frame)["outcome"]) == {"genuine_failure"}


def test_a_failure_of_another_writer_is_not_that_of_the_databases():
    system = {"provider": "VSS", "event_id": 8229, "message": "A VSS writer has rejected an event.\n"
              "Operation:\n   Freeze Event\nContext:\n   Writer Name: System Writer\n"}
    own = {**system, "message": system["message"].replace("System Writer", "SqlServerWriter")}
    assert outcome(records(frozen("Sales"), system, resumed("Sales")))["outcome"] == "clean"
    assert outcome(records(frozen("Sales"), own, resumed("Sales")))["outcome"] == "genuine_failure"


def test_a_device_record_belongs_to_the_database_named_beside_it():
    rows = [frozen("A"), frozen("B"), resumed("A"), device(1), failed("A"), resumed("B"), device(2), failed("B")]
    near = records(*rows, times=[0, 0, 2.00, 2.01, 2.01, 2.02, 2.03, 2.03])
    assert outcome(near, "A")["outcome"] == outcome(near, "B")["outcome"] == "benign_abort"


def test_databases_of_one_set_may_end_differently():
    """The order against the resume line of the same database decides: A is stopped while frozen, B a second later."""
    rows = [frozen("A"), frozen("B"), device(1), failed("A"), resumed("A"), resumed("B"), device(2), failed("B")]
    found = records(*rows, times=[0, 0, 2.00, 2.01, 2.3, 3.0, 3.5, 3.5])
    assert outcome(found, "A")["outcome"] == "genuine_failure"
    assert outcome(found, "B")["outcome"] == "benign_abort"


def test_an_unnamed_abort_counts_for_every_frozen_database():
    frame = records(frozen("A"), frozen("B"), VDI, resumed("A"), resumed("B"), times=[0, 0, 1, 1.1, 1.1])
    assert set(phases.outcomes(frame)["outcome"]) == {"genuine_failure"}


def test_an_engine_that_thaws_itself_stays_open_whatever_other_writers_show():
    # the engine writes 2003 before 2007 in both cases, as its source shows; it counts like a database of its own
    strings = ["lsass", "740", "", "1"]
    engine = [{"provider": "ESENT", "event_id": number, "strings": strings} for number in (2001, 2003, 2007)]
    alone = records(*engine)
    assert outcome(alone, "lsass")["outcome"] == "open"
    freeze, thaw, abort = engine
    both = records(freeze, frozen("Sales"), thaw, resumed("Sales"), abort, failed("Sales"))
    assert outcome(both, "lsass")["outcome"] == "open"
    assert outcome(both, "Sales")["outcome"] == "benign_abort"
    assert outcome(records(freeze, abort), "lsass")["outcome"] == "genuine_failure"


def test_two_logs_of_one_server_speak_of_one_database():
    log = records(frozen("Sales"), resumed("Sales"), failed("Sales"))
    application = [
        {"provider": "MSSQLSERVER", "event_id": 3197, "strings": ["Sales"]},
        {"provider": "MSSQLSERVER", "event_id": 3198, "strings": ["Sales"]},
        device(1),
    ]
    both = pd.concat([log, records(*application, source="application")], ignore_index=True)
    found = phases.outcomes(both)
    assert found[["instance", "database", "outcome"]].to_numpy().tolist() == [["MSSQLSERVER", "Sales", "benign_abort"]]


def test_times_too_coarse_to_tell_leave_the_case_open():
    # ERRORLOG writes hundredths, the Application log of classic sources whole seconds
    thaw = records(frozen("Sales"), resumed("Sales"), times=[-1.0, 0.2])
    abort = records(failed("Sales"), source="application", times=[-0.05])
    found = outcome(pd.concat([thaw, abort], ignore_index=True))
    assert found["outcome"] == "open"
    assert pd.isna(found["abort_after_thaw"])


def test_the_writer_trace_alone_is_judged_without_a_database():
    def trace(*callbacks):
        rows = [{"provider": "SqlWriterLogger", "message": f"Entering SQL Writer {one}."} for one in callbacks]
        return records(*rows)

    assert phases.writer_outcome(trace("OnFreeze", "OnThaw", "OnAbort")) == "benign_abort"
    assert phases.writer_outcome(trace("OnFreeze", "OnAbort")) == "genuine_failure"
    assert phases.writer_outcome(trace("OnFreeze", "OnThaw", "OnPostSnapshot", "OnBackupComplete")) == "clean"
    assert phases.outcomes(trace("OnFreeze", "OnThaw", "OnAbort")).empty


def test_the_writer_trace_places_an_abort_that_the_times_cannot():
    log = records(frozen("Sales"), resumed("Sales"), times=[0, 1.2])
    rows = [{"provider": "SqlWriterLogger", "message": f"Entering SQL Writer {one}."} for one in ("OnThaw", "OnAbort")]
    trace = records(*rows, source="trace", times=[0.95, 0.95])
    assert outcome(pd.concat([log, trace], ignore_index=True))["outcome"] == "benign_abort"


def test_an_abort_that_the_writer_traces_without_a_thaw_is_no_benign_one_though_the_databases_resumed():
    # domain reference 4.5: OnAbort without OnThaw means that the snapshot was not completed; 1.5: an abort thaws too
    log = records(frozen("Sales"), resumed("Sales"), failed("Sales"), times=[0, 6.0, 6.3])
    told = ("OnFreeze", "OnAbort")
    rows = [{"provider": "SqlWriterLogger", "message": f"Entering SQL Writer {one}."} for one in told]
    for abort_at in (5.0, 6.0, 8.0):
        trace = records(*rows, source="trace", times=[0.0, abort_at])
        assert outcome(pd.concat([log, trace], ignore_index=True))["outcome"] == "genuine_failure", abort_at


KINDS = {"freeze": frozen("Sales"), "thaw": resumed("Sales"), "abort": failed("Sales"), "device": device(1), "vdi": VDI}
WORSE = {"clean": 0, "benign_abort": 1, "open": 2, "genuine_failure": 3}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=7), st.integers(0, 7))
def test_a_failure_record_never_improves_an_outcome(kinds, place):
    rows = [frozen("Sales"), *[KINDS[kind] for kind in kinds]]
    hold = {"provider": "VSS", "event_id": 12298, "message": "writes cannot be held on volume C:"}
    before = phases.outcomes(records(*rows))["outcome"].iloc[0]
    after = phases.outcomes(records(*rows[:place], hold, *rows[place:]))["outcome"].iloc[0]
    assert WORSE[after] >= WORSE[before]
    assert after == "genuine_failure"


@pytest.fixture
def looks(monkeypatch):
    """How often a record was compared with a database, or two records with each other."""
    counted = []
    for name in ("_concerns", "after"):
        said = getattr(phases, name)
        monkeypatch.setattr(phases, name, lambda *given, said=said: counted.append(1) or said(*given))
    return counted


def test_two_thousand_databases_in_one_operation_are_each_judged_by_their_own_records(looks):
    """Backup software freezes all at once; each abort is named by its virtual device alone, as in 18210 and 3041."""
    names = [f"db{number}" for number in range(2_000)]
    told = [
        *map(frozen, names), *map(resumed, names),
        *(row for number, name in enumerate(names) for row in (device(number), failed(name))),
    ]  # fmt: skip
    found = phases.outcomes(records(*told, times=[number * 0.001 for number in range(len(told))]))
    assert found["database"].to_list() == names
    assert set(found["outcome"]) == {"benign_abort"}
    assert found["evidence"].map(len).eq(4).all(), "freeze, resume, device and failed backup of this database alone"
    assert len(looks) < 20 * len(names), "no database is held against the records of every other"


def test_one_of_two_thousand_that_is_aborted_frozen_is_the_only_genuine_failure(looks):
    names = [f"db{number}" for number in range(2_000)]
    told = [*map(frozen, names), *map(resumed, names[:-1]), failed(names[-1]), resumed(names[-1])]
    found = phases.outcomes(records(*told, times=[number * 0.001 for number in range(len(told))]))
    outcomes = dict(zip(found["database"], found["outcome"], strict=True))
    assert outcomes == {**dict.fromkeys(names, "clean"), names[-1]: "genuine_failure"}
    assert len(looks) < 20 * len(names)


def test_aborts_that_name_no_database_are_held_against_the_thaw_of_the_set_once(looks):
    """An abort of the client (SQLVDI) names no database: it stands in the evidence of each, and is looked up once."""
    names = [f"db{number}" for number in range(500)]
    told = [*map(frozen, names), *map(resumed, names), VDI]
    found = phases.outcomes(records(*told, times=[number * 0.001 for number in range(len(told))]))
    assert set(found["outcome"]) == {"benign_abort"}
    assert len(looks) < 20 * len(names)
