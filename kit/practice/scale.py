"""Cases of any size for measurements: many machines of one deployment, weeks of hourly points, millions of records."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from kit.practice import binxml, tiling
from kit.practice.case_files import write_case
from kit.practice.errorlog_writer import VERSIONS
from kit.practice.evtx_writer import Event
from kit.practice.os_messages import WINDOWS
from kit.practice.scenario import Export, Plan, Scenario
from kit.practice.stage import Story, play
from kit.practice.vss_story import Fate
from kit.practice.world import Guest, Host, Instance

BERLIN = ZoneInfo("Europe/Berlin")
AUDIT = "54849625-5478-4994-A5BA-3E3B0328C30D"
BEGIN = datetime(2014, 5, 1, 10, 0, tzinfo=UTC)
SPREAD = 400  # different records in the part that is repeated


def write_scale_case(folder: str | Path, machines: int, days: int, other_records: int, seed: int = 1) -> int:
    """The number of other records written beside the stories of `machines` over `days` with hourly points.

    They stand in a Security log of each machine, which the analysis has to read and has no use for.
    """
    root = Path(folder)
    stories = [play(_scenario(seed, number, days)) for number in range(machines)]
    write_case(stories, root)
    share = other_records // machines
    return sum(_other(root, story, share, days) for story in stories) if share else 0


def _scenario(seed: int, number: int, days: int) -> Scenario:
    rng = Random(f"{seed}/{number}")
    name = f"SQL{number + 1:02d}"
    instance = Instance("MSSQLSERVER", VERSIONS["2008"], ("Sales", "Ledger"))
    guest = Guest(
        f"{name}.contoso.example", WINDOWS["2008 R2"], BERLIN, vm_name=name, instances=(instance,),
        vm_id=UUID(int=rng.getrandbits(128), version=4),
    )
    count = days * 24
    plans = tuple(Plan(Fate.HOLD_TIMEOUT if rng.random() < 0.02 else Fate.BENIGN) for _ in range(count))
    collected = BEGIN + timedelta(hours=count - 1, minutes=40)
    exports = tuple(Export(collected - timedelta(minutes=5, hours=22 * n), "clixml") for n in range(count // 22 + 1))
    return Scenario(
        case_id="scale", title="Scale", question="How long does it take?", story="",
        seed=f"{seed}/{number}/story", guest=guest,
        primaries=(Host("HV-PRIMARY.contoso.example", WINDOWS["2012 R2"], BERLIN),),
        replica=Host("HV-REPLICA.contoso.example", WINDOWS["2012 R2"], BERLIN),
        begin=BEGIN, interval_h=1, plans=plans, collected=collected, lead=timedelta(hours=1), exports=exports[::-1],
        folder=f"guests/{name}", suffix=f"-{name}", missing=frozenset({"ERRORLOG"}),
    )


def _other(root: Path, story: Story, count: int, days: int) -> int:
    computer = story.scenario.guest.name
    base = [_logon(computer, number) for number in range(SPREAD)]
    sample = tiling.chunks_of(base)
    per_chunk = len(base) / len(sample)
    step = timedelta(days=days) / max(count / SPREAD, 1)
    events = [replace(event, time=BEGIN + step * (number / SPREAD)) for number, event in enumerate(base)]
    path = root / story.scenario.folder / "Security.evtx"
    return tiling.tile(path, events, round(count / per_chunk) * 65_536, step.total_seconds())


def _logon(computer: str, number: int) -> Event:
    """An ordinary logon, with fewer values than the real one has."""
    data = (
        ("SubjectUserSid", binxml.sid("S-1-5-18")), ("TargetUserName", f"user{number % 37}"),
        ("TargetLogonId", binxml.hex64(0x10000 + number)), ("LogonType", 3),
    )
    return Event(
        "Microsoft-Windows-Security-Auditing", 4624, BEGIN, "Security", computer, 0, data=data, provider_guid=AUDIT,
        task=12_544, keywords=0x8020000000000000, process_id=516, thread_id=540,
    )
