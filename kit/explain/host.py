"""What the host or the product reported, and who asked for the snapshot: words to a few known states."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from kit.errors import ParameterError
from kit.explain.words import WORDS
from kit.rules import wording
from kit.rules.hints import hints

STATES = (
    "app_consistent_listed", "crash_consistent_listed", "host_reports_failure", "requestor_reports_success",
    "requestor_reports_failure", "replication_error", "not_applicable", "unknown",
)
CONTEXT = ("requestor", "host_os", "guest_os", "app")
CLAIMS = frozenset({"app_consistent_listed", "requestor_reports_success"})
FAILURES = frozenset({"host_reports_failure", "requestor_reports_failure"})


@dataclass(frozen=True)
class Host:
    """The reported state as one of STATES, the requestor (hyper_v, other or unknown), and the words given."""

    state: str = "unknown"
    requestor: str = "unknown"
    said: str | None = None
    app: str | None = None
    host_os: str | None = None
    products: tuple[str, ...] = ()  # backup products that a paste names outside its events

    @property
    def claims(self) -> bool:
        """Whether application consistency or success is claimed."""
        return self.state in CLAIMS

    @property
    def failed(self) -> bool:
        """Whether the host or the product says that the copy failed."""
        return self.state in FAILURES


def host(state: str | None, context: Mapping[str, object] | None) -> Host:
    """The reported state and the requestor; keys of the context beyond CONTEXT are passed over."""
    words = {str(key): _text(value) for key, value in (context or {}).items()}
    requestor = requestor_of(words.get("requestor"))
    return Host(state_of(state), requestor, _text(state), words.get("app"), words.get("host_os"))


def context_of(pairs: Iterable[str]) -> dict[str, str]:
    """Context from KEY=VALUE words. Raises ParameterError for a key that is not known or a word without `=`."""
    found = {}
    for pair in pairs:
        key, mark, value = pair.partition("=")
        if not mark or key.strip() not in CONTEXT:
            raise ParameterError(f"--context {pair!r}: expected KEY=VALUE with KEY one of {', '.join(CONTEXT)}")
        found[key.strip()] = value.strip()
    return found


def _text(value: object) -> str | None:
    text = wording.plain(str(value)).strip() if value is not None else ""
    return text or None


def state_of(said: str | None) -> str:
    """The state that the words report; unknown where they report none."""
    text = _text(said)
    if text is None:
        return "unknown"
    key = text.casefold().replace(" ", "_").replace("-", "_")
    if key in STATES:
        return key
    return next((state for state, wanted, never in _states() if _says(text, wanted, never)), "unknown")


def _says(text: str, wanted: re.Pattern[str], never: re.Pattern[str] | None) -> bool:
    return wanted.search(text) is not None and not (never and never.search(text))


def requestor_of(said: str | None) -> str:
    """hyper_v, other, or unknown where nothing is said."""
    if not said or said.casefold() in ("unknown", "none", "null"):
        return "unknown"
    return next((kind for kind, wanted in _requestors() if wanted.search(said)), "unknown")


def writer_of(app: str | None) -> str | None:
    """The writer that an application cannot do without, where the words name one."""
    return next((name for wanted, name in _writers() if wanted.search(app)), None) if app else None


@cache
def _writers() -> list[tuple[re.Pattern[str], str]]:
    return [(_regex(one["app"]), one["writer"]) for one in WORDS["app_writer"]]


@cache
def _states() -> list[tuple[str, re.Pattern[str], re.Pattern[str] | None]]:
    return [
        (one["state"], _regex(one["text"]), _regex(one["unless"]) if "unless" in one else None)
        for one in WORDS["host_state"]
    ]


@cache
def _requestors() -> list[tuple[str, re.Pattern[str]]]:
    return [(one["kind"], _regex(one["text"])) for one in WORDS["requestor"]]


def products_of(texts: Iterable[str]) -> list[str]:
    """The backup products whose signs stand in the texts, each once."""
    given = "\n".join(wording.plain(text) for text in texts)
    lowered = given.lower()
    promising = [(name, wanted) for name, wanted, pieces in _products()
                 if not pieces or any(piece in lowered for piece in pieces)]
    return [name for name, wanted in promising if wanted.search(given)]


@cache
def _products() -> list[tuple[str, re.Pattern[str], frozenset[str]]]:
    """Name, pattern, and pieces one of which a text must hold; none: not sure."""
    return [(one["name"], re.compile(one["text"], re.IGNORECASE), hints(one["text"])) for one in WORDS["product"]]


def _regex(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.DOTALL)
