"""The bundled case: two days of the vendor's 2014 article, with hourly points and known answers.

Windows Server 2012 R2 on both sides, a guest with Windows Server 2008 R2 and SQL Server 2008. The guest complains every
hour while the replica lists application-consistent points. Most complaints are benign; one hour failed, one label is
false, one point is proven by a test failover, one hour has no evidence.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from kit.practice.boot_story import Boot
from kit.practice.errorlog_writer import VERSIONS
from kit.practice.journal import Kept
from kit.practice.os_messages import WINDOWS
from kit.practice.scenario import Export, Failover, Image, Plan, Scenario, Stream
from kit.practice.vss_story import Fate
from kit.practice.world import Guest, Host, Instance

CASE_ID = "practice-article-2014"
BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2014, 5, 18, 10, 0, tzinfo=UTC)  # 12:00 in Berlin
POINTS = 49
FAILED_HOUR = 13  # 19 May 01:00 in Berlin
PROVEN_HOUR = 10  # 18 May 22:00
MISLABELLED_HOUR = 20  # 19 May 08:00
UNSEEN_HOUR = 39  # 20 May 03:00
STORY = (
    "Hourly benign aborts after the thaw; 19 May 01:00 failed in flush-and-hold and became a standard point; 18 May "
    "22:00 was proven by a test failover; 19 May 08:00 is labelled, but its image was cut minutes after the thaw; the "
    "guest's log of 20 May 03:00 is damaged."
)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of May 2014, local time in Berlin."""
    return datetime(2014, 5, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


def _plans() -> tuple[Plan, ...]:
    fates = {FAILED_HOUR: Fate.HOLD_TIMEOUT}
    return tuple(Plan(fates.get(number, Fate.BENIGN)) for number in range(POINTS))


def _failovers() -> tuple[Failover, ...]:
    proven = Boot(at(19, 16, 12), uptime_s=1_036_944)
    mislabelled = Boot(at(19, 17, 31), rolled_back={"Sales": 7}, explained=False, uptime_s=1_073_650)
    return (
        Failover("test-failover-1", PROVEN_HOUR, Image.INSIDE, proven),
        Failover("test-failover-2", MISLABELLED_HOUR, Image.LATE, mislabelled),
    )


def scenario() -> Scenario:
    """The scenario of the bundled case."""
    instance = Instance("MSSQLSERVER", VERSIONS["2008"], ("Sales", "Ledger"))
    guest = Guest(
        "SQLVM.contoso.example", WINDOWS["2008 R2"], BERLIN, vm_name="SQLVM", instances=(instance,),
        vm_id=UUID("8d1f6c1e-52a1-4c0e-9b07-3f0a2f6f1b42"),
    )
    logs = Kept(since=BEGIN - timedelta(hours=1), until=at(20, 12, 40))
    damaged = Kept(logs.since, logs.until, ((at(20, 2, 25), at(20, 3, 35)),))
    return Scenario(
        case_id=CASE_ID,
        title="SQLVM: VSS errors in the guest, application-consistent points on the replica",
        question="Why are there application-consistent recovery points although the guest reports failed backups?",
        story=STORY,
        seed=CASE_ID,
        guest=guest,
        primaries=(Host("HV-PRIMARY.contoso.example", WINDOWS["2012 R2"], BERLIN),),
        replica=Host("HV-REPLICA.contoso.example", WINDOWS["2012 R2"], BERLIN),
        begin=BEGIN,
        interval_h=1,
        plans=_plans(),
        collected=at(20, 12, 40),
        lead=timedelta(hours=1),
        streams=(Stream(at(19, 1, 26), ("Ledger",), failed=True), Stream(at(20, 1, 26), ("Sales", "Ledger"))),
        failovers=_failovers(),
        exports=(Export(at(19, 11, 40), "csv"), Export(at(19, 18, 5), "clixml"), Export(at(20, 12, 30), "json51")),
        kept={"Application": damaged, "System": logs},
        errorlog_until=at(19, 18, 10),
    )
