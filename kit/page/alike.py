"""What is said of many machines in the same words: told once, with the machines it holds for."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from kit.page.view import View

T = TypeVar("T")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ASIDE = re.compile(r"\([^)]*\)")
_MOMENT = re.compile(r"\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b")
_NUMBER = re.compile(r"\d[\d:.,\N{NARROW NO-BREAK SPACE}]*|\bone\b")


def masked(view: View, text: str) -> str:
    """The text without what differs from machine to machine: names, ids, times, numbers, what stands in brackets."""
    plain = any_of(_names(view)).sub("*", _ASIDE.sub("", _GUID.sub("#", text)))
    return _NUMBER.sub("#", _MOMENT.sub("#", plain))


def _names(view: View) -> set[str]:
    """The names of machines and computers."""
    return {*view.vms, *(row["computer"] for row in view.sources.values() if row["computer"])}


def any_of(names: Collection[str]) -> re.Pattern[str]:
    """The pattern of these names as whole words, the longest first; without a name it matches nothing."""
    ordered = sorted(filter(None, names), key=lambda name: (-len(name), name))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, ordered))})(?!\w)" if ordered else r"(?!)")


def gathered(items: Iterable[T], key: Callable[[T], object]) -> list[list[T]]:
    """The items in groups of the same key, in the order in which each key comes first."""
    made: dict[object, list[T]] = {}
    for item in items:
        made.setdefault(key(item), []).append(item)
    return list(made.values())
