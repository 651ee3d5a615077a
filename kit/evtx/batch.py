"""Records of some chunks, decoded: the columnar path for what is regular, the scalar path for the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kit.errors import Unreadable
from kit.evtx import fields, level, lockstep, scalar, walk
from kit.evtx import format as layout
from kit.evtx.binxml import Chunk
from kit.evtx.collected import Data, Written, sorted_out
from kit.evtx.columns import System, Vocabulary
from kit.evtx.level import Group, Instances, Level
from kit.evtx.payload import Gathered, Values
from kit.evtx.registry import Registry
from kit.evtx.view import View

SCALAR, BORROWED, DAMAGED, FAILED = 1, 2, 4, 8
_SCALAR_VALUES = 1 << 22  # event data of a batch that may go one by one
Wanted = Callable[[System], np.ndarray]
_ByRow = dict[int, scalar.Decoded | None]


@dataclass(slots=True)
class Records:
    """The records of a batch.

    walked    where they stand, in the order of the batch
    marks     bits for each: SCALAR decoded one by one, BORROWED template, DAMAGED in part, FAILED altogether
    wanted    records that the filter lets through and that did not fail, as positions in `walked`
    failures  reason for each record that failed, by position
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
        return self.view.words(self.walked.at + 8)

    @property
    def written(self) -> np.ndarray:
        """Times in the record headers (FILETIME)."""
        return self.view.words(self.walked.at + 16)


def decode(
    view: View,
    walked: walk.Walked,
    registry: Registry,
    wanted: Wanted | None = None,
    *,
    vocabulary: Vocabulary | None = None,
    last: bool = False,
) -> Records:
    """The records of a batch; `wanted` looks at System alone and says which records to go on with.

    Unless it is the `last` attempt, a record that can be read in part only counts as failed, because the template that
    is missing may still be found elsewhere. `vocabulary` is shared by the batches of a log.
    """
    return _Decoding(view, walked, registry, last).run(wanted, vocabulary or Vocabulary())


