"""An .evtx log from its first byte to its last: batches of records, and an account of every one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from kit.errors import Unreadable
from kit.evtx import account, batch, memory, places, walk
from kit.evtx import events as table
from kit.evtx import format as layout
from kit.evtx.account import Account, Checked, Loss
from kit.evtx.batch import Records, Wanted
from kit.evtx.columns import Vocabulary
from kit.evtx.known import Known
from kit.evtx.registry import Met, Registry
from kit.evtx.view import View

_MOST_DEFERRED = 512  # chunks kept for the end of the file, 32 MiB
_NO_LOG = "neither the header of an event log nor a chunk of one in it"
Progress = Callable[[int, int], None]  # bytes read, bytes in all


@dataclass(slots=True)
class Batch:
    """Records of some chunks. Slack, and records that cannot be read at first sight, come in batches of their own."""

    records: Records
    checked: Checked

    def __len__(self) -> int:
        return len(self.records.wanted)

    @property
    def offset(self) -> np.ndarray:
        """Byte offset in the file of each record that is wanted."""
        at = self.records.walked.at[self.records.wanted]
        found: np.ndarray = self.checked.offset[at // layout.CHUNK_SIZE] + at % layout.CHUNK_SIZE
        return found

    def events(self) -> pa.Table:
        """The records with the columns of the kit's table `events`."""
        return table.events(self.records, self.offset, self.checked.trusted)


@dataclass(slots=True)
class _Deferred:
    """A chunk and those of its records that wait for the end of the file."""

    data: bytes
    checked: Checked
    walked: walk.Walked


