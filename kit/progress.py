"""Progress of everything that lasts: which file, how much, how fast, how long still."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

_EVERY_S = 2.0
STEP = "step"
Item = TypeVar("Item")


class Meter(Protocol):
    """What a task tells about itself."""

    def begin(self, what: str) -> None:
        """A new item (file, cell, page) is worked on."""

    def advance(self, amount: float) -> None:
        """So much more of the total is done."""


class Quiet:
    """A meter that shows nothing."""

    def begin(self, what: str) -> None:
        """Shows nothing."""

    def advance(self, amount: float) -> None:
        """Shows nothing."""


class _Bar:
    """tqdm in a terminal or a notebook, as plain text in both so that a notebook keeps it."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def begin(self, what: str) -> None:
        self._bar.set_postfix_str(shortened(what, 40), refresh=False)

    def advance(self, amount: float) -> None:
        self._bar.update(amount)


class _Lines:
    """A line every few seconds, for logs and pipes."""

    def __init__(self, title: str, total: float, unit: str) -> None:
        self._title, self._total, self._unit = title, total, unit
        self._start = self._shown = time.monotonic()
        self._done = 0.0
        self._what = ""

    def begin(self, what: str) -> None:
        self._what = what
        self._show()

    def advance(self, amount: float) -> None:
        self._done += amount
        self._show()

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._shown >= _EVERY_S:
            self._shown = now
            said = line(self._title, self._what, self._done, self._total, now - self._start, self._unit)
            print(said, file=sys.stderr)  # noqa: T201 - progress is what stderr is for


def line(title: str, what: str, done: float, total: float, seconds: float, unit: str) -> str:
    """One line of progress: title, percent, rate, time left, item."""
    share = min(1.0, done / total) if total else 1.0
    rate = done / seconds if seconds > 0 else 0.0
    left = f", {clock((total - done) / rate)} left" if rate > 0 and done < total else ""
    bytes_ = f"{rate / 1e6:.1f} MB/s" if rate >= 1e5 or not rate else f"{rate / 1e3:.1f} kB/s"
    speeds = {"B": f", {bytes_}", STEP: ""}  # steps are of very different lengths
    return f"{title}: {share:.0%}{speeds.get(unit, f', {rate:.1f} {unit}/s')}{left}  {shortened(what, 60)}".rstrip()


def clock(seconds: float) -> str:
    """A duration as m:ss or h:mm:ss."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters: control characters shown, the middle left out."""
    plain = "".join(character if character.isprintable() else "?" for character in text)
    if len(plain) <= most:
        return plain
    head = (most - 1) // 3
    return f"{plain[:head]}…{plain[len(plain) - (most - 1 - head) :]}"


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


@contextmanager
def meter(title: str, total: float, unit: str = "B", quiet: bool | None = None) -> Iterator[Meter]:
    """A meter on stderr: a bar in a terminal or notebook, plain lines elsewhere, nothing when `quiet`.

    Below a second of work nothing is shown. `unit` is `B` for bytes or the noun of what is counted.
    """
    if quiet or (quiet is None and not total):
        yield Quiet()
        return
    if not (sys.stderr.isatty() or in_notebook()):
        yield _Lines(title, total, unit)
        return
    from tqdm import tqdm

    bar = tqdm(
        total=total, desc=title, unit=unit, unit_scale=unit == "B", delay=1, mininterval=0.5, leave=False,
        file=sys.stdout if in_notebook() else sys.stderr,  # JupyterLab frames stderr in red, even when empty
    )  # fmt: skip
    try:
        yield _Bar(bar)
    finally:
        bar.close()


def over(
    items: Sequence[Item], title: str, name: Callable[[Item], str], unit: str = "file", quiet: bool | None = None
) -> Iterator[Item]:
    """The items, one after the other, with a meter that counts them and names the one that is worked on."""
    with meter(title, len(items), unit=unit, quiet=quiet) as shown:
        for item in items:
            shown.begin(name(item))
            yield item
            shown.advance(1)
