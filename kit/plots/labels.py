"""Direct labels of one lane: what each says, and that no two of them collide."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pandas as pd

from kit.page.clean import label
from kit.page.language import say, stored
from kit.page.signs import CLASSES
from kit.page.view import View
from kit.page.when import duration
from kit.plots.style import Interval, note

WIDTH_PX, LETTER_PX = 500.0, 6.9  # room of the lanes where they are narrowest, mean width of a letter
RARE = ("genuine_failure", "other_requestor", "environment", "unexplained")
_TAG = re.compile(r"<[^>]*>|&#?\w+;")


class Labels:
    """The labels placed so far in a lane, as intervals in pixels."""

    def __init__(self, view: View, period: Interval) -> None:
        self.view, self.period = view, period
        self.taken: list[tuple[float, float]] = []
        self.notes: list[dict[str, Any]] = []

    def place(self, moment: datetime, y: float, text: str, gap: float = 9, **more: Any) -> bool:
        """Puts a label right of a moment, else left of it, if there is room; says whether it stands."""
        wide = len(_TAG.sub("x", text)) * LETTER_PX + 6
        x = (moment - self.period[0]) / (self.period[1] - self.period[0]) * WIDTH_PX
        for begin, anchor, shift in ((x + gap, "left", gap), (x - gap - wide, "right", -gap)):
            inside = begin >= 0 and begin + wide <= WIDTH_PX + 8
            if inside and all(begin + wide < first or begin > last for first, last in self.taken):
                self.taken.append((begin, begin + wide))
                self.notes.append(note(self.view.when.axis(moment), y, text, xanchor=anchor, xshift=shift, **more))
                return True
        return False

    def rare(self, found: pd.DataFrame, moments: list[datetime], y: float, most: int = 7) -> None:
        """Labels of the rare records, failures first; records less than ten minutes apart share one."""
        for name in RARE:
            for first in _runs(found, moments, name):
                if len(self.notes) < most and self.period[0] <= moments[first] <= self.period[1]:
                    self.place(moments[first], y, _words(self.view, name, found, first, moments[first]))

    def hole(self, gaps: list[Interval], y: float) -> None:
        """A label beside the longest gap, if it is long enough to matter."""
        whole = self.period[1] - self.period[0]
        for first, last in sorted(gaps, key=lambda gap: gap[0] - gap[1])[:1]:
            if last - first > whole / 80:
                lasts = duration((last - first).total_seconds())
                for words in (say("no record, {duration}", duration=lasts), say("no record")):
                    if self.place(last, y, words, gap=5) or self.place(first, y, words, gap=5):
                        return


def _runs(found: pd.DataFrame, moments: list[datetime], name: str) -> list[int]:
    """Row numbers that begin a run of records of one class."""
    rows = [number for number, kind in enumerate(found["class"]) if kind == name]
    return [
        row
        for place, row in enumerate(rows)
        if not place or (moments[row] - moments[rows[place - 1]]).total_seconds() > 600
    ]


def _words(view: View, name: str, found: pd.DataFrame, first: int, moment: datetime) -> str:
    if name != "genuine_failure":
        return f"{CLASSES[name].word} {view.when.local(moment):%H:%M}"
    row = found.iloc[first]
    if isinstance(row["meaning"], str):
        return label(stored(row["meaning"]).rstrip(". "), 46)
    told = found[(found["class"] == name) & found["meaning"].notna()]["meaning"]
    event_id = "" if pd.isna(row["event_id"]) else str(int(row["event_id"]))
    words = stored(str(told.iloc[0])) if len(told) else f"{row['provider']} {event_id}"
    return label(words.rstrip(". "), 46)
