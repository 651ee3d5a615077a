"""What to do next, and what could not be read or is missing."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from kit.page.part import Part, render
from kit.page.signs import ROLES
from kit.page.view import NO_VM, Row, View
from kit.page.when import plural

SHOWN = 5  # actions on the first page of a machine; the rest is folded
_SENTENCE = re.compile(r"(?<=\w\w[.!?]) +(?=\w)")


@dataclass(frozen=True)
class Step:
    """An action: what, what it settles, where, the command."""

    what: str
    settles: str
    where: str | None
    command: str | None


def next_steps(view: View) -> Part:
    """At most five actions for each machine, each with its command; further ones folded away."""
    groups = [(vm, [_step(row) for row in view.of(vm, view.rows("actions"))]) for vm in view.vms]
    groups = [(vm, steps) for vm, steps in groups if steps]
    html = render("steps.html.j2", groups=groups, several=len(view.vms) > 1, shown=SHOWN)
    text = "\n".join(
        f"{n}. {step.what} {step.settles}" for _, steps in groups for n, step in enumerate(steps[:SHOWN], 1)
    )
    return Part(html, text or "Nothing needs to be done.")


def _step(row: Row) -> Step:
    what, *rest = _SENTENCE.split(row["text"] or "", maxsplit=1)
    settles = " ".join(rest)
    return Step(what, settles[:1].upper() + settles[1:], row["where"], row["command"])


@dataclass(frozen=True)
class Gap:
    """Something that was not read, in two parts: what, and what that means."""

    what: str
    meaning: str
    command: str | None = None


def unread(view: View) -> Part:
    """Sources that were read in part or not at all, then evidence that the case lacks; honest when there is none."""
    gaps = unread_gaps(view)
    html = render("unread.html.j2", gaps=gaps, sources=len(view.sources))
    return Part(html, "\n".join(f"- {gap.what} {gap.meaning}" for gap in gaps) or "Everything given was read.")


def unread_gaps(view: View) -> list[Gap]:
    """What was read in part or not at all, what is missing, and how many claims were never tested; in this order."""
    return _partial(view) + _unusable(view) + _missing(view) + _untested(view)


def _partial(view: View) -> list[Gap]:
    losses: dict[str, list[Row]] = defaultdict(list)
    for row in view.rows("losses"):
        losses[row["source_id"]].append(row)
    partial = [row for row in view.sources.values() if row["status"] == "partial"]
    return [Gap(f"{row['path']} was read in part.", _lost(view, row, losses[row["source_id"]])) for row in partial]


def _lost(view: View, source: Row, losses: list[Row]) -> str:
    known = [loss["count"] for loss in losses if loss["count"] is not None]
    said = []
    if known:
        of = f" of {plural(source['declared'], 'record')}" if source["declared"] else " records"
        said.append(
            f"{sum(known):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
            + f"{of} {'is' if sum(known) == 1 else 'are'} lost{_when(view, losses)}."
        )
    elif losses:
        said.append(f"How many records are lost is not known{_when(view, losses)}.")
    if source["note"]:
        said.append(source["note"][0].upper() + source["note"][1:].rstrip(".") + ".")
    return " ".join(said) or "What is missing cannot be counted."


def _when(view: View, losses: list[Row]) -> str:
    starts = [row["first_time"] for row in losses if row["first_time"]]
    ends = [row["last_time"] for row in losses if row["last_time"]]
    return f", {view.when.minute(min(starts))} to {view.when.minute(max(ends))}" if starts and ends else ""


UNUSABLE = {
    "unreadable": ("could not be read", "It was hashed and left alone."),
    "empty": ("is empty", "It holds no record, which is not the same as a quiet log."),
    "unrecognised": ("is of no known format", "It was hashed and left alone."),
    "absent": ("was expected and not given", ""),
}


def _unusable(view: View) -> list[Gap]:
    gaps = []
    missing = _described(view)
    for status, (words, meaning) in UNUSABLE.items():
        found = [row for row in view.sources.values() if row["status"] == status]
        if status == "unrecognised" and len(found) > 3:
            names = ", ".join(row["path"] for row in found[:3])
            gaps.append(
                Gap(f"{len(found)} files are of no known format.", f"{names} and others were hashed and left alone.")
            )
            continue
        gaps += [_gap(row, words, meaning, missing.get(row["source_id"])) for row in found]
    return gaps


def _gap(source: Row, words: str, meaning: str, missing: Row | None) -> Gap:
    """A source that cannot be used, with what the list of missing evidence says about it."""
    said = [_sentence(source["note"]) or meaning]
    if missing and (missing["why"] or "") not in (source["note"] or ""):
        said.append(_sentence(missing["why"]))
    return Gap(f"{source['path']} {words}.", " ".join(filter(None, said)), missing["command"] if missing else None)


def _described(view: View) -> dict[str, Row]:
    """Rows of the missing evidence that speak of a source listed as absent, by its id."""
    made = {}
    for source in view.sources.values():
        for row in view.rows("missing"):
            what = (row["what"] or "").lower()
            if what and (what == source["path"].lower() or (source["note"] or "").lower().startswith(what)):
                made[source["source_id"]] = row
    return made


def _missing(view: View) -> list[Gap]:
    several = len(view.vms) > 1
    told = [row["what"] for row in _described(view).values()]
    return [
        Gap(
            f"{(row['what'] or '?')[0].upper()}{(row['what'] or '?')[1:]} is missing"
            + (f" for {row['vm_name']}." if several and row["vm_name"] else "."),
            _sentence(row["why"]),
            row["command"],
        )
        for row in view.rows("missing")
        if row["what"] not in told
    ]


def _sentence(text: str | None) -> str:
    return text[0].upper() + text[1:].rstrip(".") + "." if text else ""


def _untested(view: View) -> list[Gap]:
    gaps = []
    for vm in view.vms:
        claiming = [point for point in view.points_of(vm) if point.claims]
        untested = [point for point in claiming if not point.verdict["boot_id"]]
        if not untested:
            continue
        of_vm = "" if len(view.vms) == 1 or vm == NO_VM else f" of {vm}"
        count = "any" if len(untested) == len(claiming) else f"{len(untested)}"
        gaps.append(
            Gap(
                f"No test failover for {count} of {plural(len(claiming), 'claiming point')}{of_vm}.",
                "A claim without one is at best supported.",
            )
        )
    return gaps


def role_name(role: str | None) -> str:
    """The role in words."""
    return ROLES.get(role or "unknown", role or "not known")
