"""What to collect, and the exact command that does it. Commands only read, except where they say otherwise."""

from __future__ import annotations

import json
import re


def quoted(text: str) -> str:
    """The text as a PowerShell string in which nothing is expanded; control characters become question marks.

    PowerShell takes typographic quotes for quotes, so they are doubled like the plain one.
    """
    clean = "".join(sign if sign.isprintable() else "?" for sign in text)
    return "'" + re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", clean) + "'"


def event_log(channel: str) -> str:
    """Exports an event log as .evtx (run on the computer itself, as administrator)."""
    return f"wevtutil epl {channel if ' ' not in channel else quoted(channel)} {channel.rsplit('/', 1)[-1]}.evtx"


VMMS = "Microsoft-Windows-Hyper-V-VMMS-Admin"


def errorlogs() -> str:
    """Copies every ERRORLOG of every instance (run in the guest)."""
    return (
        "Get-ChildItem 'C:\\Program Files\\Microsoft SQL Server\\MSSQL*\\MSSQL\\Log\\ERRORLOG*' | "
        "ForEach-Object { Copy-Item $_.FullName (\"{0}-{1}\" -f $_.Directory.Parent.Parent.Name, $_.Name) }"
    )


def writer_trace() -> str:
    """Copies the trace of the SQL writer (SQL Server 2019 and newer; run in the guest)."""
    return "Copy-Item 'C:\\Program Files\\Microsoft SQL Server\\90\\Shared\\SqlWriterLogger*.txt' ."


def requestors() -> str:
    """Exports who asked for shadow copies (run in the guest; needs the audit of sensitive privilege use)."""
    return (
        "Get-WinEvent -FilterHashtable @{LogName='Security'; ProviderName='VSSAudit'; Id=8222} -MaxEvents 50 | "
        "Export-Clixml requestors.xml"
    )


def points(vm_name: str) -> str:
    """Exports the list of recovery points (run on the replica host)."""
    return f"Get-VMSnapshot -VMName {quoted(vm_name)} | Export-Clixml points.xml"


def replication(vm_name: str) -> str:
    """Exports the replication state (run on both hosts)."""
    return f"Get-VMReplication -VMName {quoted(vm_name)} | Export-Clixml replication.xml"


def test_failover(vm_name: str, recovery_point_id: str) -> str:
    """Makes a test machine of one point and starts it (run on the replica host)."""
    return (
        f"Get-VMSnapshot -VMName {quoted(vm_name)} | Where-Object Id -eq {quoted(recovery_point_id)} | "
        f"Start-VMFailover -AsTest; Start-VM -Name {quoted(f'{vm_name} - Test')}"
    )


def end_test(vm_name: str) -> str:
    """Removes the test machine of a VM, because only one test runs at a time (run on the replica host)."""
    return f"Stop-VMFailover -VMName {quoted(vm_name)}"


def machine(glob: str, vm_name: str = "NAME OF THE VM") -> str:
    """Says in case.toml which machine the files that fit the glob are of (run in the folder of the case)."""
    lines = ["", "[[source]]", f"path = {json.dumps(glob, ensure_ascii=False)}", f"vm = {json.dumps(vm_name)}"]
    return f"Add-Content -Encoding utf8 case.toml {', '.join(map(quoted, lines))}"


def server(instance: str | None) -> str:
    """What sqlcmd calls an instance on its own machine: `.` for the default one, `.\\NAME` for another."""
    named = instance is not None and instance.upper() != "MSSQLSERVER"
    return quoted(f".\\{instance}") if named else "."


def check_database(database: str, instance: str | None = None) -> str:
    """Checks a database of an instance in the test machine."""
    name = database.replace("'", "''")
    statement = quoted(f"DBCC CHECKDB (N'{name}') WITH NO_INFOMSGS, ALL_ERRORMSGS")
    return f"sqlcmd -S {server(instance)} -Q {statement}"


CLOCK = "write what it measures into case.toml: [[clock]] with computer and offset_s"


ZONE = "write it into case.toml: [[source]] with path and timezone"


def zone() -> str:
    """Names the time zone of a computer."""
    return "tzutil /g"


def clock(host: str | None) -> str:
    """Measures the clock of the guest against a host: what to add to the guest's time (run in the guest)."""
    return f"w32tm /stripchart /computer:{quoted(host or 'REPLICAHOST')} /samples:10 /dataonly > clock.txt"
