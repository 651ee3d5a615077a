"""As few values of many template instances as it takes to decide which records are wanted."""

from __future__ import annotations

import itertools
from typing import Any

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
    distinct = sorted(dict.fromkeys(signs), key=lambda sign: sign[0])
    plan_of = {sign: plan for sign, (_, plan) in zip(signs, plans, strict=True)}
    number = {sign: place for place, sign in enumerate(distinct)}
    rank = np.array([number[sign] for sign in signs], dtype=np.uint16 if len(signs) < 0x10000 else np.uint32)[which]
    stops = [0, *np.cumsum(np.bincount(rank, minlength=len(distinct))).tolist()]
    order = np.argsort(rank, kind="stable") if len(distinct) > 1 else None
    for width, members in itertools.groupby(distinct, lambda sign: sign[0]):
        same = [number[sign] for sign in members]
        start, stop = stops[same[0]], stops[same[-1] + 1]
        runs = [Run(plan_of[distinct[one]], stops[one] - start, stops[one + 1] - start) for one in same]
        _take(view, resolved, slice(None) if order is None else order[start:stop], width, runs, level)
    return level


def _sign(values: int, plan: Plan, fields: tuple[str, ...]) -> _Sign:
    if not fits(values, plan):
        return _ODD, ()
    slots = tuple([plan.system.get(field) for field in fields])
    return max([slot + 1 for slot in slots if isinstance(slot, int)], default=0), slots


def _take(view: View, resolved: Resolved, chosen: Any, width: int, runs: list[Run], level: Level) -> None:
    record = resolved.instances.row[chosen]
    if width == _ODD:
        level.odd.append(record)
    elif not width:  # the templates alone tell
        level.groups.append(Group(record, np.zeros((len(record), 0), "<u4"), np.zeros((len(record), 1)), runs))
    else:
        desc, at = _matrix(view, resolved, chosen, width)
        group, bad = Group(record, desc, at, runs), at[:, -1] > resolved.instances.end[chosen]
        level.odd.append(record[bad])
        level.groups.append(without(group, bad) if bad.any() else group)


def _matrix(view: View, resolved: Resolved, chosen: Any, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The first descriptors of some instances, and where their values begin and the last of them ends."""
    begin = resolved.at[chosen]
    desc = _descriptors(view, resolved, chosen, begin, width)
    at = np.empty((len(desc), width + 1), dtype=np.int32, order="F")
    at[:, 0] = begin + (resolved.count[chosen] << 2)
    for place in range(width):
        size = desc[:, place] & 0xFFFF
        constant = bool((size == size[0]).all())  # as a rule: the fields in front of what is wanted have fixed sizes
        np.add(at[:, place], np.int32(size[0]) if constant else size.view(np.int32), out=at[:, place + 1])
    return desc, at


def _descriptors(view: View, resolved: Resolved, chosen: Any, begin: np.ndarray, width: int) -> np.ndarray:
    """The first descriptors of some instances; the usual ones were read with the beginnings of the records."""
    heads = resolved.instances.heads
    if heads is None or width > _IN_HEAD:
        return view.rows(begin, width, "<u4")
    desc = np.ascontiguousarray(heads["desc"][chosen]).view("<u4").reshape(-1, _IN_HEAD)[:, :width]
    moved = np.flatnonzero(begin != resolved.instances.at[chosen] + INSTANCE.itemsize)
    desc[moved] = view.rows(begin[moved], width, "<u4")
    return desc
