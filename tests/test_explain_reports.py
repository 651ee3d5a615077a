"""Reports as people post them, by class of error: lists without blank lines, numbers without a source, other languages,
streaming backups beside the snapshot, products, and several hourly cycles in one paste. Texts and names are made up.
"""

from __future__ import annotations

import pytest

from kit.explain import explain, explain_text, rendered
from kit.explain.headed import head
from kit.explain.host import products_of, state_of
from kit.explain.writer_list import cut_out

LISTED = {"host_state": "app_consistent_listed", "context": {"requestor": "Hyper-V Replica"}}
FAILED = "Writer name: 'SqlServerWriter'\n   State: [10] Failed\n   Last error: Timed out"
STABLE = "Writer name: 'System Writer'\n   State: [1] Stable\n   Last error: No error"


# -------------------------------------------------------------------------------------------- lists of writers

@pytest.mark.parametrize("between", ["\n\n", "\n"], ids=["blank line", "no blank line"])
@pytest.mark.parametrize("order", [(FAILED, STABLE), (STABLE, FAILED)])
def test_a_failed_writer_is_seen_wherever_it_stands(order: tuple[str, str], between: str) -> None:
    made = explain_text(between.join(order))
    assert made["assessment"] == "insufficient_evidence"
    assert {event["captured"]["writer"]: event["captured"]["state"] for event in made["events"]} == {
        "SqlServerWriter": "10", "System Writer": "1",
    }


def test_a_list_of_writers_that_lost_its_indentation_and_is_quoted() -> None:
    quoted = "\n".join(f"> {line.strip()}" for line in f"{STABLE}\n{FAILED}".splitlines())
    assert len(cut_out(quoted)[1]) == 2


def test_events_beside_a_list_of_writers_are_read_too() -> None:
    made = explain_text(f"C:\\>vssadmin list writers\n[...]\n{FAILED}\n\nEvent ID: 8\nSource: volsnap\nIt timed out.")
    assert [event["provider"] for event in made["events"]] == ["volsnap", "vssadmin"]
    assert made["assessment"] == "genuine_failure"


@pytest.mark.parametrize("labels", [("Nombre de editor", "Estado"), ("Nazwa modułu zapisującego", "Stan"),
                                    ("编写器名称", "状态"), ("Schrijvernaam", "Status")])
def test_a_list_of_writers_in_any_language(labels: tuple[str, str]) -> None:
    name, state = labels
    made = explain_text(f"{name}: 'SqlServerWriter'\n   {state}: [8] x\n   z: y\n{name}: 'NTDS'\n   {state}: [1] x")
    assert [event["captured"].get("writer") for event in made["events"]] == ["SqlServerWriter", "NTDS"]
    assert made["assessment"] == "insufficient_evidence"


def test_words_around_a_list_of_writers_are_no_event() -> None:
    assert len(explain_text(f"This is what I get after the job:\n\n{FAILED}\n{STABLE}")["events"]) == 2


# ----------------------------------------------------------------------------------- numbers without their source

def test_a_distinct_number_names_its_source() -> None:
    made = explain_text("Event ID: 12289\n\nUnexpected error. hr = 0x80042409, Writer status is not available.")
    assert made["assessment"] == "benign"
    assert made["events"][0]["rule_id"].startswith("vss-12289")


def test_a_small_number_without_source_is_no_rule_of_some_source() -> None:
    # 1 is written by hundreds of sources; a rule that goes by its source alone may not take it
    assert explain_text("Event ID: 1\nDescription: Something happened.")["events"][0]["rule_id"] is None


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Error\t12/6/2010 3:39:15 AM\tSQLVDI\t1\tNone\tLoc=SignalAbort", ("SQLVDI", 1, "None\tLoc=SignalAbort")),
        ("VSS Error 12/7/2018 8:23:12 AM EventID: 8193 Unexpected", ("VSS", 8193, "Unexpected")),
        ("EventId 12298 \u2013 VSS \u2013 cannot be held", ("VSS", 12298, "cannot be held")),
        ("Fehler 14.02.2019 23:00:07 VSS 8194 Zugriff", ("VSS", 8194, "Zugriff")),
    ],
)
def test_source_and_number_around_level_date_and_dashes(line: str, found: tuple[str, int, str]) -> None:
    assert head(line) == found


# ---------------------------------------------------------------------------------------------- other languages

