"""Anchors between a log in local time and one in UTC: the same message in both gives the offset exactly.

SQL Server writes many messages to its ERRORLOG (local time) and to the Application log (UTC). Two records are the same
message when every inserted string of the one stands in the text of the other (or their texts are equal), their error
numbers do not differ, and their times differ by a multiple of 15 minutes but for two seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import pandas as pd

_STEP_S, _SLACK_S, _FARTHEST_S = 900, 2.0, 14 * 3600
_MOST_TEXTS, _MOST_PAIRS = 2000, 400
_ENOUGH = 3


class Point(NamedTuple):
    """A moment at which the offset of a computer's zone is known: local time, seconds east of UTC, where from."""

    local: datetime
    offset_s: int
    reason: str

    @property
    def utc(self) -> datetime:
        """The moment in UTC, without a zone."""
        return self.local - timedelta(seconds=self.offset_s)


def points(local: pd.DataFrame, utc: pd.DataFrame) -> list[Point]:
    """Points of known offset, at most two a day, in the order of time; none where the anchors leave a doubt.

    `local` has time_local, event_id and message; `utc` has time_utc, event_id, message and strings.
    """
    pairs = _pairs(local, utc)
    if pairs.empty:
        return []
    found: list[Point] = []
    for _, day in pairs.groupby(pairs["local"].dt.normalize(), sort=True):
        offset = _settled(day)
        if offset is not None:
            own = _longest(day, offset)
            count = own.nunique()
            reason = f"{count} messages that also stand in the Application log"
            found += [Point(moment.to_pydatetime(), offset, reason) for moment in sorted({own.min(), own.max()})]
    return found if _enough(pairs, found) else []


def _longest(day: pd.DataFrame, offset_s: int) -> pd.Series:
    """The longest run of messages of a day that show this offset and no other.

    A message that is written every hour may meet that of the next hour within two seconds, by accident.
    """
    clear = day[day.groupby("local")["offset_s"].transform("nunique") == 1].sort_values("local", kind="stable")
    if not (clear["offset_s"] == offset_s).any():
        return day.loc[day["offset_s"] == offset_s, "local"]
    run = (clear["offset_s"] != clear["offset_s"].shift()).cumsum()
    own = clear[clear["offset_s"] == offset_s]
    return own.loc[run[own.index] == run[own.index].value_counts().idxmax(), "local"]


def _enough(pairs: pd.DataFrame, found: list[Point]) -> bool:
    """Three messages in all, or one that is unique in both logs."""
    chosen = {point.offset_s for point in found}
    used = pairs[pairs["offset_s"].isin(chosen)]
    return bool(used["local"].nunique() >= _ENOUGH or used["unique"].any())


def _settled(day: pd.DataFrame) -> int | None:
    """The offset of one day: that of messages unique in both logs, else the one that clearly explains most of them."""
    unique = day.loc[day["unique"], "offset_s"].unique()
    if len(unique) == 1:
        return int(unique[0])
    counts = day.groupby("offset_s")["local"].nunique().sort_values(ascending=False)
    if len(counts) == 1:
        return int(counts.index[0])
    return int(counts.index[0]) if counts.iloc[0] >= 3 and counts.iloc[0] >= 2 * counts.iloc[1] else None


def _pairs(local: pd.DataFrame, utc: pd.DataFrame) -> pd.DataFrame:
    """Every pair of records that can be the same message: local, offset_s, unique."""
    texts = _Texts(_times_by(local.dropna(subset=["message", "time_local"]), "message", "time_local"))
    wanted = _times_by_words(utc.dropna(subset=["time_utc"]))
    rows: list[tuple[np.datetime64, int, bool]] = []
    for (number, words), there in list(wanted.items())[:_MOST_TEXTS]:
        hits = texts.with_all(number, words)
        here = np.concatenate(hits) if hits else np.array([], "M8[us]")
        if 0 < len(here) * len(there) <= _MOST_PAIRS * _MOST_PAIRS:
            rows += _offsets(here[:_MOST_PAIRS], there[:_MOST_PAIRS], len(here) == len(there) == 1)
    made = pd.DataFrame(rows, columns=["local", "offset_s", "unique"])
    return made.assign(local=made["local"].astype("datetime64[us]"))


