"""The report as plain text, to paste into a ticket: the same sentence, signs and order as the page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from kit.judgement.analysis import Analysis
from kit.page import answer
from kit.page.cards import says
from kit.page.language import say, say_n, spoken, stored
from kit.page.signs import VERDICTS, WORST_FIRST
from kit.page.steps import SHOWN, step_words, unread_gaps
from kit.page.view import Point, Row, View, view_of
from kit.page.when import duration
from kit.visible import visible

WIDTH = 78
NAMED = 5  # points that a line names before the rest is counted


@spoken
def summary(analysis: Analysis, width: int = WIDTH) -> str:
    """The text: title and report id, then for each machine answer, counts, what to use and what to do, then gaps."""
    view = view_of(analysis)
    blocks = [_head(view)]
    for vm in view.vms:
        blocks += [_wrapped(text, width) for text in _machine(view, vm)]
    blocks += _gaps(view, width)
    blocks.append(say("Results relate only to the items examined."))
    return visible("\n\n".join(block for block in blocks if block)) + "\n"


def _head(view: View) -> str:
    title = view.meta.get("title") or view.meta.get("case_id") or say("Untitled case")
    about = {"number": view.meta.get("report_id"), "policy": view.meta.get("policy"), "zone": view.when.zone_name}
    return f"{title}\n{say('Report {number}, policy {policy}, all times {zone}', **about)}"


def _machine(view: View, vm: str) -> Iterator[str]:
    yield f"{answer.answer(view, vm)} {answer.errors(view, vm).striptags()}"
    points = view.points_of(vm)
    counts = view.counts(points)
    wide = max(len(sign.word) for sign in VERDICTS.values()) + 1
    yield "\n".join(
        f"  {VERDICTS[word].character} {VERDICTS[word].word:<{wide}}{counts[word]:>5}  {_which(points, word)}".rstrip()
        for word in WORST_FIRST
        if counts[word]
    )
    yield "\n".join(_advice(view, vm))
    steps = view.of(vm, view.rows("actions"))[:SHOWN]
    yield (
        "\n".join([say("Next"), *(line for number, row in enumerate(steps, 1) for line in _step(number, row))])
        if steps
        else ""
    )


def _step(number: int, row: Row) -> list[str]:
    commands = (row["command"] or "").splitlines()
    return [f"  {number}. {' '.join(step_words(row)).rstrip()}", *(f"     > {line}" for line in commands)]


def _which(points: list[Point], word: str) -> str:
    """The points of a rare verdict by name; of a common one nothing."""
    found = [point.label for point in points if point.word == word]
    if len(found) > NAMED:
        return ""
    return ", ".join(found)


def _advice(view: View, vm: str) -> Iterator[str]:
    heads = [say("Fail over to"), say("Fallback"), say("Do not use")]
    first, second, third = (f"  {head:<{max(map(len, heads))}}   " for head in heads)
    given = next((row for row in view.rows("advice") if view.owner(row["vm_name"]) == vm), None)
    target = view.point_by_id.get((given or {}).get("fail_over_to") or "")
    if given is not None and target is None and given["fail_over_to"]:
        yield first + say("a point outside the chosen period; see the report of the whole case")
    elif given is None or target is None:
        why = stored(given["reason"]) if given else ""
        yield first + (say("none can be recommended: {reason}", reason=why) if why else say("none can be recommended"))
    else:
        loss = given["data_loss_s"]
        lost = say(", loses {duration}", duration=duration(loss)) if loss is not None else ""
        yield f"{first}{VERDICTS[target.word].character} {target.label}{lost}"
        if fallback := view.point_by_id.get(given["fallback"] or ""):
            yield f"{second}{VERDICTS[fallback.word].character} {fallback.label}"
    for point in [point for point in reversed(view.points_of(vm)) if point.word == "contradicted"][:NAMED]:
        yield f"{third}{VERDICTS[point.word].character} {point.label}: {says(point)}"


def _gaps(view: View, width: int) -> list[str]:
    gaps = unread_gaps(view)
    lines = [_wrapped(f"  ! {gap.what} {gap.meaning}".rstrip(), width) for gap in gaps[:10]]
    left = len(gaps) - len(lines)
    more = [say_n(left, "  and one more gap", "  and {count} more gaps")] if left else []
    return ["\n".join([say("Lost or missing"), *lines, *more])] if lines else []


def _wrapped(text: str, width: int) -> str:
    """Each line of the text wrapped; list entries continue under their text, commands are left whole."""
    made = []
    for line in text.split("\n"):
        indent = " " * (len(line) - len(line.lstrip()))
        whole = line.lstrip().startswith(">") or len(line) <= width
        deeper = f"{indent}  " if indent else ""
        made += [line] if whole else textwrap.wrap(line, width, subsequent_indent=deeper)
    return "\n".join(made)
