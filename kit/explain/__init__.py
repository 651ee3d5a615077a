"""Explains a handful of events: what each means, in which phase it stands, and what the set supports.

The same rules and the same reasoning by phase as for a whole case. `explain` takes events, `explain_text` whatever
was pasted, `explain_jsonl` many sets at once; `rendered` turns the result into text for a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import pyarrow as pa

from kit import codes, rules
from kit.errors import ParameterError
from kit.explain import echoes, ordering, pasted
from kit.explain.advising import advice, alternatives
from kit.explain.assess import Evidence, Finding, Given, Item, assess, gather
from kit.explain.host import Host, context_of, host, products_of
from kit.explain.records import from_mapping
from kit.explain.render import rendered
from kit.named import callable_by_name
from kit.rules.matching import Match, Record
from kit.text import decode
from kit.values import plain

__all__ = ["context_of", "explain", "explain_jsonl", "explain_text", "rendered"]

LOOKED = 200_000  # characters of a paste in which products are looked for
NO_RULE = "no rule"
DISTINCT = 3000  # numbers from here on name their source, where the rules know them of one source only
GENERAL_ORDER = 40  # rules that say no more than who wrote a record; what the record says goes first


def explain(
    events: str | bytes | Iterable[Mapping[str, Any]] | pd.DataFrame, host_state: str | None = None,
    context: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """The explanation of a set of events in order: events, assessment, root_cause, because, alternatives, advice.

    events      pasted text or a code; or mappings with provider, event_id, level, message, strings, data, time in any
                common spelling; or rows of table `events`
    host_state  what the host or the backup product reported, in words or as one of kit.explain.host.STATES
    context     requestor, host_os, guest_os, app

        kit.explain("0x800423f4")["events"][0]["meaning"]
        kit.explain(case.events[case.events["event_id"] == 18210].head(3))

    Raises ParameterError when there is no event.
    """
    if isinstance(events, (str, bytes)):
        return explain_text(events, host_state, context)
    if isinstance(events, Mapping):
        events = [events]
    rows = _rows(events) if isinstance(events, pd.DataFrame) else events
    given = [from_mapping(one) for one in rows]
    if not given:
        raise ParameterError("nothing to explain: no event was given")
    return _explained(given, host(host_state, context), rules.load())


def explain_text(
    text: str | bytes, host_state: str | None = None, context: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """The explanation of pasted text, or of the bytes of a file in any of the encodings that Windows writes.

    Raises ParameterError where it holds nothing that could be an event.
    """
    given = decode(text)[0] if isinstance(text, bytes) else text
    said = host(host_state, context)
    return _explained(pasted.parse(given), replace(said, products=tuple(products_of([given[:LOOKED]]))), rules.load())


def explain_jsonl(lines: Iterable[str]) -> Iterator[str]:
    """One line of JSON, an explanation with the id of its line, for each line `{ id, events, host_state, context }`.

    A line that cannot be used gives `insufficient_evidence` with the reason, so that one bad line never stops the rest.
    """
    known = rules.load()
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield json.dumps(_of_line(line, number, known), ensure_ascii=False)


def _of_line(line: str, number: int, known: rules.Rules) -> dict[str, Any]:
    name: Any = None
    try:
        content = json.loads(line)
        if not isinstance(content, dict):
            raise ParameterError("not an object")
        name = content.get("id")
        events, context = content.get("events"), content.get("context")
        if not isinstance(events, list) or not all(isinstance(one, dict) for one in events) or not events:
            raise ParameterError("`events` is not a list with at least one event")
        state = content.get("host_state")
        said = host(None if state is None else str(state), context if isinstance(context, dict) else None)
        return {"id": name, **_explained([from_mapping(one) for one in events], said, known)}
    except (ValueError, ParameterError, RecursionError) as error:
        return {"id": name, **_unusable(f"line {number}: {error}")}


def _unusable(reason: str) -> dict[str, Any]:
    return {
        "events": [], "assessment": "insufficient_evidence", "root_cause": None, "because": [reason],
        "alternatives": [], "advice": ["Give each line as { id, events: [ ... ], host_state, context }."],
    }


def _rows(events: pd.DataFrame) -> list[dict[str, Any]]:
    columns = {name: plain(pa.array(events[name], from_pandas=True)) for name in events.columns}
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return [{**row, "data": rules.fields(row.get("data"))} for row in rows]


def _explained(given: list[Given], said: Host, known: rules.Rules) -> dict[str, Any]:
    items = ordering.turned([_item(one, known) for whole in ordering.in_order(given) for one in pasted.split(whole)])
    items = echoes.of_streams(items, known)
    evidence = gather(items, said, known)
    evidence = replace(evidence, outcomes=tuple(ordering.doubted(evidence.outcomes, items)))
    finding = assess(evidence, known)
    return {
        "events": [_event(place, finding, evidence, known) for place in range(len(items))],
        "assessment": finding.assessment, "root_cause": finding.root_cause, "because": finding.because,
        "alternatives": alternatives(evidence, finding), "advice": advice(evidence, finding, known),
    }


def _item(given: Given, known: rules.Rules) -> Item:
    match = None if given.code_only else _match(given, known)
    return Item(given, match, (*pasted.codes_of(given), *_os_error(match)))


def _os_error(match: Match | None) -> list[codes.Code]:
    """What the operating system error that a rule captured means."""
    number = match.captured.get("os_error") if match else None
    found = codes.of_kind("win32", number) if isinstance(number, int) else None
    return [found] if found else []


def _match(given: Given, known: rules.Rules) -> Match | None:
    record = Record(given.provider, given.event_id, given.message, given.strings, given.data)
    found = known.index.match(record)
    if found is None and given.provider is None and (given.event_id or 0) >= DISTINCT:
        found = known.index.match(replace(record, provider=known.index.sole_provider(given.event_id or 0)))
    general = found is None or found.rule.order >= GENERAL_ORDER
    if general and given.message and (given.provider or given.event_id is not None):
        return known.index.match(Record(None, None, given.message)) or found
    return found


def _event(place: int, finding: Finding, evidence: Evidence, known: rules.Rules) -> dict[str, Any]:
    item = evidence.items[place]
    given = item.given
    base: dict[str, Any] = {"provider": given.provider, "event_id": given.event_id, "text": _shown(given)}
    named = [f"{code.written} {code.symbol or ''}".strip() + f": {code.meaning}" for code in item.codes]
    if item.match is None:
        said = "; ".join(named) if named else f"{NO_RULE}: {_shown(given)}"
        return base | {
            "phase": None, "meaning": said, "class": "unexplained", "rule_id": None, "status": None, "reference": None,
            "page": None, "codes": named, "captured": {}, "readings": [],
        }
    one = item.match.rule
    return base | {
        "phase": one.phase, "meaning": one.meaning, "class": _class(place, finding, evidence), "rule_id": one.id,
        "status": one.status, "reference": "; ".join(one.reference), "page": known.page(one), "codes": named,
        "captured": item.match.captured, "readings": list(one.readings),
    }


def _shown(given: Given) -> str:
    text = given.message or " | ".join(part or "" for part in given.strings)
    return " ".join(text.split())[:300] or "no text"


def _class(place: int, finding: Finding, evidence: Evidence) -> str:
    """The class of an event within the set: an undecided record takes that of the assessment.

    Records of an operation in which no database failed do not take the class of another one that failed.
    """
    item = evidence.items[place]
    own = item.match.rule.class_ if item.match else "unexplained"
    if own != "undecided":
        return own
    if finding.assessment == "benign":
        return "benign_abort"
    failed = finding.assessment in ("label_contradicted", "genuine_failure")
    if failed and evidence.failed_places and place not in evidence.failed_places:
        return "unexplained"
    if failed and (evidence.failed_outcomes or evidence.host.failed):
        return "genuine_failure"
    return "unexplained"


callable_by_name(__name__)
