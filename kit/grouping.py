"""Very many sources told on one page: those that are alike stand together, with their sums."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from kit.words import listed

MOST = 150  # rows that a list may have before what is alike stands together

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Group:
    """Sources of one folder (or of several), role, status and format; a group of one is that source."""

    folder: str
    rows: tuple[Row, ...]

    @property
    def alone(self) -> Row | None:
        """The source itself, where it is the only one."""
        return self.rows[0] if len(self.rows) == 1 else None

    @property
    def label(self) -> str:
        """The path of one source, or what stands for the paths of several."""
        return str(self.rows[0]["path"]) if self.alone else f"{self.folder}/*" if self.folder else "*"

    def same(self, name: str) -> Any:
        """The value of a column where all sources agree; else None."""
        first = self.rows[0].get(name)
        return first if all(row.get(name) == first for row in self.rows) else None

    def sum(self, name: str) -> int | None:
        """The sum of a column of numbers; None where none is known."""
        known = [int(row[name]) for row in self.rows if _there(row.get(name))]
        return sum(known) if known else None

    def first(self, name: str) -> Any:
        """The earliest time of a column; None where none is known."""
        return min((row[name] for row in self.rows if _there(row.get(name))), default=None)

    def last(self, name: str) -> Any:
        """The latest time of a column; None where none is known."""
        return max((row[name] for row in self.rows if _there(row.get(name))), default=None)


def _there(value: Any) -> bool:
    return value is not None and not pd.isna(value)


def grouped(rows: Sequence[Row], alone: Collection[str] = (), most: int = MOST) -> list[Group]:
    """The sources in the order of their paths, each for itself where they are few, else those together that are alike.

    `alone` names sources (source_id) that keep a row of their own, such as those that hold evidence; they count only
    as long as they are few themselves.
    """
    ordered = sorted(rows, key=lambda row: (row["path"], row["source_id"]))
    if len(ordered) <= most:
        return [Group("", (row,)) for row in ordered]
    own = set(alone) if len(alone) <= most else set()
    for folder in (_folder, _top, lambda _: ""):
        found = _by(ordered, own, folder)
        if len(found) - len(own) <= most:
            break
    return found


def _by(rows: Sequence[Row], own: set[str], folder: Callable[[str], str]) -> list[Group]:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        place = folder(str(row["path"]))
        alike = (place, str(row.get("role")), str(row.get("status")), str(row.get("reader")))
        groups.setdefault((row["source_id"],) if row["source_id"] in own else alike, []).append(row)
    return [Group(str(key[0]) if len(key) > 1 else "", tuple(own_rows)) for key, own_rows in groups.items()]


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _top(path: str) -> str:
    first, slash, _ = path.partition("/")
    return first if slash else ""


def alike(missing: Sequence[Row], most: int) -> list[dict[str, Any]]:
    """Rows of `missing`; where they are very many, the same of several machines as one row that names the first."""
    if len(missing) <= most:
        return [dict(row) for row in missing]
    groups: dict[str, list[Row]] = {}
    for row in missing:
        vm_name = row.get("vm_name")
        said = str(row["what"]).replace(vm_name, "\0") if vm_name else str(row["what"])
        groups.setdefault(said, []).append(row)
    names = {said: listed([str(row["vm_name"]) for row in own], 3) for said, own in groups.items()}
    return [
        dict(own[0]) if len(own) == 1 else {**own[0], "what": said.replace("\0", names[said]), "vm_name": None}
        for said, own in groups.items()
    ]
