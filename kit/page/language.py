"""The language that a report speaks: one file kit/languages/<code>.toml each; English needs none.

    with speaking("de"):
        say("{count} points", count="46")

A text without a translation stays English. What a table holds is English too and is said in the language of the
report by `stored`: the file names the sentences with their variable parts, so that evidence inside them is kept.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, cached_property, wraps
from importlib import resources
from typing import Any, Concatenate, ParamSpec, TypeVar

from kit.errors import ParameterError
from kit.judgement.analysis import Analysis

P = ParamSpec("P")
R = TypeVar("R")
ENGLISH = "en"
_PLACE = re.compile(r"\{([a-z]+)(_\d+)?\}")
_MOMENT = r"\d{1,2} [A-Z][a-z]{2}(?: \d{4})?(?: \d{2}:\d{2}(?::\d{2})?)?(?: \d{4})?|an unknown time|time unknown"
_ONE = r"-?\d+(?:\.\d+)?(?: (?:d|h|min|s))?(?: \d+ (?:h|min|s))?"
KINDS = {  # what a variable part of a stored sentence may be; all others are evidence and kept as they are
    "moment": _MOMENT,
    "moments": rf"(?:{_MOMENT})(?:, (?:{_MOMENT}))*",
    "span": rf"{_ONE}(?: to {_ONE})?|an unknown time",
    "number": r"-?\d[\d,]*(?:\.\d+)?",
    "ranges": r"\d+(?: to \d+)?(?:, \d+(?: to \d+)?)*",
    "names": r".+?",
    "text": r".*?",
}
MOST_KEPT = 20_000  # sentences that are kept once said


@dataclass(frozen=True)
class Language:
    """A language: its texts, the sentences of tables, and how it writes numbers."""

    code: str = ENGLISH
    name: str = "English"
    decimal: str = "."
    thousands: str = "\N{NARROW NO-BREAK SPACE}"
    texts: Mapping[str, str] = field(default_factory=dict)
    sentences: Mapping[str, str] = field(default_factory=dict)
    said: dict[tuple[str, ...], str] = field(default_factory=dict, compare=False)

    @cached_property
    def patterns(self) -> list[tuple[re.Pattern[str], list[tuple[str, str]], str]]:
        """The sentences as patterns, the most specific first."""
        ordered = sorted(self.sentences.items(), key=lambda pair: (-len(_PLACE.sub("", pair[0])), pair[0]))
        return [(*_pattern(english), own) for english, own in ordered]


def _pattern(english: str) -> tuple[re.Pattern[str], list[tuple[str, str]]]:
    """The pattern of a sentence, and kind and name of each of its variable parts."""
    made, places, at = "", [], 0
    for found in _PLACE.finditer(english):
        made += re.escape(english[at : found.start()])
        made += f"({KINDS.get(found[1], '.+?')})"
        places.append((found[1], found[0][1:-1]))
        at = found.end()
    return re.compile(made + re.escape(english[at:]), re.DOTALL), places


_CURRENT: ContextVar[Language | None] = ContextVar("language", default=None)


def current() -> Language:
    """The language spoken now."""
    return _CURRENT.get() or _english()


@cache
def _english() -> Language:
    return Language()


def known() -> list[str]:
    """Codes of the languages that there are, English first."""
    folder = resources.files("kit").joinpath("languages")
    files = sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return [ENGLISH, *files]


@cache
def language(code: str | None) -> Language:
    """The language with this code; none is English. Raises ParameterError naming those that there are."""
    if code is None or code == ENGLISH:
        return _english()
    if code not in known():
        raise ParameterError(f"language {code!r} is unknown; there are: {', '.join(known())}")
    text = resources.files("kit").joinpath("languages", f"{code}.toml").read_text(encoding="utf-8")
    return parsed(code, text)


def parsed(code: str, text: str) -> Language:
    """A language from the text of its file. Raises ParameterError for a file that cannot be read."""
    try:
        found = tomllib.loads(text)
        about = found.get("language", {})
        own = {section: _flat(found.get(section, {})) for section in ("texts", "sentences")}
    except (tomllib.TOMLDecodeError, AttributeError, TypeError) as error:
        raise ParameterError(f"kit/languages/{code}.toml cannot be read: {error}") from error
    plain = _english()
    return Language(
        code, about.get("name", code), about.get("decimal", plain.decimal), about.get("thousands", plain.thousands),
        own["texts"], own["sentences"],
    )  # fmt: skip


def _flat(section: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a section; sub-sections only group them."""
    made: dict[str, str] = {}
    for english, own in section.items():
        if isinstance(own, str):
            made[english] = own
        else:
            made |= _flat(own)
    return made


@contextmanager
def speaking(code: str | Language | None) -> Iterator[Language]:
    """Everything said inside is said in this language."""
    chosen = code if isinstance(code, Language) else language(code)
    token = _CURRENT.set(chosen)
    try:
        yield chosen
    finally:
        _CURRENT.reset(token)


