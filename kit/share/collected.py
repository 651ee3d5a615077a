"""The names that an analysis holds: machines, hosts, domains, databases, instances, ids, accounts, files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from kit.judgement.analysis import Analysis
from kit.share.own_words import is_own
from kit.share.patterns import QUOTED_USER
from kit.share.pseudonyms import Names, folded

COLUMNS = {
    "vm_name": "VM", "database": "DB", "instance": "INST", "computer": "HOST", "reference": "HOST",
    "primary_server": "HOST", "replica_server": "HOST", "where": "HOST", "vm_id": "ID", "recovery_point_id": "ID",
    "fail_over_to": "ID", "fallback": "ID", "backup_set": "ID",
}  # fmt: skip
_USER = re.compile(r"(?:user|account|owner|login|logon)_?(?:name)?$", re.IGNORECASE)
_DOMAIN = re.compile(r"domain_?(?:name)?$", re.IGNORECASE)
_HOST = re.compile(r"(?:server|host|computer|machine|workstation|client|node)_?(?:name)?s?$", re.IGNORECASE)
_NO_NAME = re.compile(r"[\d\s.,:;+\-/%()\[\]{}]*|0x[0-9a-f]+|true|false|null|s-1-[\d-]+", re.IGNORECASE)
_PARTS = re.compile(r"!/|/|\\(?![xuU][0-9a-f]{2})")  # a path shows what is no letter by its number: \\u202e
_ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")
_PLAIN_FILES = frozenset({
    "admin", "agent", "all", "appevent", "application", "archive", "backup", "backups", "case", "checkpoints",
    "clixml", "clock", "cluster", "clx", "copy", "csv", "default", "dpm", "errorlog", "event", "eventlog", "events",
    "evidence", "evt", "evtx", "export", "exports", "failover", "forwarded", "get", "guest", "guests", "health",
    "host", "hosts", "hotfixes", "hvr", "hyper", "integration", "job", "jobs", "json", "list", "log", "logs",
    "measure", "microsoft", "microsoftwindowshyperv", "msinfo", "new", "old", "operational", "out", "part", "point",
    "points", "primary", "providers", "recovery", "replica", "replication", "secevent", "security", "services",
    "set", "sets", "setup", "shadows", "snapshots", "sql", "sqlagent", "sqlwriterlogger", "state", "statistics",
    "sysevent", "system", "test", "testfailover", "time", "trace", "txt", "v", "viewer", "vm", "vmms",
    "vmreplication", "vms", "vmsnapshot", "vssadmin", "windows", "worker", "writers", "wsb", "xml", "zip",
})  # fmt: skip


def collect(analysis: Analysis, key: bytes, keep: Iterable[str] = (), remove: Iterable[str] = ()) -> Names:
    """Every name that the tables know to be one. `remove` are further terms; `keep` are names that may stay."""
    names = Names(key, frozenset(folded(word) for word in keep))
    for word in remove:
        names.add("TERM", word)
    for column, kind in COLUMNS.items():
        for value in _values(analysis, column):
            if kind == "HOST":
                names.host(value)
            else:
                names.add(kind, value)
    for value in analysis.operations["databases"].explode().dropna().unique():
        names.add("DB", str(value).rpartition("\\")[2])
    _of_case(analysis, names)
    _of_exports(analysis, names)
    for text in _texts(analysis):
        for found in QUOTED_USER.finditer(text):
            names.add("USER", found[1])
    return names


def _of_case(analysis: Analysis, names: Names) -> None:
    """Names that the case gives itself: its id, who asked, folders and files that are not called like any other."""
    for field in ("case_id", "requester"):
        value = analysis.meta.get(field)
        if isinstance(value, str) and len(value) > 3 and not is_own(value):
            names.add("TERM", value)
    known = names.words
    for path in analysis.sources["path"].dropna().unique():
        for part in _PARTS.split(str(path)):
            if not _plain_file(known.sub(" ", part)):
                names.add("FILE", part)
                names.add("FILE", _ESCAPED.sub(lambda found: chr(int(found[1] or found[2] or found[3], 16)), part))


def _plain_file(part: str) -> bool:
    """Whether a folder or file has a name that says nothing: words of the trade, numbers, dates."""
    if not part.isascii():
        return False
    words = re.findall(r"[a-z]+", part.lower())
    return set(words) <= _PLAIN_FILES or (bool(words) and is_own(" ".join(words)))


def _of_exports(analysis: Analysis, names: Names) -> None:
    """Accounts and machines in the properties of exports and in event data, by the name of their field."""
    columns = (analysis.events["data"], analysis.replication["data"], analysis.records["data"])
    for text in pd.concat(columns).dropna().unique():
        for field, value in _fields(str(text)):
            if len(value) > 64 or _NO_NAME.fullmatch(value) or set(value) & set("\\@/") or is_own(value):
                continue
            if _USER.search(field):
                names.add("USER", value)
            elif _DOMAIN.search(field) and " " not in value:
                names.domain(value)
            elif _HOST.search(field) and " " not in value:
                names.host(value)


def _values(analysis: Analysis, column: str) -> Iterator[str]:
    for frame in analysis.tables.values():
        if column in frame:
            yield from (str(value) for value in frame[column].dropna().unique())


def _texts(analysis: Analysis) -> Iterator[str]:
    yield from (str(text) for text in analysis.events["message"].dropna().unique())
    yield from (" | ".join(map(str, strings)) for strings in analysis.events["strings"].dropna() if len(strings))


def _fields(data: str) -> Iterator[tuple[str, str]]:
    try:
        found = json.loads(data)
    except ValueError:
        return
    yield from _pairs("", found)


def _pairs(name: str, content: Any) -> Iterator[tuple[str, str]]:
    if isinstance(content, str):
        yield name, content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield from _pairs(str(key), value)
    elif isinstance(content, list):
        for value in content:
            yield from _pairs(name, value)
