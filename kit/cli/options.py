"""Arguments and options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


class Place(click.Path):
    """A path; an empty one, as an unset variable leaves it, is refused and not taken for the current folder."""

    def __init__(self, written: bool = False, **given: Any) -> None:
        super().__init__(**given)
        self._written = written

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path. What is to be written needs a name that is text, because the report names it."""
        if isinstance(value, str) and not value.strip():
            self.fail("the path is empty", param, ctx)
        if self._written and any("\ud800" <= sign <= "\udfff" for sign in str(Path.cwd() / value)):
            self.fail("the name has bytes that are no text here: choose another, or set LC_ALL=C.UTF-8", param, ctx)
        return super().convert(value, param, ctx)


PLACE = Place(path_type=Path)
OUTPUT = Place(path_type=Path, written=True)
ADDRESS = Place(path_type=str)  # may be a URL


def case_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument CASE."""
    return click.argument("case", type=PLACE)(command)


def out_option(what: str, kind: Place = OUTPUT) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option --out; an error of the file system that names no file (a full disk) gets its name."""

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("--out", required=True, type=kind, help=what)
        @functools.wraps(command)
        def named(*given: Any, out: Path | str, **options: Any) -> Any:
            try:
                return command(*given, out=out, **options)
            except OSError as error:
                if error.filename is None:
                    error.filename = str(out)
                raise

        return named

    return decorated


LANGUAGE = click.option("--lang", "language", help="Language of the report's own texts, e.g. de; default English.")
POLICY = click.option(
    "--policy", type=click.Choice(["strict", "refined"]), help="How to read a rollback after a test boot."
)
WORKERS = click.option("--workers", type=click.IntRange(1), help="Read files in this many processes.")
PERIOD = (
    click.option("--vm", help="Only this virtual machine."),
    click.option("--since", help="Only points from this time on, as 2014-05-19 or 2014-05-19T12:00+02:00 (else UTC)."),
    click.option("--until", help="Only points up to this time; a date alone is the whole day."),
)


def period(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that choose a machine and a period."""
    for option in reversed(PERIOD):
        command = option(command)
    return command
