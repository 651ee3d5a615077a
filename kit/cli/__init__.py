"""The command `kit`. Progress goes to stderr, results to stdout; errors are one line, with a traceback under --debug.

Exit status: 0 done; 1 failed, nothing issued; 2 wrong usage; 3 done, but something could not be read or a case failed.
The commands stand in the modules of this package, heavy imports inside them, so that `kit --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from kit import __version__
from kit.cli import auditing, explaining, handing_out, judging, working
from kit.cli.given import words
from kit.cli.speaking import leave, said
from kit.errors import KitError, ParameterError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
COMMANDS = (
    judging.check, judging.analyze, judging.report, judging.demo, explaining.explain, handing_out.batch,
    handing_out.share, handing_out.reveal, handing_out.export, auditing.diff, auditing.verify, working.lab,
    working.practice, working.doctor,
)  # fmt: skip


def main() -> NoReturn:
    """Runs the command line and exits with its status."""
    debug = "--debug" in sys.argv
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        status = cli.main(prog_name="kit", args=words(sys.argv[1:]), standalone_mode=False)
    except click.exceptions.Abort:
        leave("stopped", 1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        leave("stopped", 130)
    except (KitError, OSError) as error:
        if debug:
            raise
        leave(said(error), 2 if isinstance(error, ParameterError) else 1)
    except Exception as error:
        if debug:
            raise
        leave(
            f"unexpected {type(error).__name__}: {' '.join(str(error).split())[:300]} (again with --debug for more)", 1
        )
    sys.exit(status if isinstance(status, int) else 0)


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="kit")
@click.option("--debug", is_flag=True, help="With any command: a traceback instead of one line.")
def cli(debug: bool) -> None:
    """Which recovery points of a Hyper-V Replica can be trusted, and what proves it.

    A case is a folder (or .zip) with logs and exports: event logs, ERRORLOG, lists of recovery points. Nothing needs to
    be configured.

    Example:  kit report CASE --out REPORT
    """


for command in COMMANDS:
    cli.add_command(command)
