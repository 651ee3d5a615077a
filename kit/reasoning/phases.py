"""What the records of one VSS operation say about each database: the reasoning by phase, for cases and `kit explain`.

The order of records decides, never the age of the guest and never the mere presence of an abort record. Inside one
log the order is that of the record numbers; across logs it is time, and where the written times are too coarse to
tell, the order is unknown rather than guessed. Pure: records in, outcomes out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from kit import tables, values

THAW_SPREAD_S = 2.0  # one thaw reaches the databases of a writer one after the other, within about this time
_FAILURES_ELSEWHERE = frozenset({"recovery_failed", "backup", "replication"})  # phases outside the operation
_Key = tuple[str | None, str | None]  # instance, and the name of the database in lower case
_ENDINGS = frozenset({"abort", "post_snapshot", "complete", "writer"})  # phases in which an undecided record is an end

_COLUMNS = [
    "uid", "phase", "class", "source_id", "record_id", "time_utc", "database", "instance", "writer", "captured",
]


@dataclass(frozen=True, slots=True)
class Step:
    """One record of an operation as the reasoning sees it."""

    uid: str
    phase: str
    class_: str
    place: int  # position in the evidence order
    source: str | None = None
    record: int | None = None  # record number inside its log
    time: datetime | None = None
    precision_s: float = 0.0
    database: str | None = None
    instance: str | None = None
    writer: str | None = None
    device: str | None = None  # the virtual device, GUID and number
    window_s: float | None = None  # freeze records: how long the freeze may last
    thaws_itself: bool = False  # abort records of engines that write a thaw record before them in any case


@dataclass(slots=True)
class Outcome:
    """What the records say about one database, or about a writer where they name no database."""

    instance: str | None
    database: str | None
    outcome: str = "open"  # clean, benign_abort, genuine_failure or open
    reason: str = ""
    freeze: datetime | None = None
    thaw: datetime | None = None
    abort: datetime | None = None
    freeze_s: float | None = None
    abort_after_thaw: bool | None = None
    evidence: list[str] = field(default_factory=list)
    freeze_seen: bool = False
    thaw_seen: bool = False


@dataclass(frozen=True, slots=True)
class _Window:
    """The freeze and thaw records that bound one database's freeze."""

    freezes: list[Step]
    thaws: list[Step]
    writer_thaws: list[Step]  # those of its writer as a whole
    operation: _Operation
    traced: frozenset[str | None] = frozenset()  # logs in which the writer itself tells of the freeze of the whole set
    by_source: dict[str | None, list[Step]] = field(default_factory=dict)

    def thaws_for(self, source: str | None) -> list[Step]:
        """The thaws that a record of this log is compared with: those of its own log where it has some.

        A writer that traces its freeze traces its thaw as well; databases resume after an abort too (domain reference,
        1.5 and 4.5), so their resume lines cannot stand in for a thaw that the trace lacks.
        """
        if source not in self.by_source:
            own = [one for one in self.thaws if one.source == source]
            own = own or [one for one in self.writer_thaws if one.source == source]
            self.by_source[source] = own or ([] if source in self.traced else self.thaws)
        return self.by_source[source]


def after(later: Step, earlier: Step) -> bool | None:
    """Whether one record comes after another; None when nothing tells."""
    if later.source == earlier.source and later.record is not None and earlier.record is not None:
        return later.record > earlier.record if later.record != earlier.record else later.place > earlier.place
    if later.time is None or earlier.time is None:
        return later.place > earlier.place if later.source == earlier.source else None
    distance = (later.time - earlier.time).total_seconds()
    if abs(distance) < max(later.precision_s, earlier.precision_s) or distance == 0:
        return later.place > earlier.place if later.source == earlier.source else None
    return distance > 0


def judge(steps: Sequence[Step]) -> list[Outcome]:
    """One outcome for each database that the records of one operation name, in order of appearance.

    Without any named database there is one outcome for each writer that froze or was aborted, with `database` None.
    """
    named = _with_instances(_with_devices(steps))
    active = [one for one in named if _takes_part(one)]
    keys = list(dict.fromkeys(_key(one) for one in active if one.database))
    if not keys:
        keys = list(dict.fromkeys((one.instance or one.writer, None) for one in active))
    operation = _Operation(named, active)
    return [_judged(operation, key) for key in keys]


