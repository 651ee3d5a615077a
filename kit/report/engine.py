"""papermill engine that keeps one kernel warm: a kernel start costs more than a report.

Registered as `warm` under papermill's entry points and reached only through papermill: importing this module before
papermill would import papermill while it imports this one.

One kernel per process, its sockets in a private folder, its state put back between notebooks, replaced after a failure,
another kernel name, or REPORTS_PER_KERNEL notebooks. `fresh=True` starts a kernel for one notebook and ends it.
"""

from __future__ import annotations

import atexit
import os
import queue
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from papermill.engines import NBClientEngine

from kit.report.client import Client

REPORTS_PER_KERNEL = 100
FIRST_CODE = "import kit.report.kernel; kit.report.kernel.remember()"
RENEW_CODE = (
    "get_ipython().run_line_magic('reset', '-sf'); get_ipython().execution_count = 1; "
    "import kit.report.kernel as _k; _k.renew({folder!r}); del _k"
)
LEAVE_CODE = "__import__('os').chdir({folder!r})"  # Windows renames no folder that a process stands in


@dataclass
class Kernel:
    """A running kernel and where its sockets lie."""

    manager: KernelManager
    folder: Path
    name: str
    process: int
    client: BlockingKernelClient
    reports: int = 0

    def first(self, timeout: float) -> None:
        """Waits until the kernel answers and remembers its state."""
        self.client.start_channels(stdin=False)
        self.client.wait_for_ready(timeout=timeout)
        run(self.client, FIRST_CODE, timeout)

    def end(self) -> None:
        """Stops the kernel and removes its folder; only in the process that started it."""
        if self.process != os.getpid():
            return
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        shutil.rmtree(self.folder, ignore_errors=True)


def _start(name: str, timeout: float) -> Kernel:
    folder = Path(tempfile.mkdtemp(prefix="kit-"))
    manager = KernelManager(kernel_name=name, connection_file=str(folder / "kernel.json"))
    if sys.platform != "win32":
        # without a path of its own every kernel would lay its sockets into the current folder, under the same names
        manager.transport = "ipc"
        manager.ip = str(folder / "k")
    try:
        manager.start_kernel(extra_arguments=["--HistoryManager.enabled=False"])  # cells of cases leave no trace
        kernel = Kernel(manager, folder, name, os.getpid(), manager.client())
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        kernel.first(timeout)
    except BaseException:
        kernel.end()
        raise
    return kernel


class WarmKernelEngine(NBClientEngine):
    """Executes notebooks one after the other in the same kernel."""

    kernel: Kernel | None = None
    last: Any = None  # the notebook that was run last, as far as it came

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: float = 60,
        execution_timeout: float | None = None,
        fresh: bool = False,
        **_: Any,
    ) -> None:
        """Runs the cells of a managed notebook; the kernel does not survive a failure."""
        if sys.platform == "win32":
            import asyncio

            asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
        cls.last = nb_man.nb
        kernel = cls._kernel(kernel_name or "python3", start_timeout, fresh)
        sound = False
        try:
            run(kernel.client, RENEW_CODE.format(folder=str(Path.cwd())), start_timeout)
            _execute(nb_man, kernel, log_output, stdout_file, stderr_file, execution_timeout, start_timeout)
            run(kernel.client, LEAVE_CODE.format(folder=str(kernel.folder)), start_timeout)
            sound = not nb_man.nb.metadata.papermill.get("exception")
        finally:
            kernel.reports += 1
            if fresh or not sound or kernel.reports >= REPORTS_PER_KERNEL:
                cls._drop(kernel)

    @classmethod
    def _kernel(cls, name: str, timeout: float, fresh: bool) -> Kernel:
        if fresh:
            return _start(name, timeout)
        kept = cls.kernel
        if kept and (kept.process != os.getpid() or kept.name != name or not kept.manager.is_alive()):
            cls._drop(kept)
        if cls.kernel is None:
            cls.kernel = _start(name, timeout)
        return cls.kernel

    @classmethod
    def _drop(cls, kernel: Kernel) -> None:
        if cls.kernel is kernel:
            cls.kernel = None
        kernel.end()

    @classmethod
    def stop(cls) -> None:
        """Ends the warm kernel of this process, if there is one."""
        if cls.kernel is not None:
            cls._drop(cls.kernel)


atexit.register(WarmKernelEngine.stop)


def run(client: BlockingKernelClient, code: str, timeout: float) -> None:
    """Runs code silently; raises RuntimeError with the kernel's words if it fails."""
    try:
        reply = client.execute(code, silent=True, store_history=False, reply=True, timeout=timeout)
    except (queue.Empty, TimeoutError) as error:
        raise RuntimeError(f"the kernel did not answer within {timeout:g} s") from error
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"the kernel could not be made ready: {reply['content'].get('evalue')}")


def _execute(
    nb_man: Any, kernel: Kernel, log_output: bool, stdout: Any, stderr: Any, timeout: float | None, answer_s: float
) -> None:
    client = Client(
        nb_man, km=kernel.manager, timeout=timeout, log_output=log_output, stdout_file=stdout, stderr_file=stderr
    )
    client.kc = kernel.client
    client.reset_execution_trackers()
    client.papermill_execute_cells()
    reply = kernel.client.kernel_info(reply=True, timeout=answer_s)
    nb_man.nb.metadata["language_info"] = reply["content"]["language_info"]
