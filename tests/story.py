"""A hand-made analysis: two days of hourly points of SQLVM, as the practice case tells them.

18 May 12:00 to 20 May 11:00 (UTC+02:00): benign aborts after the thaw every hour, one genuine failure with a standard
point (19 May 03:00), one hour whose guest log is lost (18 May 19:00), one scheduled point that is in no list
(19 May 17:00), one point that a test failover contradicts (20 May 02:00) and one that it confirms (20 May 07:00).
All names, ids and texts are invented; the record texts have the shape that domain knowledge gives them.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from kit import tables
from kit.judgement.analysis import Analysis

Row = dict[str, Any]
START = datetime(2014, 5, 18, 10, tzinfo=UTC)  # 18 May 12:00 in the guest's zone
DATABASES = ("master", "model", "msdb", "Ledger", "Sales")
LOST, FAILED, UNLISTED, CONTRADICTED, CONFIRMED, NEWEST = 7, 15, 29, 38, 43, 47
OFFSET_S = 3.4  # to be added to the guest's time
APPLICATION, SYSTEM, ERRORLOG, HOST, TEST = "aa00000001", "aa00000002", "aa00000003", "aa00000004", "aa00000005"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def at(hour: int, seconds: float = 0) -> datetime:
    """Moment `seconds` after the n-th hour of the story."""
    return START + timedelta(hours=hour, seconds=seconds)


def point_id(hour: int, vm: str = "SQLVM") -> str:
    raw = digest(f"{vm} point {hour}")
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:32]}"


def verdict_of(hour: int) -> str:
    special = {LOST: "inconclusive", FAILED: "no_claim", CONTRADICTED: "contradicted", CONFIRMED: "confirmed"}
    return special.get(hour, "supported")


def hours() -> list[int]:
    return [hour for hour in range(48) if hour != UNLISTED]


class Builder:
    """Collects rows of the declared tables; `analysis` checks them."""

    def __init__(self, vm: str = "SQLVM", first: int = 41000) -> None:
        self.vm = vm
        self.rows: dict[str, list[Row]] = {name: [] for name in tables.SCHEMAS}
        self.first = self.number = first

    def add(self, table: str, **row: Any) -> None:
        self.rows[table].append(row)

    def event(self, when: datetime, provider: str, event_id: int | None, message: str, kind: str, **more: Any) -> str:
        """Adds an event with its class and captures; the uid."""
        self.number += 1
        source = more.pop("source", APPLICATION)
        uid = f"{source}:{self.number}"
        captured = {name: more.pop(name) for name in ("instance", "database", "count", "phase") if name in more}
        judged = {name: more.pop(name, None) for name in ("operation_id", "recovery_point_id")}
        rule = more.pop("rule_id", f"{provider.lower()}_{event_id or 'text'}")
        meaning = more.pop("meaning", None)
        base = {
            "uid": uid, "source_id": source, "record_id": self.number,
            "offset": 0xB0000 + 648 * (self.number - self.first), "time_utc": when,
            "time_raw": when.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "time_basis": "utc",
            "precision_s": more.pop("precision_s", 1e-7),
            "computer": "SQLVM", "role": "guest", "vm_name": self.vm, "channel": "Application", "provider": provider,
            "event_id": event_id, "level": 2, "message": message, "strings": [], "integrity": "ok",
        }
        self.add("events", **(base | more))
        self.add("judged_events", uid=uid, rule_id=rule, meaning=meaning, **judged, **{"class": kind})
        phase = captured.pop("phase", "other")
        self.add(
            "matches", uid=uid, rule_id=rule, phase=phase, severity="error", status="documented", **captured,
            **{"class": kind if kind in ("benign_abort", "genuine_failure", "normal") else "undecided"},
        )
        return uid

    def finding(self, statement: str, evidence: list[str], **more: Any) -> str:
        """Adds a finding; its id."""
        finding_id = f"F-{self.first // 1000}-{len(self.rows['findings']) + 1:03d}"
        base = {"rule_id": "abort-after-thaw", "class": "normal", "severity": "info", "status": "documented"}
        self.add(
            "findings", finding_id=finding_id, statement=statement, evidence=evidence, vm_name=self.vm, **(base | more)
        )
        return finding_id

    def analysis(self, **meta: Any) -> Analysis:
        base = {
            "case_id": "fabrikam-sqlvm", "title": "Fabrikam Retail: SQLVM backup errors",
            "examiner": "A. Examiner, Contoso", "requester": "Fabrikam Retail",
            "question": "May we fail over to the points that the replica lists?", "policy": "strict",
            "tolerance_s": 60, "zone": "+02:00", "report_id": "R-2014-0520-SQLVM-7c41e2",
            "first_time": "2014-05-18T10:00:00Z", "last_time": "2014-05-20T09:00:09Z",
            "collected": "2014-05-20T09:31:39Z", "kit_version": "0.1.0", "rules_version": "6f1d2c9a",
            "rules_run": 214,
            "referee": "all 23 cited EVTX records and a sample of 500 others were read by both parsers; 0 differences",
            "versions": {"Python": "3.11", "pandas": "3.1", "plotly": "7.1"},
        }
        return Analysis(base | meta, {name: tables.frame(name, found) for name, found in self.rows.items()})


def story(vm: str = "SQLVM", first: int = 41000) -> Analysis:
    """The whole story."""
    builder = Builder(vm, first)
    return told(builder).analysis()


def told(builder: Builder) -> Builder:
    _sources(builder)
    for hour in range(48):
        if hour not in (LOST, UNLISTED):
            _operation(builder, hour)
    _others(builder)
    _boots(builder)
    for hour in hours():
        _point(builder, hour)
    _surroundings(builder)
    return builder


def _source(builder: Builder, source_id: str, path: str, role: str, status: str = "read", **more: Any) -> None:
    base = {
        "source_id": source_id, "path": path, "size": 69632, "sha256": digest(path), "reader": "evtx",
        "reader_version": "1", "computer": "SQLVM", "role": role, "vm_name": builder.vm,
        "role_reason": "channel and computer", "status": status, "declared": 4352, "seen": 4257, "kept": 1247,
        "skipped": 3010, "recovered": 0, "gaps": 0, "bad_checksums": 0, "first_time": at(-12),
        "last_time": at(47, 1900), "zone": None, "time_basis": "utc", "note": None,
    }
    builder.add("sources", **(base | more))


def _sources(b: Builder) -> None:
    nothing = dict.fromkeys(
        (
            "declared", "seen", "kept", "skipped", "recovered", "gaps", "bad_checksums", "size", "sha256", "reader",
            "reader_version", "computer", "first_time", "last_time",
        )
    )
    _source(
        b, "aa00000010", "replica/points_2014-05-20.xml", "replica_host", reader="recovery points",
        computer="HV-REPL1", declared=47, seen=47, kept=47, skipped=0, first_time=at(47, 1800),
        last_time=at(47, 1800), exported_utc=at(47, 1800),
    )
    _source(
        b, HOST, "replica/VMMS-Admin.evtx", "replica_host", computer="HV-REPL1", declared=1208, seen=1208, kept=9,
        skipped=1199, first_time=at(-140),
    )
    _source(
        b, "aa00000030", "primary/A_VMMS-Admin.evtx", "primary_host", computer="HV-PRIM-A", declared=2316, seen=2316,
        kept=11, skipped=2305, first_time=at(-170),
    )
    _source(
        b, APPLICATION, "guest/Application.evtx", "guest", "partial", gaps=1, bad_checksums=1,
        note="chunk 12: the data checksum differs",
    )
    _source(
        b, SYSTEM, "guest/System.evtx", "guest", declared=2954, seen=2954, kept=139, skipped=2815, first_time=at(-98)
    )
    _source(
        b, ERRORLOG, "guest/ERRORLOG", "guest", reader="errorlog", declared=None, seen=1967, kept=1085, skipped=882,
        first_time=at(12, 4), zone="+02:00", time_basis="inferred",
    )
    _source(b, "aa00000020", "guest/ERRORLOG.1", "guest", "absent", **nothing, note="would cover 18 May")
    _source(
        b, TEST, "testfailover-0200/ERRORLOG", "test_failover_guest", reader="errorlog", declared=None, seen=143,
        kept=61, skipped=82, first_time=at(44, 660), last_time=at(44, 1990),
    )
    _source(
        b, "aa00000021", "notes/handover.docx", "unknown", "unrecognised",
        **(nothing | {"size": 18231, "sha256": digest("docx")}),
    )
    b.add(
        "losses", source_id=APPLICATION, count=95, first_id=41255, last_id=41349, offset=0xC1000,
        first_time=at(6, 1210), last_time=at(7, 2395), reason="chunk 12: data checksum differs",
    )
    for source, channel, parts in (
        (APPLICATION, "Application", [(at(-12), at(6, 1210)), (at(7, 2395), at(47, 1900))]),
        (SYSTEM, "System", [(at(-98), at(47, 1900))]), (ERRORLOG, "ERRORLOG", [(at(12, 4), at(47, 1900))]),
        (HOST, "Microsoft-Windows-Hyper-V-VMMS-Admin", [(at(-140), at(47, 1900))]),
        ("aa00000030", "Microsoft-Windows-Hyper-V-VMMS-Admin", [(at(-170), at(47, 1900))]),
        (TEST, "ERRORLOG", [(at(44, 660), at(44, 1990))]),
    ):
        for first, last in parts:
            b.add(
                "coverage", source_id=source, channel=channel, first_time=first, last_time=last,
                computer={HOST: "HV-REPL1", "aa00000030": "HV-PRIM-A"}.get(source, "SQLVM"),
            )


def _operation(b: Builder, hour: int) -> None:
    failed = hour == FAILED
    operation = f"op-{b.vm}-{hour:02d}"
    linked = None if failed else point_id(hour, b.vm)
    kind = "genuine_failure" if failed else "benign_abort"
    coarse = hour < 12
    freeze, thaw = 3.2, 3.2 + (11.0 if failed else 2.0 + hour % 5 / 10)
    abort = thaw - 0.3 if failed else thaw + 0.4 + (hour * 7 % 16) / 10
    about: Row = {
        "operation_id": operation, "recovery_point_id": linked, "instance": "MSSQLSERVER",
        "precision_s": 1.0 if coarse else 0.01,
    }
    b.event(
        at(hour, 2), "VSS", 8194,
        "Volume Shadow Copy Service error: Unexpected error querying for the IVssWriterCallback interface.",
        "background_noise", operation_id=operation,
    )
    uids: list[str] = []
    for n, name in enumerate(DATABASES):
        own: Row = about | {"database": name}
        late = n / 10
        uids.append(
            b.event(
                at(hour, freeze + late), "MSSQLSERVER", 3197,
                f"I/O is frozen on database {name}. No user action is required.", "normal", level=4, phase="freeze",
                **own,
            )
        )
        uids.append(
            b.event(
                at(hour, thaw + late), "MSSQLSERVER", 3198,
                f"I/O was resumed on database {name}. No user action is required.", "normal", level=4, phase="thaw",
                **own,
            )
        )
        for provider, number, text in (
            (
                "SQLVDI", 1,
                "Loc=SignalAbort. Desc=Client initiates abort. ErrorCode=(0). Client. Instance=. VD=Global\\",
            ),
            (
                "MSSQLSERVER", 18210,
                "BackupVirtualDeviceFile::SendFileInfoBegin: failure on backup device '{…}1'. "
                "Operating system error 995(error not found).",
            ),
            ("MSSQLSERVER", 3041, f"BACKUP failed to complete the command BACKUP DATABASE {name}."),
        ):
            uids.append(b.event(at(hour, abort + late), provider, number, text, kind, phase="abort", **own))
        b.add(
            "operation_databases", operation_id=operation, instance="MSSQLSERVER", database=name,
            freeze_utc=at(hour, freeze + late), thaw_utc=at(hour, thaw + late), abort_utc=at(hour, abort + late),
            freeze_s=thaw - freeze, abort_after_thaw=not failed, outcome=kind, evidence=uids[-5:],
        )
    if failed:
        uids.append(
            b.event(
                at(hour, 13.4), "volsnap", 8,
                "The flush and hold writes operation on volume C: timed out "
                "while waiting for a release writes command.", kind, source=SYSTEM, channel="System", phase="hold",
                operation_id=operation, meaning="hold timed out",
            )
        )
    b.add(
        "operations", operation_id=operation, computer="SQLVM", vm_name=b.vm, requestor="hyper_v_replica",
        requestor_reason="hourly, as configured", begin_utc=at(hour, 1.6), freeze_utc=at(hour, freeze),
        thaw_utc=at(hour, thaw + 0.4), abort_utc=at(hour, abort), end_utc=at(hour, abort + 0.6),
        freeze_s=thaw - freeze, time_basis="utc", precision_s=1.0 if coarse else 0.01, last_phase="abort",
        outcome=kind, databases=[f"MSSQLSERVER\\{name}" for name in DATABASES], evidence=uids,
    )


def _others(b: Builder) -> None:
    for hour in (10, 34):
        for number, text in (
            (18210, "BackupIoRequest::ReportIoError: write failure on backup device 'agent'."),
            (3041, "BACKUP failed to complete the command BACKUP DATABASE Sales."),
        ):
            b.event(
                at(hour, 2400), "MSSQLSERVER", number, text, "other_requestor", instance="MSSQLSERVER",
                database="Sales", phase="backup",
            )
    b.event(
        at(3, 2460), "Service Control Manager", 7034, "The Fabrikam Sync service terminated unexpectedly.",
        "unexplained", source=SYSTEM, channel="System",
    )
    b.event(
        at(FAILED, 20), "Microsoft-Windows-Hyper-V-VMMS", None,
        "failed to generate VSS snapshot set for virtual machine 'SQLVM' (0x800423F4)", "genuine_failure",
        source="aa00000030", role="primary_host", computer="HV-PRIM-A", phase="host_failure",
        operation_id=f"op-{b.vm}-{FAILED:02d}",
    )
    b.event(
        at(UNLISTED, -180), "Microsoft-Windows-Hyper-V-VMMS", 32032, "replication link is down", "environment",
        source=HOST, role="replica_host", computer="HV-REPL1", phase="replication",
    )


def _boots(b: Builder) -> None:
    for hour, start, image, back in ((CONTRADICTED, at(44, 622), 41.2, {"Sales": 7}), (CONFIRMED, at(45, 1205), 4, {})):
        boot = f"boot-{b.vm}-{hour}"
        uids = []
        for n, name in enumerate(DATABASES):
            counts = (1, 0, 3, 12, 41 if hour == CONTRADICTED else 19)
            for number, way, count in ((3406, "forward", counts[n]), (3407, "back", back.get(name, 0))):
                uids.append(
                    b.event(
                        start + timedelta(seconds=60 + n), "MSSQLSERVER", number,
                        f"{count} transactions rolled {way} in database '{name}' ({n + 1}).", "normal", source=TEST,
                        role="test_failover_guest", channel="ERRORLOG", instance="MSSQLSERVER", database=name,
                        count=count, phase="redo" if way == "forward" else "undo",
                    )
                )
            b.add(
                "recoveries", boot_id=boot, instance="MSSQLSERVER", database=name, rolled_forward=counts[n],
                rolled_back=back.get(name, 0), completed=True, strength="strong", failed=False, evidence=uids[-2:],
            )
        b.add(
            "boots", boot_id=boot, computer="SQLVM", vm_name=b.vm, source_ids=[TEST], start_utc=start,
            end_utc=start + timedelta(seconds=1400), unclean=True, test_failover=True,
            test_failover_reason="mode TestReplica", recovery_point_id=point_id(hour, b.vm), link_method="declared",
            image_time_utc=at(hour, image), image_evidence=uids[:1], cut_in_freeze=hour == CONFIRMED, covered=True,
            evidence=uids,
        )


def _point(b: Builder, hour: int) -> None:
    word = verdict_of(hour)
    claim = hour != FAILED
    b.add(
        "recovery_points", recovery_point_id=point_id(hour, b.vm), vm_id=digest(b.vm)[:32], vm_name=b.vm,
        name=f"{b.vm} - ({at(hour):%d.%m.%Y - %H:%M:%S})", time_utc=at(hour, 30 if hour == CONTRADICTED else 9),
        time_raw=str(at(hour, 9)), time_basis="utc", snapshot_type="AppConsistentReplica" if claim else "Replica",
        claimed="application_consistent" if claim else "crash_consistent", computer="HV-REPL1",
        source_ids=["aa00000010"],
    )
    operation = None if hour == LOST else f"op-{b.vm}-{hour:02d}"
    offset = None if hour in (LOST, FAILED) else (21.4 if hour == CONTRADICTED else (hour % 5 - 2) / 2)
    b.add(
        "links", recovery_point_id=point_id(hour, b.vm), operation_id=operation, vm_name=b.vm,
        candidates=[operation] if operation else [], interval_from=at(hour, -1800), interval_until=at(hour, 1800),
        offset_s=offset, method="one operation in the interval", ambiguous=False, covered=hour != LOST,
        clock_known=True,
    )
    _verdicts(b, hour, word, operation, offset)


WHY = {
    "supported": (
        "one-operation", "exactly one operation lies in the interval of the point",
        "five freeze and thaw pairs; every abort follows the thaw of its database",
    ),
    "confirmed": (
        "boot-clean", "a boot is linked to this point and its log runs to the end of recovery",
        "0 transactions rolled back in 5 of 5 databases",
    ),
    "contradicted": (
        "boot-rollback", "a boot is linked to this point and its log runs to the end of recovery",
        "Sales: 41 transactions rolled forward, 7 rolled back",
    ),
    "inconclusive": (
        "coverage", "Application.evtx has no readable record from 18:20:10 to 19:39:55",
        "the ERRORLOG collected starts on 19 May 00:00:04",
    ),
    "no_claim": (
        "claim", "the snapshot type is Replica, not AppConsistentReplica",
        "volsnap 8: the hold of writes timed out, 10 s after it began",
    ),
}
ROW = {"no_claim": "D1", "contradicted": "D5", "confirmed": "D6", "supported": "D8", "inconclusive": "D10"}
ITEMS = {
    "supported": {
        "E1": True, "E2": True, "E3": True, "E4": True, "E5": None, "E6": True, "E7": False, "E8": None, "E9": None,
        "E10": None, "E11": True, "E12": True, "X1": False, "X2": None, "X3": None, "B": False,
    },
    "confirmed": {
        "E1": True, "E2": True, "E3": True, "E4": True, "E5": True, "E6": True, "E7": True, "E8": True, "E9": True,
        "E10": True, "E11": True, "E12": True, "X1": False, "X2": False, "X3": False, "B": True,
    },
    "contradicted": {
        "E1": True, "E2": True, "E3": True, "E4": True, "E5": True, "E6": True, "E7": True, "E8": True, "E9": False,
        "E10": None, "E11": True, "E12": True, "X1": False, "X2": False, "X3": False, "B": True,
    },
    "inconclusive": {
        "E1": True, "E2": None, "E3": None, "E4": None, "E5": None, "E6": None, "E7": False, "E8": None, "E9": None,
        "E10": None, "E11": False, "E12": True, "X1": None, "X2": None, "X3": None, "B": False,
    },
    "no_claim": {
        "E1": False, "E2": True, "E3": False, "E4": False, "E5": False, "E6": True, "E7": False, "E8": None,
        "E9": None, "E10": None, "E11": True, "E12": True, "X1": True, "X2": None, "X3": None, "B": False,
    },
}


def _verdicts(b: Builder, hour: int, word: str, operation: str | None, offset: float | None) -> None:
    boot = f"boot-{b.vm}-{hour}" if hour in (CONTRADICTED, CONFIRMED) else None
    rule, first, second = WHY[word]
    evidence = b.rows["operations"][-1]["evidence"][:0]
    if operation:
        evidence = next(row["evidence"] for row in b.rows["operations"] if row["operation_id"] == operation)
    booted = next((row["evidence"] for row in b.rows["boots"] if row["boot_id"] == boot), [])
    about: Row = {"rule_id": rule, "operation_id": operation, "recovery_point_id": point_id(hour, b.vm)}
    because = [b.finding(first, evidence[:3], **about), b.finding(second, (booted or evidence)[:9], **about)]
    against = []
    if word == "contradicted":
        against = [
            b.finding(
                "the guest’s own records have the benign shape: five databases frozen, thawed, then aborted",
                evidence, **about,
            )
        ]
    pattern = {LOST: "not_covered", FAILED: "genuine_failure"}.get(hour, "benign_abort")
    common: Row = {
        "recovery_point_id": point_id(hour, b.vm), "vm_name": b.vm, "pattern": pattern, "operation_id": operation,
        "boot_id": boot, "offset_s": offset, "because": because, "against": against, "items": json.dumps(ITEMS[word]),
    }
    alternatives = ["Other backup product: excluded. Its run is at 22:40 and uses another routine."]
    missing = [] if boot else ["A test failover of this point."]
    readings = []
    if word == "contradicted":
        readings = [
            "strict, the vendor’s article: a rollback after the boot means not application-consistent: contradicted",
            "refined, ours: an unexplained count leaves the claim open to both: supported",
        ]
        alternatives.append("7 transactions open at the freeze: possible, not shown. No list was collected.")
    b.add(
        "verdicts", **common, verdict=word, row_id=ROW[word], alternatives=alternatives, missing=missing,
        readings=readings,
    )
    for name in DATABASES:
        own = "confirmed" if word == "contradicted" and name != "Sales" else word
        row = next((r for r in b.rows["recoveries"] if r["boot_id"] == boot and r["database"] == name), {})
        b.add(
            "verdicts", **(common | {"items": json.dumps(ITEMS[own])}), verdict=own, row_id=ROW[own],
            instance="MSSQLSERVER", database=name, rolled_back=row.get("rolled_back"),
            rolled_forward=row.get("rolled_forward"), alternatives=[], missing=[], readings=[],
        )


def _surroundings(b: Builder) -> None:
    b.add(
        "expected_points", vm_name=b.vm, time_utc=at(UNLISTED),
        reason="in neither list; the replication link was down and the guest shows no operation",
    )
    for computer, role, offset, spread, anchors, method in (
        ("HV-REPL1", "replica_host", 0.0, None, None, "reference"),
        ("HV-PRIM-A", "primary_host", 0.4, 0.1, 6, "measured pairs"),
        ("SQLVM", "guest", OFFSET_S, 0.9, 45, "point_minus_thaw"),
    ):
        b.add(
            "clocks", computer=computer, role=role, reference="HV-REPL1", offset_s=offset, spread_s=spread,
            anchors=anchors, method=method, ambiguous=False,
        )
    b.add(
        "advice", vm_name=b.vm, fail_over_to=point_id(NEWEST, b.vm), data_loss_s=1889.0,
        fallback=point_id(CONFIRMED, b.vm), reason="newest point that is supported; not yet tested",
    )
    for text, where, command in (
        (
            "Test the newest point, 20 May 11:00. Settles whether a failover would reach a confirmed point.",
            "HV-REPL1",
            f"Get-VMSnapshot -VMName {b.vm} | Where-Object Id -eq '{point_id(NEWEST, b.vm)}' |\n    "
            "Start-VMFailover -AsTest",
        ),
        (
            "Test the neighbour of the contradicted point, 20 May 01:00. Settles whether rollbacks recur.",
            "HV-REPL1",
            f"Get-VMSnapshot -VMName {b.vm} | Where-Object Id -eq '{point_id(37, b.vm)}' |\n    "
            "Start-VMFailover -AsTest",
        ),
        (
            "Collect ERRORLOG.1 of the guest. Settles the point that cannot be judged, 18 May 19:00.", None,
            r"Copy-Item '\\SQLVM\C$\Program Files\Microsoft SQL Server\MSSQL10\Log\ERRORLOG.1' .\guest"
            + "\\",
        ),
    ):
        b.add("actions", vm_name=b.vm, text=text, where=where, command=command)
    b.add(
        "missing", what="guest/ERRORLOG.1", why="times before 19 May 00:00 are known only to the second",
        command=r"Copy-Item '\\SQLVM\C$\...\ERRORLOG.1' .\guest", vm_name=b.vm,
    )
    b.add("missing", what="log of the second cluster node", why="no verdict depends on it", command=None, vm_name=b.vm)
    b.add(
        "replication", source_id="aa00000010", computer="HV-REPL1", vm_name=b.vm, mode="Replica", state="Replicating",
        health="Warning", primary_server="HV-PRIM-A", replica_server="HV-REPL1", app_consistent_interval_h=1,
        recovery_history=24, app_consistent_failures=1,
    )


def without(analysis: Analysis, *names: str, **meta: Any) -> Analysis:
    """The same analysis with these tables empty."""
    kept = dict(analysis.tables) | {name: tables.empty(name) for name in names}
    return Analysis(dict(analysis.meta) | meta, kept)


def joined(*analyses: Analysis) -> Analysis:
    """Several analyses as one case; ids of findings and records are kept apart by the machine's name."""
    import pandas as pd

    merged = {}
    for name in tables.SCHEMAS:
        merged[name] = tables.check(name, pd.concat([a.tables[name] for a in analyses], ignore_index=True))
    return Analysis(analyses[0].meta, merged)
