"""Methods, limits, and the rules that were used."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from kit.errors import RuleError
from kit.page.language import Spoken, marked, say, say_n, stored
from kit.page.part import Part, render
from kit.page.view import View
from kit.page.when import listed

NOT_GIVEN = marked("not given")
LIMITS = (
    (
        marked("Results relate only to the items examined."),
        marked("They say nothing about other machines, other days or points that no longer exist."),
    ),
    (
        marked("Facts and interpretation stand apart."),
        marked(
            "Records, counts and times are facts. Verdicts and classes are interpretation: they follow from the "
            "decision list above and from the rules listed below."
        ),
    ),
    (
        marked("The host’s label is the statement under test."),
        marked("It is never used as evidence for itself."),
    ),
    (
        marked("Absence is claimed only inside a covered interval."),
        marked("Where a log has a gap, silence means nothing."),
    ),
    (
        marked("Consistent per database is not consistent across databases."),
        marked("Transactions that span two databases may end differently in one image."),
    ),
    (
        marked("Success of a Hyper-V snapshot leaves no known record in the guest."),
        marked("Texts of the host are matched by words where no event number is confirmed."),
    ),
    (
        marked("A rollback count needs its context."),
        marked(
            "A VSS copy of SQL Server may hold open transactions that recovery rolls back; both readings are printed "
            "wherever they differ."
        ),
    ),
)
STATUS_WORDS = Spoken(
    {
        "validated": "validated on real logs",
        "documented": "documented",
        "field-report": "from field reports",
        "inferred": "inferred",
    }
)


def methods(view: View) -> Part:
    """Limits of the method, then versions, policy and counts of rules."""
    meta = view.meta
    counts = Counter(rule["status"] or say("not known") for rule in _rules_used(view))
    said = listed([f"{count} {STATUS_WORDS.get(name, name)}" for name, count in counts.most_common()])
    html = render(
        "methods.html.j2",
        limits=[(say(title), say(text)) for title, text in LIMITS],
        meta=meta,
        used=sum(counts.values()),
        said=said,
        versions=_versions(meta.get("versions")),
    )
    about = {"policy": meta.get("policy"), "version": meta.get("kit_version"), "count": sum(counts.values())}
    return Part(html, say("Policy {policy}; kit {version}; {count} rules matched.", **about))


def _versions(given: Any) -> str:
    if isinstance(given, dict):
        return ", ".join(f"{name} {version}" for name, version in sorted(given.items()))
    return str(given) if given else say(NOT_GIVEN)


def rules_used(view: View) -> Part:
    """Every rule that matched a record of the report, with meaning, status, reference and number of records."""
    found = _rules_used(view)
    html = render("rules.html.j2", rules=found, statuses=STATUS_WORDS)
    return Part(html, say_n(len(found), "{count} rule matched.", "{count} rules matched."))


def _rules_used(view: View) -> list[dict[str, Any]]:
    matches = view.analysis.matches
    counts = matches["rule_id"].value_counts()
    known = _known_rules()
    statuses = matches.drop_duplicates("rule_id").set_index("rule_id")["status"]
    rows = []
    for rule_id, count in sorted(counts.items(), key=lambda pair: str(pair[0])):
        rule = known.get(str(rule_id))
        status = statuses.get(rule_id)
        rows.append(
            {
                "rule_id": str(rule_id),
                "count": int(count),
                "status": None if pd.isna(status) else str(status),
                "meaning": stored(getattr(rule, "meaning", None)),
                "reference": "; ".join(getattr(rule, "reference", ())),
            }
        )
    return rows


def _known_rules() -> dict[str, Any]:
    from kit import rules

    try:
        return dict(rules.load().by_id)
    except RuleError:
        return {}