CYCLES = {
    "pt": ("A E/S está congelada no banco de dados Sales. Nenhuma ação é necessária.",
           "A E/S foi retomada no banco de dados Sales. Nenhuma ação é necessária.",
           "Erro: 3041, Gravidade: 16, Estado: 1.", "BACKUP não pôde concluir o comando BACKUP DATABASE Sales."),
    "zh": ("数据库 Sales 上的 I/O 已冻结。如果没有立即恢复 I/O，您可以取消备份。", "数据库 Sales 上的 I/O 已恢复。",
           "错误: 3041，严重性: 16，状态: 1。", "BACKUP 未能完成命令 BACKUP DATABASE Sales。"),
    "it": ("Operazioni di I/O bloccate nel database Sales.", "Operazioni di I/O riprese nel database Sales.",
           "Errore: 3041, Gravità: 16, Stato: 1.", "BACKUP: impossibile completare il comando BACKUP DATABASE Sales."),
    "es": ("La E/S está inmovilizada en la base de datos Sales.", "La E/S se ha reanudado en la base de datos Sales.",
           "Error: 3041, gravedad: 16, estado: 1.", "BACKUP no pudo completar el comando BACKUP DATABASE Sales."),
}


def cycle(language: str, *places: int) -> str:
    lines = CYCLES[language]
    source = ["spid57", "spid57", "Backup", "Backup"]
    return "\n".join(f"2019-03-02 03:00:0{n}.10 {source[at]}     {lines[at]}" for n, at in enumerate(places))


@pytest.mark.parametrize("language", sorted(CYCLES))
def test_the_order_decides_in_every_language(language: str) -> None:
    assert explain_text(cycle(language, 0, 1, 2, 3), **LISTED)["assessment"] == "benign"
    early = explain_text(cycle(language, 0, 2, 3, 1), **LISTED)
    assert early["assessment"] == "label_contradicted"
    assert early["root_cause"] == "aborted_in_freeze"


@pytest.mark.parametrize(
    ("text", "source", "number"),
    [
        ("Nome do Log: Application\nFonte: VSS\nIdentificação do Evento:8194\nNível: Erro\nDescrição:\nx", "VSS", 8194),
        ("日志名称: Application\n来源: VSS\n事件 ID: 8194\n级别: 错误\n描述:\nx", "VSS", 8194),
        ("Logboeknaam: System\nBron: volsnap\nGebeurtenis-id: 8\nNiveau: Fout\nBeschrijving:\nx", "volsnap", 8),
        ("로그 이름: System\n원본: volsnap\n이벤트 ID: 8\n수준: 오류\n설명:\nx", "volsnap", 8),
    ],
)
def test_labels_of_further_languages(text: str, source: str, number: int) -> None:
    event = explain_text(text)["events"][0]
    assert (event["provider"], event["event_id"]) == (source, number)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("la réplica muestra puntos coherentes con la aplicación", "app_consistent_listed"),
        ("a réplica lista pontos consistentes com o aplicativo", "app_consistent_listed"),
        ("应用程序一致的恢复点存在", "app_consistent_listed"),
        ("no hay puntos coherentes con la aplicación", "host_reports_failure"),
        ("solo puntos coherentes con bloqueo, ninguno coherente con la aplicación", "crash_consistent_listed"),
        ("没有应用程序一致的恢复点", "unknown"),
    ],
)
def test_what_the_host_says_in_further_languages(said: str, state: str) -> None:
    found = state_of(said)
    assert found == state or (state != "app_consistent_listed" and found != "app_consistent_listed")


# ------------------------------------------------------------------------------------- streaming backups, OS errors

STREAM = (
    "2021-02-11 01:14:03.10 Backup      Error: 18210, Severity: 16, State: 1.\n"
    "2021-02-11 01:14:03.10 Backup      BackupIoRequest::ReportIoError: write failure on backup device "
    "'E:\\Backup 2020 (full)\\Sales.bak'. Operating system error {}.\n"
    "2021-02-11 01:14:03.12 Backup      Error: 3041, Severity: 16, State: 1.\n"
    "2021-02-11 01:14:03.12 Backup      BACKUP failed to complete the command BACKUP DATABASE Sales.\n"
)


