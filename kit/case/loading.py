"""Files of a case into the evidence store: one after the other, in several processes, or on a Dask cluster."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.sharedctypes
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from kit import progress, sources
from kit.case import intake
from kit.case.intake import Given
from kit.case.store import Entry, Store
from kit.errors import ParameterError, Unreadable, Unsupported
from kit.sources import Account, _sniff
from kit.sources.seam import Rows

Advance = Callable[[float], None]

_SMALL = 8 << 20
_MANY = 512
_PATIENCE_S = 30
_READING = 4  # reading a byte costs about this many times hashing it; only the bar depends on it


@dataclass(frozen=True)
class Task:
    """One file to read, with the culture that case.toml declares for it."""

    given: Given
    culture: str | None = None


@dataclass(frozen=True)
class Read:
    """One file that was read: its account and its entry in the store (None when there are no rows)."""

    given: Given
    account: Account
    entry: Entry | None


def read_all(
    tasks: Sequence[Task], store: Store, workers: int | str | None = None, quiet: bool | None = None
) -> list[Read]:
    """Every task's result in the order of the tasks.

    `workers` is the number of processes (1 or None: this one) or the address of a Dask scheduler
    (`tcp://host:port`), whose workers must see the same paths. Raises ParameterError for other values,
    Unsupported when a scheduler is named and the package `distributed` is missing.
    """
    total = sum(task.given.size for task in tasks)
    with progress.meter("reading evidence", total, quiet=quiet) as meter:
        if isinstance(workers, str) and "://" in workers:
            return _on_cluster(tasks, store, workers, meter)
        count = _count(workers)
        if count > 1 and len(tasks) > 1:
            return _in_processes(tasks, store, count, meter)
        with intake.Archives() as archives:
            return [_shown(task, store, meter, archives, _which(place, tasks)) for place, task in enumerate(tasks, 1)]


def _count(workers: int | str | None) -> int:
    try:
        count = int(workers if workers is not None else 1)
    except ValueError as error:
        raise ParameterError(f"workers={workers!r}: give a number of processes, or tcp://host:port") from error
    if count < 1:
        raise ParameterError(f"workers={workers!r}: give at least 1")
    return count


def _which(place: int, tasks: Sequence[Task]) -> str:
    return f"file {place} of {len(tasks)}, " if len(tasks) > 1 else ""


def _shown(task: Task, store: Store, meter: progress.Meter, archives: intake.Archives, which: str) -> Read:
    meter.begin(which + task.given.path)
    return read_one(task, store, meter.advance, archives)


def read_one(
    task: Task, store: Store, advance: Advance | None = None, archives: intake.Archives | None = None
) -> Read:
    """One file hashed, recognised, and read into the store unless it is there already. Never fails on a file."""
    given = task.given
    done = 0.0

    def count(amount: float) -> None:
        nonlocal done
        done += amount
        if advance:
            advance(amount / (1 + _READING))

    try:
        with intake.opened(given, archives) as file:
            account, entry = _read(file, task, store, count)
    except Unreadable as error:
        account, entry = sources.unreadable(given.path, str(error), given.status, size=given.size), None
    except OSError as error:
        reason = f"reading failed: {error.strerror or error}"
        account, entry = sources.unreadable(given.path, reason, size=given.size), None
    count(max(0.0, (1 + _READING) * given.size - done))  # what is not read needs no time
    return Read(given, account, entry)


def _read(file: BinaryIO, task: Task, store: Store, advance: Advance | None) -> tuple[Account, Entry | None]:
    given = task.given
    sha256 = _sniff.digest(file, advance)
    head = file.read(_sniff.HEAD)
    if given.member is not None and _sniff.is_archive(file):
        note = "an archive inside an archive: not opened; extract it beside the other files"
        return sources.unreadable(given.path, note, "unrecognised", size=given.size, sha256=sha256), None
    reader = sources.recognise(head, given.path) if head else None
    if reader is None:
        (account,) = sources.read_source(file, given.path, sha256=sha256)
        return account, None  # type: ignore[return-value]
    options = {"culture": task.culture} if task.culture else None
    key = store.key(sha256, reader.NAME, str(reader.VERSION), options)
    entry = store.get(key)
    if entry:
        if advance:
            advance(_READING * given.size)
    else:
        entry = _parse(file, task, reader, sha256, key, store, advance)
    return entry.account, entry


def _parse(
    file: BinaryIO, task: Task, reader: Any, sha256: str, key: str, store: Store, advance: Advance | None
) -> Entry:
    """Reads the file into the store; a file that is no longer what was hashed is kept apart and says so."""
    after = [sha256]
    readings = sources.read_source(
        file, task.given.path, culture=task.culture, sha256=sha256, reader=reader,
        advance=(lambda done: advance(_READING * done)) if advance else None,
    )  # fmt: skip

    def watched() -> Iterator[Rows | Account]:
        for item in readings:
            if isinstance(item, Account):
                after[0] = _sniff.digest(file)
                yield item if after[0] == sha256 else _changed(item, after[0])
            else:
                yield item

    return store.put(lambda: key if after[0] == sha256 else f"{key}-changed-{after[0][:16]}", watched())


def _changed(account: Account, after: str) -> Account:
    note = f"changed while it was read (SHA-256 afterwards {after}): copy the file and give the copy"
    said = "; ".join(part for part in (account.source["note"], note) if part)
    status = "partial" if account.source["kept"] else "unreadable"
    return replace(account, source=account.source | {"status": status, "note": said})


def _chunks(tasks: Sequence[Task]) -> list[list[int]]:
    """Places of tasks that go to a process together: large files alone and first, small ones in handfuls."""
    order = sorted(range(len(tasks)), key=lambda place: -tasks[place].given.size)
    made: list[list[int]] = []
    size = 0
    for place in order:
        size += tasks[place].given.size
        if not made or size > _SMALL or len(made[-1]) >= _MANY:
            made.append([])
            size = tasks[place].given.size
        made[-1].append(place)
    return made


_done: Any = None  # set in each worker process: bytes done by all of them


def _join_in(done: Any) -> None:
    global _done
    _done = done


def _work(tasks: list[Task], root: Path) -> list[Read]:
    with intake.Archives() as archives:
        return [read_one(task, Store(root), _count_up if _done is not None else None, archives) for task in tasks]


def _count_up(amount: float) -> None:
    with _done.get_lock():
        _done.value += amount


def _in_processes(tasks: Sequence[Task], store: Store, count: int, meter: progress.Meter) -> list[Read]:
    context = multiprocessing.get_context("spawn")
    done = context.Value("d", 0.0)
    results: dict[int, Read] = {}
    chunks = _chunks(tasks)
    pool = ProcessPoolExecutor(min(count, len(chunks)), context, _join_in, (done,))
    try:
        futures = {pool.submit(_work, [tasks[place] for place in chunk], store.root): chunk for chunk in chunks}
        _gather(futures, results, lambda: done.value, meter)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    for place in range(len(tasks)):
        if place not in results:
            results[place] = _alone(tasks[place], store, context)
    return [results[place] for place in range(len(tasks))]


def _gather(
    futures: dict[Future[list[Read]], list[int]],
    results: dict[int, Read],
    done: Callable[[], float],
    meter: progress.Meter,
) -> None:
    shown, open_ones = 0.0, set(futures)
    while open_ones:
        finished, open_ones = wait(open_ones, timeout=0.5, return_when=FIRST_COMPLETED)
        for future in finished:
            with contextlib.suppress(BrokenProcessPool):
                results.update(zip(futures[future], future.result(), strict=True))
                last = results[futures[future][-1]].given.path
                meter.begin(f"{len(results)} of {sum(map(len, futures.values()))} files, {last}")
        now = done()
        meter.advance(now - shown)
        shown = now


def _alone(task: Task, store: Store, context: Any) -> Read:
    """A file that may have ended its process gets one of its own, so that it can take no other with it."""
    with ProcessPoolExecutor(1, context) as pool:
        try:
            return pool.submit(_work, [task], store.root).result()[0]
        except BrokenProcessPool:
            reason = "the process that read it ended without a word (memory?): look at this file by hand"
            return Read(task.given, sources.unreadable(task.given.path, reason, size=task.given.size), None)


def _on_cluster(tasks: Sequence[Task], store: Store, address: str, meter: progress.Meter) -> list[Read]:
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise Unsupported(
            "a scheduler address needs the package `distributed`: pip install 'hvr-forensic-kit[distributed]', "
            "or give a number of local processes"
        ) from error
    chunks = _chunks(tasks)
    results: dict[int, Read] = {}
    try:
        with Client(address, timeout=_PATIENCE_S, set_as_default=False) as client, client.as_current():
            given = [[tasks[place] for place in chunk] for chunk in chunks]
            futures = client.map(_work, given, root=store.root, pure=False)
            places = {future.key: chunk for future, chunk in zip(futures, chunks, strict=True)}
            for future, read in as_completed(futures, with_results=True):
                results.update(zip(places[future.key], read, strict=True))
                meter.begin(f"{len(results)} of {len(tasks)} files, {read[-1].given.path}")
                meter.advance(sum(one.given.size for one in read))
    except OSError as error:
        raise Unsupported(
            f"no Dask scheduler answers at {address} ({error}): start one, or give a number of processes"
        ) from error
    return [results[place] for place in range(len(tasks))]
