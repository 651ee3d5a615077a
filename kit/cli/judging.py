"""Commands that judge a case: check, analyze, report, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kit.cli.options import LANGUAGE, PLACE, POLICY, WORKERS, case_argument, out_option, period
from kit.cli.speaking import as_text, say
from kit.errors import CaseError, ParameterError

ROOT = Path(__file__).resolve().parent.parent.parent
LOSS = 3


@click.command(short_help="What the files are, what was read and what is missing.")
@case_argument
@click.option("--json", "as_json", is_flag=True, help="{ sources, clocks, missing } as JSON.")
@click.option("--all", "every", is_flag=True, help="Every source for itself, even of very many.")
@WORKERS
def check(case: Path, as_json: bool, every: bool, workers: int | None) -> int:
    """Recognises every file of CASE and prints the account of each source, roles, clocks and what is missing.

    Example:  kit check cases/fabrikam
    """
    from kit import terminal
    from kit.case import load_case

    loaded = load_case(case, workers=workers)
    found = terminal.checked(loaded)
    say(as_text(found.as_json(), sort_keys=True) if as_json else found.text(case, every))
    if not found.judgeable:
        raise CaseError(f"{case} holds no file that can be read: nothing can be judged; see docs/collect.md")
    return LOSS if found.losses else 0


@click.command(short_help="Case to tables and verdicts.json.")
@case_argument
@out_option("Folder for verdicts.json and tables/.")
@POLICY
@WORKERS
def analyze(case: Path, out: Path, policy: str | None, workers: int | None) -> int:
    """Judges every recovery point of CASE and writes verdicts.json and the tables, without a report.

    Example:  kit analyze cases/fabrikam --out out/fabrikam
    """
    from kit import terminal
    from kit.audit.second_opinion import attach
    from kit.case import load_case
    from kit.judgement import analyze as judge
    from kit.report import publishing

    refuse(case, out)
    loaded = load_case(case, workers=workers).require()
    made = attach(judge(loaded, policy), loaded)
    with publishing.folder(out.resolve()) as work:
        made.save(work)
        publishing.publish(work, out.resolve())
    say(terminal.analysed(made, case, out))
    return LOSS if terminal.has_losses(made) else 0


def refuse(case: Path, out: Path) -> None:
    """Raises ParameterError for a folder in which tables would mix with evidence, a sealed report or other files."""
    target, evidence = out.resolve(), case.resolve()
    if target == evidence or target in evidence.parents or evidence in target.parents:
        raise ParameterError(f"--out {out} and the evidence lie in each other; choose another folder")
    if target.exists() and not target.is_dir():
        raise ParameterError(f"--out {out} is a file; name a folder")
    held = {path.name for path in target.iterdir()} if target.is_dir() else set()
    if "manifest.json" in held:
        raise ParameterError(f"--out {out} holds a sealed report; choose another folder, or make it again: kit report")
    if held and "meta.json" not in held:
        raise ParameterError(f"--out {out} is not empty and holds no analysis; choose another folder")


@click.command(short_help="Case to a report that opens offline.")
@case_argument
@out_option("Folder for report.html and all that belongs to it.")
@period
@POLICY
@click.option("--notebook", help="Another notebook than the case report.")
@LANGUAGE
@click.option("--pdf", is_flag=True, help="A PDF as well (needs Chromium, Chrome or Edge).")
@click.option("--isolated", is_flag=True, help="A kernel of its own for this report.")
@click.option("--summary", is_flag=True, help="Print a plain-text summary to paste into a ticket.")
@click.option("--amends", type=click.Path(path_type=Path), help="Folder of the report that this one amends.")
@click.option("--because", metavar="TEXT", help="Why it is amended, for the first page.")
@click.option("--sign", type=click.Path(path_type=Path), help="File of a private Ed25519 key to sign the report with.")
def report(case: Path, out: Path, **options: Any) -> int:
    """Judges CASE, runs the notebooks and writes report.html, verdicts.json, tables and manifest.

    Example:  kit report cases/fabrikam --out reports/fabrikam
    """
    return _report(case, out, **options)


def _report(case: Path, out: Path, summary: bool = False, **options: Any) -> int:
    from kit import terminal
    from kit.judgement.analysis import load_analysis
    from kit.report import report as make

    page = make(case, out, **options)
    made = load_analysis(out)
    if summary:
        from kit.report.summary import summary as plain

        say(plain(made))
        say(f"Written: {page}", err=True)
    else:
        say(terminal.analysed(made, case, out, page))
    return LOSS if terminal.has_losses(made) else 0


@click.command(short_help="The bundled practice case, from logs to a report.")
@click.option("--out", type=PLACE, help="Folder for the report; default reports/demo.")
@LANGUAGE
def demo(out: Path | None, language: str | None) -> int:
    """Makes the report of the bundled practice case and prints its path.

    Example:  kit demo
    """
    status = _report(ROOT / "data" / "practice", out or ROOT / "reports" / "demo", language=language)
    return 0 if status == LOSS else status
