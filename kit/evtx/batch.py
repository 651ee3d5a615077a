"""Records of some chunks, decoded: the columnar path for what is regular, the scalar path for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from kit.errors import Unreadable
from kit.evtx import fields, level, lockstep, preview, scalar, walk
from kit.evtx import format as layout
from kit.evtx.binxml import Chunk
from kit.evtx.collected import Data, Written, sorted_out
from kit.evtx.columns import System, Vocabulary
from kit.evtx.level import Group, Instances, Level
from kit.evtx.payload import Gathered, Values
from kit.evtx.registry import Met
from kit.evtx.template import Template
from kit.evtx.view import View

SCALAR, BORROWED, DAMAGED, FAILED = 1, 2, 4, 8
_NEAR = 864_000_000_000  # ticks; a day
_SINCE, _UNTIL = 125_911_584_000_000_000, 157_469_184_000_000_000  # the years 2000 to 2099, where a header has no time
_SCALAR_VALUES = 1 << 22  # event data of a batch that may go one by one


class Wanted(Protocol):
    """Which records to go on with, decided by some fields of System."""

    fields: tuple[str, ...]

    def __call__(self, system: System) -> np.ndarray: ...


@dataclass(slots=True)
class Records:
    """The records of a batch.

    walked    where they stand, in the order of the batch
    marks     bits for each: SCALAR decoded one by one, BORROWED template, DAMAGED in part, FAILED altogether
    wanted    records that the filter lets through and that did not fail, as positions in `walked`
    failures  reason for each record that failed, by position
    lacking   a record that is wanted has lost its template, and none that was looked at so far can be lent to it
    system    System fields; values: event data, both by position
    """

    view: View
    walked: walk.Walked
    marks: np.ndarray
    wanted: np.ndarray
    failures: dict[int, str]
    system: System
    gathered: Gathered
    message_key: int
    lacking: bool = False
    _values: Values | None = None

    @property
    def values(self) -> Values:
        """Event data, typed; made when it is first asked for."""
        if self._values is None:
            self._values = self.gathered.values()
        return self._values

    @property
    def record_id(self) -> np.ndarray:
        """Numbers in the record headers."""
        found: np.ndarray = self.walked.heads(self.view)["id"]
        return found

    @property
    def written(self) -> np.ndarray:
        """Times in the record headers (FILETIME)."""
        found: np.ndarray = self.walked.heads(self.view)["written"]
        return found


def decode(
    view: View,
    walked: walk.Walked,
    met: Met,
    wanted: Wanted | None = None,
    *,
    vocabulary: Vocabulary | None = None,
    last: bool = False,
) -> Records:
    """The records of a batch; `wanted` looks at System alone and says which records to go on with.

    Unless it is the `last` attempt, a record that can be read in part only counts as failed, because the template that
    is missing may still be found elsewhere. `vocabulary` is shared by the batches of a log.
    """
    return _Decoding(view, walked, met, last).run(wanted, vocabulary or Vocabulary())


class _Decoding:
    def __init__(self, view: View, walked: walk.Walked, met: Met, last: bool) -> None:
        self.view = view
        self.buffer = pa.py_buffer(view.data)
        self.walked = walked
        self.met = met
        self.last = last
        self.odd = np.zeros(len(walked), dtype=bool)
        self.marks = np.where(walked.sound, 0, DAMAGED).astype(np.uint8)
        self.failures: dict[int, str] = {}
        self.lacking = np.zeros(len(walked), dtype=bool)
        self._borrowing = 0
        self.message_key = met.keys.number(fields.MESSAGE, False, False)
        self._base = -1
        self._current: scalar.Decoder | None = None
        self._left = _SCALAR_VALUES
        self._decoded: dict[int, scalar.Decoded | None] = {}
        self._collected: list[tuple[dict[str, Written], Data]] = []

    def run(self, wanted: Wanted | None, vocabulary: Vocabulary) -> Records:
        found = Level()
        resolved = self._resolved(self._instances(), found)
        keep = np.ones(len(self.walked), dtype=bool)
        if wanted is not None:
            keep = self._preview(resolved, wanted, vocabulary)
            row = resolved.instances.row
            resolved = resolved.select(np.flatnonzero(keep[row] & ~self.odd[row]))
        outer = self._taken(level.gather(self.view, resolved, self.met, Level()), outer=True)
        system = self._system(outer.groups, vocabulary)
        self._read_odd(system)
        inner = self._inner(outer, keep)
        self._read_odd(system)
        gathered = self._gathered(outer.groups + inner.groups, keep)
        good = keep & (self.marks & FAILED == 0)
        chosen = np.flatnonzero(good)
        return Records(
            self.view, self.walked, self.marks, chosen, self.failures, system, gathered, self.message_key,
            bool(self.lacking[keep].any()),
        )  # fmt: skip

    def _instances(self) -> tuple[Instances, np.ndarray]:
        rows = np.arange(len(self.walked))
        end = self.walked.at + self.walked.size - 4
        above = np.zeros(len(rows), dtype=np.int32)
        heads = self.walked.heads(self.view)
        if (heads["fragment"] == layout.FRAGMENT).all() and (heads["token"] == layout.TEMPLATE_INSTANCE).all():
            at = self.walked.at + layout.INSTANCE_AT
            return Instances(rows, at, end, above, [()], heads), at + level.INSTANCE.itemsize <= end
        at, good = level.begin(self.view, self.walked.at + layout.RECORD_HEADER_SIZE, end)
        return Instances(rows, at, end, above, [()]), good

    def _resolved(self, found: tuple[Instances, np.ndarray], listed: Level) -> level.Resolved:
        """Instances with a template; fragments that begin with none are read, what has no template is listed."""
        instances, good = found
        if not good.all():
            self._without_template(instances.select(~good))
            instances = instances.select(good)
        resolved = level.resolve(self.view, instances, self.met, listed)
        self._taken(listed, outer=not instances.paths[0])
        return resolved

    def _taken(self, found: Level, *, outer: bool) -> Level:
        """Notes what a level lists."""
        for rows in found.odd:
            self.odd[rows] = True
        for rows in found.missing:
            self._missing(rows, outer)
        for rows in found.borrowed:
            self.marks[rows] |= BORROWED
        return found

    def _system(self, groups: list[Group], vocabulary: Vocabulary) -> System:
        system = System(self.view, self.buffer, len(self.walked), groups, vocabulary)
        for written, _ in self._collected:
            system.write(written)
        for row, one in self._decoded.items():
            system.place(row, one or scalar.Decoded())
        return system

    def _read_odd(self, system: System) -> None:
        """Reads records one by one that turned out to be odd."""
        for row in np.flatnonzero(self.odd).tolist():
            if row not in self._decoded:
                self._decoded[row] = one = self._scalar(row)
                system.place(row, one or scalar.Decoded())

    def _preview(self, resolved: level.Resolved, wanted: Wanted, vocabulary: Vocabulary) -> np.ndarray:
        """Which records the filter lets through, judged by as few values as it takes."""
        some = self._taken(preview.gather(self.view, resolved, self.met, wanted.fields), outer=True)
        system = self._system(some.groups, vocabulary)
        self._read_odd(system)
        return wanted(system)

    def _inner(self, outer: Level, keep: np.ndarray) -> Level:
        """The fragments nested in the values of the records that are wanted."""
        parts = [part for part in outer.nested if len(part.row)]
        if not parts:
            return Level()
        paths = list(dict.fromkeys(part.path for part in parts))
        row, at, end = (np.concatenate([part[place] for part in parts]).astype(np.int64) for place in range(3))
        above = np.concatenate([np.full(len(part.row), paths.index(part.path), dtype=np.int32) for part in parts])
        at, good = level.begin(self.view, at, end)
        instances = Instances(row, at, end, above, paths)
        if not keep.all():
            chosen = keep[row]
            instances, good = instances.select(chosen), good[chosen]
        found = self._resolved((instances, good), Level())
        inner = self._taken(level.gather(self.view, found, self.met, Level()), outer=False)
        for part in inner.nested:
            self.odd[part.row] = True
        return inner

    def _without_template(self, fragments: Instances) -> None:
        """Fragments that do not begin with a template: together where they are many, else one by one."""
        self.odd[fragments.row] = True
        token = self.view.u1[np.minimum(fragments.at, self.view.size - 1)] & layout.KIND
        fragments = fragments.select((token == layout.OPEN_ELEMENT) & (fragments.at < fragments.end))
        if len(fragments.row) < lockstep.FEW:
            return
        elements = self.met.elements
        roots = [elements.number(self.met.tree.root(path)) for path in fragments.paths]
        steps = lockstep.Steps(self.view, elements)
        leaves = steps.run(fragments.at, fragments.end, np.array(roots)[fragments.above])
        self.odd[fragments.row] = False
        for rows in steps.odd:
            self.odd[fragments.row[rows]] = True
        self._collected.append(sorted_out(self.buffer, leaves, fragments.row, elements, self.met.keys))

    def _missing(self, rows: np.ndarray, outer: bool) -> None:
        """Records without a template. The last attempt takes what there is: names that are damaged, or System alone."""
        self.lacking[rows] = True
        hopeless = ((self.walked.state[rows] == walk.SLACK) & outer) | (not self.last)
        self.odd[rows[~hopeless]] = True
        self.marks[rows[hopeless]] |= FAILED
        self.failures |= dict.fromkeys(rows[hopeless].tolist(), scalar.NO_TEMPLATE)

    def _gathered(self, groups: list[Group], keep: np.ndarray) -> Gathered:
        gathered = Gathered(self.view, self.buffer, len(self.walked), self.met.keys)
        for group in groups:
            drop = (self.odd | (self.marks & FAILED > 0) | ~keep)[group.record]
            if drop.all():
                continue
            gathered.group(level.without(group, drop) if drop.any() else group)
        for _, data in self._collected:
            chosen = keep[data.record] & ~self.odd[data.record]
            gathered.collected(data if chosen.all() else Data(*(column[chosen] for column in data)))
        for row, one in self._decoded.items():
            if one is not None and keep[row]:
                gathered.record(row, one.data, one.message, self.message_key)
        return gathered

    def _scalar(self, row: int) -> scalar.Decoded | None:
        """One record by itself; None when nothing of it can be read."""
        at, size = int(self.walked.at[row]), int(self.walked.size[row])
        self.marks[row] |= SCALAR
        self.marks[row] &= ~BORROWED & 0xFF
        trusted = self.last and self.walked.state[row] != walk.SLACK
        try:
            self._borrowing = row
            decoded = self._decoder(at).decode(at + layout.RECORD_HEADER_SIZE, at + size - 4, trusted=trusted)
            if decoded.damage and self.last:
                decoded = self._with_natural_sizes(at, size, trusted, decoded)
            self._left -= len(decoded.data)
            if self._left < 0:
                raise Unreadable("too many values stand outside templates")
            if decoded.damage and not self.last:
                raise Unreadable(decoded.damage)
            if decoded.damage and self._contradicts(at, decoded):
                raise Unreadable(f"{decoded.damage}, and its number and time are others than those in its header")
        except Unreadable as error:
            self.marks[row] |= FAILED
            self.failures[row] = str(error)
            return None
        self.marks[row] |= BORROWED * decoded.borrowed | DAMAGED * (decoded.damage is not None)
        return decoded

    def _with_natural_sizes(self, at: int, size: int, trusted: bool, first: scalar.Decoded) -> scalar.Decoded:
        """The record with numbers as wide as their types where that makes it whole, or itself; else as at first."""
        decoder, begin, end = self._decoder(at), at + layout.RECORD_HEADER_SIZE, at + size - 4
        try:
            second = decoder.decode(begin, end, trusted=trusted, natural=True)
        except Unreadable:
            return first
        if self._contradicts(at, second) or (second.damage and not self._contradicts(at, first)):
            return first
        second.damage = second.damage or scalar.SIZES_DAMAGED
        return second

    def _contradicts(self, at: int, decoded: scalar.Decoded) -> bool:
        """Whether what was read of a damaged record is something else: its number differs, as in an exported log it
        may, and its time lies far from that in its header, which even there it does not."""
        inside = scalar.number(decoded.system.get("event_record_id"))
        if inside is None or inside == int(self.view.u8[at + 8]):
            return False
        time, _ = scalar.moment(decoded.system.get("time_created"))
        written = int(self.view.u8[at + 16])
        if time is None:
            return decoded.damage != scalar.NAMES_DAMAGED  # then the name of its time may be one of them
        return abs(time - written) > _NEAR if written >= layout.FIRST_TICKS else not _SINCE <= time < _UNTIL

    def _decoder(self, at: int) -> scalar.Decoder:
        base = at & ~(layout.CHUNK_SIZE - 1)
        if self._current is None or self._base != base:
            chunk = Chunk(self.view.data, base, base + layout.CHUNK_SIZE)
            self._base, self._current = base, scalar.Decoder(chunk, self._borrow, self.met.tree)
        return self._current

    def _borrow(self, first_word: int) -> Template | None:
        found = self.met.borrow(first_word)
        self.lacking[self._borrowing] |= found is None
        return found
