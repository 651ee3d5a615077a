"""Figures: each call takes an analysis and returns what a notebook shows; the exported page draws them offline.

    from kit import plots
    plots.timeline(analysis)

Everything is drawn from the declared tables. What cannot be drawn is said in words.
"""

from __future__ import annotations

from kit.judgement.analysis import Analysis
from kit.page.language import say, spoken
from kit.page.part import Drawing, Part, Parts, render
from kit.page.view import View, view_of

__all__ = ["aborts", "clock", "coverage", "recovery", "timeline"]


@spoken
def timeline(analysis: Analysis) -> Parts:
    """Swim lanes from primary host to test failover, one figure for each machine."""
    from kit.plots.swimlanes import timelines

    view = view_of(analysis)
    return _or(timelines(view), say("No source holds a time, so there is no time line to draw."), view)


@spoken
def aborts(analysis: Analysis) -> Parts:
    """Seconds from thaw to abort, one figure for each machine."""
    from kit.plots.abort_gaps import aborts as made

    view = view_of(analysis)
    words = say("The logs given record no abort of a VSS operation, so there is no order of thaw and abort to draw.")
    return _or(made(view), words, view)


@spoken
def recovery(analysis: Analysis) -> Parts:
    """What recovery did to each database in the boots of test failovers."""
    from kit.plots.booted import recovery as made

    return _or(made(view_of(analysis)), say("No boot of a test failover shows what recovery did."))


@spoken
def clock(analysis: Analysis) -> Parts:
    """What is left between point times and thaws once the clocks are aligned."""
    from kit.plots.clock_pairs import clock as made

    view = view_of(analysis)
    words = say("No point is linked to an operation, so there is no pair of clocks to compare.")
    return _or(made(view), words, view)


@spoken
def coverage(analysis: Analysis) -> Parts:
    """Which log covers which time, gaps and damage cut out."""
    from kit.plots.spans import coverage as made

    return _or(made(view_of(analysis)), say("No source holds a time, so there is no coverage to draw."))


def _or(drawings: list[Drawing], words: str, view: View | None = None) -> Parts:
    """The drawings, or the words where there is nothing to draw; of many machines, which ones are not drawn."""
    if not drawings:
        return Parts([Part(render("words.html.j2", words=words), words)])
    if view is None or len(view.vms) == len(view.drawn_vms):
        return Parts(drawings)
    count = len(view.vms) - len(view.drawn_vms)
    said = say(
        "Drawn for the {drawn} machines with the worst verdicts. The other {count}: kit report CASE --vm NAME",
        drawn=len(view.drawn_vms), count=count,
    )  # fmt: skip
    return Parts([Part(render("words.html.j2", words=said), said), *drawings])
