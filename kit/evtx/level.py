"""All template instances of one nesting level at once: from positions to matrices of descriptors and of positions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from kit.evtx import format as layout
from kit.evtx.registry import UNKNOWN, Met
from kit.evtx.template import Plan
from kit.evtx.view import View, picked

MAX_VALUES = 0x4000
_Key = TypeVar("_Key")
INSTANCE = np.dtype([("token", "u1"), ("version", "u1"), ("word", "<u4"), ("offset", "<u4"), ("count", "<u4")])
_HEADER = 10  # the same without the number of values, which a definition in place comes before
_CHUNK_MASK = ~(layout.CHUNK_SIZE - 1)
_TYPE_BITS = 0xFF0000
_FRAGMENT_BITS = layout.BINXML_TYPE << 16


@dataclass(slots=True)
class Instances:
    """Template instances: record number, position of the token, end of the bytes they may use, path they continue.

    `heads` is the beginning of each record (layout.RECORD) where all instances stand where they do as a rule.
    """

    row: np.ndarray
    at: np.ndarray
    end: np.ndarray
    above: np.ndarray
    paths: list[tuple[str, ...]]
    heads: np.ndarray | None = None

    def select(self, chosen: np.ndarray) -> Instances:
        """The chosen instances."""
        heads = None if self.heads is None else picked(self.heads, chosen)
        return Instances(self.row[chosen], self.at[chosen], self.end[chosen], self.above[chosen], self.paths, heads)


class Run(NamedTuple):
    """Neighbouring rows of a group that share a plan."""

    plan: Plan
    start: int
    stop: int


@dataclass(slots=True)
class Group:
    """Instances with the same number of values, one row each.

    record   the record of each
    desc     instances x values: size in the low 16 bits, type above
    at       one column more: where each value begins; the last column is where the values end
    """

    record: np.ndarray
    desc: np.ndarray
    at: np.ndarray
    runs: list[Run]

    @property
    def values(self) -> int:
        """Values of each instance."""
        return self.desc.shape[1]


class Nested(NamedTuple):
    """Fragments found in values: record number, begin and end, and the path that they continue."""

    row: np.ndarray
    at: np.ndarray
    end: np.ndarray
    path: tuple[str, ...]


@dataclass(slots=True)
class Level:
    """The groups of one level and what could not be grouped.

    odd       records that must go one by one
    missing   records whose template is neither where it should be nor anywhere else
    borrowed  records whose template was taken from elsewhere because their own is damaged
    nested    the fragments in the values
    """

    groups: list[Group] = field(default_factory=list)
    odd: list[np.ndarray] = field(default_factory=list)
    missing: list[np.ndarray] = field(default_factory=list)
    borrowed: list[np.ndarray] = field(default_factory=list)
    nested: list[Nested] = field(default_factory=list)


def begin(view: View, at: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the template instances that fragments begin with, and which fragments do begin with one."""
    at = np.where(view.u1[at] == layout.FRAGMENT, at + 4, at)
    good = at + INSTANCE.itemsize <= end
    good &= view.u1[np.minimum(at, view.size - 1)] == layout.TEMPLATE_INSTANCE
    return at, good


@dataclass(slots=True)
class Resolved:
    """Instances whose template is known: its number, where the descriptors begin, and how many values there are."""

    instances: Instances
    number: np.ndarray
    at: np.ndarray
    count: np.ndarray

    def select(self, chosen: np.ndarray) -> Resolved:
        """The chosen instances."""
        return Resolved(self.instances.select(chosen), self.number[chosen], self.at[chosen], self.count[chosen])


