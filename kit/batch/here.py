"""Jobs of a batch in worker processes on this machine."""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, as_completed

from kit.batch.jobs import Job, Result, do, guarded
from kit.batch.worker import Worker


def results(jobs: list[Job], count: int, retries: int) -> Generator[tuple[str, Result], None, None]:
    """Name and result of each job as they come; when the caller stops, the processes are ended at once."""
    own = threading.local()
    started: list[Worker] = []

    def task(job: Job) -> Result:
        if not hasattr(own, "worker"):
            own.worker = Worker()
            started.append(own.worker)
        return guarded(lambda: do(job, own.worker, retries))

    pool = ThreadPoolExecutor(count, thread_name_prefix="batch")
    futures = {pool.submit(task, job): job.name for job in jobs}
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in started:
            worker.stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for worker in started:
            worker.close()
