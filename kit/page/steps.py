"""What to do next, and what could not be read or is missing."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from kit import grouping
from kit.page import alike
from kit.page.language import clauses, marked, say, say_n, stored
from kit.page.part import Part, render
from kit.page.view import NO_VM, Row, View
from kit.page.when import listed_some, number

VERY_MANY = 40  # sources of one kind that are told one by one
MANY = 3  # unrecognised files that are told one by one; more share a line
SHOWN = 5  # actions on the first page of a machine; the rest is folded
_PLURAL = re.compile(r"(?<=\w)s\b")
_SENTENCE = re.compile(r"(?<=[\w)\]>'\"]{2}[.!?]) +(?=\w)")  # a name may end in a bracket or a quote


@dataclass(frozen=True)
class Step:
    """An action: what, what it settles, where, the command."""

    what: str
    settles: str
    where: str | None
    command: str | None
    vm: str = ""


@dataclass(frozen=True)
class Repeated:
    """A step that several machines need: that of the worst one in full, those of the others folded."""

    first: Step
    others: list[Step]
    same_command: bool


def next_steps(view: View) -> Part:
    """At most five actions for each machine, each with its command; further ones folded away.

    Of many machines a step that repeats is told once, with the machines that need it too.
    """
    if view.many:
        return _repeated_steps(view)
    groups = [(vm, [_step(row, vm) for row in view.of(vm, view.rows("actions"))]) for vm in view.vms]
    groups = [(vm, steps) for vm, steps in groups if steps]
    html = render("steps.html.j2", groups=groups, several=len(view.vms) > 1, shown=SHOWN)
    text = "\n".join(
        f"{n}. {step.what} {step.settles}" for _, steps in groups for n, step in enumerate(steps[:SHOWN], 1)
    )
    return Part(html, text or say("Nothing needs to be done."))


def _step(row: Row, vm: str) -> Step:
    what, settles = step_words(row)
    return Step(what, settles, row["where"], row["command"], vm)


def _repeated_steps(view: View) -> Part:
    steps = repeated(view)
    html = render("steps_of_many.html.j2", steps=steps, shown=SHOWN)
    lines = [f"{n}. {step.first.vm}: {step.first.what} {step.first.settles}" for n, step in enumerate(steps[:SHOWN], 1)]
    return Part(html, "\n".join(lines) or say("Nothing needs to be done."))


def repeated(view: View) -> list[Repeated]:
    """The steps of all machines, those in the same words once: by their place among a machine's steps, worst first."""
    placed: list[tuple[int, Row, str]] = []
    for vm in view.worst_vms:
        placed += [(place, row, vm) for place, row in enumerate(view.of(vm, view.rows("actions")))]
    placed.sort(key=lambda entry: entry[0])
    found = alike.gathered(placed, lambda entry: _kind(view, entry[1]))
    return [_repeat([_step(row, vm) for _, row, vm in group]) for group in found]


def _kind(view: View, row: Row) -> str:
    """What makes two steps the same: their words without what differs, one failure and several alike."""
    return _PLURAL.sub("", alike.masked(view, str(row["text"])))


def _repeat(steps: list[Step]) -> Repeated:
    first, *others = steps
    return Repeated(first, others, len({step.command for step in steps}) == 1)


def step_words(row: Row) -> tuple[str, str]:
    """What to do, and what that settles."""
    what, *rest = _SENTENCE.split(row["text"] or "", maxsplit=1)
    return stored(what), " ".join(stored(_began(sentence)) for one in rest for sentence in _SENTENCE.split(one))


@dataclass(frozen=True)
class Gap:
    """Something that was not read, in two parts: what, and what that means."""

    what: str
    meaning: str
    command: str | None = None
    loss: bool = False  # records that were there are lost: each such gap is told of its own


def unread(view: View) -> Part:
    """Sources that were read in part or not at all, then evidence that the case lacks; honest when there is none."""
    gaps = unread_gaps(view)
    told = alike.gathered(gaps, lambda gap: gap if gap.loss or not view.many else _kind_of_gap(view, gap))
    html = render("unread.html.j2", gaps=told, sources=len(view.sources))
    return Part(html, "\n".join(f"- {gap.what} {gap.meaning}" for gap in gaps) or say("Everything given was read."))


def _kind_of_gap(view: View, gap: Gap) -> tuple[str, ...]:
    return tuple(alike.masked(view, part or "") for part in (gap.what, gap.meaning, gap.command))


def unread_gaps(view: View) -> list[Gap]:
    """What was read in part or not at all, what is missing, and how many claims were never tested; in this order."""
    return _partial(view) + _unusable(view) + _missing(view) + _untested(view)


def _partial(view: View) -> list[Gap]:
    losses: dict[str, list[Row]] = defaultdict(list)
    for row in view.rows("losses"):
        losses[row["source_id"]].append(row)
    partial = [row for row in view.sources.values() if row["status"] == "partial"]
    if len(partial) > VERY_MANY:
        return [_of_many(marked("{count} files were read in part."), partial)]
    return [
        Gap(say("{path} was read in part.", path=row["path"]), _lost(view, row, losses[row["source_id"]]), loss=True)
        for row in partial
    ]


