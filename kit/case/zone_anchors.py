"""Anchors between a log in local time and one in UTC: the same message in both gives the offset exactly.

SQL Server writes many messages to its ERRORLOG (local time) and to the Application log (UTC). Two records are the same
message when every inserted string of the one stands in the text of the other (or their texts are equal), their error
numbers do not differ, and their times differ by an offset that some zone has, but for two seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

_STEP_S, _SLACK_S = 900, 2.0
# Offsets that zones have had since 2000: whole hours, and these halves and quarters.
_ODD_H = (-9.5, -4.5, -3.5, -2.5, 3.5, 4.5, 5.5, 5.75, 6.5, 8.5, 8.75, 9.5, 9.75, 10.5, 11.5, 12.75, 13.75)
OFFSETS_S = frozenset(round(hours * 3600) for hours in (*range(-12, 15), *_ODD_H))
_MOST_TEXTS, _MOST_PAIRS, _FEW, _ROWS = 2000, 400, 64, 10_000
_DAY_US, _EPOCH = 86_400_000_000, datetime(1970, 1, 1)  # noqa: DTZ001
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


class _Pair(NamedTuple):
    """Two records that can be the same message: the local time in microseconds, the offset, whether both are unique."""

    local_us: int
    offset_s: int
    unique: bool


def points(local: Texts, utc: Wordings) -> list[Point]:
    """Points of known offset, at most two a day, in the order of time; none where the anchors leave a doubt."""
    pairs = list(_pairs(local, utc))
    days: dict[int, list[_Pair]] = defaultdict(list)
    for pair in pairs:
        days[pair.local_us // _DAY_US].append(pair)
    found: list[Point] = []
    for number in sorted(days):
        day = days[number]
        offset = _settled(day)
        if offset is not None:
            own = _longest(day, offset)
            reason = f"{len(own)} messages that also stand in the Application log"
            found += [Point(_EPOCH + timedelta(microseconds=at), offset, reason) for at in sorted({min(own), max(own)})]
    return found if _enough(pairs, found) else []


def _longest(day: Sequence[_Pair], offset_s: int) -> set[int]:
    """The longest run of messages of a day that show this offset and no other, the first of several.

    A message that is written every hour may meet that of the next hour within two seconds, by accident.
    """
    shown: dict[int, set[int]] = defaultdict(set)
    for pair in day:
        shown[pair.local_us].add(pair.offset_s)
    clear = sorted((pair.local_us, pair.offset_s) for pair in day if len(shown[pair.local_us]) == 1)
    runs = [[at for at, _ in run] for offset, run in groupby(clear, key=itemgetter(1)) if offset == offset_s]
    longest: list[int] = max(runs, key=len, default=[])
    return set(longest) or {pair.local_us for pair in day if pair.offset_s == offset_s}


def _enough(pairs: Iterable[_Pair], found: list[Point]) -> bool:
    """Three messages in all, or one that is unique in both logs."""
    chosen = {point.offset_s for point in found}
    used = [pair for pair in pairs if pair.offset_s in chosen]
    return any(pair.unique for pair in used) or len({pair.local_us for pair in used}) >= _ENOUGH


def _settled(day: Sequence[_Pair]) -> int | None:
    """The offset of one day: that of messages unique in both logs, else the one that clearly explains most of them."""
    unique = {pair.offset_s for pair in day if pair.unique}
    if len(unique) == 1:
        return unique.pop()
    counts = Counter(offset_s for _, offset_s in {(pair.local_us, pair.offset_s) for pair in day}).most_common(2)
    if len(counts) == 1:
        return counts[0][0]
    (first, most), (_, next_) = counts
    return first if most >= 3 and most >= 2 * next_ else None


def _pairs(local: Texts, utc: Wordings) -> Iterator[_Pair]:
    """Every pair of records that can be the same message."""
    for (number, words), there in islice(utc.times.items(), _MOST_TEXTS):
        here = [at for times in local.with_all(number, words) for at in times]
        if 0 < len(here) * len(there) <= _MOST_PAIRS * _MOST_PAIRS:
            yield from _offsets(here[:_MOST_PAIRS], there[:_MOST_PAIRS], len(here) == len(there) == 1)


class Texts:
    """Texts of a log in local time, joined by a sign that none of them holds, so that one search finds a word in all.

    Made from the columns time_local, event_id and message.
    """

    def __init__(self, local: pa.Table) -> None:
        texts = _times_by(local)
        self._numbers = [number for number, _ in texts]
        self._times = list(texts.values())
        self._joined = "\n".join(text for _, text in texts)
        self._starts = list(accumulate((len(text) + 1 for _, text in texts), initial=0))
        self._known: dict[str, frozenset[int]] = {}

    def with_all(self, number: int | None, words: Sequence[str]) -> list[list[int]]:
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


class Wordings:
    """What the records of a log in UTC say, with their times: number and words that must stand in the other text.

    Made from the columns time_utc, event_id, message and strings.
    """

    def __init__(self, utc: pa.Table) -> None:
        self.times: dict[tuple[int | None, tuple[str, ...]], list[int]] = {}
        plain = _Plain()
        for number, message, strings, moment in _rows(utc, "event_id", "message", "strings", "time_utc"):
            words = _words(message, strings, plain) if moment is not None else ()
            if max(map(len, words), default=0) >= 4:
                self.times.setdefault((number, words), []).append(moment)


def _rows(table: pa.Table, *names: str) -> Iterator[tuple[Any, ...]]:
    """Values of these columns, row by row, times as microseconds; never more than a handful of rows at once."""
    for batch in table.select(names).to_batches(max_chunksize=_ROWS):
        yield from zip(*(_plain_values(column) for column in batch.columns), strict=True)


def _plain_values(column: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
    made: list[Any] = column.to_pylist()
    return made


def _times_by(local: pa.Table) -> dict[tuple[int | None, str], list[int]]:
    found: dict[tuple[int | None, str], list[int]] = {}
    plain = _Plain()
    for number, words, moment in _rows(local, "event_id", "message", "time_local"):
        if words is None or moment is None:
            continue
        key = (number, plain[words])
        if len(found) < _MOST_TEXTS or key in found:
            found.setdefault(key, []).append(moment)
    return found


def _words(message: str | None, strings: list[str | None] | None, plain: _Plain) -> tuple[str, ...]:
    """What must stand in the other text: the inserted strings, else the message as a whole."""
    if strings:
        return tuple(dict.fromkeys(text for word in strings if word is not None and (text := plain[word])))
    return (plain[message],) if message is not None else ()


class _Plain(dict[str, str]):
    """Texts without regard to capitals and spaces; many records say the same."""

    def __missing__(self, text: str) -> str:
        self[text] = made = " ".join(text.split()).casefold()[:2000]
        return made


def _offsets(here: list[int], there: list[int], unique: bool) -> Iterator[_Pair]:
    if len(here) * len(there) <= _FEW:
        for at in here:
            offsets = (_offset(at - other) for other in there)
            yield from (_Pair(at, offset, unique) for offset in offsets if offset is not None)
        return
    local = np.array(here)
    difference = (local[:, None] - np.array(there)[None, :]) / 1e6
    nearest = np.round(difference / _STEP_S) * _STEP_S
    rows, columns = np.nonzero(np.abs(difference - nearest) <= _SLACK_S)
    for at, offset in zip(local[rows].tolist(), nearest[rows, columns].astype(int).tolist(), strict=True):
        if offset in OFFSETS_S:
            yield _Pair(at, offset, unique)


def _offset(difference_us: int) -> int | None:
    """The offset of some zone that a difference is, but for two seconds."""
    seconds = difference_us / 1e6
    nearest = round(seconds / _STEP_S) * _STEP_S
    return nearest if abs(seconds - nearest) <= _SLACK_S and nearest in OFFSETS_S else None


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
    return _offset((here - there) // timedelta(microseconds=1))


def commonest(found: Iterable[Point]) -> int | None:
    """The offset that most points show; None without any."""
    counts = Counter(point.offset_s for point in found)
    return counts.most_common(1)[0][0] if counts else None
