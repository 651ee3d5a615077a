"""What a batch says in the terminal: a line for each case as it ends, and a summary at the end."""

from __future__ import annotations

import sys
import time
from collections import Counter
from types import TracebackType

from kit.batch.jobs import Result
from kit.progress import clock, shortened

SIGNS = {"done": "+", "done_with_losses": "!", "failed": "x", "timeout": "x", "skipped": "="}
WORDS = {
    "done": "done",
    "done_with_losses": "done with losses",
    "failed": "failed",
    "timeout": "timed out",
    "skipped": "skipped, unchanged",
}
MOST_TOLD = 20  # cases that are named at the end


class Teller:
    """Tells on stderr how a batch gets on, and on stdout what came of it."""

    def __init__(self, total: int) -> None:
        self._total, self._count, self._made = total, 0, 0
        self._start = time.monotonic()
        self._complete = False

    def __enter__(self) -> Teller:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._complete = kind is None

    def done(self, name: str, result: Result) -> None:
        """A case has ended."""
        self._count += 1
        self._made += result["status"] != "skipped"
        print(self.line(name, result, time.monotonic() - self._start), file=sys.stderr, flush=True)  # noqa: T201

    def line(self, name: str, result: Result, seconds: float) -> str:
        """Number, sign, name, status, seconds; how fast it goes and how long it will still take; the error below."""
        rate = self._made / seconds if seconds > 0 else 0.0  # what was skipped cost no time
        left = f", {clock((self._total - self._count) / rate)} left" if rate and self._count < self._total else ""
        width = len(str(self._total))
        took = f"{result['seconds']:.1f} s" if result["seconds"] is not None else ""
        speed = f"{rate * 60:.1f} cases/min{left}" if rate else ""
        head = f"{self._count:>{width}}/{self._total} {SIGNS[result['status']]} {shortened(name, 32):<20}"
        said = f"{head} {WORDS[result['status']]:<16} {took:>8}  {speed}".rstrip()
        return said + (f"\n{'':>{2 * width + 4}}{shortened(result['error'], 160)}" if result["error"] else "")

    def stopped(self, finished: int, total: int) -> None:
        """The batch ends, whether it was stopped or came to its end."""
        if finished < total:
            print(  # noqa: T201
                f"stopped: {finished} of {total} cases are finished and in index.html; the rest: the same command "
                "with --resume", file=sys.stderr,
            )  # fmt: skip

    def end(self, results: dict[str, Result], index: str) -> None:
        """The summary on stdout."""
        counts = Counter(result["status"] for result in results.values())
        said = ", ".join(f"{counts[status]} {word}" for status, word in WORDS.items() if counts[status])
        seconds = time.monotonic() - self._start
        lines = [f"{len(results)} {'case' if len(results) == 1 else 'cases'} in {clock(seconds)}: {said}"]
        bad = [name for name in sorted(results) if results[name]["status"] in ("failed", "timeout")]
        lines += [
            f"  x {shortened(name, 32)}: {shortened(results[name]['error'] or '', 160)}" for name in bad[:MOST_TOLD]
        ]
        if len(bad) > MOST_TOLD:
            lines.append(f"  and {len(bad) - MOST_TOLD} more; batch.json lists them all")
        print("\n".join([*lines, f"Written: {index}"]))  # noqa: T201
