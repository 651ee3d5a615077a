"""Names that identify people and machines, and what stands for them in a shared copy.

The same name has the same pseudonym in every table, text and file of a case, in capitals or not; the key and the map
stay with the analyst and turn the copy back.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from kit.judgement.analysis import Analysis

SHORTEST = 3  # letters of a name that is looked for inside texts; shorter ones are replaced where they stand alone
COLUMNS = {
    "vm_name": "VM", "database": "DB", "instance": "INST", "computer": "HOST", "reference": "HOST",
    "primary_server": "HOST", "replica_server": "HOST", "where": "HOST", "vm_id": "ID", "recovery_point_id": "ID",
    "fail_over_to": "ID", "fallback": "ID", "backup_set": "ID",
}  # fmt: skip
KNOWN = frozenset({
    "master", "model", "msdb", "tempdb", "mssqlsystemresource", "mssqlserver", "sqlexpress", "ntds", "ese", "none",
    "unknown", "localhost", "global", "local", "nt authority", "nt service", "builtin", "system", "administrator",
    "workgroup", "sa",
})  # fmt: skip
USER_FIELDS = re.compile(r"user|account|owner|login|workstation|domain", re.IGNORECASE)
PATTERNS: dict[str, re.Pattern[str]] = {
    "MAIL": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "SID": re.compile(r"\bS-1-5-21(?:-\d+){3,}\b"),
    "IP": re.compile(
        r"(?<![\w.:])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)|(?<![\w:.])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:.])"
    ),
    "ID": re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"),
    "PATH": re.compile(r"(?<![\w])(?:[A-Za-z]:\\|\\\\)[^\s\"'<>|*?,;)]+"),
    "MAC": re.compile(r"\b(?:[0-9A-Fa-f]{2}[-:]){5}[0-9A-Fa-f]{2}\b"),
}  # fmt: skip
ACCOUNT = re.compile(
    r"(?:(?<=['\"‘“(\[=:,])|(?<=: )|(?<=user )|(?<=login )|(?<=account )|(?<=by )|^)"
    r"([A-Za-z][\w-]{1,20})\\([A-Za-z][\w.$-]{1,40})(?![\w\\])",
    re.IGNORECASE,
)
QUOTED_USER = re.compile(
    r"(?:\buser|\blogin|\baccount)(?: name)?[ :=]+['\"‘“]([^'\"’”\\|]{1,60})['\"’”]", re.IGNORECASE
)
HARMLESS_PATHS = re.compile(r"(?:[A-Za-z]:\\(?:Program|Windows)|\\\\\.\\|\\\\\?\\)", re.IGNORECASE)
LOOSE_IP = re.compile(r"[0-9.:a-fA-F]+")


@dataclass
class Names:
    """Every name that is replaced, and how; `pseudonyms` maps the lower-case original."""

    key: bytes
    keep: frozenset[str] = frozenset()
    pseudonyms: dict[str, str] = field(default_factory=dict)
    originals: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    _pattern: re.Pattern[str] | None = None

    def add(self, kind: str, name: Any) -> None:
        """Takes a name up, unless it is generally known, empty or to be kept."""
        if not isinstance(name, str) or not name.strip():
            return
        text = name.strip()
        lower = text.lower()
        if lower in self.pseudonyms or lower in KNOWN or lower in self.keep:
            return
        made = self._made(kind, lower)
        self.pseudonyms[lower], self.originals[made], self.kinds[lower] = made, text, kind
        self._pattern = None

    def _made(self, kind: str, lower: str) -> str:
        digest = hmac.new(self.key, f"{kind}:{lower}".encode(), hashlib.sha256).hexdigest()
        if kind == "ID" and PATTERNS["ID"].fullmatch(lower):
            return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
        if kind == "ID":
            return digest[: max(12, len(lower))]
        size = 6
        while f"{kind}-{digest[:size]}" in self.originals:
            size += 2
        return f"{kind}-{digest[:size]}"

    def exact(self, kind: str, value: str) -> str:
        """What stands for a whole cell that is a name; a name with a domain is replaced part by part."""
        lower = value.strip().lower()
        if lower in self.pseudonyms:
            return self.pseudonyms[lower]
        return self.text(value)

    def text(self, value: str) -> str:
        """The text with every known name, and every address, account, id and path, replaced."""
        made = value
        for kind, pattern in PATTERNS.items():
            made = pattern.sub(self._found(kind), made)
        made = ACCOUNT.sub(self._account, made)
        return self.pattern.sub(lambda found: self.pseudonyms[found[0].lower()], made) if self.pseudonyms else made

    def _found(self, kind: str) -> Callable[[re.Match[str]], str]:
        def replaced(found: re.Match[str]) -> str:
            if not self._counts(kind, found[0]):
                return found[0]
            self.add(kind, found[0])
            return self.pseudonyms.get(found[0].strip().lower(), found[0])

        return replaced

    def _counts(self, kind: str, text: str) -> bool:
        if text in self.originals or any(part in self.originals for part in text.split("\\")):
            return False
        if kind == "PATH":
            return not HARMLESS_PATHS.match(text)
        if kind == "IP":
            return _is_address(text)
        return True

    def _account(self, found: re.Match[str]) -> str:
        domain, user = found[1], found[2]
        replaced = domain in self.originals or user in self.originals
        if replaced or domain.lower() in KNOWN or len(domain) == 1:
            return found[0]
        self.add("DOMAIN", domain)
        self.add("USER", user)
        return "\\".join(self.pseudonyms.get(word.lower(), word) for word in (domain, user))

    @property
    def pattern(self) -> re.Pattern[str]:
        """All known names, longest first, where no letter or digit touches them."""
        if self._pattern is None:
            names = sorted(
                (name for name in self.pseudonyms if len(name) >= SHORTEST), key=lambda name: (-len(name), name)
            )
            words = "|".join(map(re.escape, names)) or r"(?!)"
            self._pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{words})(?![A-Za-z0-9])", re.IGNORECASE)
        return self._pattern

    def counts(self) -> dict[str, int]:
        """How many names of each kind were replaced; says nothing of the names."""
        return dict(sorted(Counter(self.kinds.values()).items()))

    def as_map(self) -> str:
        """The map that turns the copy back, as JSON; it stays with the analyst."""
        names = {made: self.originals[made] for made in sorted(self.originals)}
        return json.dumps({"key": self.key.hex(), "names": names}, indent=1, ensure_ascii=False) + "\n"


def _is_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def collect(analysis: Analysis, key: bytes, keep: Iterable[str] = (), remove: Iterable[str] = ()) -> Names:
    """Every name that the tables know to be one: machines, hosts and domains, databases, instances, ids, accounts."""
    names = Names(key, frozenset(word.lower() for word in keep))
    for word in remove:
        names.add("TERM", word)
    for column in ("vm_name", "computer", *COLUMNS):
        for value in _values(analysis, column):
            _take(names, COLUMNS[column], value)
    for text in _texts(analysis):
        for found in QUOTED_USER.finditer(text):
            names.add("USER", found[1])
    for row in analysis.events["data"].dropna().unique():
        for value in _accounts(str(row)):
            names.add("USER", value)
    return names


def _take(names: Names, kind: str, value: str) -> None:
    """A name; of a name with a domain the machine and the domain apart, so that both are found alone as well."""
    head, dot, domain = value.partition(".")
    if kind == "HOST" and dot and not LOOSE_IP.fullmatch(value):
        names.add("HOST", head)
        names.add("DOMAIN", domain)
    else:
        names.add(kind, value)


def _values(analysis: Analysis, column: str) -> Iterator[str]:
    for frame in analysis.tables.values():
        if column in frame:
            yield from (str(value) for value in frame[column].dropna().unique())


def _texts(analysis: Analysis) -> Iterator[str]:
    yield from (str(text) for text in analysis.events["message"].dropna().unique())
    yield from (" | ".join(map(str, strings)) for strings in analysis.events["strings"].dropna() if len(strings))


def _accounts(data: str) -> Iterator[str]:
    try:
        found = json.loads(data)
    except ValueError:
        return
    if isinstance(found, dict):
        yield from (str(value) for name, value in found.items() if USER_FIELDS.search(name) and isinstance(value, str))


def is_text(series: pd.Series) -> bool:
    """Whether a column holds text or lists of text."""
    return bool(pd.api.types.is_string_dtype(series)) or str(series.dtype).startswith("list<")
