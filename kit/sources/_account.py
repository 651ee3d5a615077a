"""The account of one source: what was seen, kept, lost and covered, and the row of `sources` that says so."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kit.sources._build import APART
from kit.sources._runs import Numbers, Run, Runs
from kit.sources.seam import Fact, Lost

MOST_LOSSES = 100_000
INVENTORY = ("channel", "provider", "computer", "vm_name", "level")


@dataclass(frozen=True)
class Account:
    """What a source amounts to. `source` is its row of `sources` (plus first_local, last_local, exported_local for
    times whose zone the case finds), `inventory` counts channels, providers, computers, VMs and levels."""

    source: dict[str, Any]
    losses: list[dict[str, Any]]
    coverage: list[dict[str, Any]]
    inventory: dict[str, dict[str, int]]
    numbered: bool


@dataclass
class Keeper:
    """Keeps the account while a reader runs."""

    source_id: str
    numbered: bool
    kept: int = 0
    skipped: int = 0
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    partial: bool = False
    listed: bool = False
    failure: str | None = None
    _numbers: Numbers = field(default_factory=Numbers)
    _runs: dict[tuple[bool, str | None, str | None], Runs] = field(default_factory=dict)
    _losses: list[tuple[Lost, int | None, int | None, bool]] = field(default_factory=list)
    _counts: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in INVENTORY})
    _span: dict[bool, tuple[int, int]] = field(default_factory=dict)
    _newest: tuple[int, bool] | None = None
    _pending: int = 0

    def repeated(self, numbers: np.ndarray) -> np.ndarray:
        """Which record numbers of `events` were there before."""
        return self._numbers.add(numbers)

    def add_rows(self, name: str, table: pa.Table) -> None:
        """Takes the finished rows of one table into the account."""
        self.kept += len(table)
        for column, counts in self._counts.items():
            if column in table.column_names:
                for entry in pc.value_counts(table.column(column)).to_pylist():
                    if entry["values"] is not None:
                        counts[str(entry["values"])] += entry["counts"]
        times, known, local = _times(table)
        if known.any():
            self._widen(times[known], local)
        if name == "events" and len(table):
            self._add_runs(table, times, known, local)

    def _widen(self, times: np.ndarray, local: bool) -> None:
        low, high = self._span.get(local, (times[0], times[0]))
        self._span[local] = (min(int(times.min()), int(low)), max(int(times.max()), int(high)))
        first, self._newest = int(times[0]), (int(times[-1]), local)
        for place in range(len(self._losses) - self._pending, len(self._losses)):
            lost, before, _, _ = self._losses[place]
            self._losses[place] = (lost, before, first, local)
        self._pending = 0

    def _add_runs(self, table: pa.Table, times: np.ndarray, known: np.ndarray, local: bool) -> None:
        numbers = table.column("record_id")
        known = known & pc.not_equal(table.column("integrity"), "damaged").to_numpy()
        usable = numbers.is_valid().to_numpy(zero_copy_only=False)
        ids = numbers.fill_null(0).to_numpy() // (APART if self.listed else 1)
        for (channel, computer), mask in _groups(table):
            runs = self._runs.setdefault((local, channel, computer), Runs(self.numbered))
            if (chosen := mask & usable).any():
                runs.add(ids[chosen], times[chosen], known[chosen])

    def add_lost(self, lost: Lost) -> None:
        """Takes a loss into the account and ends the covered run at its place."""
        if lost.found:
            self.skipped += lost.count or 0
        self.partial = True
        self._keep_loss(lost, *(self._newest or (None, False)))
        for runs in self._runs.values():
            runs.cut()

    def _keep_loss(self, lost: Lost, before: int | None, local: bool) -> None:
        if len(self._losses) < MOST_LOSSES:
            self._losses.append((lost, before, None, local))
            self._pending += 1
            return
        last, time, _, far = self._losses[-1]
        whole = replace(last, count=(last.count or 0) + (lost.count or 0), first_id=last.first_id, last_id=lost.last_id,
                        reason="further losses, not listed one by one")  # fmt: skip
        self._losses[-1] = (whole, time, None, far)

    def add_fact(self, fact: Fact) -> None:
        """Takes what the file says about itself; later facts overwrite earlier ones, notes are gathered."""
        if fact.note and fact.note not in self.notes:
            self.notes.append(fact.note)
        self.partial |= fact.partial
        self.listed |= fact.listed
        for name in ("declared", "recovered", "gaps", "bad_checksums", "computer", "zone", "exported"):
            if (value := getattr(fact, name)) is not None:
                self.facts[name] = value

    def account(self, given: dict[str, Any]) -> Account:
        """The account when the reader has ended; `given` holds path, size, sha256 and reader."""
        seen = self.kept + self.skipped
        row = given | self._measured() | {
            "source_id": self.source_id,
            "declared": self.facts.get("declared"),
            "seen": seen,
            "kept": self.kept,
            "skipped": self.skipped,
            "recovered": self.facts.get("recovered"),
            "bad_checksums": self.facts.get("bad_checksums"),
            "zone": self.facts.get("zone"),
            "status": self._status(seen),
            "note": self._note(),
        }  # fmt: skip
        return Account(row, list(self._loss_rows()), list(self._coverage()),
                       {name: dict(counts) for name, counts in self._counts.items()}, self.numbered)  # fmt: skip

    def _measured(self) -> dict[str, Any]:
        exported = self.facts.get("exported")
        local = exported is not None and exported.tzinfo is None
        return {
            "computer": self.facts.get("computer") or _commonest(self._counts["computer"]),
            "gaps": self.facts["gaps"] if "gaps" in self.facts else self._gaps(),
            "first_time": moment(self._span.get(False, (None, None))[0]),
            "last_time": moment(self._span.get(False, (None, None))[1]),
            "first_local": moment(self._span.get(True, (None, None))[0], None),
            "last_local": moment(self._span.get(True, (None, None))[1], None),
            "exported_utc": None if local or exported is None else exported.astimezone(UTC),
            "exported_local": exported if local else None,
        }

    def _gaps(self) -> int | None:
        if not self.numbered or not self._runs:
            return None
        lost = sum(self._lost_inside(loss) for loss, *_ in self._losses)
        channels: dict[str | None, list[Runs]] = {}
        for (_, channel, _), runs in self._runs.items():
            channels.setdefault(channel, []).append(runs)
        return max(0, sum(_missing(logs) for logs in channels.values()) - lost)

    def _lost_inside(self, lost: Lost) -> int:
        """How many of the missing record numbers this loss accounts for."""
        if lost.first_id is None or lost.last_id is None or not self._ordered:
            return 0
        inside = self._ordered[0].first < lost.first_id and lost.last_id < self._ordered[-1].last
        return lost.last_id - lost.first_id + 1 if inside else 0

    @cached_property
    def _ordered(self) -> list[Run]:
        return sorted((run for group in self._runs.values() for run in group), key=lambda run: run[:2])

    def _status(self, seen: int) -> str:
        declared = self.facts.get("declared")
        short = declared is not None and seen - (self.facts.get("recovered") or 0) < declared
        damaged = self.partial or self.failure is not None or short
        if self.kept == 0:
            return "unreadable" if damaged else "empty"
        return "partial" if damaged else "read"

    def _note(self) -> str | None:
        notes = list(self.notes)
        if self.failure:
            notes.append(f"reading stopped: {self.failure}")
        if self.skipped:
            notes.append(f"{self.skipped} of {self.kept + self.skipped} records lost")
        if not notes and self.kept == 0 and not self.partial:
            notes.append("the format is known and whole, and holds no record")
        return "; ".join(notes) or None

    def _loss_rows(self) -> Iterator[dict[str, Any]]:
        for lost, before, after, local in self._losses:
            if self.numbered and lost.first_id is not None:
                before, after = self._around(lost.first_id, lost.last_id or lost.first_id, (before, after))
            names = ("first_local", "last_local") if local else ("first_time", "last_time")
            zone = None if local else UTC
            yield {
                "source_id": self.source_id, "count": lost.count, "first_id": signed(lost.first_id),
                "last_id": signed(lost.last_id), "offset": lost.offset, "reason": lost.reason,
                names[0]: moment(before, zone), names[1]: moment(after, zone),
            }  # fmt: skip

    def _around(self, first: int, last: int, known: tuple[int | None, int | None]) -> tuple[int | None, int | None]:
        """Times of the nearest records by number; where there are none, by the order of reading."""
        runs = self._ordered
        below = bisect_left(runs, first, key=lambda run: run.first) - 1
        above = bisect_right(runs, last, key=lambda run: run.first)
        before = runs[below].end if below >= 0 else None
        after = runs[above].begin if above < len(runs) else None
        return (before, after) if before is not None or after is not None else known

    def _coverage(self) -> Iterator[dict[str, Any]]:
        """Single records cover nothing, and a run whose clock was set back by more than it lasted says nothing."""
        for (local, channel, computer), runs in self._runs.items():
            for run in runs:
                if run.begin is not None and run.end is not None and run.begin < run.end:
                    yield self._interval(run, local) | {"channel": channel, "computer": computer}

    def _interval(self, run: Run, local: bool) -> dict[str, Any]:
        names = ("first_local", "last_local") if local else ("first_time", "last_time")
        zone = None if local else UTC
        counted = self.numbered and not self.listed
        return {
            "source_id": self.source_id, "listed": self.listed,
            names[0]: moment(run.begin, zone), names[1]: moment(run.end, zone),
            "first_id": signed(run.first) if counted else None, "last_id": signed(run.last) if counted else None,
        }  # fmt: skip


def _missing(logs: list[Runs]) -> int:
    """Numbers missing in one channel; several computers whose numbers fit together are one that was renamed."""
    alone = sum(runs.missing() for runs in logs)
    ordered = sorted((run for runs in logs for run in runs), key=lambda run: run[:2])
    between = [later.first - earlier.last - 1 for earlier, later in pairwise(ordered)]
    return min(alone, sum(between)) if all(gap >= 0 for gap in between) else alone


def moment(us: int | None, zone: Any = UTC) -> datetime | None:
    """A datetime from microseconds since 1970."""
    if us is None:
        return None
    plain = np.datetime64(int(us), "us").item()
    return plain.replace(tzinfo=zone) if isinstance(plain, datetime) else None


def _commonest(counts: Counter[str]) -> str | None:
    return min(counts, key=lambda name: (-counts[name], name)) if counts else None


def _times(table: pa.Table) -> tuple[np.ndarray, np.ndarray, bool]:
    """Microseconds, which of them are known, and whether they are local times without a zone."""
    local = "time_local" in table.column_names and table.column("time_local").null_count < len(table)
    name = "time_local" if local else "time_utc"
    if name not in table.column_names:
        nothing = np.zeros(len(table), np.int64)
        return nothing, nothing.astype(bool), False
    column = table.column(name)
    known = column.is_valid().to_numpy(zero_copy_only=False)
    return column.cast(pa.int64()).fill_null(0).to_numpy(), known, local


def _groups(table: pa.Table) -> Iterator[tuple[tuple[str | None, str | None], np.ndarray]]:
    """Channel and computer with the rows that have them."""
    channels, computers = (_codes(table.column(name)) for name in ("channel", "computer"))
    both = channels[0].astype(np.int64) * (len(computers[1]) + 1) + computers[0]
    for code in np.unique(both):
        mask = both == code
        place = int(np.flatnonzero(mask)[0])
        yield (_word(channels, place), _word(computers, place)), mask


def _codes(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str | None]]:
    encoded = column.combine_chunks()
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], pa.dictionary(pa.int32(), pa.string()))
    words = encoded.dictionary.to_pylist()
    return encoded.indices.fill_null(len(words)).to_numpy(zero_copy_only=False), words


def _word(coded: tuple[np.ndarray, list[str | None]], place: int) -> str | None:
    code = int(coded[0][place])
    return coded[1][code] if code < len(coded[1]) else None


def signed(number: int | None) -> int | None:
    """A record number as the tables hold it: damaged ones above 2^63 are negative, as in table `events`."""
    return number - 2**64 if number is not None and number >= 2**63 else number
