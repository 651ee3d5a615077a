"""The parts of a report: each call takes an analysis and returns something that a notebook shows.

    from kit import page
    page.first_screen(analysis)

Parts are pure: tables in, escaped HTML out. Figures that need a script come from `kit.plots`.
"""

from __future__ import annotations

from collections.abc import Iterable

from kit.judgement.analysis import Analysis
from kit.page import answer, cards, evidence, first, guest, methods, phases, points, records, required, steps
from kit.page.language import spoken
from kit.page.part import Drawing, Part, Parts
from kit.page.view import View, view_of

__all__ = [
    "Drawing",
    "Part",
    "Parts",
    "View",
    "all_points",
    "boots",
    "cited_records",
    "clock_table",
    "custody",
    "decision_list",
    "error_classes",
    "first_screen",
    "head",
    "losses",
    "method",
    "next_steps",
    "operation_list",
    "operation_phases",
    "recovered_databases",
    "replication_state",
    "required_items",
    "rule_list",
    "source_table",
    "strips",
    "unexplained_events",
    "unread",
    "verdict_cards",
]


@spoken
def head(analysis: Analysis) -> Part:
    """The head line: case, report id, machines, period, examiner, zone."""
    return answer.head(view_of(analysis))


@spoken
def first_screen(analysis: Analysis) -> Part:
    """Answer sentence, verdict strip and what to fail over to, for each machine."""
    return first.first_screen(view_of(analysis))


@spoken
def strips(analysis: Analysis) -> Part:
    """The verdict strips alone."""
    return first.strips(view_of(analysis))


@spoken
def next_steps(analysis: Analysis) -> Part:
    """At most five actions for each machine, with commands."""
    return steps.next_steps(view_of(analysis))


@spoken
def unread(analysis: Analysis) -> Part:
    """What could not be read, and what is missing."""
    return steps.unread(view_of(analysis))


@spoken
def error_classes(analysis: Analysis) -> Part:
    """The guest's errors by class, and which of them monitoring may ignore."""
    return guest.error_classes(view_of(analysis))


@spoken
def unexplained_events(analysis: Analysis) -> Part:
    """Errors that no rule explains."""
    return guest.unexplained(view_of(analysis))


@spoken
def operation_list(analysis: Analysis) -> Part:
    """Every VSS operation of the guest."""
    return guest.operations(view_of(analysis))


@spoken
def operation_phases(analysis: Analysis, operations: Iterable[str] | None = None) -> Part:
    """Phase diagrams of the given operations; without a choice of those worth comparing."""
    return phases.phases(view_of(analysis), operations)


@spoken
def boots(analysis: Analysis) -> Part:
    """Boots of test failovers, and what links them to a point."""
    return guest.boots(view_of(analysis))


@spoken
def recovered_databases(analysis: Analysis) -> Part:
    """What recovery did to each database in those boots, as a table."""
    return guest.recovered(view_of(analysis))


@spoken
def verdict_cards(analysis: Analysis) -> Part:
    """The verdicts, worst first, each with reasons, counter-reasons and records."""
    return cards.cards(view_of(analysis))


@spoken
def all_points(analysis: Analysis) -> Part:
    """Every recovery point in a table."""
    return points.all_points(view_of(analysis))


@spoken
def decision_list(analysis: Analysis) -> Part:
    """The decision list that judged the points."""
    return points.decisions(view_of(analysis))


@spoken
def cited_records(analysis: Analysis) -> Part:
    """The records of every point that has no card of its own."""
    view = view_of(analysis)
    return records.appendix(view, cards.shown(view))


@spoken
def clock_table(analysis: Analysis) -> Part:
    """Offsets between the computers' clocks."""
    return evidence.clocks(view_of(analysis))


@spoken
def source_table(analysis: Analysis) -> Part:
    """Every source with its account and hash."""
    return evidence.sources(view_of(analysis))


@spoken
def losses(analysis: Analysis) -> Part:
    """Records that could not be read."""
    return evidence.losses(view_of(analysis))


@spoken
def replication_state(analysis: Analysis) -> Part:
    """What the hosts exported about replication."""
    return evidence.replication(view_of(analysis))


@spoken
def custody(analysis: Analysis) -> Part:
    """Second parser, hashes, and how to check this copy."""
    return evidence.custody(view_of(analysis))


@spoken
def method(analysis: Analysis) -> Part:
    """Limits, policy and versions."""
    return methods.methods(view_of(analysis))


@spoken
def rule_list(analysis: Analysis) -> Part:
    """The rules that matched."""
    return methods.rules_used(view_of(analysis))


@spoken
def required_items(analysis: Analysis) -> Part:
    """What a forensic report must contain, and where this one has it."""
    return required.required(view_of(analysis))
