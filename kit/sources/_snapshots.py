"""Recovery points out of exported snapshots: what a point claims, told apart without guessing."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import cache

from kit import codes
from kit.errors import Unreadable
from kit.powershell import Row
from kit.powershell.dates import Dates, Moment
from kit.sources import _enums
from kit.sources._build import Made
from kit.sources._objects import computer_of, learn_all, lost, times
from kit.sources.seam import Fact, Lost
from kit.times import iso_z

EXPORT = "Get-VMSnapshot -VMName * | Export-Clixml points.xml"

_TYPE = ("SnapshotType", "CheckpointType", "VirtualSystemType", "RecoveryPointType")
_TIME = ("CreationTime", "RecoveryPointTime")
_NAME = ("Name", "VMSnapshotName", "SnapshotName", "CheckpointName", "ElementName")
_GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_IN_NAME = re.compile(r"\(\s*([\d./-]{6,12}\.?)\s*-\s*(\d[^()]{3,14})\)\s*$")  # (5/19/2014 - 10:00:14 PM)
_DAY_S = 86400.0
_TYPE_NAMES = ("vmsnapshot", "vmcheckpoint", "msvm_virtualsystemsettingdata")


def looks_like(row: Row) -> bool:
    """Whether an exported object is a snapshot (or the settings of a VM, which stand among them in WMI exports)."""
    if any(name.casefold().endswith(_TYPE_NAMES) for name in row.type_names[:1]):
        return True
    names = {name.casefold() for name in row}
    if names & {"snapshottype", "checkpointtype", "virtualsystemtype"}:
        return True
    if {"recoverypointtime", "recoverypointtype"} <= names:
        return True
    if names & {"parentsnapshotid", "parentsnapshotname", "parentcheckpointid", "parentcheckpointname"}:
        return "creationtime" in names
    return "creationtime" in names and _word_in_name(row) is not None


class Snapshots:
    """Mapper of snapshots to `recovery_points`.

    The type is the export's word; else what the words in the names say of its number; else what the set of
    numbers in the file allows; else it stays unknown.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._numbers: set[int] = set()
        self._named: dict[int, set[str]] = {}
        self._vms: dict[str, str] = {}
        self._kinds: Counter[tuple[str | None, int | None, str | None]] = Counter()
        self._has_time = self._has_type = False
        self._first: Row | None = None

    def fits(self, row: Row) -> bool:
        """Whether the object is a snapshot."""
        return looks_like(row)

    def learn(self, row: Row, dates: Dates) -> None:
        """Look at numbers, names and dates of a snapshot before rows are made."""
        learn_all(row, dates)
        self._first = self._first or row
        self._has_time |= row.pick(*_TIME) is not None
        self._has_type |= row.pick(*_TYPE) is not None or _word_in_name(row) is not None
        number = row.whole(*_TYPE) if _word_of(row) is None else None
        if number is not None:
            self._numbers.add(number)
            if said := _word_in_name(row):
                self._named.setdefault(number, set()).add(said)
        if self._is_vm(row) and (vm := _guid(row.text("VirtualSystemIdentifier", "InstanceID"))):
            self._vms[vm] = row.text("ElementName") or vm
        else:
            self._kinds[_word_of(row), number, _word_in_name(row)] += 1

    def facts(self) -> Iterator[Fact]:
        """How many snapshots are no recovery points, and what is missing in all of them."""
        if self._first is None:
            return
        if not self._has_time:
            raise Unreadable(
                f"{self._path}: no column CreationTime (found: {', '.join(self._first)[:200]}); export again: {EXPORT}"
            )
        if not self._has_type:
            yield Fact(note=f"no column SnapshotType: what the points claim stays unknown; export again: {EXPORT}")
        if counts := ", ".join(f"{count} {kind}" for kind, count in sorted(self._no_points().items())):
            yield Fact(note=f"snapshots that are no recovery points: {counts}")

    def _no_points(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for (word, number, said), count in self._kinds.items():
            kind = word or (self._of_number(number, said)[0] if number is not None else None)
            if kind in _enums.NO_RECOVERY_POINT:
                found[str(kind)] += count
        return found

    def made(self, row: Row, dates: Dates) -> Made | Lost | None:
        """The recovery point, its loss, or None for a snapshot that is none."""
        if self._is_vm(row):
            return None
        kind, how = self._type(row)
        if kind in _enums.NO_RECOVERY_POINT:
            return None
        moment, named = _moment(row, dates)
        if not moment.known:
            return lost(row, f"column CreationTime: {moment.raw[:60] or 'nothing'!r} is no date")
        if moment.precision_s >= _DAY_S:
            return lost(row, f"column CreationTime: {moment.raw[:60]!r} has no time of day")
        vm_id = _guid(row.text("VMId", "VMGuid", "VirtualSystemIdentifier", "SystemName"))
        identity = None if row.has_cut("Id", "VMSnapshotId") else _identity(row)
        vm_id = None if vm_id == identity else vm_id
        vm_name = None if row.has_cut("VMName") else row.text("VMName", "VirtualMachineName")
        name = row.text(*_NAME)
        vm_name = vm_name or self._vms.get(vm_id or "")
        if identity is None and moment.utc is not None:
            identity = point_id(vm_name, name, moment.utc)
        point = {
            "recovery_point_id": identity,
            "vm_id": vm_id,
            "vm_name": vm_name,
            "name": name,
            "time_raw": moment.raw,
            "time_basis": "assumed" if moment.ambiguous else None,
            "snapshot_type": kind,
            "claimed": codes.claim(kind),
            "computer": computer_of(row),
            "note": _note(row, how if not named else "; ".join(filter(None, [how, named])), moment),
        }
        return "recovery_points", point | times("time", moment)

    def _is_vm(self, row: Row) -> bool:
        kind = (row.text("VirtualSystemType") or "").casefold()
        return kind.startswith("microsoft:hyper-v:") and ":snapshot:" not in kind

    def _type(self, row: Row) -> tuple[str | None, str | None]:
        """The vendor's word for the type, None when it stays open, and a note on how it came about."""
        said = _word_in_name(row)
        if word := _word_of(row):
            differs = said is not None and said != word and codes.claim(word) != "unknown"
            return word, f"the name speaks of {said}, the type says {word}: the type counts" if differs else None
        if row.has_cut(*_TYPE):
            return _completed(row.text(*_TYPE) or "")
        number = row.whole(*_TYPE)
        if number is not None:
            return self._of_number(number, said)
        written = row.text(*_TYPE)
        if written:
            return written, f"type {written!r} is not known"
        return said, "type read from the name" if said else "no type in the export"

    def _of_number(self, number: int, said: str | None) -> tuple[str | None, str | None]:
        listed = _numbering(self._numbers)
        by_set = listed.get(number) if listed else None
        words = self._named.get(number, set())
        if len(words) > 1 or (words and by_set and by_set not in words):
            return None, f"type number {number} stays open: names and numbers of the export contradict each other"
        if words:
            (named,) = words
            return named, f"type number {number} read as {named} from the name" + ("" if said else "s of other points")
        listed_as, declared_as = (known.get(number) for known in _enums.snapshot_numberings())
        kind = by_set or (listed_as if listed_as == declared_as else None)
        if kind is None:
            return None, f"type number {number} stays open: two numberings are in use, and nothing tells which this is"
        return kind, f"type number {number} read as {kind} from the numbers in the export"


def _numbering(numbers: set[int]) -> dict[int, str] | None:
    """The numbering that alone allows all numbers seen; None when both do or none does."""
    fitting = [known for known in _enums.snapshot_numberings() if numbers <= set(known)]
    return fitting[0] if len(fitting) == 1 else None


@cache
def _words() -> dict[str, str]:
    known = {kind.casefold(): kind for kind in _enums.words(_enums.SNAPSHOT_TYPE)}
    return known | _enums.VIRTUAL_SYSTEM_TYPES | _enums.RECOVERY_POINT_TYPES


def _word_of(row: Row) -> str | None:
    """The vendor's word of the type as the export writes it."""
    for name in _TYPE:
        if (text := row.text(name)) and (kind := _words().get(text.casefold())):
            return kind
    return None


def _word_in_name(row: Row) -> str | None:
    name = (row.text(*_NAME) or "").casefold()
    return next((kind for words, kind in _enums.SNAPSHOT_WORDS_IN_NAMES if words in name), None)


def _completed(text: str) -> tuple[str | None, str | None]:
    """The type whose beginning the console left, when only one begins so."""
    if kind := _enums.completed(text, _enums.SNAPSHOT_TYPE):
        return kind, f"type cut off by the console: {text!r} can only be {kind}"
    return None, f"type cut off by the console: {text!r}"


def _guid(text: str | None) -> str | None:
    found = _GUID.search(text or "")
    return found[0].lower() if found else None


def _identity(row: Row) -> str | None:
    return _guid(row.text("VMSnapshotId", "SnapshotId", "CheckpointId", "Id", "InstanceID"))


def _moment(row: Row, dates: Dates) -> tuple[Moment, str | None]:
    """The time of a point; where the console cut it off that in its name, with a note that says so."""
    moment = dates.read(row.text(*_TIME))
    found = _IN_NAME.search(row.text(*_NAME) or "") if row.has_cut(*_TIME) and not row.has_cut(*_NAME) else None
    if found is None:
        return moment, None
    return dates.read(f"{found[1]} {found[2]}"), "time read from the name: the console cut off the column"


def _note(row: Row, how: str | None, moment: Moment) -> str | None:
    notes = [how] if how else []
    if moment.ambiguous:
        notes.append(f"{moment.raw!r} may name two days: day and month are not told apart")
    if row.has_cut(*_NAME):
        notes.append("the console cut off the name")
    return "; ".join(notes) or None


def point_id(vm_name: str | None, name: str | None, time_utc: datetime) -> str:
    """Id of a point whose export has none: SHA-256 of VM, name and time."""
    text = "\n".join([vm_name or "", name or "", iso_z(time_utc) or ""])
    return hashlib.sha256(text.encode()).hexdigest()