@pytest.mark.parametrize(
    ("error", "number", "cause", "word"),
    [
        ("112(There is not enough space on the disk.)", 112, "backup_destination", "full"),
        ("5(Access is denied.)", 5, "backup_destination", "denied"),
        ("64(The specified network name is no longer available.)", 64, "backup_destination", "network name"),
        ("1117(The request could not be performed because of an I/O device error.)", 1117, "storage_errors", "input"),
    ],
)
def test_a_native_backup_that_failed_names_its_destination_and_is_no_snapshot(
    error: str, number: int, cause: str, word: str
) -> None:
    made = explain_text(STREAM.format(error))
    assert (made["assessment"], made["root_cause"]) == ("environment_problem", cause)
    assert made["events"][0]["captured"]["os_error"] == number
    assert word in " ".join(made["because"]).casefold()
    assert made["events"][1]["class"] == "other_requestor"
    assert not any("late abort" in text for text in made["alternatives"])


def test_a_streaming_backup_stopped_by_its_client_stays_open_and_asks_for_the_log_of_the_product() -> None:
    # Microsoft on 18210: 995 says when the backup was stopped, never why
    made = explain_text(STREAM.format("995(The I/O operation has been aborted.)"))
    assert made["assessment"] == "insufficient_evidence"
    assert any("log of the product" in text for text in made["advice"])


def hour(number: str, *, resumed: bool = True) -> str:
    at = f"2015-03-02 {number}:00:0"
    lines = [f"{at}4.11 spid51     I/O is frozen on database Sales. No user action is required."]
    lines += [f"{at}6.11 spid51     I/O was resumed on database Sales. No user action is required."] * resumed
    return "\n".join([*lines, f"{at}7.11 Backup     Error: 3041, Severity: 16, State: 1.",
                      f"{at}7.11 Backup     BACKUP failed to complete the command BACKUP DATABASE Sales."]) + "\n"


def test_a_native_backup_between_hourly_cycles_is_not_taken_for_harmless() -> None:
    stream = STREAM.format("1117(An I/O device error.)").replace("2021-02-11 01:14", "2015-03-02 01:14")
    made = explain_text(hour("01") + stream + hour("02"), **LISTED)
    assert made["assessment"] == "benign"
    assert [event["class"] for event in made["events"] if event["event_id"] == 3041] == [
        "benign_abort", "other_requestor", "benign_abort",
    ]
    assert any("1117" in text for text in made["because"])


def test_the_cycle_that_failed_is_named_by_its_time_and_the_others_do_not_take_its_class() -> None:
    made = explain_text(hour("01") + hour("02", resumed=False) + hour("03"), **LISTED)
    assert made["assessment"] == "label_contradicted"
    assert any("Sales at 2015-03-02 02:00:04" in text and "no record shows its thaw" in text
               for text in made["because"])
    assert any("other operations" in text for text in made["alternatives"])
    failed = [event["class"] for event in made["events"] if event["event_id"] == 3041]
    assert failed == ["unexplained", "genuine_failure", "unexplained"]


def test_a_virtual_device_with_another_error_than_995_is_no_late_abort() -> None:
    # Microsoft ties 18210 with 995 to the harmless case, and no other operating system error
    late = (
        "2015-03-02 01:00:09.11 Backup     BackupVirtualDeviceFile::SendFileInfoBegin: failure on backup device "
        "'{0F5D1A2B-63C4-4964-BA11-5DB600112233}1'. Operating system error 112(There is not enough space.)."
    )
    assert explain_text(hour("01") + late, **LISTED)["assessment"] == "label_contradicted"


def test_an_errorlog_listed_newest_first_is_turned_round() -> None:
    turned = "\n".join((hour("01") + hour("02")).splitlines()[::-1])
    made = explain_text(turned, **LISTED)
    assert made["assessment"] == "benign"
    assert [event["event_id"] for event in made["events"]] == [None, None, 3041] * 2


def test_plain_lines_of_an_errorlog_ask_for_no_rule() -> None:
    made = explain_text(hour("01") + "2015-03-02 01:05:00.00 spid9s      Something of no interest.\n", **LISTED)
    assert not any("kit/knowledge" in text for text in made["advice"])


def test_a_frozen_database_keeps_its_abort_though_a_stream_failed_just_before() -> None:
    stream = "\n".join(STREAM.format("112(full)").splitlines()[:2])
    text = f"2021-02-11 01:14:02.00 spid51     I/O is frozen on database Sales.\n{stream}\n" + "\n".join(
        STREAM.format("112(full)").splitlines()[2:]
    )
    assert explain_text(text, **LISTED)["assessment"] == "label_contradicted"


# ---------------------------------------------------------------------------------------------------- products

