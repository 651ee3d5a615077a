"""All templates met so far, in this file and in earlier ones: recognised by GUID and size, proven byte by byte."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kit.errors import Unreadable
from kit.evtx import format as layout
from kit.evtx import recognise
from kit.evtx.binxml import Chunk, u32
from kit.evtx.fragment import Tree
from kit.evtx.lockstep import Elements
from kit.evtx.template import Keys, Template, compile_definition
from kit.evtx.view import View

UNKNOWN = -1
MAX_VARIANTS = 256  # definitions of one GUID and size that may differ
MAX_LEAVES = 1 << 21  # of all templates together; real logs of a whole company stay far below
_COMPILED_PER_CHUNK = 2 * layout.CHUNK_SIZE  # bytes of definitions compiled from one chunk; sound ones never overlap
_MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


class Stash(Protocol):
    """Templates of earlier runs, fetched when they are needed."""

    def of(self, guid: bytes, size: int) -> Iterable[Template]: ...


class Registry:
    """Templates by number. One registry may serve many files; it only grows.

    `keys` numbers the fields of event data, `tree` knows the elements of fragments without a template; `compiled` are
    the templates that were not fetched from earlier runs.
    """

    def __init__(self, stash: Stash | None = None) -> None:
        self.templates: list[Template] = []
        self.keys = Keys()
        self.tree = Tree()
        self.elements = Elements(self.tree)
        self.compiled: list[Template] = []
        self._leaves = 0
        self._names = recognise.Names()
        self.stash = stash
        self._variants: dict[tuple[bytes, int], list[Template]] = {}

    def _known(self, guid: bytes, size: int) -> list[Template]:
        """The templates of this GUID and size; those of earlier runs are fetched at the first call."""
        known = self._variants.get((guid, size))
        if known is None:
            known = self._variants[guid, size] = []
            for template in self.stash.of(guid, size) if self.stash else ():
                self._add(template)
        return known

    def _add(self, template: Template) -> Template:
        template.number = len(self.templates)
        template.name_numbers = self._names.of(template)
        self._leaves += len(template.leaves)
        self.templates.append(template)
        self._variants.setdefault((template.guid, template.size), []).append(template)
        return template

    def resolve(self, view: View, at: np.ndarray) -> np.ndarray:
        """The number of the template at each position (start of a definition); UNKNOWN where none can be made out."""
        found = np.full(len(at), UNKNOWN, dtype=np.int32)
        inside = at & (layout.CHUNK_SIZE - 1)
        room = layout.CHUNK_SIZE - inside - layout.TEMPLATE_HEADER_SIZE
        possible = np.flatnonzero((inside >= layout.CHUNK_HEADER_SIZE) & (room >= 0))
        size = view.u4[at[possible] + 20].astype(np.int64)
        fits = (size <= room[possible]) & (size > 0)
        possible, size = possible[fits], size[fits]
        budget = _Budget()
        groups = _groups(view, at[possible], size)
        first = np.array([members[0] for members in groups], dtype=np.int64)
        trials = [
            _Trial(possible[members], length, self._known(view.data[start + 4 : start + 20], length))
            for members, start, length in zip(groups, at[possible[first]].tolist(), size[first].tolist(), strict=True)
        ]
        while trials:
            trials = self._tried(view, at, trials, found, budget)
        return found

    def _tried(
        self, view: View, at: np.ndarray, trials: list[_Trial], found: np.ndarray, budget: _Budget
    ) -> list[_Trial]:
        """Compares each group with the next of its variants; what is left of the groups."""
        templates = [self._next(view, at, trial, found, budget) for trial in trials]
        some = [(trial, one) for trial, one in zip(trials, templates, strict=True) if one and len(trial.members)]
        if not some:
            return []
        members = np.concatenate([trial.members for trial, _ in some])
        lengths = [len(trial.members) for trial, _ in some]
        which = np.repeat(np.arange(len(some)), lengths)
        same = recognise.same(view, self._names, [one for _, one in some], which, at[members])
        numbers = np.repeat([one.number for _, one in some], lengths)
        found[members[same]] = numbers[same]
        if same.all():
            return []
        for (trial, _), rest in zip(some, np.split(~same, np.cumsum(lengths)[:-1]), strict=True):
            trial.members = trial.members[rest]
        return [trial for trial, _ in some if len(trial.members)]

    def _next(self, view: View, at: np.ndarray, trial: _Trial, found: np.ndarray, budget: _Budget) -> Template | None:
        """The next variant to compare with: a known one, or the first definition that can be compiled."""
        if trial.place < len(trial.variants):
            trial.place += 1
            return trial.variants[trial.place - 1]
        while len(trial.members) and len(trial.variants) < MAX_VARIANTS:
            first, trial.members = trial.members[0], trial.members[1:]
            new = self._compile(view, int(at[first]), trial.size, budget)
            if new is not None:
                found[first] = new.number
                trial.place += 1
                return new
        return None

    def _compile(self, view: View, at: int, size: int, budget: _Budget) -> Template | None:
        base = at & ~(layout.CHUNK_SIZE - 1)
        if self._leaves > MAX_LEAVES or not budget.allows(base, size):
            return None
        try:
            made = compile_definition(Chunk(view.data, base, base + layout.CHUNK_SIZE), at)
        except Unreadable:
            return None
        self.compiled.append(self._add(made))
        return made


class Met:
    """The templates of a registry as one log meets them.

    Only a template whose definition stands in the log itself may take the place of one that is damaged there, so that
    what is read of a log depends on no other log, and on nothing that an earlier run has kept.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.templates = registry.templates
        self.keys = registry.keys
        self.tree = registry.tree
        self.elements = registry.elements
        self._numbers: set[int] = set()
        self._words: dict[int, list[Template]] = {}

    def resolve(self, view: View, at: np.ndarray) -> np.ndarray:
        """The number of the template at each position (start of a definition); UNKNOWN where none can be made out."""
        found = self._registry.resolve(view, at)
        for number in sorted({*found.tolist()} - self._numbers - {UNKNOWN}):
            template = self.templates[number]
            self._numbers.add(number)
            self._words.setdefault(u32(template.guid, 0), []).append(template)
        return found

    def borrow(self, first_word: int) -> Template | None:
        """The template whose GUID begins with this word; None when there is none, or two differ in what they say."""
        fitting = self._words.get(first_word, ())
        if not fitting or any(one.leaves != fitting[0].leaves for one in fitting[1:]):
            return None
        return fitting[0]