def _takes_part(one: Step) -> bool:
    if one.class_ == "normal":
        return one.phase in ("freeze", "thaw")
    if one.class_ == "undecided":
        return one.phase in _ENDINGS
    return one.class_ == "genuine_failure" and one.phase not in _FAILURES_ELSEWHERE


def _key(one: Step) -> _Key:
    return (one.instance, one.database.casefold() if one.database else None)


def _with_instances(steps: Sequence[Step]) -> list[Step]:
    """Records without instance join the only instance known, so that two logs of one server speak of one database."""
    known = {one.instance for one in steps if one.instance and one.database and one.writer == "SqlServerWriter"}
    spelled = {name.casefold(): name for name in known if name}
    sole = next(iter(spelled.values())) if len(spelled) == 1 else None
    return [_renamed(one, spelled, sole) for one in steps]


def _renamed(one: Step, spelled: dict[str, str], sole: str | None) -> Step:
    if one.instance is None:
        return _replace(one, instance=sole) if one.database and sole else one
    if one.writer != "SqlServerWriter":
        return one
    wanted = spelled.get(one.instance.casefold())
    if wanted:
        return _replace(one, instance=wanted) if wanted != one.instance else one
    return _replace(one, instance=None) if spelled and not one.database else one


def _replace(one: Step, **changes: Any) -> Step:
    return Step(**{**{name: getattr(one, name) for name in Step.__slots__}, **changes})


def _with_devices(steps: Sequence[Step]) -> list[Step]:
    """Records that name only a virtual device get the database that the record next to it names for that device."""
    names = dict(_device_names(steps))
    return [
        _replace(one, database=names[one.device].database, instance=one.instance or names[one.device].instance)
        if not one.database and one.device in names else one
        for one in steps
    ]  # fmt: skip


def _device_names(steps: Sequence[Step]) -> Iterator[tuple[str, Step]]:
    held: dict[str | None, Step] = {}
    for one in steps:
        if one.device and one.database:
            yield one.device, one
        if one.phase == "abort" and one.device and not one.database:
            held[one.source] = one
        elif one.phase == "abort" and one.database and not one.device:
            before = held.pop(one.source, None)
            if before is not None and before.device and before.writer == one.writer and _close(before, one):
                yield before.device, one


def _close(one: Step, other: Step) -> bool:
    return one.time is not None and other.time is not None and abs((other.time - one.time).total_seconds()) <= 1


def _concerns(one: Step, key: _Key, writer: str | None) -> bool:
    """Whether a record speaks about this database, by its name or by naming nothing narrower."""
    instance, database = key
    if one.database and database:
        return one.database.casefold() == database and (not one.instance or not instance or one.instance == instance)
    if one.instance and instance and one.instance != instance:
        return False
    return not (one.writer and writer) or _same_writer(one.writer, writer)


def _same_writer(one: str, other: str) -> bool:
    return one.replace(" ", "").casefold() == other.replace(" ", "").casefold()


class _Operation:
    """The records of one operation, arranged so that a database looks only at its own and at those that name none."""

    def __init__(self, steps: Sequence[Step], active: Sequence[Step]) -> None:
        self.writers: dict[_Key, str] = {}
        self.spelled: dict[_Key, str] = {}
        for one in steps:
            if one.writer:
                self.writers.setdefault(_key(one), one.writer)
            if one.database:
                self.spelled.setdefault(_key(one), one.database)
        self._active = list(active)
        self._places: dict[str | None, list[int]] = {}
        for place, one in enumerate(active):
            self._places.setdefault(one.database.casefold() if one.database else None, []).append(place)
        self.thaws: dict[str | None, list[Step]] = {}  # those of every database of the set, by log
        for one in active:
            if one.class_ == "normal" and one.phase == "thaw":
                self.thaws.setdefault(one.source, []).append(one)
        self._begun: dict[int, bool] = {}

    def of(self, key: _Key) -> list[Step]:
        """The records that speak about a database, by its name or by naming nothing narrower, in order."""
        writer = self.writers.get(key)
        if key[1] is None:
            return [one for one in self._active if _concerns(one, key, writer)]
        places = sorted(self._places.get(key[1], []) + self._places.get(None, []))
        return [one for one in map(self._active.__getitem__, places) if _concerns(one, key, writer)]

    def thaw_begun(self, abort: Step) -> bool:
        """Whether a database of the set had resumed when the abort was written, as their log tells."""
        if abort.place not in self._begun:
            self._begun[abort.place] = any(after(abort, one) for one in self.thaws.get(abort.source, ()))
        return self._begun[abort.place]


