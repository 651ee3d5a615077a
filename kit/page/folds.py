"""Many machines on one page: which of their parts stand open, which are folded, and which paper shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kit.page.signs import WORST_FIRST
from kit.page.view import OPEN_OF_MANY, View


@dataclass(frozen=True)
class Fold:
    """How the part of one machine stands in a section.

    `name` is its heading, empty where the case has one machine; `folds` says that it is a part that can be folded;
    `paper` that it is printed even if it is folded on the screen; `worth` that it has points which are contradicted
    or cannot be judged.
    """

    vm: str
    name: str
    folds: bool
    open: bool
    paper: bool
    worth: bool
    counts: dict[str, int]


def folds(view: View) -> list[Fold]:
    """One for each machine: few ones in alphabetical order and open, of many the worst first and only those open.

    Of many machines paper shows those that have a contradicted point: there a reader needs every reason.
    """
    made = [_fold(view, vm) for vm in (view.worst_vms if view.many else view.vms)]
    first = [fold.vm for fold in made if fold.worth][:OPEN_OF_MANY]
    return [replace(fold, open=True, paper=True) if fold.vm in first else fold for fold in made]


def _fold(view: View, vm: str) -> Fold:
    counts = view.counts(view.points_of(vm))
    stands = not view.many
    worth = any(counts[word] for word in WORST_FIRST[:2])
    name = vm if len(view.vms) > 1 else ""
    return Fold(vm, name, view.many, stands, stands or counts["contradicted"] > 0, worth, counts)
