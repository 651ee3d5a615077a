"""Whose log is it: each rule with the reason that a reader of the report can check."""

import pytest

from kit.case import config, roles
from kit.case.roles import Facts

VMMS = frozenset({"Microsoft-Windows-Hyper-V-VMMS-Admin"})
APPLICATION, SYSTEM = frozenset({"Application"}), frozenset({"System"})
SQL = frozenset({"MSSQLSERVER", "SQLVDI", "VSS"})


def decide(*facts, points=(), replication=(), settings=""):
    said = config.parse(settings.encode())
    told = roles.exports(list(points), list(replication), facts)
    return roles.decide(facts, told, said)


def point(vm_name="SQL01", computer="HV2", path="points.json"):
    return {"vm_name": vm_name, "computer": computer, "path": path}


def state(mode, computer=None, path="replication.json", **more):
    return {"vm_name": "SQL01", "mode": mode, "computer": computer, "path": path, **more}


def test_hosts_are_told_apart_by_what_they_exported():
    found = decide(
        Facts("a/vmms.evtx", "HV1.corp.local", VMMS),
        Facts("b/vmms.evtx", "hv2", VMMS),
        Facts("b/System.evtx", "HV2", SYSTEM),
        points=[point()],
        replication=[state("Primary", "HV1")],
    )
    assert [one.role for one in found] == ["primary_host", "replica_host", "replica_host"]
    assert found[0].reason == "replication mode Primary in replication.json"
    assert found[1].reason == "exported recovery points in points.json"


def test_a_replication_export_names_the_other_host_too():
    found = decide(
        Facts("vmms.evtx", "HV1.corp.local", VMMS),
        replication=[state("Replica", "HV2", primary_server="HV1.corp.local", replica_server="HV2.corp.local")],
    )
    assert (found[0].role, found[0].reason) == ("primary_host", "named as primary_server in replication.json")


def test_folders_tell_hosts_apart_when_nothing_else_does():
    found = decide(
        Facts("primary site/VMMS.evtx", "N1", VMMS),
        Facts("Replica/VMMS.evtx", "N2", VMMS),
        Facts("logs/System.evtx", "N2", SYSTEM),
    )
    assert [one.role for one in found] == ["primary_host", "replica_host", "replica_host"]


def test_a_host_that_nothing_tells_apart_stays_unknown():
    (found,) = decide(Facts("x/VMMS.evtx", "N1", VMMS))
    assert found.role == "unknown"
    assert "nothing tells primary from replica" in found.reason


def test_a_folder_called_replication_is_no_replica():
    (found,) = decide(Facts("replication/notes.evtx", "N1", frozenset({"Setup"})))
    assert found.role == "unknown"


def test_sql_server_logs_are_the_guests_wherever_they_lie():
    found = decide(
        Facts("primary/ERRORLOG", "SQL01", frozenset({"ERRORLOG"})),
        Facts("primary/Application.evtx", "SQL01", APPLICATION, SQL),
        Facts("primary/VMMS.evtx", "HV1", VMMS),
    )
    assert [one.role for one in found] == ["guest", "guest", "primary_host"]


def test_a_computer_named_like_the_vm_is_its_guest():
    (found,) = decide(Facts("x/System.evtx", "sql01.corp.local", SYSTEM), points=[point()])
    assert (found.role, found.vm_name) == ("guest", "SQL01")
    assert "named like the VM SQL01" in found.reason


def test_a_folder_named_like_the_vm_is_its_guest():
    (found,) = decide(Facts("SQL-PROD-01/System.evtx", "WIN-7", SYSTEM), points=[point("SQL-PROD-01"), point("Other")])
    assert (found.role, found.vm_name) == ("guest", "SQL-PROD-01")


@pytest.mark.parametrize("folder", ["testfailover", "Test-Failover 2014-05-20", "test_failover", "TestFailover-P3"])
def test_folders_of_test_failovers(folder):
    found = decide(
        Facts(f"{folder}/System.evtx", "SQL01", SYSTEM),
        Facts(f"{folder}/VMMS.evtx", "HV2", VMMS),
        Facts("guest/System.evtx", "SQL01", SYSTEM),
        points=[point()],
    )
    assert [one.role for one in found] == ["test_failover_guest", "replica_host", "guest"]
    assert [one.vm_name for one in found] == ["SQL01", None, "SQL01"]


def test_a_folder_named_like_the_test_machine():
    (found,) = decide(Facts("SQL01 - Test/System.evtx", "SQL01", SYSTEM), replication=[state("Replica", "HV2")])
    assert (found.role, found.vm_name) == ("test_failover_guest", "SQL01")


def test_a_host_that_is_itself_a_virtual_machine():
    netvsc = frozenset({"Microsoft-Windows-Hyper-V-Netvsc"})
    found = decide(Facts("primary/System.evtx", "HV1", SYSTEM, netvsc), Facts("x/System.evtx", "PC", SYSTEM, netvsc))
    assert [one.role for one in found] == ["primary_host", "guest"]


def test_case_toml_overrules_everything():
    found = decide(
        Facts("logs/1.evtx", "HV1", VMMS),
        Facts("logs/2.evtx", "SQL01", APPLICATION, SQL),
        settings="""
[[source]]
path = "logs/1.evtx"
role = "replica_host"
[[source]]
path = "logs/2.evtx"
computer = "SQL02"
vm = "Other"
[[test_failover]]
path = "logs/2*"
""",
    )
    assert [(one.role, one.computer, one.vm_name) for one in found] == [
        ("replica_host", "HV1", None),
        ("test_failover_guest", "SQL02", "Other"),
    ]
    assert found[0].reason == "case.toml"


