"""The policy of a shared copy: a small TOML file that says which names stay, which further terms go, what is shown."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.errors import ParameterError

SHOWN = ("title", "examiner", "requester")  # of the head of a report, left out unless the policy shows them
KEYS = ("keep", "remove", "show")


@dataclass(frozen=True)
class Policy:
    """Names that may stay, further terms that must go, and fields of the head that are shown."""

    keep: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    show: frozenset[str] = frozenset()


def policy(file: str | Path | None = None, keep: Iterable[str] = (), remove: Iterable[str] = ()) -> Policy:
    """The policy of a file together with what was named on the command line.

    Raises ParameterError naming the file and the key for anything but lists of texts under keep, remove and show, and
    for a term that is both kept and removed.
    """
    found = _read(Path(file)) if file is not None else {}
    made = Policy(
        frozenset([*found.get("keep", ()), *keep]),
        frozenset([*found.get("remove", ()), *remove]),
        frozenset(found.get("show", ())),
    )
    both = sorted({word.lower() for word in made.keep} & {word.lower() for word in made.remove})
    if both:
        raise ParameterError(f"{both[0]!r} is both kept and removed: decide for one")
    return made


def _read(file: Path) -> dict[str, list[str]]:
    try:
        found: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ParameterError(f"--policy {file}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(f"--policy {file} is no TOML: {error}") from error
    for key, value in found.items():
        if key not in KEYS:
            raise ParameterError(f"--policy {file}: unknown key {key!r}; it may hold {', '.join(KEYS)}")
        if not isinstance(value, list) or not all(isinstance(word, str) and word.strip() for word in value):
            raise ParameterError(f"--policy {file}: {key} must be a list of texts, like {key} = [\"text\"]")
    for word in found.get("show", ()):
        if word not in SHOWN:
            raise ParameterError(f"--policy {file}: show = {word!r} is unknown; there are: {', '.join(SHOWN)}")
    return found