def _judged(operation: _Operation, key: _Key) -> Outcome:
    mine = operation.of(key)
    window = _window(operation, mine, key)
    aborts = [one for one in mine if one.class_ == "undecided"]
    places = [_place(one, window) for one in aborts]
    if any(one.thaws_itself for one in aborts):
        places = [place for place in places if place is False]  # it writes the same when stopped inside its freeze
    found = _described(operation.spelled.get(key, key[1]), key, window, aborts, mine)
    found.abort_after_thaw = False if False in places else True if True in places else None
    failures = [one for one in mine if one.class_ == "genuine_failure"]
    found.outcome, found.reason = _decided(found, window, aborts, failures)
    return found


def _place(abort: Step, window: _Window) -> bool | None:
    """Whether an abort comes after the thaw of the database; None where that cannot be told."""
    placed = _after_thaw(abort, window)
    if placed and abort.thaws_itself:
        return None
    if placed is False and not abort.database and not _caught_frozen(abort, window):
        return None
    return placed


def _caught_frozen(abort: Step, window: _Window) -> bool:
    """Whether an abort that does not name the database came while it was frozen and no thaw of the set was under way.

    One thaw reaches the databases one after the other, so a record of a database that is through may stand a moment
    before the resume line of the next.
    """
    if _after_thaw(abort, window) is not False:
        return False
    begun = window.operation.thaw_begun(abort)
    late = [one.time - abort.time for one in window.thaws if one.time and abort.time and after(one, abort)]
    return not (begun and late and min(late).total_seconds() <= THAW_SPREAD_S)


def _window(operation: _Operation, mine: list[Step], key: _Key) -> _Window:
    freezes = [one for one in mine if one.class_ == "normal" and one.phase == "freeze"]
    thaws = [one for one in mine if one.class_ == "normal" and one.phase == "thaw"]
    return _Window(
        _narrow(freezes, key), _narrow(thaws, key), [one for one in thaws if not one.database], operation,
        frozenset(one.source for one in freezes if not one.database),
    )


def _narrow(found: list[Step], key: _Key) -> list[Step]:
    """The database's own records where it has some; else those of its writer."""
    own = [one for one in found if one.database]
    return own if own and key[1] else found


def _described(
    spelled: str | None, key: _Key, window: _Window, aborts: list[Step], mine: list[Step]
) -> Outcome:
    found = Outcome(key[0], spelled, evidence=[one.uid for one in mine])
    found.freeze = _first(window.freezes)
    found.thaw = max((one.time for one in window.thaws if one.time), default=None)
    found.abort = _first(aborts)
    found.freeze_seen, found.thaw_seen = bool(window.freezes), bool(window.thaws)
    found.freeze_s = max(_lengths(window.freezes, window.thaws), default=None)
    return found


def _first(steps: Sequence[Step]) -> datetime | None:
    """The time of the first record; a copy of it in a log that writes parts of a second says it finer."""
    timed = [(one.time, one.precision_s) for one in steps if one.time]
    if not timed:
        return None
    first, precision_s = min(timed)
    same = [time for time, fine_s in timed if fine_s < precision_s and (time - first).total_seconds() < precision_s]
    return min(same, default=first)


def _lengths(freezes: list[Step], thaws: list[Step]) -> Iterator[float]:
    for freeze in freezes:
        ends = [one for one in thaws if one.time and freeze.time and after(one, freeze) is not False]
        own = [one for one in ends if one.source == freeze.source] or ends
        if own and freeze.time:
            yield max(0.0, min((one.time - freeze.time).total_seconds() for one in own if one.time))


def _after_thaw(abort: Step, window: _Window) -> bool | None:
    """Whether the last freeze before the abort had ended by a thaw when the abort was written."""
    here = window.thaws_for(abort.source)
    before = [one for one in here if after(abort, one)]
    if before:
        sources = {end.source for end in before}
        frozen = [one for one in window.freezes if one.source in sources and after(abort, one)]
        return all(any(after(end, one) for end in before) for one in frozen)
    if here and any(after(abort, one) is None for one in here):
        return None
    started = [one for one in window.freezes if after(abort, one) is not False]
    return False if here or started else None


