"""`python -m kit.practice data` writes the bundled case and its truth into a folder; `kit practice` makes new cases."""

from __future__ import annotations

import sys
from pathlib import Path

from kit.practice import write_bundled


def main(arguments: list[str]) -> int:
    """Exit status: 0 after writing the bundled case, 2 for wrong usage."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m kit.practice FOLDER   (the bundled case goes to FOLDER/practice)\n")
        return 2
    known = write_bundled(Path(arguments[0]))
    sys.stderr.write(f"{len(known['recovery_points'])} recovery points written below {arguments[0]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