def resolve(view: View, instances: Instances, met: Met, level: Level) -> Resolved:
    """The instances that have a template; the others are listed in the level."""
    heads = view.records(instances.at, INSTANCE) if instances.heads is None else instances.heads
    base = instances.at & _CHUNK_MASK
    offset = heads["offset"].astype(np.int64)
    word = np.ascontiguousarray(heads["word"])
    number = _templates(view, word, base + np.minimum(offset, layout.CHUNK_SIZE - 1), met)
    known = number != UNKNOWN
    if not known.all():
        _borrow(level, instances, word, number, met)
        known = number != UNKNOWN
    after = instances.at + (_HEADER + 4)
    count = heads["count"].astype(np.int64)
    offset += base
    offset += 4
    inline = np.flatnonzero(offset == after)
    inline = inline[after[inline] + (layout.TEMPLATE_HEADER_SIZE - 4) <= instances.end[inline]]
    after[inline] += view.u4[after[inline] + 16].astype(np.int64) + layout.TEMPLATE_HEADER_SIZE
    known[inline] &= after[inline] <= instances.end[inline]
    inline = inline[known[inline]]
    count[inline] = view.u4[after[inline] - 4]
    known &= (count <= MAX_VALUES) & (after + 4 * count <= instances.end)
    found = Resolved(instances, number, after, count)
    if known.all():
        return found
    level.missing.append(instances.row[number == UNKNOWN])
    level.odd.append(instances.row[~known & (number != UNKNOWN)])
    return found.select(known)


def gather(view: View, resolved: Resolved, met: Met, level: Level) -> Level:
    """The level with its groups of instances by number of values and template; what does not fit is listed as odd."""
    if not len(resolved.number):
        return level
    plans, order, stops = _sorted(resolved, met)
    fitting = [one for one, (values, plan) in enumerate(plans) if fits(values, plan)]
    rest = set(range(len(plans))) - set(fitting)
    level.odd.extend(resolved.instances.row[order[stops[one] : stops[one + 1]]] for one in sorted(rest))
    for values, members in itertools.groupby(fitting, lambda one: plans[one][0]):
        same = list(members)
        chosen = np.concatenate([order[stops[one] : stops[one + 1]] for one in same])
        ends = np.cumsum([stops[one + 1] - stops[one] for one in same]).tolist()
        runs = [Run(plans[one][1], start, end) for one, start, end in zip(same, [0, *ends], ends, strict=False)]
        group, bad = _matrix(view, resolved, chosen, values, runs)
        level.nested.extend(_nested(group, bad))
        if bad.any():
            level.odd.append(group.record[bad])
            group = without(group, bad)
        level.groups.append(group)
    return level


def fits(values: int, plan: Plan) -> bool:
    """Whether the columnar path can follow a plan with so many values."""
    return plan.regular and plan.template.slot_count <= values


def _sorted(resolved: Resolved, met: Met) -> tuple[list[tuple[int, Plan]], np.ndarray, list[int]]:
    """(number of values, plan) in the order in which they stand together, the instances in that order, the bounds."""
    plans, which = kinds(resolved, met)
    rank = _ranked(plans)
    ranks = rank[which]
    stops = np.concatenate([[0], np.cumsum(np.bincount(ranks, minlength=len(plans)))]).tolist()
    return [plans[one] for one in np.argsort(rank).tolist()], np.argsort(ranks, kind="stable"), stops


def kinds(resolved: Resolved, met: Met) -> tuple[list[tuple[int, Plan]], np.ndarray]:
    """Each number of values and plan that occurs, and which of them each instance has."""
    key = resolved.number.astype(np.int64) << 32
    key |= resolved.count
    paths = resolved.instances.paths
    if len(paths) > 1:
        key |= resolved.instances.above.astype(np.int64) << 16
    coded = pa.array(key).dictionary_encode()
    plans = [
        (key & 0xFFFF, met.templates[key >> 32].plan(paths[(key >> 16) & 0xFFFF], met.keys))
        for key in coded.dictionary.to_pylist()
    ]
    return plans, coded.indices.to_numpy()


def _templates(view: View, word: np.ndarray, at: np.ndarray, met: Met) -> np.ndarray:
    """Template of each instance, given where its definition stands.

    UNKNOWN when the definition is damaged or not the one that the instance names by the first word of its GUID.
    """
    distinct = pa.array(at).dictionary_encode()
    places = distinct.dictionary.to_numpy()
    which = distinct.indices.to_numpy()
    numbers = met.resolve(view, places)
    known = numbers != UNKNOWN
    words = np.zeros(len(places), dtype=np.uint32)
    words[known] = view.u4[places[known] + 4]
    found: np.ndarray = numbers.take(which)
    wrong = words.take(which) != word
    if wrong.any():
        found[wrong] = UNKNOWN
    return found


