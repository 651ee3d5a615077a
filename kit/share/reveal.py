"""`kit reveal`: a text out of a shared copy with the names in it again, by the map that the analyst kept."""

from __future__ import annotations

import json
import re
from pathlib import Path

from kit.errors import ParameterError


def revealed(text: str, names: dict[str, str]) -> str:
    """The text with every pseudonym turned back into the name that it stands for, in capitals or not.

    A name comes back as it was first spelled.
    """
    if not names:
        return text
    known = {made.lower(): original for made, original in names.items()}
    words = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    pattern = re.compile(rf"(?<![0-9A-Za-z])(?:{words})(?![0-9A-Za-z])", re.IGNORECASE)
    return pattern.sub(lambda found: known[found[0].lower()], text)


def names_of(plan: Path) -> dict[str, str]:
    """The names of a map that `kit share` wrote, by pseudonym. Raises ParameterError where it is none."""
    try:
        names = json.loads(plan.read_text(encoding="utf-8"))["names"]
        return {str(made): str(original) for made, original in names.items()}
    except OSError as error:
        raise ParameterError(f"--map {plan}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ParameterError(f"--map {plan}: is no map of names; kit share writes it beside the copy") from error