@dataclass(slots=True)
class _Trial:
    """Definitions of one GUID and size that have no number yet, its variants, and the place of the next to try."""

    members: np.ndarray
    size: int
    variants: list[Template]
    place: int = 0


class _Budget:
    """Bytes of definitions that may still be compiled from each chunk, so that overlaps cost no endless time."""

    def __init__(self) -> None:
        self._spent: dict[int, int] = {}

    def allows(self, chunk: int, size: int) -> bool:
        spent = self._spent.get(chunk, 0) + size
        self._spent[chunk] = spent
        return spent <= _COMPILED_PER_CHUNK


def _groups(view: View, at: np.ndarray, size: np.ndarray) -> list[np.ndarray]:
    """Positions (as numbers of `at`) of definitions with equal GUID and size."""
    if not len(at):
        return []
    low, high = view.u8[at + 4], view.u8[at + 12]
    mixed = low * np.uint64(_MIX[0]) ^ high * np.uint64(_MIX[1]) ^ size.astype(np.uint64) * np.uint64(_MIX[2])
    order = np.argsort(mixed, kind="stable")
    differs = (low[order][1:] != low[order][:-1]) | (high[order][1:] != high[order][:-1])
    differs |= size[order][1:] != size[order][:-1]
    bounds = [0, *(np.flatnonzero(differs) + 1).tolist(), len(order)]
    return [order[begin:end] for begin, end in itertools.pairwise(bounds)]
