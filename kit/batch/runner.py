"""One report for each case below a folder, made by several processes, and a portfolio page over all of them.

One failing or hanging case never stops the others, and a report is published whole or not at all: stopping a batch with
Ctrl-C leaves finished reports and an index over all cases.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from kit.batch import cluster, here, index, staging
from kit.batch.jobs import Job, Result, failed, jobs_of
from kit.batch.telling import Teller
from kit.errors import ParameterError
from kit.page import language as languages

TIMEOUT_S = 3600.0
RETRIES = 1
DONE, LOSS, FAILED = 0, 3, 1
FINISHED = ("done", "done_with_losses", "skipped")
NOT_REACHED = "the batch was stopped before this report was made; run it again with --resume"


def run(
    root: str | Path,
    out: str | Path,
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    policy: str | None = None,
    timeout: float = TIMEOUT_S,
    retries: int = RETRIES,
    language: str | None = None,
) -> int:
    """The exit status of a batch: 0 all done, 3 with losses or failed cases, 1 when every case failed.

    root, out   folders, or URLs that fsspec knows
    workers     processes on this machine; default one for each processor, at most one for each case
    scheduler   address of a running Dask scheduler, whose workers make the reports instead
    resume      leaves reports whose evidence, rules and policy are the same as they are
    timeout     seconds after which a case is given up
    retries     how often a case whose process died is tried again
    language    of the texts of the reports and of the index, a file of kit/languages

    Writes `<out>/<case>/` for each case, batch.json, portfolio.json and index.html, the last three every few seconds.
    Raises CaseError for a root without cases or one that is a case itself, ParameterError for options that do not fit,
    Unsupported for a scheduler that does not answer.
    """
    if timeout <= 0:
        raise ParameterError(f"--timeout {timeout} must be above zero")
    if workers is not None and scheduler is not None:
        raise ParameterError("--workers and --scheduler exclude each other: a scheduler has workers of its own")
    languages.language(language)
    source, target = staging.place(root), staging.place(out)
    jobs = jobs_of(source, target, policy, resume, timeout, language)
    count = max(1, min(workers or os.cpu_count() or 1, len(jobs)))
    pages = index.Index(target, language)
    jobs = [replace(job, known=pages.former(job.name)) for job in jobs] if resume else jobs
    made = cluster.results(jobs, scheduler, retries) if scheduler else here.results(jobs, count, retries)
    with Teller(len(jobs)) as teller, _stoppable():
        results = _collected(jobs, made, pages, teller, tidy=scheduler is None)
    teller.end(results, str(target.child("index.html")))
    return _status(results)


def _collected(
    jobs: list[Job], made: Generator[tuple[str, Result], None, None], pages: index.Index, teller: Teller, tidy: bool
) -> dict[str, Result]:
    """The result of every job; the index is written as they come, and for all jobs when the batch is stopped."""
    results: dict[str, Result] = {}
    try:
        with closing(made):
            for name, result in made:
                results[name] = result
                teller.done(name, result)
                pages.write_now_and_then(results)
    finally:
        if tidy:  # the workers of a cluster may still be at work
            staging.tidy(pages.target)
        if results:
            pages.write({job.name: results.get(job.name) or failed(NOT_REACHED) for job in jobs})
            teller.stopped(len(results), len(jobs))
    return results


@contextmanager
def _stoppable() -> Iterator[None]:
    """A request to end (SIGTERM, as of a service manager) stops the batch like Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, _interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def _status(results: dict[str, Result]) -> int:
    statuses = [result["status"] for result in results.values()]
    if statuses and all(status not in FINISHED for status in statuses):
        return FAILED
    return DONE if all(status in ("done", "skipped") for status in statuses) else LOSS