def _decided(found: Outcome, spans: _Window, aborts: list[Step], failures: list[Step]) -> tuple[str, str]:
    if failures:
        return "genuine_failure", f"a failure record in phase {failures[0].phase}"
    window = min((one.window_s for one in spans.freezes if one.window_s), default=None)
    if window is not None and found.freeze_s is not None and found.freeze_s > window:
        return "genuine_failure", f"frozen for {found.freeze_s:.1f} s, longer than the {window:.0f} s allowed"
    if found.abort_after_thaw is False:
        return "genuine_failure", "the abort comes before the thaw"
    if found.abort_after_thaw:
        return "benign_abort", "every abort comes after the thaw"
    if aborts:
        return "open", "the order of abort and thaw is not known"
    if spans.freezes and spans.thaws:
        return "clean", "freeze and thaw, no abort"
    half = "a freeze without thaw" if spans.freezes else "a thaw without freeze" if spans.thaws else "no freeze record"
    return "open", half


def outcomes(records: pd.DataFrame) -> pd.DataFrame:
    """Table `operation_databases` (without operation_id) of one operation: the databases that its records name.

    `records` are its rows of table `matches` with the columns time_utc, source_id, record_id, provider and event_id of
    the events, in evidence order; `precision_s` is used where it is given.
    """
    rows = [
        {
            "instance": one.instance, "database": one.database, "freeze_utc": one.freeze, "thaw_utc": one.thaw,
            "abort_utc": one.abort, "freeze_s": one.freeze_s, "abort_after_thaw": one.abort_after_thaw,
            "outcome": one.outcome, "evidence": one.evidence,
        }
        for one in judge(list(steps(records)))
        if one.database
    ]
    return tables.frame("operation_databases", rows).drop(columns="operation_id")


def writer_outcome(records: pd.DataFrame) -> str | None:
    """Outcome of an operation whose records name no database, from its writer's records; None where one is named."""
    found = judge(list(steps(records)))
    if not found or any(one.database for one in found):
        return None
    said = {one.outcome for one in found}
    return next((word for word in ("genuine_failure", "open", "benign_abort", "clean") if word in said), None)


def steps(records: pd.DataFrame) -> Iterator[Step]:
    """The records of a frame as steps, in the order of the frame."""
    precise = _precisions(records)
    known: dict[Any, dict[str, Any]] = {}
    rows = zip(*(values.known(records[name]) for name in _COLUMNS), strict=True)
    for place, row in enumerate(rows):
        uid, phase, class_, source, record, moment, database, instance, writer, captured = row
        if captured not in known:
            known[captured] = json.loads(captured) if captured else {}
        yield step(
            uid, phase, class_, place, source=source, record=record, time=moment, captured=known[captured],
            precision_s=precise.get(source, 0.0), database=database, instance=instance, writer=writer,
        )


def step(
    uid: str, phase: str, class_: str, place: int, *, captured: dict[str, Any], source: str | None, record: int | None,
    time: datetime | None, precision_s: float, database: str | None, instance: str | None, writer: str | None,
) -> Step:
    """A step from a match and what was captured."""
    window = captured.get("window_s")
    return Step(
        uid, phase, class_, place, source=source, record=record, time=time, precision_s=precision_s, database=database,
        instance=instance, writer=writer, device=_device(captured), thaws_itself=bool(captured.get("thaws_itself")),
        window_s=float(window) if window is not None else None,
    )


def device_of(captured: object) -> str | None:
    """The virtual device that a match captured (its JSON text): GUID and number; None without one."""
    return _device(json.loads(captured)) if isinstance(captured, str) and "device" in captured else None


def _device(captured: dict[str, Any]) -> str | None:
    text = str(captured.get("device") or "").upper()
    start, end = text.find("{"), text.find("}")
    if start < 0 or end < start:
        return None
    digits = ""
    for sign in text[end + 1 :]:
        if not sign.isdigit():
            break
        digits += sign
    return text[start : end + 1] + digits


def _precisions(records: pd.DataFrame) -> dict[Any, float]:
    """Resolution of the times of each source: declared, else one second where no time shows a fraction."""
    if "precision_s" in records.columns:
        return records.groupby("source_id", observed=True)["precision_s"].max().fillna(0.0).to_dict()
    times = records.dropna(subset=["time_utc"])
    whole = times["time_utc"].dt.microsecond.eq(0).groupby(times["source_id"]).all()
    return {source: 1.0 if flag else 0.0 for source, flag in whole.items()}
