"""Figures: each call takes an analysis and returns what a notebook shows; the exported page draws them offline.

    from kit import plots
    plots.timeline(analysis)

Everything is drawn from the declared tables. What cannot be drawn is said in words.
"""

from __future__ import annotations

from kit.judgement.analysis import Analysis
from kit.page.language import say, spoken
from kit.page.part import Drawing, Part, Parts, render
from kit.page.view import view_of

__all__ = ["aborts", "clock", "coverage", "recovery", "timeline"]


@spoken
def timeline(analysis: Analysis) -> Parts:
    """Swim lanes from primary host to test failover, one figure for each machine."""
    from kit.plots.swimlanes import timelines

    return _or(timelines(view_of(analysis)), say("No source holds a time, so there is no time line to draw."))


@spoken
def aborts(analysis: Analysis) -> Parts:
    """Seconds from thaw to abort, one figure for each machine."""
    from kit.plots.abort_gaps import aborts as made

    return _or(
        made(view_of(analysis)),
        say("The logs given record no abort of a VSS operation, so there is no order of thaw and abort to draw."),
    )


@spoken
def recovery(analysis: Analysis) -> Parts:
    """What recovery did to each database in the boots of test failovers."""
    from kit.plots.booted import recovery as made

    return _or(made(view_of(analysis)), say("No boot of a test failover shows what recovery did."))


@spoken
def clock(analysis: Analysis) -> Parts:
    """What is left between point times and thaws once the clocks are aligned."""
    from kit.plots.clock_pairs import clock as made

    words = say("No point is linked to an operation, so there is no pair of clocks to compare.")
    return _or(made(view_of(analysis)), words)


@spoken
def coverage(analysis: Analysis) -> Parts:
    """Which log covers which time, gaps and damage cut out."""
    from kit.plots.spans import coverage as made

    return _or(made(view_of(analysis)), say("No source holds a time, so there is no coverage to draw."))


def _or(drawings: list[Drawing], words: str) -> Parts:
    return Parts(drawings or [Part(render("words.html.j2", words=words), words)])
