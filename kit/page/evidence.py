"""Sources with their accounts, clocks, and the records that two parsers read differently."""

from __future__ import annotations

from kit.grouping import grouped
from kit.page.language import Spoken, clauses, say, stored
from kit.page.part import Part, render
from kit.page.signs import ROLES
from kit.page.view import Row, View
from kit.page.when import listed

STATUSES = ("read", "partial", "empty", "unreadable", "unrecognised", "absent")
MOST_OPEN = 25  # rows of a table that stand open; of more those that need a look stand above the folded rest
MOST_PRINTED = 100  # rows of a table that stand on paper
SUMS = ("declared", "seen", "kept", "skipped", "recovered", "gaps")
STATUS_WORDS = Spoken(
    {
        "read": "read", "partial": "partial", "empty": "empty", "unreadable": "unreadable",
        "unrecognised": "unrecognised", "absent": "absent",
    }
)  # fmt: skip
BASES = Spoken({"utc": "UTC", "declared": "declared", "inferred": "inferred", "assumed": "assumed"})
METHODS = Spoken(
    {
        "reference": "reference: exported the points",
        "declared": "declared in case.toml",
        "point_minus_thaw": "point minus thaw; includes the host’s labelling delay",
        "unknown": "unknown: nothing ties it to the reference",
    }
)


def sources(view: View) -> Part:
    """Every file given or expected: role, status, account, covered time, SHA-256, and where its times come from.

    Of very many, those that are alike stand in one row; files with judged records, or read in part, keep their own.
    """
    found = list(view.sources.values())
    own = {*view.judged["source_id"].dropna(), *(row["source_id"] for row in found if row["status"] == "partial")}
    counts = [(status, sum(row["status"] == status for row in found)) for status in STATUSES]
    said = listed([f"{count} {STATUS_WORDS[status]}" for status, count in counts if count])
    sums = {name: sum(row[name] or 0 for row in found) for name in SUMS}
    promised = all(row["declared"] is not None for row in found if row["seen"] is not None)
    groups = grouped(found, own)
    html = render(
        "sources.html.j2",
        groups=groups,
        count=len(found),
        damaged=[group for group in groups if group.rows[0]["status"] not in ("read", "absent")],
        fold=len(groups) > MOST_OPEN,
        paper=len(groups) <= MOST_PRINTED,
        promised=promised,
        said=said,
        sums=sums,
        when=view.when,
        roles=ROLES,
        bases=BASES,
        statuses=STATUS_WORDS,
    )
    return Part(html, say("{count} sources: {states}", count=len(found), states=said or say("none")))


def losses(view: View) -> Part:
    """Every run of records that was found or promised and could not be read."""
    found = sorted(view.rows("losses"), key=lambda row: (view.path(row["source_id"]), row["offset"] or 0))
    html = render("losses.html.j2", losses=found, path=view.path, when=view.when, sources=len(view.sources))
    return Part(html, say("{count} losses", count=len(found)))


def clocks(view: View) -> Part:
    """The offset of every computer against the reference, and how it was found."""
    found = sorted(view.rows("clocks"), key=lambda row: (row["computer"] != row["reference"], row["computer"] or ""))
    unsure = [row for row in found if row["ambiguous"] or row["offset_s"] is None]
    html = render(
        "clocks.html.j2", clocks=[(row, _method(row, view)) for row in found], roles=ROLES, fold=len(found) > MOST_OPEN,
        unsure=[(row, _method(row, view)) for row in unsure],
    )  # fmt: skip
    told = "; ".join(f"{row['computer']}: {row['offset_s']} s" for row in found)
    return Part(html, told or say("No clock is known."))


def _method(row: Row, view: View) -> str:
    if row["ambiguous"]:
        return say("ambiguous: several offsets fit equally")
    said = METHODS.get(row["method"] or "unknown") or stored(row["method"])
    first, last = (view.when.minute(row[name]) if row[name] else None for name in ("from_utc", "until_utc"))
    if first and last:
        return say("{method}; holds from {first} to {last} of its own time", method=said, first=first, last=last)
    if first:
        return say("{method}; holds from {first} of its own time on", method=said, first=first)
    return say("{method}; holds until {last} of its own time", method=said, last=last) if last else said


def replication(view: View) -> Part:
    """What the hosts exported about replication: state, health, schedule, failures."""
    html = render("replication.html.j2", rows=view.rows("replication"), when=view.when)
    return Part(
        html, "\n".join(f"{row['vm_name']}: {row['state']}, {row['health']}" for row in view.rows("replication"))
    )


def custody(view: View) -> Part:
    """How the evidence was kept, and the command that checks this copy."""
    told = clauses(str(view.meta.get("referee") or "")) or say("not run")
    html = render("custody.html.j2", second_parser=told, referee=view.rows("referee"))
    return Part(html, "kit verify .")