class _Decoding:
    def __init__(self, view: View, walked: walk.Walked, registry: Registry, last: bool) -> None:
        self.view = view
        self.buffer = pa.py_buffer(view.data)
        self.walked = walked
        self.registry = registry
        self.last = last
        self.odd = np.zeros(len(walked), dtype=bool)
        self.marks = np.where(walked.sound, 0, DAMAGED).astype(np.uint8)
        self.failures: dict[int, str] = {}
        self.message_key = registry.keys.number(fields.MESSAGE, False, False)
        self._base = -1
        self._current: scalar.Decoder | None = None
        self._left = _SCALAR_VALUES
        self._collected: list[tuple[dict[str, Written], Data]] = []

    def run(self, wanted: Wanted | None, vocabulary: Vocabulary) -> Records:
        outer = self._outer()
        system = System(self.view, self.buffer, len(self.walked), outer.groups, vocabulary)
        for written, _ in self._collected:
            system.write(written)
        decoded = {row: self._scalar(row) for row in np.flatnonzero(self.odd).tolist()}
        self._place(system, decoded)
        keep = wanted(system) if wanted else np.ones(len(self.walked), dtype=bool)
        before = self.odd.copy()
        inner = self._inner(outer, keep)
        later = {row: self._scalar(row) for row in np.flatnonzero(self.odd & ~before).tolist()}
        self._place(system, later)
        gathered = self._gathered(outer.groups + inner.groups, decoded | later, keep)
        good = keep & (self.marks & FAILED == 0)
        chosen = np.flatnonzero(good)
        return Records(
            self.view, self.walked, self.marks, chosen, self.failures, system, gathered, self.message_key
        )

    def _outer(self) -> Level:
        rows = np.arange(len(self.walked))
        end = self.walked.at + self.walked.size - 4
        at, good = level.begin(self.view, self.walked.at + layout.RECORD_HEADER_SIZE, end)
        instances = Instances(rows, at, end, np.zeros(len(rows), dtype=np.int32), [()])
        return self._level(instances, good)

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
        found = self._level(instances, good)
        for part in found.nested:
            self.odd[part.row] = True
        return found

    def _level(self, instances: Instances, good: np.ndarray) -> Level:
        if not good.all():
            self._without_template(instances.select(~good))
            instances = instances.select(good)
        found = level.gather(self.view, instances, self.registry)
        for rows in found.odd:
            self.odd[rows] = True
        for rows in found.missing:
            self._missing(rows, outer=not instances.paths[0])
        for rows in found.borrowed:
            self.marks[rows] |= BORROWED
        return found

    def _without_template(self, fragments: Instances) -> None:
        """Fragments that do not begin with a template: together where they are many, else one by one."""
        self.odd[fragments.row] = True
        token = self.view.u1[np.minimum(fragments.at, self.view.size - 1)] & layout.KIND
        fragments = fragments.select((token == layout.OPEN_ELEMENT) & (fragments.at < fragments.end))
        if len(fragments.row) < lockstep.FEW:
            return
        elements = self.registry.elements
        roots = [elements.number(self.registry.tree.root(path)) for path in fragments.paths]
        steps = lockstep.Steps(self.view, elements)
        leaves = steps.run(fragments.at, fragments.end, np.array(roots)[fragments.above])
        self.odd[fragments.row] = False
        for rows in steps.odd:
            self.odd[fragments.row[rows]] = True
        self._collected.append(sorted_out(self.buffer, leaves, fragments.row, elements, self.registry.keys))

    def _missing(self, rows: np.ndarray, outer: bool) -> None:
        """Records without a template. The last attempt takes what there is: names that are damaged, or System alone."""
        hopeless = ((self.walked.state[rows] == walk.SLACK) & outer) | (not self.last)
        self.odd[rows[~hopeless]] = True
        self.marks[rows[hopeless]] |= FAILED
        self.failures |= dict.fromkeys(rows[hopeless].tolist(), scalar.NO_TEMPLATE)

    def _gathered(self, groups: list[Group], decoded: _ByRow, keep: np.ndarray) -> Gathered:
        gathered = Gathered(self.view, self.buffer, len(self.walked), self.registry.keys)
        for group in groups:
            drop = (self.odd | (self.marks & FAILED > 0) | ~keep)[group.record]
            if drop.all():
                continue
            gathered.group(level.without(group, drop) if drop.any() else group)
        for _, data in self._collected:
            chosen = keep[data.record] & ~self.odd[data.record]
            gathered.collected(data if chosen.all() else Data(*(column[chosen] for column in data)))
        for row, one in decoded.items():
            if one is not None and keep[row]:
                gathered.record(row, one.data, one.message, self.message_key)
        return gathered

    def _place(self, system: System, decoded: _ByRow) -> None:
        for row, one in decoded.items():
            system.place(row, one or scalar.Decoded())

    def _scalar(self, row: int) -> scalar.Decoded | None:
        """One record by itself; None when nothing of it can be read."""
        at, size = int(self.walked.at[row]), int(self.walked.size[row])
        self.marks[row] |= SCALAR
        self.marks[row] &= ~BORROWED & 0xFF
        trusted = self.last and self.walked.state[row] != walk.SLACK
        try:
            decoded = self._decoder(at).decode(at + layout.RECORD_HEADER_SIZE, at + size - 4, trusted=trusted)
            self._left -= len(decoded.data)
            if self._left < 0:
                raise Unreadable("too many values stand outside templates")
            if decoded.damage and not self.last:
                raise Unreadable(decoded.damage)
        except Unreadable as error:
            self.marks[row] |= FAILED
            self.failures[row] = str(error)
            return None
        self.marks[row] |= BORROWED * decoded.borrowed | DAMAGED * (decoded.damage is not None)
        return decoded

    def _decoder(self, at: int) -> scalar.Decoder:
        base = at & ~(layout.CHUNK_SIZE - 1)
        if self._current is None or self._base != base:
            chunk = Chunk(self.view.data, base, base + layout.CHUNK_SIZE)
            self._base, self._current = base, scalar.Decoder(chunk, self.registry.borrow, self.registry.tree)
        return self._current
