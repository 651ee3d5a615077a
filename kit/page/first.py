"""The first screen: the answer, the strip and the decision of each machine."""

from __future__ import annotations

from typing import Any

from kit.page import answer
from kit.page.choice import choice
from kit.page.part import Part, render
from kit.page.signs import VERDICTS, WORST_FIRST
from kit.page.strip import strip
from kit.page.view import View

MOST_OPEN = 4  # machines whose strips stand open; more are listed and open when they are chosen


def first_screen(view: View) -> Part:
    """The answer as a sentence, then strip and advice for each machine; several machines stand under their names."""
    machines = [_machine(view, vm) for vm in view.vms]
    overall = answer.overall(view)
    html = render(
        "first.html.j2", machines=machines, several=len(machines) > 1, many=len(machines) > MOST_OPEN, overall=overall,
        counted=list(VERDICTS),
    )  # fmt: skip
    text = "\n".join(f"{machine['answer']} {machine['errors'].striptags()}" for machine in machines)
    return Part(html, text)


def _machine(view: View, vm: str) -> dict[str, Any]:
    return {
        "name": vm,
        "answer": answer.answer(view, vm),
        "errors": answer.errors(view, vm),
        "strip": strip(view, vm),
        "choice": choice(view, vm),
        **_line(view, vm),
    }


def _line(view: View, vm: str) -> dict[str, Any]:
    """What the list of machines says of one: its anchor, counts, worst verdict and the point to fail over to."""
    points = view.points_of(vm)
    counts = view.counts(points)
    advice = next((row for row in view.rows("advice") if view.owner(row["vm_name"]) == vm), None)
    return {
        "anchor": f"vm-{view.vms.index(vm) + 1}",
        "counts": counts,
        "worst_rank": [-counts[word] for word in WORST_FIRST[:2]],
        "worst": next((word for word in VERDICTS if counts[word]), None),
        "target": view.point_by_id.get(advice["fail_over_to"] or "") if advice else None,
    }


def strips(view: View) -> Part:
    """Only the strips, one for each machine."""
    html = render("strips.html.j2", strips=[(vm, strip(view, vm)) for vm in view.vms])
    return Part(html, "\n".join(answer.answer(view, vm) for vm in view.vms))
