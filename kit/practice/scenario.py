"""What a story is made of: computers, the operations and what becomes of them, test failovers, what is missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from kit.practice.boot_story import Boot
from kit.practice.journal import Kept
from kit.practice.vss_story import GENUINE, Fate
from kit.practice.world import Guest, Host

APP, STANDARD, PLANNED = "AppConsistentReplica", "Replica", "Planned"


@dataclass(frozen=True)
class Plan:
    """One scheduled operation: its fate, whether the host labels the point, and the host it runs on."""

    fate: Fate = Fate.BENIGN
    labelled: bool | None = None
    host: int = 0

    @property
    def kind(self) -> str:
        """The type of the recovery point that comes out of it."""
        truthful = self.fate not in GENUINE and self.fate is not Fate.SILENT
        return APP if (truthful if self.labelled is None else self.labelled) else STANDARD


class Image(StrEnum):
    """What the image that a test failover boots is cut from."""

    INSIDE = "inside the freeze of its point"
    UNFLUSHED = "inside the freeze, but the last records of the logs had not reached the disk"
    LATE = "minutes after the thaw, although the point is labelled"
    LATEST = "the latest state, no listed point"


@dataclass(frozen=True)
class Failover:
    """A test failover: the operation whose point it boots (None: latest), how the image was cut, how the boot goes."""

    name: str
    operation: int | None
    image: Image
    boot: Boot
    declared: bool = True
    exported: bool = True
    mistaken_for: int | None = None  # operation of the point that case.toml names, where somebody booted the wrong one


@dataclass(frozen=True)
class Stream:
    """A streaming backup by another product: when, which databases, and whether its device fails."""

    time: datetime
    databases: tuple[str, ...]
    failed: bool = False


class By(StrEnum):
    """Who takes a snapshot that no recovery point comes from."""

    AGENT = "a backup agent in the guest"
    WINDOWS = "Windows Server Backup"
    HOST = "a backup on the host"


@dataclass(frozen=True)
class Snapshot:
    """A snapshot off the schedule: when, by whom, and whether it fails by itself."""

    time: datetime
    by: By
    failed: bool = False


@dataclass(frozen=True)
class Export:
    """An export of the list of points: when, in which format, in which culture, how many points the history keeps."""

    time: datetime
    form: str
    culture: str = "en-US"
    keep: int = 24


@dataclass(frozen=True)
class Scenario:
    """A whole story."""

    case_id: str
    title: str
    question: str
    story: str
    seed: str
    guest: Guest
    primaries: tuple[Host, ...]
    replica: Host
    begin: datetime
    interval_h: int
    plans: tuple[Plan, ...]
    collected: datetime
    lead: timedelta = timedelta(hours=2)
    standard_between: bool = False
    extended: bool = False
    streams: tuple[Stream, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    failovers: tuple[Failover, ...] = ()
    exports: tuple[Export, ...] = ()
    kept: dict[str, Kept] = field(default_factory=dict)
    errorlog_until: datetime | None = None
    missing: frozenset[str] = frozenset()
    resynchronised: tuple[datetime, datetime] | None = None
    clocks_declared: bool = True
    lag_s: tuple[float, float] = (3.0, 6.5)
    folder: str = "guest"  # where the guest's logs stand in the case
    suffix: str = ""  # of the names of its exports, where a case has several machines

    @property
    def interval(self) -> timedelta:
        """Time between two scheduled operations."""
        return timedelta(hours=self.interval_h)

    def scheduled(self, number: int) -> datetime:
        """When an operation is due."""
        return self.begin + number * self.interval

    def survives(self, channel: str) -> Kept:
        """What of a guest's log survived until it was collected."""
        return self.kept.get(channel, Kept(since=self.begin - self.lead, until=self.collected))
