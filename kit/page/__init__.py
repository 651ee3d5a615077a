"""The parts of a report: each call takes an analysis and returns something that a notebook shows.

    from kit import page
    page.first_screen(analysis)

Parts are pure: tables in, escaped HTML out. Figures that need a script come from `kit.plots`.
"""

from __future__ import annotations

from collections.abc import Iterable

from kit.analysis import Analysis
from kit.page import answer, cards, evidence, first, guest, methods, phases, points, records, steps
from kit.page.part import Drawing, Part, Parts
from kit.page.view import View

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


def head(analysis: Analysis) -> Part:
    """The head line: case, report id, machines, period, examiner, zone."""
    return answer.head(View(analysis))


def first_screen(analysis: Analysis) -> Part:
    """Answer sentence, verdict strip and what to fail over to, for each machine."""
    return first.first_screen(View(analysis))


def strips(analysis: Analysis) -> Part:
    """The verdict strips alone."""
    return first.strips(View(analysis))


def next_steps(analysis: Analysis) -> Part:
    """At most five actions for each machine, with commands."""
    return steps.next_steps(View(analysis))


def unread(analysis: Analysis) -> Part:
    """What could not be read, and what is missing."""
    return steps.unread(View(analysis))


def error_classes(analysis: Analysis) -> Part:
    """The guest's errors by class, and which of them monitoring may ignore."""
    return guest.error_classes(View(analysis))


def unexplained_events(analysis: Analysis) -> Part:
    """Errors that no rule explains."""
    return guest.unexplained(View(analysis))


def operation_list(analysis: Analysis) -> Part:
    """Every VSS operation of the guest."""
    return guest.operations(View(analysis))


def operation_phases(analysis: Analysis, operations: Iterable[str] | None = None) -> Part:
    """Phase diagrams of the given operations; without a choice of those worth comparing."""
    return phases.phases(View(analysis), operations)


def boots(analysis: Analysis) -> Part:
    """Boots of test failovers, and what links them to a point."""
    return guest.boots(View(analysis))


def recovered_databases(analysis: Analysis) -> Part:
    """What recovery did to each database in those boots, as a table."""
    return guest.recovered(View(analysis))


def verdict_cards(analysis: Analysis) -> Part:
    """The verdicts, worst first, each with reasons, counter-reasons and records."""
    return cards.cards(View(analysis))


def all_points(analysis: Analysis) -> Part:
    """Every recovery point in a table."""
    return points.all_points(View(analysis))


def decision_list(analysis: Analysis) -> Part:
    """The decision list that judged the points."""
    return points.decisions(View(analysis))


def cited_records(analysis: Analysis) -> Part:
    """The records of every point that has no card of its own."""
    view = View(analysis)
    return records.appendix(view, cards.shown(view))


def clock_table(analysis: Analysis) -> Part:
    """Offsets between the computers' clocks."""
    return evidence.clocks(View(analysis))


def source_table(analysis: Analysis) -> Part:
    """Every source with its account and hash."""
    return evidence.sources(View(analysis))


def losses(analysis: Analysis) -> Part:
    """Records that could not be read."""
    return evidence.losses(View(analysis))


def replication_state(analysis: Analysis) -> Part:
    """What the hosts exported about replication."""
    return evidence.replication(View(analysis))


def custody(analysis: Analysis) -> Part:
    """Second parser, hashes, and how to check this copy."""
    return evidence.custody(View(analysis))


def method(analysis: Analysis) -> Part:
    """Limits, policy and versions."""
    return methods.methods(View(analysis))


def rule_list(analysis: Analysis) -> Part:
    """The rules that matched."""
    return methods.rules_used(View(analysis))


def required_items(analysis: Analysis) -> Part:
    """What a forensic report must contain, and where this one has it."""
    return methods.required(View(analysis))