def _borrow(level: Level, instances: Instances, word: np.ndarray, numbers: np.ndarray, met: Met) -> None:
    """Gives instances without a template of their own the one that is known elsewhere by the same name."""
    without = np.flatnonzero(numbers == UNKNOWN)
    for one in np.unique(word[without]).tolist():
        template = met.borrow(one)
        if template is not None:
            numbers[without[word[without] == one]] = template.number
    level.borrowed.append(instances.row[without[numbers[without] != UNKNOWN]])


def _ranked(plans: list[tuple[int, Plan]]) -> np.ndarray:
    """The place of each plan when those with equally many values, then of equal layout, stand together."""
    order = sorted(range(len(plans)), key=lambda one: _sorting(*plans[one]))
    rank = np.empty(len(plans), dtype=np.uint16 if len(plans) < 0x10000 else np.uint32)
    rank[order] = np.arange(len(plans))
    return rank


def _sorting(count: int, plan: Plan) -> tuple[Any, ...]:
    return count, plan.layout, plan.nested, plan.template.number


def _matrix(
    view: View, resolved: Resolved, chosen: np.ndarray, width: int, runs: list[Run]
) -> tuple[Group, np.ndarray]:
    """Descriptors and positions of values of instances with equally many, and which run over their end."""
    at = resolved.at[chosen]
    desc = view.rows(at, width, "<u4")
    begins = np.empty((len(at), width + 1), dtype=np.int32)
    begins[:, 0] = at + 4 * resolved.count[chosen]
    np.bitwise_and(desc, 0xFFFF, out=begins[:, 1:], casting="unsafe")
    _running_sums(begins)
    bad = begins[:, -1] > resolved.instances.end[chosen]
    return Group(resolved.instances.row[chosen], desc, begins, runs), bad


def _running_sums(rows: np.ndarray) -> None:
    """Makes the running sum of each row, in place: one over all rows, minus what came before each row.

    Sums that leave 32 bits wrap around, and back again when they are subtracted.
    """
    begins = rows[:, :1].copy()
    flat = rows.reshape(-1)
    np.cumsum(flat, out=flat)
    begins -= rows[:, :1]
    rows += begins


def merged(runs: list[Run], key: Callable[[Run], _Key]) -> Iterator[tuple[_Key, int, int]]:
    """Neighbouring runs for which the key is equal, as (key, first row, row after the last)."""
    for value, members in itertools.groupby(runs, key):
        same = list(members)
        yield value, same[0].start, same[-1].stop


def _nested(group: Group, bad: np.ndarray) -> list[Nested]:
    """Fragments in the values of a group; instances with fragments elsewhere than in one container are bad."""
    fragments = np.flatnonzero((group.desc & _TYPE_BITS) == _FRAGMENT_BITS)
    total = np.bincount(fragments // max(group.values, 1), minlength=len(group.record))
    bad |= total > 1
    found = []
    for nested, start, stop in merged(group.runs, lambda run: run.plan.nested):
        rows = slice(start, stop)
        expected = np.zeros(stop - start, dtype=np.int64)
        for slot, path in nested:
            desc = group.desc[rows, slot]
            here = (desc & _TYPE_BITS) == _FRAGMENT_BITS
            bad[rows] |= ~here & (desc > 0xFFFF) & ((desc & 0xFFFF) > 0)
            expected += here
            found.append((slot, path, start, here))
        bad[rows] |= expected != total[rows]
    return [_fragments(group, bad, *one) for one in found]


def _fragments(group: Group, bad: np.ndarray, slot: int, path: tuple[str, ...], start: int, here: np.ndarray) -> Nested:
    rows = start + np.flatnonzero(here & ~bad[start : start + len(here)])
    return Nested(group.record[rows], group.at[rows, slot], group.at[rows, slot + 1], path)


def without(group: Group, bad: np.ndarray) -> Group:
    """The group without some of its instances."""
    keep = np.flatnonzero(~bad)
    before = np.concatenate([[0], np.cumsum(~bad)])
    runs = [Run(run.plan, int(before[run.start]), int(before[run.stop])) for run in group.runs]
    kept = [run for run in runs if run.stop > run.start]
    return Group(group.record[keep], group.desc[keep], group.at[keep], kept)
