"""What commands print: results to stdout, everything else to stderr, errors as one line."""

from __future__ import annotations

import errno
import json
import sys
from typing import Any, NoReturn

import click

from kit.visible import json_visible, visible


def say(text: str, err: bool = False) -> None:
    """Prints a text; what log text could do to a terminal is shown instead of done."""
    click.echo(visible(text), err=err)


def as_text(content: Any, sort_keys: bool = False) -> str:
    """JSON that a terminal shows and does not obey."""
    return json_visible(json.dumps(content, indent=1, sort_keys=sort_keys, ensure_ascii=False))


def said(error: Exception) -> str:
    """One line; the file comes first, as in every other message."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        full = "; free some space or choose another folder" if error.errno == errno.ENOSPC else ""
        return f"{error.filename}: {error.strerror}{full}"
    return " ".join(str(error).split()) or type(error).__name__


def leave(text: str, status: int) -> NoReturn:
    """Prints why the command ends, and ends it with this status."""
    say(f"kit: {text}", err=True)
    sys.exit(status)
