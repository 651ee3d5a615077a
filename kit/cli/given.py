"""What was given on the command line: words, texts, files, standard input."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

import click

from kit.cli.speaking import say

_NEGATIVE = re.compile(r"-(?:0x[0-9a-f]{1,8}|\d{1,10})", re.IGNORECASE)
_FILE_NAME = re.compile(  # what is surely meant as a file: one word with a known ending, or a path
    r"(?:[A-Za-z]:)?[\\/.~\w-]*[\w-]\.(?:txt|log|evtx?|xml|json|jsonl|csv|clixml|md|\d)|(?:[A-Za-z]:|\.{1,2}|~)?[\\/][^\s:]+",
    re.IGNORECASE,
)


def words(given: list[str]) -> list[str]:
    """The words of the command line; a negative code such as -2147212300 is no option."""
    words = [word for word in given if word != "--debug"]
    if words[:1] != ["explain"] or "--" in words:
        return words
    codes = [word for word in words if _NEGATIVE.fullmatch(word)]
    return [*(word for word in words if word not in codes), "--", *codes] if codes else words


def pair(entry: str) -> tuple[str, str]:
    """Key and value of --context KEY=VALUE. Raises UsageError for another key."""
    key, equals, value = entry.partition("=")
    if not equals or key not in ("requestor", "host_os", "guest_os", "app"):
        raise click.UsageError(f"--context {entry!r}: write KEY=VALUE with requestor, host_os, guest_os or app")
    return key, value


def given(file: str) -> bytes:
    """The content of a file or of standard input; a text that names no file is taken itself.

    Raises UsageError for what is surely meant as a file and is not there.
    """
    if file == "-":
        if sys.stdin.isatty():
            say("Paste the events, then end with Ctrl-D (Windows: Ctrl-Z and Enter).", err=True)
        return sys.stdin.buffer.read()
    path = Path(file)
    try:
        if path.is_file():
            return path.read_bytes()
    except (OSError, ValueError):
        pass
    if _FILE_NAME.fullmatch(file):
        raise click.UsageError(f"{file}: no such file; name one, paste the text itself, or - for standard input")
    return file.encode("utf-8", "replace")


@contextmanager
def lines_of(file: str) -> Iterator[TextIO]:
    """The lines of a file or of standard input: UTF-8, or UTF-16 as Windows PowerShell redirects, never the console's.

    What is no text becomes a mark of its own, so that one bad line never stops the rest.
    """
    if file != "-" and not Path(file).is_file():
        raise click.UsageError(f"--jsonl {file}: no such file; name one, or - for standard input")
    given = sys.stdin.buffer if file == "-" else Path(file).open("rb")  # noqa: SIM115 - closed with the wrapper
    buffered = io.BufferedReader(cast("io.RawIOBase", given))
    encoding = "utf-16" if buffered.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    with io.TextIOWrapper(buffered, encoding=encoding, errors="replace") as lines:
        yield lines
