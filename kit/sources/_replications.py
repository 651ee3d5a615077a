"""Replication state, statistics, VMs and integration services out of exported objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kit import powershell
from kit.powershell import Row, claim_of, number_of, text_of
from kit.powershell.dates import Dates
from kit.sources import _enums
from kit.sources._build import Made
from kit.sources._objects import computer_of, learn_all, times
from kit.sources.seam import Fact, Lost

_GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_VM_NAME = ("VMName", "VirtualMachineName", "Name", "ElementName")
_REPLICA_SERVER = (
    "ReplicaServer", "ReplicaServerName", "CurrentReplicaServerName", "RecoveryHostSystem", "RecoveryServerName",
)  # fmt: skip
_RELATIONSHIP = ("ReplicationRelationshipType", "RelationshipType", "Relationship")
_TELLING = {
    "lrepltime",
    "lastreplicationtime",
    "replicationhealth",
    "replicationstate",
    "replicationmode",
    "vsssnapshotfrequencyhour",
    "applicationconsistentsnapshotfailurecount",
    "applicationconsistentsnapshotinterval",
    "lastapplicationconsistentreplicationtime",
    "lasttestfailovertime",
}
_WMI = {"__class", "__path", "systemcreationclassname", "creationclassname", "cimclass", "enabledstate"}
_SERVICE = {"primaryoperationalstatus", "secondaryoperationalstatus", "primarystatusdescription"}
_VM = {"uptime", "cpuusage", "cpuusage(%)", "memoryassigned", "memoryassigned(m)", "integrationservicesversion"}
# Names of one counter differ between versions; a pattern takes whatever means it.
_APP_FAILURES = re.compile(r"^(app|vss)\w*snapshot\w*fail\w*count$|^snapshotfailurecount$", re.IGNORECASE)
_MISSES = re.compile(r"^(repl(ication)?)?miss(ed)?(repl(ication)?)?count$", re.IGNORECASE)
_FAILURES = re.compile(r"^repl(ication)?(failure|error|fail|err)s?count$|^failedrepl(ication)?count$", re.IGNORECASE)
_TEST_TIME = re.compile(r"^l(ast)?test\w*time$", re.IGNORECASE)


def kind_of(row: Row) -> str | None:
    """`replication`, `vm`, `integration_service`, or None for another object."""
    types = row.type_names[0].casefold() if row.type_names else ""
    names = {name.casefold() for name in row}
    if names & _SERVICE or "integrationcomponent" in types:
        return "integration_service"
    if types.endswith("virtualmachine") or ({"name", "state"} <= names and names & _VM):
        return "vm"
    if "msvm_replication" in types or types.endswith("vmreplication") or names & _TELLING:
        return "replication"
    if {"state", "health"} <= names and names & {"vmname", "name"}:
        return "replication"
    return None


def _is_wmi(row: Row) -> bool:
    if any("msvm_" in name.casefold() for name in row.type_names):
        return True
    instance = row.text("InstanceID") or ""
    return instance.startswith("Microsoft:") or any(name.casefold() in _WMI for name in row)


class Replications:
    """Mapper of replication states, statistics, VMs and integration services to `replication` and `records`."""

    def __init__(self) -> None:
        self._bare_state = False

    def fits(self, row: Row) -> bool:
        """Whether the object is one of these."""
        return kind_of(row) is not None

    def learn(self, row: Row, dates: Dates) -> None:
        """Look at how states and dates are written."""
        learn_all(row, dates)
        state = row.pick("ReplicationState", "State")
        bare = number_of(state) is not None and (text_of(state) or "").isdigit()
        self._bare_state |= bare and kind_of(row) == "replication" and not _is_wmi(row)

    def facts(self) -> Iterator[Fact]:
        """How bare numbers were read."""
        if self._bare_state:
            yield Fact(note="replication states are bare numbers: read in the documented order of Get-VMReplication")

    def made(self, row: Row, dates: Dates) -> Made | Lost | None:
        """The row of `replication`, or of `records` for what says nothing about replication."""
        kind = kind_of(row)
        if kind == "integration_service":
            return _service(row)
        if kind == "vm" and row.pick("ReplicationMode", "ReplicationState", "ReplicationHealth") is None:
            return _record("vm", row)
        return "replication", _state(row, vm=kind == "vm") | _settings(row) | _counters(row) | _times(row, dates)


def _vm(row: Row) -> dict[str, Any]:
    identity = ("VMId", "VirtualMachineId", "InstanceID", "SystemName", *(("Id",) if kind_of(row) == "vm" else ()))
    found = _GUID.search(row.text(*identity) or "")
    return {
        "computer": computer_of(row),
        "vm_name": None if row.has_cut("VMName", "Name") else _named(row),
        "vm_id": found[0].lower() if found else None,
        "data": powershell.as_json(row),
    }


def _named(row: Row) -> str | None:
    """The name of the VM; in WMI `Name` is its id and `ElementName` what people call it."""
    name = row.text(*_VM_NAME)
    return (row.text("ElementName") or name) if name and _GUID.fullmatch(name) else name


def _state(row: Row, vm: bool) -> dict[str, Any]:
    """State, health and mode in words; the State of a VM object is that of the machine, not of its replication."""
    states = "wmi_replication_state" if _is_wmi(row) else "powershell_replication_state"
    state = ("ReplicationState",) if vm else ("ReplicationState", "State")
    return _vm(row) | {
        "state": _word(row, states, *state),
        "health": _health(row, vm),
        "mode": _word(row, "powershell_replication_mode", "ReplicationMode", "Mode"),
        "relationship": _word(row, "powershell_replication_relationship", *_RELATIONSHIP),
        "integration_state": row.text("IntegrationServicesState"),
    }


def _word(row: Row, enumeration: str, *names: str) -> str | None:
    if row.has_cut(*names):
        return _enums.completed(row.text(*names) or "", enumeration)
    return _enums.word(row.text(*names), row.whole(*names), enumeration)


def _health(row: Row, vm: bool) -> str | None:
    names = ("ReplicationHealth",) if vm else ("ReplicationHealth", "Health")
    found = _word(row, "powershell_replication_health", *names)
    return "Normal" if found and found.casefold() == "ok" else found


def _settings(row: Row) -> dict[str, Any]:
    hours = row.whole("VSSSnapshotFrequencyHour", "ApplicationConsistentSnapshotInterval")
    if hours is None and claim_of(row.pick("VSSSnapshotReplicationEnabled")) is False:
        hours = 0
    return {
        "primary_server": row.text("PrimaryServer", "PrimaryServerName", "PrimaryHostSystem"),
        "replica_server": row.text(*_REPLICA_SERVER),
        "frequency_s": row.whole("FrequencySec", "ReplicationFrequencySec", "ReplicationInterval"),
        "app_consistent_interval_h": hours,
        "recovery_history": row.whole("RecoveryHistory"),
    }


def _counters(row: Row) -> dict[str, Any]:
    return {
        "app_consistent_failures": _counter(row, _APP_FAILURES),
        "replication_misses": _counter(row, _MISSES),
        "replication_failures": _counter(row, _FAILURES),
    }


def _counter(row: Row, pattern: re.Pattern[str]) -> int | None:
    found = (number_of(value) for name, value in row.items() if pattern.search(name))
    return next((number for number in found if number is not None), None)


def _times(row: Row, dates: Dates) -> dict[str, Any]:
    tested = next((name for name in row if _TEST_TIME.match(name)), "LastTestFailoverTime")
    written = {
        "last_replication": row.text("LastReplicationTime", "LReplTime"),
        "last_app_consistent": row.text("LastApplicationConsistentReplicationTime"),
        "last_test_failover": row.text(tested),
        "from": row.text("StartStatisticTime", "MonitoringStartTime"),
        "until": row.text("EndStatisticTime", "MonitoringEndTime"),
    }
    found: dict[str, Any] = {}
    for name, text in written.items():
        moment = dates.read(text)
        if not moment.ambiguous:
            found |= times(name, moment)
    return found


def _service(row: Row) -> Made:
    """The backup integration service as a row of `replication`, any other as a record."""
    identity, name = (row.text("Id", "InstanceID") or "").lower(), row.text("Name", "ElementName") or ""
    if _enums.VSS_SERVICE_ID not in identity and name.casefold() != "vss" and not name.casefold().startswith("backup"):
        return _record("integration_service", row)
    vm = _vm(row) | {"vm_name": row.text("VMName")}
    status = row.pick("SecondaryOperationalStatus") or row.pick("PrimaryOperationalStatus")
    number = number_of(status)
    word = _enums.OPERATIONAL_STATUS.get(number) if number is not None else None
    return "replication", vm | {
        "vss_service_enabled": claim_of(row.pick("Enabled")),
        "integration_state": word or text_of(status) or row.text("PrimaryStatusDescription"),
    }


def _record(kind: str, row: Row) -> Made:
    vm = _vm(row)
    named = vm["vm_name"] if kind == "vm" else row.text("VMName")
    record = {"kind": kind, "computer": vm["computer"], "vm_name": named, "name": row.text("Name", "ElementName")}
    return "records", record | {"data": vm["data"]}
