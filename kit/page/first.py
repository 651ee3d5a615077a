"""The first screen: the answer, the strip and the decision of each machine."""

from __future__ import annotations

from typing import Any

from kit.page import answer
from kit.page.choice import choice
from kit.page.part import Part, render
from kit.page.strip import strip
from kit.page.view import View


def first_screen(view: View) -> Part:
    """The answer as a sentence, then strip and advice for each machine; several machines stand under their names."""
    machines = [_machine(view, vm) for vm in view.vms]
    overall = answer.overall(view)
    html = render("first.html.j2", machines=machines, several=len(machines) > 1, overall=overall)
    text = "\n".join(f"{machine['answer']} {machine['errors'].striptags()}" for machine in machines)
    return Part(html, text)


def _machine(view: View, vm: str) -> dict[str, Any]:
    return {
        "name": vm,
        "answer": answer.answer(view, vm),
        "errors": answer.errors(view, vm),
        "strip": strip(view, vm),
        "choice": choice(view, vm),
    }


def strips(view: View) -> Part:
    """Only the strips, one for each machine."""
    html = render("strips.html.j2", strips=[(vm, strip(view, vm)) for vm in view.vms])
    return Part(html, "\n".join(answer.answer(view, vm) for vm in view.vms))
