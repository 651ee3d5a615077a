"""Commands that look at reports again: diff, verify."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kit.cli.options import PLACE
from kit.cli.speaking import say


@click.command(short_help="Which verdicts and evidence changed between two reports.")
@click.argument("old", type=PLACE)
@click.argument("new", type=PLACE)
def diff(old: Path, new: Path) -> int:
    """Lists the verdicts and the evidence that differ between two report folders, and why.

    Example:  kit diff reports/may reports/june
    """
    from kit.audit.compare import compared

    say(compared(old, new))
    return 0


@click.command(short_help="Evidence and outputs against their manifest.")
@click.argument("folder", type=PLACE)
@click.option("--case", "case", type=PLACE, help="Where the evidence lies now, if it was moved.")
@click.option("--parsers", is_flag=True, help="Re-read cited records with the second parser.")
@click.option("--key", type=click.Path(path_type=Path), help="File of the public key that must have signed the report.")
@click.option("--seal", metavar="HASH", help="Last hash of the ledger, as it was written down when it was issued.")
def verify(folder: Path, **options: Any) -> int:
    """Hashes the evidence and the outputs of a report again and checks the chain of its ledger.

    Example:  kit verify reports/fabrikam
    """
    from kit.audit.verify import verified

    text, sound = verified(folder, **options)
    say(text)
    return 0 if sound else 1
