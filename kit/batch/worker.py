"""A worker of a batch: reads one job a line from standard input, writes one result a line to standard output.

A process of its own, so that a hanging case can be ended without touching the others; its kernel stays warm between
jobs and goes when it goes.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from typing import IO, Any

from kit.batch.jobs import DIED, Result
from kit.batch.one_case import make
from kit.referee.process import stay_warm

READY = {"ready": True}
START_S = 300.0  # for a process to start on a busy machine


def main() -> None:
    """Works until its input ends."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints goes to stderr, the protocol stays clean
    stay_warm()
    gc.set_threshold(100_000, 20, 50)  # a report makes many objects and little garbage
    _say(out, READY)
    for line in sys.stdin:
        try:
            _say(out, make(**json.loads(line)))
        except Exception as error:  # noqa: BLE001 - one case must not end the worker of the others
            _say(out, _unexpected(error))
        if not gc.get_freeze_count():  # all modules are loaded now: no need to look through them again and again
            gc.collect()
            gc.freeze()
    if running := sys.modules.get("kit.report.running"):
        running.stop()


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


class Worker:
    """The caller's side of a worker process; started when it is first needed, replaced when it had to be ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._folder: str | None = None  # for all temporary files of the process and its kernel
        self._stopped = False

    def run(self, order: Mapping[str, Any], timeout: float) -> Result:
        """The result of an order; status `timeout` or `failed` when the process had to be ended or ended itself."""
        start = time.monotonic()
        try:
            process = self._started()
            start = time.monotonic()
            assert process.stdin is not None
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            self.end()
            return _ended("timeout", start, f"no end after {timeout:g} s; the case was stopped (see --timeout)")
        except OSError:
            line = None
        if line is None:
            return _ended("failed", start, f"{DIED}{self._why()}")
        result: Result = json.loads(line)
        return result | {"seconds": round(time.monotonic() - start, 2)}

    def _started(self) -> subprocess.Popen[str]:
        if self._stopped:
            raise OSError("stopped")
        if self._process is None or self._process.poll() is not None:
            self.end()
            self._lines = queue.Queue()
            self._folder = tempfile.mkdtemp(prefix="kit-")
            own = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), self._folder)
            options: dict[str, Any] = {"start_new_session": True}
            if sys.platform == "win32":
                options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "kit.batch.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, encoding="utf-8", env=os.environ | own | {"PYTHONUTF8": "1"},
                **options,
            )  # fmt: skip
            threading.Thread(target=_read, args=(self._process, self._lines), daemon=True).start()
            if self._lines.get(timeout=START_S) is None:
                raise OSError("could not be started")
        return self._process

    def _why(self) -> str:
        """How the process ended, after it has."""
        if self._stopped:
            return "; the batch was stopped"
        process = self._process
        self.end()
        code = process.returncode if process is not None else None
        if code is not None and code < 0:
            return f" by signal {-code}; memory may have run out"
        return f" with status {code}; memory may have run out"

    def end(self) -> None:
        """Ends the process at once; its kernel notices and goes as well."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.kill()
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.wait()
        self._clear()

    def stop(self) -> None:
        """Ends the process at once and starts no other."""
        self._stopped = True
        self.end()

    def close(self) -> None:
        """Lets an idle process end by itself and take its kernel along."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._clear()

    def _clear(self) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


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