@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Failed to freeze guest. Error: VSSControl: -2147212300", "Veeam"),
        ("warning RCTCONTROLLER_011", "Altaro"),
        ("V-79-57344-65233 - Snapshot Operation", "Backup Exec"),
        ("failure on backup device 'Legato#4711'", "NetWorker"),
        ("Source: Microsoft-Windows-Backup", "Windows Server Backup"),
        ("guest-fsfreeze-freeze failed", "QEMU"),
    ],
)
def test_a_product_is_known_by_the_signs_of_its_text(text: str, name: str) -> None:
    assert [one for one in products_of([text]) if name in one]


def test_the_product_is_named_and_its_abort_is_not_hyper_v_s() -> None:
    late = (
        "Veeam Agent job log:\nBackupVirtualDeviceFile::SendFileInfoBegin: failure on backup device "
        "'{0F5D1A2B-63C4-4964-BA11-5DB600112233}1'. Operating system error 995(aborted)."
    )
    made = explain_text(late, "app_consistent_listed")
    assert made["assessment"] == "insufficient_evidence"
    assert any("Veeam" in text for text in made["because"])


@pytest.mark.parametrize(
    "text",
    [
        "Backup aborted! - Failed To Create Volume Snapshot. Result Code: 0x80042306",
        "Impossible de créer le cliché instantané. 0x80042306",
        "Не удалось создать теневую копию тома. 0x80042306",
        "シャドウ コピーを作成できませんでした 0x80042306",
    ],
)
def test_a_tool_that_could_not_make_a_snapshot_failed(text: str) -> None:
    made = explain_text(text)
    assert (made["assessment"], made["root_cause"]) == ("genuine_failure", "provider_failed")


# ---------------------------------------------------------------------------------------- numbers with many meanings

PROVIDER = "Error calling a routine on a Shadow Copy Provider {{b5946137-7b9f-4925-af80-51abd60b20d5}}. " \
           "Routine details {}({{11111111-2222-3333-4444-555555555555}}) [hr = 0x8000ffff]."


@pytest.mark.parametrize(
    ("routine", "assessment"),
    [("EndPrepareSnapshots", "genuine_failure"), ("CommitSnapshots", "genuine_failure"),
     ("PostFinalCommitSnapshots", "insufficient_evidence"), ("GetSnapshotProperties", "insufficient_evidence")],
)  # fmt: skip
def test_the_routine_of_the_provider_gives_the_phase(routine: str, assessment: str) -> None:
    made = explain([{"provider": "VSS", "event_id": 12293, "message": PROVIDER.format(routine)}])
    assert made["assessment"] == assessment


@pytest.mark.parametrize(
    ("message", "assessment", "cause"),
    [
        ("ConvertStringSidToSid(S-1-5-21-9.bak). hr = 0x80070539.", "benign", "background_noise"),
        ("CoCreateInstance. hr = 0x80070422.", "environment_problem", "vss_service_disabled"),
        ("Cannot find anymore diff area candidates. hr = 0x8000ffff.", "environment_problem", "shadow_storage"),
        ("RegOpenKeyExW(VSS\\Diag). hr = 0x80070005.", "benign", "background_noise"),
    ],
)
def test_what_8193_carries_decides(message: str, assessment: str, cause: str) -> None:
    made = explain([{"provider": "VSS", "event_id": 8193, "message": f"Unexpected error calling routine {message}"}])
    assert (made["assessment"], made["root_cause"]) == (assessment, cause)


# ------------------------------------------------------------------------------------------------------ advice

def test_the_command_names_the_volume_of_the_record() -> None:
    made = explain([{"provider": "volsnap", "event_id": 25,
                     "message": "The shadow copies of volume D: were deleted because the storage could not grow."}])
    assert any("/for=D: /on=D:" in text for text in made["advice"])


def test_a_failed_system_writer_asks_for_no_log_of_sql_server() -> None:
    made = explain_text("Writer name: 'System Writer'\n   State: [8] Failed\n   Last error: Timed out")
    assert not any("ERRORLOG" in text for text in made["advice"])
    assert any("vssadmin list writers" in text for text in made["advice"])


def test_a_long_list_is_folded_for_the_terminal() -> None:
    shown = rendered(explain_text("".join(hour(f"{number:02}") for number in range(1, 6)), **LISTED))
    assert "MSSQLSERVER 3041 (5 times)" in shown
    assert shown.count("database Sales") == 3


# ------------------------------------------------------------------------------------- what other tools and hosts say