def spoken(made: Callable[Concatenate[Analysis, P], R]) -> Callable[Concatenate[Analysis, P], R]:
    """The function, said in the language that its analysis asks for."""

    @wraps(made)
    def inside(analysis: Analysis, *args: P.args, **kwargs: P.kwargs) -> R:
        with speaking(_CURRENT.get() or analysis.meta.get("language")):
            return made(analysis, *args, **kwargs)

    return inside


def say(text: str, **values: object) -> str:
    """The text in the language spoken now, with `{names}` filled in."""
    own = current().texts.get(text, text)
    return own.format(**values) if values else own


def say_n(count: int, one: str, many: str, **values: object) -> str:
    """`one` for a count of 1, else `many`; `{count}` is the count as it is written."""
    return say(one if count == 1 else many, count=written(count), **values)


def marked(text: str) -> str:
    """The text as it is: it is listed for translation and said later."""
    return text


class Spoken(dict[str, str]):
    """A dictionary of texts that are said in the language spoken when they are looked up."""

    def __getitem__(self, key: str) -> str:
        return say(super().__getitem__(key))

    def get(self, key: str, otherwise: Any = None) -> Any:
        """The text of the key, said; else what is given for it."""
        found = super().get(key)
        return otherwise if found is None else say(found)


def written(value: float, digits: int = 0) -> str:
    """A number as the language writes it."""
    plain = current()
    text = f"{value:,.{digits}f}"
    return text.replace(",", "\0").replace(".", plain.decimal).replace("\0", plain.thousands)


def stored(text: str | None, names: Collection[str] = ()) -> str:
    """A sentence of a table in the language spoken now; one that the language does not know stays as it is.

    `names` are those of databases: a list of them gets the language's own word for `and`, the names are kept.
    """
    own = current()
    if not text or not own.sentences:
        return text or ""
    key = (text, *names)
    if key not in own.said:
        if len(own.said) > MOST_KEPT:
            own.said.clear()
        own.said[key] = _stored(text, own, names)
    return own.said[key]


def clauses(text: str | None) -> str:
    """A note of a table in the language spoken now, clause by clause; one that `; ` cuts in two is put together."""
    parts = (text or "").split("; ")
    told = []
    while parts:
        runs = ["; ".join(parts[:length]) for length in range(1, len(parts) + 1)]
        known = [run for run in runs if stored(run) != run] or runs[:1]
        whole = [run for run in known if not any(part in stored(run) for part in run.split("; "))]
        run = whole[-1] if whole else known[0]
        told.append(stored(run))
        del parts[: run.count("; ") + 1]
    return "; ".join(told)


def _stored(text: str, own: Language, names: Collection[str]) -> str:
    if text in own.sentences:
        return own.sentences[text]
    for pattern, places, sentence in own.patterns:
        found = pattern.fullmatch(text)
        if found:
            parts = zip(places, found.groups(), strict=True)
            made = {name: _part(kind, part, names) for (kind, name), part in parts}
            return _filled(sentence, made)
    return text


def _filled(sentence: str, parts: Mapping[str, str]) -> str:
    """The sentence with its variable parts; text in them is never read as a place again."""
    return _PLACE.sub(lambda place: parts.get(place[0][1:-1], place[0]), sentence)


def _part(kind: str, text: str, names: Collection[str]) -> str:
    """A variable part: times, spans and sentences are said, everything else is evidence."""
    if kind in ("moment", "moments"):
        return ", ".join(_moment(one) for one in text.split(", "))
    if kind in ("span", "number", "ranges"):
        return _numbers(text)
    if kind == "text":
        return stored(text, names)
    return _names(text, names) if kind == "names" else text


def _names(text: str, names: Collection[str]) -> str:
    """A list of known names with the language's word for `and` before the last; the names themselves are kept."""
    if text in names:
        return text
    for found in re.finditer(" and ", text):
        first, last = text[: found.start()], text[found.end() :]
        if more := re.fullmatch(r"(\d+) more", last):
            return say("{first} and {count} more", first=first, count=more[1])
        if last in names:
            return say("{first} and {last}", first=first, last=last)
    return text


def _numbers(text: str) -> str:
    """A span as the language writes it: `0.4 to 2.1 s`, `1 d 3 h`; an unknown one in words."""
    if text.startswith(("an ", "time ")):
        return say(text)
    told = re.sub(r"(?<=\d)\.(?=\d)", current().decimal, text)
    told = re.sub(r"(?<=\d) d\b", f" {say('d')}", told)
    made, *rest = told.split(" to ")
    for part in rest:
        made = say("{first} to {last}", first=made, last=part)
    return made


def _moment(text: str) -> str:
    """`20 May 02:00` as the language writes it."""
    found = re.fullmatch(r"(\d{1,2}) ([A-Z][a-z]{2})(?: (\d{4}))?(?: (\d\d:[\d:]+))?(?: (\d{4}))?", text)
    if found is None:
        return say(text)
    day, month, early, clock, late = found.groups()
    year = early or late
    if year:
        date = say("{day} {month} {year}", day=day, month=say(month), year=year)
    else:
        date = say("{day} {month}", day=day, month=say(month))
    return f"{date} {clock}" if clock else date