def _lost(view: View, source: Row, losses: list[Row]) -> str:
    known = [loss["count"] for loss in losses if loss["count"] is not None]
    said = []
    if known and source["declared"]:
        total = number(source["declared"])
        said.append(
            say_n(sum(known), "{count} of {total} records is lost{when}.", "{count} of {total} records are lost{when}.",
                  total=total, when=_when(view, losses))
        )  # fmt: skip
    elif known:
        said.append(
            say_n(sum(known), "{count} record is lost{when}.", "{count} records are lost{when}.",
                  when=_when(view, losses))
        )  # fmt: skip
    elif losses:
        said.append(say("How many records are lost is not known{when}.", when=_when(view, losses)))
    if source["note"]:
        said.append(_sentence(source["note"]))
    return " ".join(said) or say("What is missing cannot be counted.")


def _when(view: View, losses: list[Row]) -> str:
    starts = [row["first_time"] for row in losses if row["first_time"]]
    ends = [row["last_time"] for row in losses if row["last_time"]]
    if not starts or not ends:
        return ""
    return say(", {first} to {last}", first=view.when.minute(min(starts)), last=view.when.minute(max(ends)))


UNUSABLE = {
    "unreadable": (marked("{path} could not be read."), marked("It was hashed and left alone.")),
    "empty": (marked("{path} is empty."), marked("It holds no record, which is not the same as a quiet log.")),
    "unrecognised": (marked("{path} is of no known format."), marked("It was hashed and left alone.")),
    "absent": (marked("{path} was expected and not given."), ""),
}


MANY_WORDS = {
    "unreadable": marked("{count} files could not be read."),
    "empty": marked("{count} files are empty."),
    "absent": marked("{count} files were expected and not given."),
}


def _unusable(view: View) -> list[Gap]:
    gaps = []
    missing = _described(view)
    for status, (words, meaning) in UNUSABLE.items():
        found = [row for row in view.sources.values() if row["status"] == status]
        if status == "unrecognised" and len(found) > MANY:
            gaps.append(_of_no_format(found))
            continue
        if len(found) > VERY_MANY:
            gaps.append(_of_many(MANY_WORDS[status], found))
            continue
        gaps += [_gap(row, words, meaning, missing.get(row["source_id"])) for row in found]
    return gaps


def _of_no_format(found: list[Row]) -> Gap:
    names = listed_some([row["path"] for row in found], MANY)
    return Gap(
        say("{count} files are of no known format.", count=number(len(found))),
        say("{names} were hashed and left alone.", names=names),
    )


def _of_many(words: str, found: list[Row]) -> Gap:
    """One entry for very many sources: what is the same of all, the first names, and where the others stand."""
    names = listed_some([row["path"] for row in found], MANY)
    said = say("{names}; each with its reason is in {file}.", names=names, file="tables/sources.parquet")
    return Gap(say(words, count=number(len(found))), said)


def _gap(source: Row, words: str, meaning: str, missing: Row | None) -> Gap:
    """A source that cannot be used, with what the list of missing evidence says about it."""
    said = [_sentence(source["note"]) or (say(meaning) if meaning else "")]
    if missing and (missing["why"] or "") not in (source["note"] or ""):
        said.append(_sentence(missing["why"]))
    what = say(words, path=source["path"])
    lost = source["status"] == "unreadable"
    return Gap(what, " ".join(filter(None, said)), missing["command"] if missing else None, lost)


def _described(view: View) -> dict[str, Row]:
    """Rows of the missing evidence that speak of a source listed as absent, by its id."""
    told = {row["what"].lower(): row for row in view.rows("missing") if row["what"]}
    sizes = sorted({len(what) for what in told}, reverse=True)
    made = {}
    for source in view.sources.values():
        note = (source["note"] or "").lower()
        named = (source["path"].lower(), *(note[:size] for size in sizes))
        what = next((what for what in named if what in told), None)
        if what is not None:
            made[source["source_id"]] = told[what]
    return made


def _missing(view: View) -> list[Gap]:
    several = len(view.vms) > 1
    told = {row["what"] for row in _described(view).values()}
    found = grouping.alike([row for row in view.rows("missing") if row["what"] not in told], VERY_MANY)
    return [Gap(_missing_words(row, several), _sentence(row["why"]), row["command"]) for row in found]


def _missing_words(row: Row, several: bool) -> str:
    what = _began(stored(row["what"]) or "?")
    if several and row["vm_name"] and row["vm_name"] not in what:
        return say("{what} is missing for {vm}.", what=what, vm=row["vm_name"])
    return say("{what} is missing.", what=what)


def _began(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sentence(text: str | None) -> str:
    """A note or a reason of a table as a sentence: each of its clauses in the language of the report."""
    if not text:
        return ""
    return _began(clauses(text)).rstrip(".") + "."


def _untested(view: View) -> list[Gap]:
    gaps = []
    for vm in view.vms:
        claiming = [point for point in view.points_of(vm) if point.claims]
        untested = [point for point in claiming if not point.verdict["boot_id"]]
        if untested:
            of_vm = "" if len(view.vms) == 1 or vm == NO_VM else say(" of {vm}", vm=vm)
            gaps.append(Gap(_untested_words(len(untested), len(claiming), of_vm),
                            say("A claim without one is at best supported.")))  # fmt: skip
    return gaps


def _untested_words(untested: int, claiming: int, of_vm: str) -> str:
    if untested < claiming:
        return say("No test failover for {count} of the {total} points{of_vm} that claim application consistency.",
                   count=number(untested), total=number(claiming), of_vm=of_vm)  # fmt: skip
    return say_n(
        claiming, "No test failover for the one point{of_vm} that claims application consistency.",
        "No test failover for any of the {count} points{of_vm} that claim application consistency.", of_vm=of_vm,
    )  # fmt: skip
