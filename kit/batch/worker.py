"""A worker of a batch: reads one job a line from standard input, writes one result a line to standard output.

A process of its own, so that a hanging case can be ended without touching the others; its kernel stays warm between
jobs and goes when it goes.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from typing import IO, Any

from kit.batch.one_case import Result, make

READY = {"ready": True}


def main() -> None:
    """Works until its input ends."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints goes to stderr, the protocol stays clean
    _say(out, READY)
    for line in sys.stdin:
        try:
            _say(out, make(**json.loads(line)))
        except Exception as error:  # noqa: BLE001 - one case must not end the worker of the others
            _say(out, _unexpected(error))
    _stop_kernel()


def _say(out: IO[str], content: Any) -> None:
    out.write(json.dumps(content) + "\n")
    out.flush()


def _unexpected(error: Exception) -> Result:
    words = " ".join(str(error).split())[:300]
    return {
        "status": "failed",
        "seconds": None,
        "error": f"unexpected {type(error).__name__}: {words}",
        "summary": None,
    }


def _stop_kernel() -> None:
    if "papermill" in sys.modules:
        from papermill.engines import papermill_engines

        papermill_engines.get_engine("warm").stop()


class Worker:
    """The caller's side of a worker process; started when it is first needed, replaced when it had to be ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()

    def run(self, job: dict[str, Any], timeout: float) -> Result:
        """The result of a job; status `timeout` or `failed` when the process had to be ended or ended itself."""
        start = time.monotonic()
        try:
            process = self._started(timeout)
            assert process.stdin is not None
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            line = self._lines.get(timeout=max(0.1, timeout - (time.monotonic() - start)))
        except queue.Empty:
            self.end()
            return _ended("timeout", start, f"no end after {timeout:.0f} s; the case was stopped")
        except OSError as error:
            line, words = None, str(error)
        else:
            words = "the worker process ended"
        if line is None:
            self.end()
            return _ended("failed", start, f"{words}; memory may have run out")
        result: Result = json.loads(line)
        return result | {"seconds": round(time.monotonic() - start, 2)}

    def _started(self, timeout: float) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._lines = queue.Queue()
            options: dict[str, Any] = {"start_new_session": True}
            if sys.platform == "win32":
                options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "kit.batch.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, encoding="utf-8", env=os.environ | {"PYTHONUTF8": "1"}, **options,
            )  # fmt: skip
            threading.Thread(target=_read, args=(self._process, self._lines), daemon=True).start()
            if self._lines.get(timeout=timeout) is None:
                raise OSError("the worker process could not be started")
        return self._process

    def end(self) -> None:
        """Ends the process at once; its kernel notices and goes as well."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.kill()
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.wait()

    def close(self) -> None:
        """Lets an idle process end by itself and take its kernel along."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            lines.put(line)
    lines.put(None)


def _ended(status: str, start: float, error: str) -> Result:
    return {"status": status, "seconds": round(time.monotonic() - start, 2), "error": error, "summary": None}


if __name__ == "__main__":
    main()
