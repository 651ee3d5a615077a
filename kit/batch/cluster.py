"""Jobs of a batch on the workers of a Dask cluster: each makes one report at a time, in a process that stays warm."""

from __future__ import annotations

import threading
from collections.abc import Generator

from kit.batch.jobs import Job, Result, do, failed, guarded
from kit.batch.worker import Worker
from kit.errors import Unsupported

CONNECT_S = 10.0  # for a scheduler to answer
_WORKER = Worker()
_LOCK = threading.Lock()


def make(job: Job, retries: int) -> Result:
    """Runs on a worker of the cluster: the result of one job."""
    with _LOCK:
        return guarded(lambda: do(job, _WORKER, retries))


def results(jobs: list[Job], scheduler: str, retries: int) -> Generator[tuple[str, Result], None, None]:
    """Name and result of each job as they come. Raises Unsupported where no scheduler answers."""
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
        futures = {client.submit(make, job, retries, pure=False, retries=retries): job.name for job in jobs}
        try:
            for future in completed(futures):
                if future.status == "finished":
                    yield futures[future], future.result()
                else:
                    yield futures[future], failed(f"the cluster gave it up: {str(future.exception())[:300]}")
        finally:
            client.cancel(list(futures))