class _Texts:
    """Texts with their times, joined by a sign that none of them holds, so that one search finds a word in all."""

    def __init__(self, texts: Mapping[tuple[int | None, str], np.ndarray]) -> None:
        self._numbers = [number for number, _ in texts]
        self._times = list(texts.values())
        self._joined = "\n".join(text for _, text in texts)
        self._starts = list(accumulate((len(text) + 1 for _, text in texts), initial=0))
        self._known: dict[str, frozenset[int]] = {}

    def with_all(self, number: int | None, words: Sequence[str]) -> list[np.ndarray]:
        """The times of each text that holds every word; texts of another error number are other messages."""
        places = frozenset.intersection(*map(self._with, words))
        fits = (place for place in sorted(places) if number is None or self._numbers[place] in (None, number))
        return [self._times[place] for place in fits]

    def _with(self, word: str) -> frozenset[int]:
        """The places of all texts that hold a word; many messages share their words."""
        if word not in self._known:
            self._known[word] = frozenset(self._found(word))
        return self._known[word]

    def _found(self, word: str) -> Iterator[int]:
        at = self._joined.find(word)
        while at >= 0:
            place = bisect_right(self._starts, at) - 1
            yield place
            at = self._joined.find(word, self._starts[place + 1])


def _times_by(frame: pd.DataFrame, text: str, time: str) -> dict[tuple[int | None, str], np.ndarray]:
    found: dict[tuple[int | None, str], list[np.datetime64]] = defaultdict(list)
    for number, words, moment in zip(frame["event_id"], frame[text], frame[time].to_numpy("M8[us]"), strict=True):
        if len(found) < _MOST_TEXTS or (_number(number), _plain(words)) in found:
            found[(_number(number), _plain(words))].append(moment)
    return {key: np.array(times) for key, times in found.items()}


def _times_by_words(utc: pd.DataFrame) -> dict[tuple[int | None, tuple[str, ...]], np.ndarray]:
    moments = utc["time_utc"].dt.tz_localize(None).to_numpy("M8[us]")
    found: dict[tuple[int | None, tuple[str, ...]], list[np.datetime64]] = defaultdict(list)
    for number, message, strings, moment in zip(utc["event_id"], utc["message"], utc["strings"], moments, strict=True):
        words = _words(message, strings)
        if max(map(len, words), default=0) >= 4:
            found[(_number(number), words)].append(moment)
    return {key: np.array(times) for key, times in found.items()}


def _words(message: object, strings: object) -> tuple[str, ...]:
    """What must stand in the other text: the inserted strings, else the message as a whole."""
    if isinstance(strings, (list, np.ndarray)) and len(strings):
        return tuple(dict.fromkeys(_plain(word) for word in strings if isinstance(word, str) and _plain(word)))
    return (_plain(message),) if isinstance(message, str) else ()


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()[:2000]


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, (int, np.integer)) else None


def _offsets(here: np.ndarray, there: np.ndarray, unique: bool) -> list[tuple[np.datetime64, int, bool]]:
    difference = (here[:, None] - there[None, :]).astype("m8[us]").astype(np.int64) / 1e6
    nearest = np.round(difference / _STEP_S) * _STEP_S
    good = (np.abs(difference - nearest) <= _SLACK_S) & (np.abs(nearest) <= _FARTHEST_S)
    return [(here[row], int(nearest[row, column]), unique) for row, column in zip(*np.nonzero(good), strict=True)]


def same_items(local: Mapping[str, datetime], utc: Mapping[str, datetime], what: str) -> list[Point]:
    """Points from things that one file times in local time and another in UTC, by their id; at most two a day.

    Every pair must differ by a multiple of 15 minutes but for two seconds, else nothing is concluded.
    """
    pairs = sorted((local[name], utc[name].replace(tzinfo=None)) for name in local.keys() & utc.keys())
    found = [(here, _quarter(here, there)) for here, there in pairs]
    if not found or any(offset is None for _, offset in found):
        return []
    days: dict[tuple[object, int | None], list[datetime]] = defaultdict(list)
    for here, offset in found:
        days[(here.date(), offset)].append(here)
    reason = f"{len(found)} {what}"
    ends = [(moment, int(offset or 0)) for (_, offset), own in days.items() for moment in sorted({own[0], own[-1]})]
    return [Point(moment, offset, reason) for moment, offset in ends]


def _quarter(here: datetime, there: datetime) -> int | None:
    seconds = (here - there).total_seconds()
    nearest = round(seconds / _STEP_S) * _STEP_S
    return nearest if abs(seconds - nearest) <= _SLACK_S and abs(nearest) <= _FARTHEST_S else None


def commonest(found: Iterable[Point]) -> int | None:
    """The offset that most points show; None without any."""
    counts = Counter(point.offset_s for point in found)
    return counts.most_common(1)[0][0] if counts else None
