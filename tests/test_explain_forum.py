"""Texts as people post them: typed by hand, cut out of logs, in no order. Judged as an analyst would read them."""

from __future__ import annotations

import pytest

from kit.explain import explain_text
from kit.explain.headed import head

FREEZE = "I/O is frozen on database Sales. No user action is required."
THAW = "I/O was resumed on database Sales. No user action is required."
ABORT = "BACKUP failed to complete the command BACKUP DATABASE Sales. Check the backup application log."


@pytest.mark.parametrize(
    ("line", "provider", "number", "rest"),
    [
        ("VSS 12289: Unexpected error", "VSS", 12289, "Unexpected error"),
        ("volsnap event 8 The flush and hold timed out", "volsnap", 8, "The flush and hold timed out"),
        ('got event id 8193 vss "Volume Shadow Copy"', "vss", 8193, '"Volume Shadow Copy"'),
        ("Source: SQLWRITER  Event ID: 24583", "SQLWRITER", 24583, ""),
        ("Quelle: VSS, Ereignis-ID: 8229.", "VSS", 8229, ""),
        ("19.05.2014 03:00:12 VSS 8229 rejected", "VSS", 8229, "rejected"),
        ("5/19/2014 3:00:12 AM - MSSQL$SALES - 3041 - BACKUP failed", "MSSQL$SALES", 3041, "BACKUP failed"),
        ("Event 32315, Hyper-V-VMMS", "Hyper-V-VMMS", 32315, ""),
    ],
)
def test_source_and_number_at_the_beginning_of_a_line(line: str, provider: str, number: int, rest: str) -> None:
    assert head(line) == (provider, number, rest)


@pytest.mark.parametrize(
    "line",
    ["We never see VSS 12289 here", "VSS failed 3 times", "VSS 4711: unheard of", "12289", "VSS", "03:00:12", ""],
)
def test_other_lines_are_no_heading(line: str) -> None:
    assert head(line) is None


def test_a_typed_source_and_number_give_the_rule_whatever_the_words() -> None:
    made = explain_text("volsnap event 8 The flush and hold writes operation on volum C: timed out while waitng")
    assert made["root_cause"] == "hold_timeout"
    assert [(one["provider"], one["event_id"]) for one in made["events"]] == [("volsnap", 8)]


def test_lines_under_a_heading_belong_to_it() -> None:
    made = explain_text(
        "Source: SQLWRITER Event ID: 24583\nSqllib error: OLEDB Error encountered calling ICommandText::Execute. "
        "hr = 0x80040e14.\nNative Error: 945\nSQLWRITER 24579: Database Sales is torn"
    )
    assert [one["event_id"] for one in made["events"]] == [24583, 24579]
    assert made["events"][0]["captured"]["native_error"] == 945


def test_the_code_after_hr_counts_and_not_an_argument_of_the_call() -> None:
    text = "VSS 12289: Unexpected error DeviceIoControl(x - 000004A0,0x00560000). hr = 0x80070001."
    assert explain_text(text)["events"][0]["captured"]["hresult"] == "0x80070001"


@pytest.mark.parametrize(
    "text",
    ["Operating system error 995(The I/O operation has been aborted.)", "hr = 0x800423f4, The writer failed", "995"],
)
def test_a_code_with_its_text_is_a_code(text: str) -> None:
    made = explain_text(text)
    assert made["because"] == ["A code alone says neither in which phase it came nor of which copy."]
    assert "no rule" not in made["events"][0]["meaning"]


def test_a_sentence_that_begins_with_a_number_is_no_code() -> None:
    assert explain_text("995, we saw it again")["events"][0]["codes"] == []


LISTED = {"host_state": "app_consistent_listed", "context": {"requestor": "Hyper-V Replica"}}


@pytest.mark.parametrize("lines", [[FREEZE, THAW, ABORT], [ABORT, THAW, FREEZE]], ids=["oldest first", "newest first"])
def test_a_list_without_times_may_be_newest_first(lines: list[str]) -> None:
    assert explain_text("\n".join(lines), **LISTED)["assessment"] == "benign"


def test_an_abort_between_freeze_and_thaw_is_genuine_either_way_round() -> None:
    for lines in ([FREEZE, ABORT, THAW], [THAW, ABORT, FREEZE]):
        assert explain_text("\n".join(lines), **LISTED)["assessment"] == "label_contradicted"


def test_an_abort_before_the_freeze_of_a_list_without_times_stays_open() -> None:
    made = explain_text("\n".join([ABORT, FREEZE, THAW]))
    assert made["assessment"] == "insufficient_evidence"
    assert any("without times the order is not sure" in text for text in made["because"])


LOG = (
    "2014-05-19 03:00:08.23 spid57 I/O is frozen on database Sales. No user action is required.\n"
    "2014-05-19 03:00:09.23 spid57 {}\n"
    "2014-05-19 03:00:09.63 Backup BACKUP failed to complete the command BACKUP DATABASE Sales.\n"
)


def test_a_record_in_an_unknown_language_may_be_the_thaw() -> None:
    made = explain_text(LOG.format("I/U ble gjenopptatt for databasen Sales."))
    assert made["assessment"] == "insufficient_evidence"
    assert any("it may be the thaw" in text for text in made["because"])


@pytest.mark.parametrize("other", ["Starting up database 'Orders'.", "I/U ble gjenopptatt for databasen SalesOld."])
def test_a_record_about_something_else_is_not_taken_for_the_thaw(other: str) -> None:
    assert explain_text(LOG.format(other))["root_cause"] == "aborted_in_freeze"


def test_a_rollback_alone_asks_for_the_end_of_the_log_before_the_boot() -> None:
    made = explain_text("7 transactions rolled back in database 'Sales' (6:0). This is an informational message only.")
    assert made["assessment"] == "insufficient_evidence"
    assert made["because"] == [
        "Sales: 7 transactions were rolled back; it is not known whether they were open at the freeze."
    ]
    assert any("ERRORLOG.1" in text for text in made["advice"])
    assert not any("late abort" in text for text in made["alternatives"])


@pytest.mark.parametrize(
    ("operation", "assessment"),
    [("PrepareForSnapshot", "genuine_failure"), ("Freeze", "genuine_failure"), ("Thaw", "genuine_failure"),
     ("PostSnapshot", "insufficient_evidence")],
)  # fmt: skip
def test_a_rejected_event_names_its_phase_though_source_and_number_were_not_pasted(
    operation: str, assessment: str
) -> None:
    # domain reference, section 6b: before or at the thaw genuine, PostSnapshot not automatically benign
    made = explain_text(
        "A VSS writer has rejected an event with error 0x800423f4, The writer experienced a non-transient error.\n\n"
        f"Operation:\n   {operation} Event\n\nContext:\n   Execution Context: Writer\n   Writer Name: SqlServerWriter"
    )
    assert made["assessment"] == assessment


@pytest.mark.parametrize(
    ("text", "root_cause"),
    [
        ("The flush and hold writes operation on volume C: was aborted because of low available system memory.", None),
        ("Volume Shadow Copy Service error: Cannot find diff areas for creating shadow copies.", "shadow_storage"),
        ("lsass (740) Shadow copy instance 1 encountered error -2403 on freeze.", None),
    ],
)
def test_the_text_of_an_event_alone_gives_its_rule(text: str, root_cause: str | None) -> None:
    made = explain_text(text)
    assert made["events"][0]["rule_id"]
    assert made["assessment"] in ("genuine_failure", "environment_problem")
    assert root_cause in (None, made["root_cause"])
