"""papermill's client without an event loop: a report has some thirty cells, each with a handful of messages.

Reached through `kit.report.engine` only, see there.
"""

from __future__ import annotations

import time
from typing import Any

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from nbclient.exceptions import CellExecutionComplete, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.notebooknode import from_dict
from papermill.clientwrap import PapermillNotebookClient

PLAIN = ("display_data", "execute_result")
ALIVE_S = 1.0  # how often a kernel that says nothing is looked at


class Client(PapermillNotebookClient):
    """Runs cells one after the other over the sockets of a blocking client, `kc`.

    Plain outputs are taken as they are: the page and its figures are checked as a whole.
    """

    kc: BlockingKernelClient

    def execute_cell(
        self, cell: NotebookNode, cell_index: int, execution_count: int | None = None, store_history: bool = True
    ) -> NotebookNode:
        """The cell after its run.

        Raises CellExecutionError for a cell that fails, CellTimeoutError for one that does not end in time, and
        DeadKernelError when the kernel is gone.
        """
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or not cell.source.strip() or self.skip_cells_with_tag in tags:
            return cell
        if self.record_timing:
            cell.metadata["execution"] = {}
        may_fail = not self.force_raise_errors and (self.allow_errors or "raises-exception" in tags)
        asked = self.kc.execute(cell.source, store_history=store_history, stop_on_error=not may_fail)
        self.code_cells_executed += 1
        cell.outputs = []
        self.clear_before_next_output = False
        reply = self._answered(asked, cell, cell_index)
        if execution_count:
            cell["execution_count"] = execution_count
        if reply["content"]["status"] == "error":
            from jupyter_core.utils import run_sync

            run_sync(self._check_raise_for_error)(cell, cell_index, reply)
        self.nb["cells"][cell_index] = cell
        return cell

    def _answered(self, asked: str, cell: NotebookNode, cell_index: int) -> dict[str, Any]:
        """The reply to a request, when all that the kernel published of it has been taken."""
        allowed_s = self._get_timeout(cell)
        until = time.monotonic() + allowed_s if allowed_s else None
        poller = zmq.Poller()
        for channel in (self.kc.iopub_channel, self.kc.shell_channel):
            poller.register(channel.socket, zmq.POLLIN)
        reply: dict[str, Any] | None = None
        ended = False
        while reply is None or not ended:
            ready = self._waited(poller, until)
            if self.kc.iopub_channel.socket in ready:
                ended = self._taken(asked, cell, cell_index) or ended
            if self.kc.shell_channel.socket in ready and reply is None:
                found: dict[str, Any] = self.kc.shell_channel.get_msg(timeout=0)
                if found["parent_header"].get("msg_id") == asked:
                    reply, until = found, time.monotonic() + self.iopub_timeout
            if not ready and until is not None and time.monotonic() >= until:
                what = "Cell execution timed out" if reply is None else "Timeout waiting for IOPub output"
                late_s = allowed_s if reply is None else self.iopub_timeout
                raise CellTimeoutError.error_from_timeout_and_cell(what, int(late_s or 0), cell)
        return reply

    def _waited(self, poller: zmq.Poller, until: float | None) -> dict[Any, int]:
        """The sockets on which something waits, after a second at most. Raises DeadKernelError when none ever will."""
        left_s = ALIVE_S if until is None else min(ALIVE_S, max(0.0, until - time.monotonic()))
        ready = dict(poller.poll(int(left_s * 1000) + 1))
        if not ready and self.km is not None and not self.km.is_alive():
            raise DeadKernelError("Kernel died")
        return ready

    def _taken(self, asked: str, cell: NotebookNode, cell_index: int) -> bool:
        """Takes one published message; whether it says that the cell has ended."""
        message = self.kc.iopub_channel.get_msg(timeout=0)
        if message["parent_header"].get("msg_id") == asked:
            try:
                self.process_message(message, cell, cell_index)
            except CellExecutionComplete:
                return True
        return False

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        """The output that a message brings, put beside the others of its cell."""
        hooked = self.output_hook_stack[msg["parent_header"].get("msg_id")]
        if msg["msg_type"] not in PLAIN or display_id or hooked or self.clear_before_next_output:
            return super().output(outs, msg, display_id, cell_index)
        content = msg["content"]
        kept = {name: content[name] for name in ("data", "metadata", "execution_count") if name in content}
        outs.append(from_dict({"output_type": msg["msg_type"]} | kept))
        return outs[-1]
