"""What can be said about a folder before anything is written into it."""

from __future__ import annotations

import tempfile
from pathlib import Path


def writable(folder: Path) -> bool:
    """Whether a file can be made in the folder, which is made itself where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