class Log:
    """A log that is read in batches. After the last batch `account` and `losses` are complete.

    file        open, seekable, binary
    wanted      looks at the System fields of a batch and says which records to go on with
    registry    templates that are known already; shared between files it saves compiling them again
    progress    called with bytes read and bytes in all
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        registry: Registry | None = None,
        wanted: Wanted | None = None,
        progress: Progress | None = None,
    ) -> None:
        memory.keep_freed()
        self._file = file
        self._wanted = wanted
        self._progress = progress
        self.met = Met(registry if registry is not None else Registry())
        self.size = file.seek(0, 2)
        file.seek(0)
        self._first_bytes = file.read(layout.FILE_HEADER_SIZE + 8)
        self.head = places.file_head(self._first_bytes)
        self.account = Account()
        self.known = Known()
        self.vocabulary = Vocabulary()
        self.computers: Counter[str] = Counter()
        self._deferred: list[_Deferred] = []
        self._all_met = wanted is None
        self._recovered: set[tuple[int, int]] = set()

    @property
    def losses(self) -> list[Loss]:
        """What was lost so far."""
        return self.account.losses

    def batches(self) -> Iterator[Batch]:
        """The records, in the order of the file but for what has to wait for its end.

        Raises Unreadable for a file that is no event log.
        """
        number, chunks = 0, 0
        for some in places.read(self._file, self.size):
            view, checked = account.check(some, number, self.head)
            number += some.number
            chunks += int((checked.free > 0).sum())
            yield self._batch(view, checked, some.length)
            while len(self._deferred) > _MOST_DEFERRED:
                yield self._later()
            if self._progress:
                self._progress(some.offset + some.length, self.size)
        if not chunks and not self.head.present:
            raise Unreadable(_NO_LOG)
        while self._deferred:
            yield self._later()
        self._cut_off()

    def _batch(self, view: View, checked: Checked, length: int) -> Batch:
        walked = walk.walk(view, checked.free, length, headed=True)
        if self._wanted is None:
            checked.verify(view.data, np.arange(len(checked.heads)))
        slack = walked.state == walk.SLACK
        now = walked.select(~slack) if slack.any() else walked
        heads = now.heads(view)
        record_id = np.ascontiguousarray(heads["id"])
        self.known.add(record_id, heads["written"])
        self.account.take(checked, now, record_id)
        records = batch.decode(view, now, self.met, self._wanted, vocabulary=self.vocabulary)
        if self._wanted is not None:  # whoever wants few records need not pay for the checksums of all
            failed = np.array(list(records.failures), dtype=np.int64)
            checked.verify(view.data, np.unique(now.at[np.concatenate([records.wanted, failed])] // layout.CHUNK_SIZE))
        waiting = now.select(np.array(sorted(records.failures), dtype=np.int64))
        places_of = zip(waiting.at.tolist(), waiting.size.tolist(), strict=True)
        torn = [walk.inside(view, at, size) for at, size in places_of]
        self._defer(view, checked, walk.joined([walked.select(slack), waiting, *torn]))
        return self._made(records, checked)

    def _defer(self, view: View, checked: Checked, walked: walk.Walked) -> None:
        chunk = walked.at // layout.CHUNK_SIZE
        for place in np.unique(chunk).tolist():
            start = place * layout.CHUNK_SIZE
            rows = walked.select(chunk == place)
            rows.at = rows.at - start
            data = view.data[start : start + layout.CHUNK_SIZE]
            self._deferred.append(_Deferred(data, checked.select(np.array([place])), rows))

    def _later(self) -> Batch:
        """What had to wait: slack that is no copy of a live record, and records that failed at first sight."""
        some, self._deferred = self._deferred[: places.LARGEST_BATCH], self._deferred[places.LARGEST_BATCH :]
        view = View(b"".join(one.data for one in some))
        for number, one in enumerate(some):
            one.walked.at = one.walked.at + number * layout.CHUNK_SIZE
        checked = account.joined([one.checked for one in some])
        walked = self._without_copies(view, walk.joined([one.walked for one in some]), checked)
        records = batch.decode(view, walked, self.met, self._wanted, vocabulary=self.vocabulary, last=True)
        if records.lacking and not self._all_met:
            self._meet_all()
            records = batch.decode(view, walked, self.met, self._wanted, vocabulary=self.vocabulary, last=True)
        if self._wanted is not None:
            checked.verify(view.data, np.unique(walked.at[records.wanted] // layout.CHUNK_SIZE))
        slack = walked.state == walk.SLACK
        failed = (records.marks & batch.FAILED) > 0
        chunk = checked.number[walked.at // layout.CHUNK_SIZE]
        self.account.count("remnants", chunk[slack & failed])
        self.account.count("slack", chunk[slack & ~failed])
        self.account.count("seen", chunk[slack & ~failed])
        record_id = records.record_id.tolist()
        for row in np.flatnonzero(failed & ~slack).tolist():
            at = int(walked.at[row])
            offset = int(checked.offset[at // layout.CHUNK_SIZE]) + at % layout.CHUNK_SIZE
            loss = Loss(1, records.failures[row], record_id[row], record_id[row], offset, True)
            self.account.lose(loss, int(chunk[row]))
        return self._made(records, checked)

    def _meet_all(self) -> None:
        """Looks at the templates of all records, also of those that are not wanted: one of them may be lent."""
        for some in places.read(self._file, self.size):
            view, checked = account.check(some, 0, self.head)
            walked = walk.walk(view, checked.free, some.length, headed=True)
            batch.decode(view, walked.select(walked.state != walk.SLACK), self.met)
        self._all_met = True

    def _without_copies(self, view: View, walked: walk.Walked, checked: Checked) -> walk.Walked:
        keep = np.ones(len(walked), dtype=bool)
        pairs = list(zip(view.u8[walked.at + 8].tolist(), view.u8[walked.at + 16].tolist(), strict=True))
        for row in np.flatnonzero(walked.state == walk.SLACK).tolist():
            keep[row] = pairs[row] not in self._recovered and not self.known.has(*pairs[row])
            self._recovered.add(pairs[row])
        self.account.count("copies", checked.number[walked.at[~keep] // layout.CHUNK_SIZE])
        return walked.select(keep)

    def _made(self, records: Records, checked: Checked) -> Batch:
        """The batch, after its records were entered in the account."""
        at = records.walked.at[records.wanted]
        chunk = checked.number[at // layout.CHUNK_SIZE]
        marks, state = records.marks[records.wanted], records.walked.state[records.wanted]
        beyond = state != walk.LIVE
        if self.head.present:
            beyond |= chunk >= self.head.chunks
        self.account.count("decoded", chunk)
        self.account.count("recovered", chunk[beyond])
        self.account.count("damaged", chunk[(marks & batch.DAMAGED) > 0])
        self.account.count("borrowed", chunk[(marks & batch.BORROWED) > 0])
        codes = records.system.texts("computer")[records.wanted]
        counted = np.bincount(codes[codes >= 0]).tolist()
        self.computers.update(dict(zip(records.system.vocabulary.texts, counted, strict=False)))
        return Batch(records, checked)

    def _cut_off(self) -> None:
        """Lists what the header of the file promises behind the end of the file."""
        number = sum(state in ("ok", "damaged", "cut") for state in self.account.states)
        if not self.head.present or number >= self.head.chunks:
            return
        first, last = self.account.last_promised() + 1, self.head.next_record_id - 1
        reason = f"the header of the file counts {self.head.chunks} chunks, the file holds {number}"
        certain = 0 <= last - first < (self.head.chunks - number + 1) * account.MOST_IN_CHUNK
        if last < first or not certain:
            self.account.losses.append(Loss(None, reason, None, None, self.size, False))
        else:
            self.account.losses.append(Loss(last - first + 1, reason, first, last, self.size, False))