@pytest.mark.parametrize(
    ("text", "assessment", "cause"),
    [
        ("Selected writer 'System Writer' is in failed state!\n- Status: 9 (VSS_WS_FAILED_AT_FREEZE)\n"
         "- Writer Failure code: 0x800423f2", "genuine_failure", "writer_timeout"),
        ('"MSDEWriter" has reported an error 0x800423f0. The backup cannot continue.', "genuine_failure",
         "torn_database"),
        ("Error returned while creating the volume shadow copy:800423f2\nReverting to non-shadow copy backup mode.",
         "genuine_failure", "silent_fallback"),
        ("The job met a retryable VSS error. (ID 30112 Details: VssError: transient (0x800423F3))", "genuine_failure",
         "writer_failed"),
        ("unable to execute QEMU agent command 'guest-fsfreeze-freeze': failed to add D:\\ to snapshot set",
         "genuine_failure", "provider_failed"),
        ("QEMU agent command 'guest-fsfreeze-thaw': fsfreeze is limited up to 10 seconds", "genuine_failure",
         "hold_timeout"),
        ("INFO: skipping guest-agent 'fs-freeze', agent configured but not running?", "genuine_failure",
         "silent_fallback"),
        ("Resynchronization is required for the virtual machine 'ERP01'.", "environment_problem", "resynchronisation"),
        ("Failed to revert to VSS snapshot on one or more virtual hard disks of the virtual machine 'ERP01'.",
         "genuine_failure", "host_checkpoint_failed"),
        ("Writer Name: NTDS, Writer ID: {B2014C9E-8711-4C5C-A5A9-3CF384484757}, Last error: may be retried "
         "(0x800423f3), State: Failed during freeze operation (9).", "genuine_failure", "writer_failed"),
        ("COM object error: VSS writer 'NTDS' with class ID 'x' has failed to process the copy. code: 0x800423F4",
         "genuine_failure", "writer_failed"),
        ("Exchange VSS Writer (instance 7) failed with error code -2403 when preparing for Snapshot.",
         "genuine_failure", "writer_failed"),
        ("VMName State Health Mode\nSQL07  Error  Critical Primary 300\nDC02 Replicating Normal Primary 300",
         "environment_problem", "replication_error"),
        ("Failed to create the backup of virtual machine 'DC03'.", "genuine_failure", "host_checkpoint_failed"),
        ("C:\\>vssadmin list writers\nvssadmin 1.1 - Volume Shadow Copy\n(C) Copyright 2001-2013 Microsoft Corp.\n",
         "environment_problem", "vss_infrastructure"),
        ("129 Warning vioscsi, Reset to Device, \\Device\\RaidPort3, was issued.", "environment_problem",
         "slow_storage"),
    ],
)  # fmt: skip
def test_what_tools_say_in_words_of_their_own(text: str, assessment: str, cause: str) -> None:
    made = explain_text(text)
    assert (made["assessment"], made["root_cause"]) == (assessment, cause)


def test_labels_that_stand_on_one_line_with_translations() -> None:
    made = explain_text("Event Type (Vrsta):\tError Event Source (Vir):\tVolSnap Event Category (Zvrst):\tNone "
                        "Event ID (ID dogodka): \t\t5 Description (Opis): could not be created")
    assert (made["events"][0]["provider"], made["events"][0]["event_id"]) == ("VolSnap", 5)
    assert made["root_cause"] == "low_resources"


def test_an_event_before_the_first_block_of_labels_is_read() -> None:
    made = explain_text("Event ID 57 ntfs Warning\nFlush failed.\n\nEvent ID: 8 volsnap Error\nIt timed out.")
    assert [(event["provider"], event["event_id"]) for event in made["events"]] == [("ntfs", 57), ("volsnap", 8)]


def test_a_code_may_be_given_by_its_symbol() -> None:
    made = explain_text("VSS_E_WRITERERROR_TIMEOUT")
    assert "window between freeze and thaw" in made["events"][0]["meaning"]
    assert made["assessment"] == "insufficient_evidence"


def test_the_code_of_an_undecided_record_names_what_failed() -> None:
    rejected = "A VSS writer has rejected an event with error 0x800423f4.\nOperation:\n   PostSnapshot Event"
    assert explain_text(rejected, "The VSS backup fails every night")["root_cause"] == "writer_failed"


@pytest.mark.parametrize(
    ("code", "assessment"),
    [("0x80070005", "benign"), ("0x80040154", "environment_problem"), ("0x8000ffff", "insufficient_evidence")],
)
def test_a_failed_routine_without_its_number_is_harmless_only_with_a_harmless_code(code: str, assessment: str) -> None:
    made = explain_text(f"Volume Shadow Copy Service error: Unexpected error calling routine CoCreate. hr = {code}.")
    assert made["assessment"] == assessment