def test_other_logs_of_a_known_computer_take_its_role():
    found = decide(
        Facts("a/Application.evtx", "WIN7", APPLICATION, SQL),
        Facts("b/Setup.evtx", "WIN7.corp", frozenset({"Setup"})),
    )
    assert found[1].role == "guest"
    assert "same computer" in found[1].reason


def test_a_host_log_that_names_its_other_machines_leaves_the_only_exported_vm_to_the_only_guest():
    """The VMMS log of a host speaks of every VM on it; the list of recovery points was exported for one."""
    found = decide(
        Facts("guest/Application.evtx", "WIN-7A", APPLICATION, SQL),
        Facts("primary/vmms.evtx", "HV1", VMMS, vm_names=frozenset({"Payroll", "DC01"})),
        points=[point("Prod - SQL 01")],
    )
    assert (found[0].role, found[0].vm_name) == ("guest", "Prod - SQL 01")
    assert "the only VM that was exported" in found[0].reason


def test_a_guest_named_like_a_neighbour_is_not_given_to_the_exported_vm():
    found = decide(
        Facts("guest/Application.evtx", "PAYROLL.corp.local", APPLICATION, SQL),
        Facts("primary/vmms.evtx", "HV1", VMMS, vm_names=frozenset({"Payroll", "DC01"})),
        points=[point("SQL01")],
    )
    assert found[0].vm_name == "Payroll"


def test_the_only_vm_belongs_to_the_only_guest():
    rows = [point("SQL-PROD-01")]
    guest = Facts("a/Application.evtx", "WIN7", APPLICATION, SQL)
    assert decide(guest, points=rows)[0].vm_name == "SQL-PROD-01"
    other = Facts("b/Application.evtx", "WIN8", APPLICATION, SQL)
    unclear = decide(guest, other, points=rows)
    assert [one.vm_name for one in unclear] == [None, None]
    assert "name it in case.toml" in unclear[0].reason


def test_without_any_list_a_guest_is_called_like_its_computer():
    assert decide(Facts("Application.evtx", "WIN7.corp.local", APPLICATION, SQL))[0].vm_name == "WIN7"


def test_a_log_without_a_computer_takes_that_of_its_folder():
    found = decide(
        Facts("guest/ERRORLOG.1", None, frozenset({"ERRORLOG"})),
        Facts("guest/Application.evtx", "SQL01", APPLICATION, SQL),
        Facts("other/ERRORLOG", None, frozenset({"ERRORLOG"})),
    )
    assert [one.computer for one in found] == ["SQL01", "SQL01", None]


def test_a_log_without_a_computer_takes_that_of_its_vm():
    found = decide(
        Facts("SQL01/Application.evtx", "SQL01.corp", APPLICATION, SQL),
        Facts("SQL01/SHOP/ERRORLOG", None, frozenset({"ERRORLOG"})),
        points=[point()],
    )
    assert [one.computer for one in found] == ["SQL01.corp", "SQL01.corp"]
    assert "computer of its VM" in found[1].reason


def test_a_classic_log_without_any_sign_is_taken_for_a_guests_and_says_so():
    (found,) = decide(Facts("System.evtx", "PC1", SYSTEM))
    assert (found.role, found.vm_name) == ("guest", "PC1")
    assert "no sign of a Hyper-V host" in found.reason
    (other,) = decide(Facts("x.bin", None))
    assert other.role == "unknown"


def test_the_order_of_the_files_does_not_matter():
    facts = [
        Facts("primary/VMMS.evtx", "HV1", VMMS),
        Facts("x/System.evtx", "HV1", SYSTEM),
        Facts("guest/Application.evtx", "SQL01", APPLICATION, SQL),
        Facts("guest/ERRORLOG", None, frozenset({"ERRORLOG"})),
        Facts("testfailover/System.evtx", "SQL01", SYSTEM),
    ]
    forward = decide(*facts, points=[point()])
    backward = decide(*facts[::-1], points=[point()])
    assert forward == backward[::-1]


def test_logs_that_name_no_computer_are_called_after_their_vm():
    """An Event Viewer list and the tail of an ERRORLOG: neither says how the machine calls itself."""
    found = decide(
        Facts("Application.csv", None, APPLICATION, SQL), Facts("ERRORLOG", None, frozenset({"ERRORLOG"})),
        points=[point("SQL01")],
    )
    assert [(one.computer, one.vm_name) for one in found] == [("SQL01", "SQL01")] * 2


def test_of_two_spellings_of_a_computer_its_folder_gives_the_one_with_the_domain():
    logs = [
        Facts("guest/Application.evtx", "DB52.corp.example", SQL), Facts("guest/SqlWriterLogger.txt", "DB52"),
        Facts("guest/ERRORLOG", None, frozenset({"ERRORLOG"})),
    ]  # fmt: skip
    for order in (logs, logs[::-1]):
        found = dict(zip((one.path for one in order), decide(*order), strict=True))
        assert found["guest/ERRORLOG"].computer == "DB52.corp.example"
