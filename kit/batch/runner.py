"""One report for each case below a folder, made by several processes, and a portfolio page over all of them.

One failing or hanging case never stops the others, and a report is published whole or not at all: stopping a batch with
Ctrl-C leaves finished reports and an index over them.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from kit import progress
from kit.batch import portfolio, staging
from kit.batch.one_case import Result
from kit.batch.staging import Place
from kit.batch.worker import Worker
from kit.errors import ParameterError, Unsupported

TIMEOUT_S = 3600.0
CONNECT_S = 10.0  # for a scheduler to answer
DONE, LOSS, FAILED = 0, 3, 1
FINISHED = ("done", "done_with_losses", "skipped")
Job = dict[str, Any]


def run(
    root: str | Path,
    out: str | Path,
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    policy: str | None = None,
    timeout: float = TIMEOUT_S,
    retries: int = 1,
) -> int:
    """The exit status of a batch: 0 all done, 3 with losses or failed cases, 1 when every case failed.

    root, out   folders, or URLs that fsspec knows
    workers     processes on this machine; default one for each processor, at most one for each case
    scheduler   address of a running Dask scheduler, whose workers make the reports instead
    resume      leaves reports whose evidence, rules and policy are the same as they are
    timeout     seconds after which a case is given up
    retries     how often a case whose process died is tried again

    Writes `<out>/<case>/` for each case, batch.json, portfolio.json and index.html. Raises CaseError for a root without
    cases, Unsupported for a scheduler without the package distributed.
    """
    source, target = staging.place(root), staging.place(out)
    if timeout <= 0:
        raise ParameterError(f"timeout={timeout} must be above zero")
    jobs = [_job(source, target, *pair, policy, resume, timeout) for pair in _names(staging.cases(source))]
    results: dict[str, Result] = {}
    former = _former(target)
    made = _on_cluster(jobs, scheduler, retries) if scheduler else _here(jobs, workers, retries)
    try:
        with progress.meter("batch", len(jobs), unit="case") as meter:
            for name, result in made:
                meter.begin(f"{name}: {result['status']}")
                meter.advance(1)
                results[name] = result
    finally:
        staging.tidy(target)
        _write(target, results, former)
    return _status(results)


def _names(entries: list[str]) -> list[tuple[str, str]]:
    """Entry and name of each case: an archive is called as without .zip, unless a folder has that name."""
    made = []
    for entry in entries:
        stem = entry[:-4] if entry.lower().endswith(".zip") else entry
        made.append((entry, stem if stem == entry or stem not in entries else entry))
    return made


def _job(source: Place, target: Place, entry: str, name: str, policy: str | None, resume: bool, timeout: float) -> Job:
    places = {"case": str(source.child(entry)), "out": str(target.child(name))}
    return {"name": name, **places, "policy": policy, "resume": resume, "timeout": timeout}


def do(job: Job, worker: Worker, retries: int) -> Result:
    """The result of a job: its case fetched, its report put in place; tried again when the process died."""
    with staging.fetched(staging.place(job["case"])) as case, staging.returned(staging.place(job["out"])) as out:
        order = {"case": case, "out": out, "policy": job["policy"], "resume": job["resume"], "timeout": job["timeout"]}
        result = worker.run(order, job["timeout"])
        for _ in range(retries):
            if result["status"] != "failed" or "worker process" not in (result["error"] or ""):
                break
            result = worker.run(order, job["timeout"])
        return result


def _here(jobs: list[Job], workers: int | None, retries: int) -> Iterator[tuple[str, Result]]:
    """Results as they come, from worker processes on this machine."""
    count = max(1, min(workers or os.cpu_count() or 1, len(jobs)))
    own = threading.local()
    started: list[Worker] = []

    def task(job: Job) -> Result:
        if not hasattr(own, "worker"):
            own.worker = Worker()
            started.append(own.worker)
        return _guarded(lambda: do(job, own.worker, retries))

    pool = ThreadPoolExecutor(count, thread_name_prefix="batch")
    futures = {pool.submit(task, job): job["name"] for job in jobs}
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in started:
            worker.end()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for worker in started:
            worker.close()


def _guarded(work: Callable[[], Result]) -> Result:
    """The result, or a failed one for what went wrong around the worker (storage, disk)."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - one case must not stop the others
        words = " ".join(str(error).split())[:300]
        return {"status": "failed", "seconds": None, "error": f"{type(error).__name__}: {words}", "summary": None}


_CLUSTER_WORKER = Worker()
_CLUSTER_LOCK = threading.Lock()


def on_cluster(job: Job, retries: int) -> Result:
    """Runs on a worker of the cluster: one report at a time, in a process of its own that stays warm."""
    with _CLUSTER_LOCK:
        return _guarded(lambda: do(job, _CLUSTER_WORKER, retries))


def _on_cluster(jobs: list[Job], scheduler: str | None, retries: int) -> Iterator[tuple[str, Result]]:
    """Results as they come, from the workers of a Dask cluster."""
    try:
        from distributed import Client
        from distributed import as_completed as completed
    except ImportError as error:
        raise Unsupported("--scheduler needs the package distributed: install the extra [distributed]") from error
    try:
        client = Client(scheduler, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise Unsupported(f"--scheduler {scheduler}: no Dask scheduler answers there ({error})") from error
    with client:
        futures = {client.submit(on_cluster, job, retries, pure=False, retries=retries): job["name"] for job in jobs}
        for future in completed(futures):
            if future.status == "finished":
                yield futures[future], future.result()
            else:
                words = str(future.exception())[:300]
                yield futures[future], {"status": "failed", "seconds": None, "error": words, "summary": None}


def _former(target: Place) -> dict[str, Any]:
    """The portfolio of the last run."""
    try:
        found = json.loads(staging.read(target.child("portfolio.json")) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _write(target: Place, results: dict[str, Result], former: dict[str, Any]) -> None:
    """batch.json, portfolio.json and index.html over what is finished; nothing where nothing is."""
    if not results:
        return
    names = sorted(results)
    listed = [{"case": name, **{key: results[name][key] for key in ("status", "seconds", "error")}} for name in names]
    staging.write(target.child("batch.json"), _json({"cases": listed}))
    about = {name: results[name]["summary"] for name in names}
    staging.write(target.child("portfolio.json"), _json({"cases": {**former.get("cases", {}), **about}}))
    staging.write(target.child("index.html"), portfolio.page({name: results[name] for name in names}))


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _status(results: dict[str, Result]) -> int:
    statuses = [result["status"] for result in results.values()]
    if statuses and all(status not in FINISHED for status in statuses):
        return FAILED
    return DONE if all(status in ("done", "skipped") for status in statuses) else LOSS
