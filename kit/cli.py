"""The command `kit`. Progress goes to stderr, results to stdout; errors are one line, with a traceback under --debug.

Exit status: 0 done; 1 failed, nothing issued; 2 wrong usage; 3 done, but something could not be read or a case failed.
Heavy imports stand inside the commands, so that `kit --help` answers at once.
"""

from __future__ import annotations

import errno
import functools
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

import click

from kit import __version__
from kit.errors import CaseError, KitError, ParameterError, Unsupported
from kit.visible import json_visible, visible

ROOT = Path(__file__).resolve().parent.parent
LOSS = 3
_NEGATIVE = re.compile(r"-(?:0x[0-9a-f]{1,8}|\d{1,10})", re.IGNORECASE)
_FILE_NAME = re.compile(  # what is surely meant as a file: one word with a known ending, or a path
    r"(?:[A-Za-z]:)?[\\/.~\w-]*[\w-]\.(?:txt|log|evtx?|xml|json|jsonl|csv|clixml|md|\d)|(?:[A-Za-z]:|\.{1,2}|~)?[\\/][^\s:]+",
    re.IGNORECASE,
)
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def main() -> NoReturn:
    """Runs the command line and exits with its status."""
    debug = "--debug" in sys.argv
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        status = cli.main(prog_name="kit", args=_words(sys.argv[1:]), standalone_mode=False)
    except click.exceptions.Abort:
        _leave("stopped", 1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        _leave("stopped", 130)
    except (KitError, OSError) as error:
        if debug:
            raise
        _leave(_said(error), 2 if isinstance(error, ParameterError) else 1)
    except Exception as error:
        if debug:
            raise
        _leave(
            f"unexpected {type(error).__name__}: {' '.join(str(error).split())[:300]} (again with --debug for more)", 1
        )
    sys.exit(status if isinstance(status, int) else 0)


def _words(given: list[str]) -> list[str]:
    """The words of the command line; a negative code such as -2147212300 is no option."""
    words = [word for word in given if word != "--debug"]
    if words[:1] != ["explain"] or "--" in words:
        return words
    codes = [word for word in words if _NEGATIVE.fullmatch(word)]
    return [*(word for word in words if word not in codes), "--", *codes] if codes else words


def _say(text: str, err: bool = False) -> None:
    """Prints a text; what log text could do to a terminal is shown instead of done."""
    click.echo(visible(text), err=err)


def _json(content: Any, sort_keys: bool = False) -> str:
    return json_visible(json.dumps(content, indent=1, sort_keys=sort_keys, ensure_ascii=False))


def _said(error: Exception) -> str:
    """One line; the file comes first, as in every other message."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        full = "; free some space or choose another folder" if error.errno == errno.ENOSPC else ""
        return f"{error.filename}: {error.strerror}{full}"
    return " ".join(str(error).split()) or type(error).__name__


def _leave(text: str, status: int) -> NoReturn:
    _say(f"kit: {text}", err=True)
    sys.exit(status)


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="kit")
@click.option("--debug", is_flag=True, help="With any command: a traceback instead of one line.")
def cli(debug: bool) -> None:
    """Which recovery points of a Hyper-V Replica can be trusted, and what proves it.

    A case is a folder (or .zip) with logs and exports: event logs, ERRORLOG, lists of recovery points. Nothing needs to
    be configured.

    Example:  kit report CASE --out REPORT
    """


class Place(click.Path):
    """A path; an empty one, as an unset variable leaves it, is refused and not taken for the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and not value.strip():
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


PLACE = Place(path_type=Path)
ADDRESS = Place(path_type=str)  # may be a URL


def _case(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("case", type=PLACE)(command)


def _out(what: str, kind: Place = PLACE) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
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


def _period(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(PERIOD):
        command = option(command)
    return command


@cli.command(short_help="What the files are, what was read and what is missing.")
@_case
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
    _say(_json(found.as_json(), sort_keys=True) if as_json else found.text(case, every))
    if not found.judgeable:
        raise CaseError(f"{case} holds no file that can be read: nothing can be judged; see docs/collect.md")
    return LOSS if found.losses else 0


@cli.command(short_help="Case to tables and verdicts.json.")
@_case
@_out("Folder for verdicts.json and tables/.")
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

    _refuse(case, out)
    loaded = load_case(case, workers=workers).require()
    made = attach(judge(loaded, policy), loaded)
    with publishing.folder(out.resolve()) as work:
        made.save(work)
        publishing.publish(work, out.resolve())
    _say(terminal.analysed(made, case, out))
    return LOSS if terminal.has_losses(made) else 0


def _refuse(case: Path, out: Path) -> None:
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


@cli.command(short_help="Case to a report that opens offline.")
@_case
@_out("Folder for report.html and all that belongs to it.")
@_period
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

        _say(plain(made))
        _say(f"Written: {page}", err=True)
    else:
        _say(terminal.analysed(made, case, out, page))
    return LOSS if terminal.has_losses(made) else 0


@cli.command(short_help="The bundled practice case, from logs to a report.")
@click.option("--out", type=PLACE, help="Folder for the report; default reports/demo.")
@LANGUAGE
def demo(out: Path | None, language: str | None) -> int:
    """Makes the report of the bundled practice case and prints its path.

    Example:  kit demo
    """
    status = _report(ROOT / "data" / "practice", out or ROOT / "reports" / "demo", language=language)
    return 0 if status == LOSS else status


@cli.command(short_help="What pasted events mean and what they support.")
@click.argument("file", required=False, default="-")
@click.option("--json", "as_json", is_flag=True, help="The explanation as JSON.")
@click.option("--host-state", help="What the host or the backup product reported.")
@click.option(
    "--context", "context", multiple=True, metavar="KEY=VALUE", help="requestor, host_os, guest_os or app; repeatable."
)
@click.option(
    "--jsonl", is_flag=True, help="One set of events for each input line, one explanation for each output line."
)
def explain(file: str, as_json: bool, host_state: str | None, context: tuple[str, ...], jsonl: bool) -> int:
    """Explains event text, event XML or JSON, ERRORLOG or SqlWriterLogger lines, an HRESULT or an OS error.

    FILE is a file, `-` for standard input, or the text itself where no such file exists.

    Example:  kit explain 0x800423f4
    """
    from kit import explain as knowledge

    known = dict(_pair(entry) for entry in context)
    if jsonl:
        with _lines(file) as lines:
            for line in knowledge.explain_jsonl(lines):
                _say(json_visible(line))
        return 0
    made = knowledge.explain_text(_given(file), host_state, known)
    _say(_json(made) if as_json else knowledge.rendered(made))
    return 0


def _pair(entry: str) -> tuple[str, str]:
    key, equals, value = entry.partition("=")
    if not equals or key not in ("requestor", "host_os", "guest_os", "app"):
        raise click.UsageError(f"--context {entry!r}: write KEY=VALUE with requestor, host_os, guest_os or app")
    return key, value


def _given(file: str) -> bytes:
    if file == "-":
        if sys.stdin.isatty():
            _say("Paste the events, then end with Ctrl-D (Windows: Ctrl-Z and Enter).", err=True)
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
def _lines(file: str) -> Iterator[TextIO]:
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


@cli.command(short_help="One report for each case below a folder.")
@click.argument("root", type=ADDRESS)
@_out("Folder for the reports and index.html.", ADDRESS)
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
    module = _part("batch.runner")
    status: int = module.run(root, out, **options)
    return status


@cli.command(short_help="Redacted copy of a report for a customer.")
@click.argument("report_dir", type=PLACE)
@_out("The .zip file to write.")
@click.option("--policy", type=click.Path(path_type=Path), help="TOML file with keep, remove and show.")
@click.option("--keep", multiple=True, metavar="NAME", help="A name that may stay; repeatable.")
@click.option("--remove", multiple=True, metavar="TERM", help="A further term that must go; repeatable.")
@click.option("--map", "plan", type=click.Path(path_type=Path), help="Where the map of names is kept; default beside.")
@click.option("--lang", "language", help="Language of the copy's own texts, e.g. de; default that of the report.")
def share(report_dir: Path, out: Path, **options: Any) -> int:
    """Writes a redacted copy of a report: stable pseudonyms, leak scan, manifest; the map of names stays behind.

    Example:  kit share reports/fabrikam --out fabrikam-customer.zip
    """
    _say(_part("share.package").share(report_dir, out, **options))
    return 0


@cli.command(short_help="A text of a redacted copy with its names again.")
@click.argument("file", default="-")
@click.option("--map", "plan", required=True, type=click.Path(path_type=Path), help="The map that kit share wrote.")
def reveal(file: str, plan: Path) -> int:
    """Prints a text (a file, or standard input) with every pseudonym turned back into the name it stands for.

    Example:  kit reveal answer.txt --map fabrikam-customer.map.json
    """
    from kit.share.reveal import names_of, revealed

    names = names_of(plan)
    text = revealed(_given(file).decode("utf-8-sig", "replace"), names)
    click.echo(visible(text) if sys.stdout.isatty() else text, nl=False)
    return 0


@cli.command(short_help="Tables and timeline for other tools.")
@click.argument("case_or_report", type=click.Path(path_type=Path))
@_out("Folder for the files.")
@click.option(
    "--format", "formats", multiple=True, type=click.Choice(["timesketch", "csv", "json", "jsonl"]),
    help="What to write; repeatable, default all.",
)  # fmt: skip
@_period
@POLICY
def export(case_or_report: Path, out: Path, formats: tuple[str, ...], **options: Any) -> int:
    """Writes every table of a case or report as CSV or JSON, and a timeline that Timesketch reads.

    Example:  kit export reports/fabrikam --out exports/fabrikam --format timesketch --format csv
    """
    module = _part("exports.folder")
    _say(module.export(case_or_report, out, formats or module.FORMATS, **options))
    return 0


@cli.command(short_help="Which verdicts and evidence changed between two reports.")
@click.argument("old", type=PLACE)
@click.argument("new", type=PLACE)
def diff(old: Path, new: Path) -> int:
    """Lists the verdicts and the evidence that differ between two report folders, and why.

    Example:  kit diff reports/may reports/june
    """
    from kit.audit.compare import compared

    _say(compared(old, new))
    return 0


@cli.command(short_help="Evidence and outputs against their manifest.")
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
    _say(text)
    return 0 if sound else 1


@cli.command(short_help="JupyterLab with the notebooks and a case.")
@click.argument("case", required=False, type=PLACE)
@click.option("--port", type=int, help="Port of the server.")
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
def lab(case: Path | None, port: int | None, no_browser: bool) -> int:
    """Opens JupyterLab on a working copy of the notebooks, with the case chosen (default: the practice case).

    Example:  kit lab cases/fabrikam
    """
    from kit.lab import start

    return start(case or ROOT / "data" / "practice", port, not no_browser)


@cli.command(short_help="Practice cases with known answers.")
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
        _say(str(folder))
    return 0


def _score(folder: Path) -> int:
    from kit.case import load_case
    from kit.judgement import analyze as judge
    from kit.judgement.verdicts_json import document
    from kit.practice import scoring

    total = scoring.score(folder, lambda case: document(judge(load_case(case))))
    _say(scoring.report(total))
    return 0


@cli.command(short_help="Versions, optional parts, folders, browser.")
def doctor() -> int:
    """Prints versions, which optional parts are there, whether folders can be written, and the browser for PDF.

    Example:  kit doctor
    """
    from kit.doctor import examined

    text, sound = examined()
    _say(text)
    return 0 if sound else 1


def _part(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(f"kit.{name}")
    except ModuleNotFoundError as error:
        raise Unsupported(f"this installation has no {error.name}; install the kit completely with run.py") from error


if __name__ == "__main__":
    main()
