"""As few values of many template instances as it takes to decide which records are wanted."""

from __future__ import annotations

import itertools

import numpy as np

from kit.evtx.level import INSTANCE, Group, Level, Resolved, Run, fits, kinds, without
from kit.evtx.registry import Met
from kit.evtx.template import Plan
from kit.evtx.view import View

_IN_HEAD = 4  # descriptors that layout.RECORD holds
_ODD = -1
_Sign = tuple[int, tuple[int | str | None, ...]]  # values it takes to know some fields; their substitutions or texts


def gather(view: View, resolved: Resolved, met: Met, fields: tuple[str, ...]) -> Level:
    """The instances in groups by how many of their values it takes to know some fields of System; no more are gathered,
    and no fragments are looked for. What does not fit is listed as odd."""
    level = Level()
    if not len(resolved.number):
        return level
    plans, which = kinds(resolved, met)
    signs = [_sign(values, plan, fields) for values, plan in plans]
    distinct = sorted(set(signs), key=lambda sign: sign[0])
    plan_of = {sign: plan for sign, (_, plan) in zip(signs, plans, strict=True)}
    number = {sign: place for place, sign in enumerate(distinct)}
    rank = np.array([number[sign] for sign in signs], dtype=np.uint16 if len(signs) < 0x10000 else np.uint32)[which]
    stops = [0, *np.cumsum(np.bincount(rank, minlength=len(distinct))).tolist()]
    order = np.argsort(rank, kind="stable") if len(distinct) > 1 else np.arange(len(rank))
    for width, members in itertools.groupby(distinct, lambda sign: sign[0]):
        same = [number[sign] for sign in members]
        start, stop = stops[same[0]], stops[same[-1] + 1]
        runs = [Run(plan_of[distinct[one]], stops[one] - start, stops[one + 1] - start) for one in same]
        _take(view, resolved, order[start:stop], width, runs, level)
    return level


def _sign(values: int, plan: Plan, fields: tuple[str, ...]) -> _Sign:
    if not fits(values, plan):
        return _ODD, ()
    slots = tuple([plan.system.get(field) for field in fields])
    return max([slot + 1 for slot in slots if isinstance(slot, int)], default=0), slots


def _take(view: View, resolved: Resolved, order: np.ndarray, width: int, runs: list[Run], level: Level) -> None:
    record = resolved.instances.row[order]
    if width == _ODD:
        level.odd.append(record)
    elif not width:  # the templates alone tell
        level.groups.append(Group(record, np.zeros((len(record), 0), "<u4"), np.zeros((len(record), 1)), runs))
    else:
        some = resolved if len(order) == len(resolved.number) == runs[0].stop else resolved.select(order)
        desc, at = _matrix(view, some, width)
        group, bad = Group(record, desc, at, runs), at[:, -1] > some.instances.end
        level.odd.append(record[bad])
        level.groups.append(without(group, bad) if bad.any() else group)


def _matrix(view: View, resolved: Resolved, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The first descriptors of each instance, and where their values begin and the last of them ends."""
    desc = _descriptors(view, resolved, width)
    at = np.empty((len(desc), width + 1), dtype=np.int32, order="F")
    at[:, 0] = resolved.at + (resolved.count << 2)
    for place in range(width):
        size = desc[:, place] & 0xFFFF
        constant = bool((size == size[0]).all())  # as a rule: the fields in front of what is wanted have fixed sizes
        np.add(at[:, place], np.int32(size[0]) if constant else size.view(np.int32), out=at[:, place + 1])
    return desc, at


def _descriptors(view: View, resolved: Resolved, width: int) -> np.ndarray:
    """The first descriptors of each instance; the usual ones were read with the beginnings of the records."""
    heads = resolved.instances.heads
    if heads is None or width > _IN_HEAD:
        return view.rows(resolved.at, width, "<u4")
    desc = np.ascontiguousarray(heads["desc"]).view("<u4").reshape(-1, _IN_HEAD)[:, :width]
    moved = np.flatnonzero(resolved.at != resolved.instances.at + INSTANCE.itemsize)
    desc[moved] = view.rows(resolved.at[moved], width, "<u4")
    return desc
