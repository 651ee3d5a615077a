"""What a warm kernel does between two reports: it becomes as good as new, without starting again.

Imported inside the kernel only. `%reset` empties the user's names; this puts back what modules share: environment,
working folder, import path, warnings, pandas options.
"""

from __future__ import annotations

import gc
import os
import sys
import warnings
from typing import Any

OPTIONS = ("^display", "^mode", "^styler", "^compute", "^future")  # all but plotting, which would ask for matplotlib
_FIRST: dict[str, Any] = {}


def remember() -> None:
    """Keeps the state of a fresh kernel and loads what every report needs."""
    gc.set_threshold(100_000, 20, 50)  # a report makes many objects and little garbage
    _FIRST.update(environ=dict(os.environ), path=list(sys.path), filters=list(warnings.filters))
    for stream in (sys.stdout, sys.stderr):
        _flush_what_was_written(stream)
    import kit.page
    import kit.plots  # noqa: F401

    gc.freeze()


def _flush_what_was_written(stream: Any) -> None:
    """Lets a stream of the kernel be flushed only while something of it waits: each flush waits for another thread.

    The kernel flushes both streams around every output, and a report prints nothing.
    """
    flush = stream.flush

    def needed() -> None:
        if getattr(stream, "_buffers", True):
            flush()

    stream.flush = needed


def renew(folder: str) -> None:
    """Puts the state of a fresh kernel back, in the given working folder."""
    os.environ.clear()
    os.environ.update(_FIRST["environ"])
    sys.path[:] = _FIRST["path"]
    warnings.filters[:] = _FIRST["filters"]  # type: ignore[index]
    os.chdir(folder)
    if "pandas" in sys.modules:
        import pandas as pd

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # options that pandas is about to drop say so when they are touched
            for group in OPTIONS:
                pd.reset_option(group)
