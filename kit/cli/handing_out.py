"""Commands that hand results on: batch, share, reveal, export."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from kit.cli.given import given
from kit.cli.options import ADDRESS, LANGUAGE, PLACE, POLICY, out_option, period
from kit.cli.speaking import say
from kit.errors import Unsupported
from kit.visible import visible


@click.command(short_help="One report for each case below a folder.")
@click.argument("root", type=ADDRESS)
@out_option("Folder for the reports and index.html.", ADDRESS)
@click.option("--workers", type=click.IntRange(1), help="Reports made at the same time; default one a processor.")
@click.option("--scheduler", help="Address of a Dask scheduler, e.g. tcp://host:8786.")
@click.option("--resume", is_flag=True, help="Only what changed since the last run.")
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), default=3600.0, show_default=True, metavar="SECONDS",
    help="A case that takes longer is stopped.",
)
@click.option(
    "--retries", type=click.IntRange(0), default=1, show_default=True,
    help="How often a case whose process died is tried again.",
)
@POLICY
@LANGUAGE
def batch(root: str, out: str, **options: Any) -> int:
    """Makes one report for each case folder or .zip below ROOT, and index.html over all of them.

    ROOT and --out may be URLs of object storage (s3://bucket/cases) where the fsspec package for it is installed.

    Example:  kit batch cases --out reports/batch --workers 2
    """
    module = part("batch.runner")
    status: int = module.run(root, out, **options)
    return status


@click.command(short_help="Redacted copy of a report for a customer.")
@click.argument("report_dir", type=PLACE)
@out_option("The .zip file to write.")
@click.option("--policy", type=click.Path(path_type=Path), help="TOML file with keep, remove and show.")
@click.option("--keep", multiple=True, metavar="NAME", help="A name that may stay; repeatable.")
@click.option("--remove", multiple=True, metavar="TERM", help="A further term that must go; repeatable.")
@click.option("--map", "plan", type=click.Path(path_type=Path), help="Where the map of names is kept; default beside.")
@click.option("--lang", "language", help="Language of the copy's own texts, e.g. de; default that of the report.")
def share(report_dir: Path, out: Path, **options: Any) -> int:
    """Writes a redacted copy of a report: stable pseudonyms, leak scan, manifest; the map of names stays behind.

    Example:  kit share reports/fabrikam --out fabrikam-customer.zip
    """
    say(part("share.package").share(report_dir, out, **options))
    return 0


@click.command(short_help="A text of a redacted copy with its names again.")
@click.argument("file", default="-")
@click.option("--map", "plan", required=True, type=click.Path(path_type=Path), help="The map that kit share wrote.")
def reveal(file: str, plan: Path) -> int:
    """Prints a text (a file, or standard input) with every pseudonym turned back into the name it stands for.

    Example:  kit reveal answer.txt --map fabrikam-customer.map.json
    """
    from kit.share.reveal import names_of, revealed

    names = names_of(plan)
    text = revealed(given(file).decode("utf-8-sig", "replace"), names)
    click.echo(visible(text) if sys.stdout.isatty() else text, nl=False)
    return 0


@click.command(short_help="Tables and timeline for other tools.")
@click.argument("case_or_report", type=click.Path(path_type=Path))
@out_option("Folder for the files.")
@click.option(
    "--format", "formats", multiple=True, type=click.Choice(["timesketch", "csv", "json", "jsonl"]),
    help="What to write; repeatable, default all.",
)  # fmt: skip
@period
@POLICY
def export(case_or_report: Path, out: Path, formats: tuple[str, ...], **options: Any) -> int:
    """Writes every table of a case or report as CSV or JSON, and a timeline that Timesketch reads.

    Example:  kit export reports/fabrikam --out exports/fabrikam --format timesketch --format csv
    """
    module = part("exports.folder")
    say(module.export(case_or_report, out, formats or module.FORMATS, **options))
    return 0


def part(name: str) -> Any:
    """A module of the kit. Raises Unsupported where a package that it needs is not installed."""
    try:
        return import_module(f"kit.{name}")
    except ModuleNotFoundError as error:
        raise Unsupported(f"this installation has no {error.name}; install the kit completely with run.py") from error
