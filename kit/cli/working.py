"""Commands for the analyst's own work: lab, practice, doctor."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli.judging import ROOT
from kit.cli.options import PLACE
from kit.cli.speaking import say


@click.command(short_help="JupyterLab with the notebooks and a case.")
@click.argument("case", required=False, type=PLACE)
@click.option("--port", type=int, help="Port of the server.")
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
def lab(case: Path | None, port: int | None, no_browser: bool) -> int:
    """Opens JupyterLab on a working copy of the notebooks, with the case chosen (default: the practice case).

    Example:  kit lab cases/fabrikam
    """
    from kit.lab import start

    return start(case or ROOT / "data" / "practice", port, not no_browser)


@click.command(short_help="Practice cases with known answers.")
@click.option("--out", type=PLACE, help="Folder for the cases.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same cases.")
@click.option("--count", type=click.IntRange(1), default=1, show_default=True, help="How many cases.")
@click.option(
    "--score", type=PLACE, help="Judge the cases in a folder and compare with their truth."
)
def practice(out: Path | None, seed: int, count: int, score: Path | None) -> int:
    """Makes practice cases whose answers are known, or scores the kit on them.

    Example:  kit practice --out practice --seed 7 --count 3
    """
    if score is not None:
        return _score(score)
    if out is None:
        raise click.UsageError("practice needs --out FOLDER (or --score FOLDER)")
    from kit.practice import generate

    for folder in generate(out, seed=seed, count=count):
        say(str(folder))
    return 0


def _score(folder: Path) -> int:
    from kit.case import load_case
    from kit.judgement import analyze as judge
    from kit.judgement.verdicts_json import document
    from kit.practice import scoring

    total = scoring.score(folder, lambda case: document(judge(load_case(case))))
    say(scoring.report(total))
    return 0


@click.command(short_help="Versions, optional parts, folders, browser.")
def doctor() -> int:
    """Prints versions, which optional parts are there, whether folders can be written, and the browser for PDF.

    Example:  kit doctor
    """
    from kit.doctor import examined

    text, sound = examined()
    say(text)
    return 0 if sound else 1
