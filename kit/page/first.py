"""The first screen: the answer, the strip and the decision of each machine."""

from __future__ import annotations

from typing import Any

from kit.page import answer
from kit.page.choice import choice
from kit.page.folds import Fold, folds
from kit.page.part import Part, render
from kit.page.signs import VERDICTS
from kit.page.strip import strip
from kit.page.view import View

LISTED = 40  # machines in the list; the rest of them is folded
NAMED = 5  # of many machines, the worst ones whose folded strips stand one by one below the list


def first_screen(view: View) -> Part:
    """The answer as a sentence, then strip and advice for each machine; several machines stand under their names."""
    machines = [_machine(view, fold) for fold in folds(view)]
    overall = answer.overall(view)
    html = render(
        "first.html.j2", machines=machines, several=len(machines) > 1, many=view.many, overall=overall,
        counted=list(VERDICTS), listed=LISTED, named=min(NAMED, sum(machine["fold"].worth for machine in machines)),
    )  # fmt: skip
    text = "\n".join(f"{machine['answer']} {machine['errors'].striptags()}" for machine in machines)
    return Part(html, text)


def _machine(view: View, fold: Fold) -> dict[str, Any]:
    vm = fold.vm
    return {
        "name": vm,
        "fold": fold,
        "answer": answer.answer(view, vm),
        "errors": answer.errors(view, vm),
        "strip": strip(view, vm),
        "choice": choice(view, vm),
        **_line(view, fold),
    }


def _line(view: View, fold: Fold) -> dict[str, Any]:
    """What the list of machines says of one: its anchor, worst verdict and the point to fail over to."""
    advice = next((row for row in view.rows("advice") if view.owner(row["vm_name"]) == fold.vm), None)
    return {
        "anchor": f"vm-{view.vms.index(fold.vm) + 1}",
        "worst": next((word for word in VERDICTS if fold.counts[word]), None),
        "target": view.point_by_id.get(advice["fail_over_to"] or "") if advice else None,
    }


def strips(view: View) -> Part:
    """Only the strips, one for each machine."""
    made = [(fold, strip(view, fold.vm)) for fold in folds(view)]
    html = render("strips.html.j2", strips=made)
    return Part(html, "\n".join(answer.answer(view, vm) for vm in view.vms))
