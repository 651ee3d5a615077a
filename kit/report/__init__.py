"""A case to a report folder: tables, executed notebook, page, manifest, ledger; published whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbformat import NotebookNode

from kit import progress
from kit.audit import amendment, signature
from kit.case import custody
from kit.errors import ParameterError
from kit.judgement.analysis import Analysis, is_saved
from kit.named import callable_by_name
from kit.page import language as languages
from kit.page.view import view_of
from kit.report import ipynb, notebooks, publishing, running

if TYPE_CHECKING:
    from kit.case import Case

PAGE, NOTEBOOK, PDF = "report.html", "report.ipynb", "report.pdf"
STEPS = 5
Selection = tuple[str | None, str | None, str | None]  # VM, since, until


def report(
    case: str | Path | Case,
    out: str | Path,
    vm: str | None = None,
    since: str | None = None,
    until: str | None = None,
    notebook: str | None = None,
    policy: str | None = None,
    pdf: bool = False,
    isolated: bool = False,
    timeout: float | None = None,
    accept: Callable[[Analysis], None] | None = None,
    language: str | None = None,
    amends: str | Path | None = None,
    because: str | None = None,
    sign: str | Path | None = None,
) -> Path:
    """The path of report.html in the report folder `out`, which holds all that belongs to it.

    case      folder or .zip of a case, a loaded Case, or a folder that `kit analyze` wrote
    vm, since, until, policy
              what `open_analysis` takes; tables, verdicts.json and page all show the same selection
    notebook  name, number or path of a notebook; default the case report
    pdf       a PDF as well; Unsupported without a browser
    isolated  a kernel of its own instead of the warm one
    timeout   seconds that one cell may take
    accept    called with the analysis before a notebook is run; what it raises ends the report
    language  of the texts of the report, a file of kit/languages; evidence, tables and verdicts.json stay as they are
    amends    folder of the report that this one amends; without it a report of the same case in `out` under another id
    because   why it is amended, for the first page
    sign      file of a private Ed25519 key: manifest and ledger are signed (needs the library cryptography)

    Raises ParameterError before anything is read, ExportError when a cell fails or a figure is lost, IntegrityError
    when the evidence changed meanwhile; then nothing is published and a former report stays. Files that a user laid
    into a former report, or changed there, are kept in the new one.
    """
    case = case if isinstance(case, (str, Path)) else case.root
    if not str(case).strip():
        raise ParameterError("case is empty: name the folder or .zip of a case")
    languages.language(language)
    key = signature.private_key(Path(sign)) if sign is not None else None
    source = notebooks.find(notebook)
    template = notebooks.load(source)
    chosen = {"vm": vm, "since": since, "until": until, "policy": policy}
    given = {"case": "."} | {name: value for name, value in chosen.items() if value is not None}
    parameters = notebooks.check(notebooks.declared(template, source.stem), given, source.stem)
    target = publishing.target_of(Path(out), Path(case))
    with progress.meter("report", STEPS, unit=progress.STEP) as meter, publishing.folder(target) as work:
        before = _open(case, work, meter)
        former = amendment.Former(Path(amends) if amends else target, because, asked=amends is not None)
        analysis = _analyse(case, work, (vm, since, until), policy, language, former, meter)
        if accept:
            accept(analysis)
        meter.begin(f"running {source.stem}")
        failed = target.with_name(f"{target.name}.failed.ipynb")
        executed = running.execute(template, source.stem, parameters, work, failed, isolated, timeout)
        custody.Ledger(work).append("notebook run", notebook=source.stem)
        meter.advance(1)
        meter.begin("writing the page")
        _write(executed, parameters, analysis, work, pdf)
        meter.advance(1)
        kept = publishing.users(target)
        _seal(work, target, case, before, analysis, kept, meter)
        if key is not None:
            signature.sign(work, key)
        publishing.publish(work, target)
    return target / PAGE


def _open(case: str | Path, work: Path, meter: progress.Meter) -> list[dict[str, Any]]:
    meter.begin("hashing the evidence")
    before = custody.evidence(case)
    custody.Ledger(work).append("case opened", files=len(before))
    meter.advance(1)
    return before


def _analyse(
    case: str | Path, work: Path, selection: Selection, policy: str | None, language: str | None,
    former: amendment.Former, meter: progress.Meter,
) -> Analysis:  # fmt: skip
    meter.begin("reading and judging")
    judged = _judged(case, policy).only(*selection).in_language(language)
    analysis = former.amended(judged)
    if is_saved(case) and selection == (None, None, None) and language is None and analysis is judged:
        _copy(Path(case), work)
    else:
        analysis.save(work)
    view = view_of(analysis)
    counts = view.counts(view.points)
    custody.Ledger(work).append("analysed", policy=analysis.meta.get("policy"), verdicts=counts)
    meter.advance(1)
    return analysis


def _copy(judged: Path, work: Path) -> None:
    """The files of a saved analysis as they are: nothing of it was left out, so nothing need be written anew."""
    shutil.copytree(judged / "tables", work / "tables")
    for name in ("meta.json", "verdicts.json"):
        shutil.copyfile(judged / name, work / name)


def render(
    analysis: Analysis, template: NotebookNode, parameters: dict[str, Any], folder: Path, pdf: bool = False
) -> Path:
    """The page of an analysis that lies in `folder`, with executed notebook and PDF beside it; nothing is sealed."""
    executed = running.execute(template, "report", parameters, folder, folder / "failed.ipynb")
    _write(executed, parameters, analysis, folder, pdf)
    return folder / PAGE


def _judged(case: str | Path, policy: str | None) -> Analysis:
    """The analysis; of a case itself with the second parser's word on the records that decide."""
    from kit.audit.second_opinion import attach
    from kit.case import load_case
    from kit.judgement import analyze, open_analysis
    from kit.judgement.analysis import is_saved

    if is_saved(case):
        return open_analysis(case, policy=policy)
    loaded = load_case(case).require()
    return attach(analyze(loaded, policy), loaded)


def _write(executed: NotebookNode, parameters: dict[str, Any], analysis: Analysis, work: Path, pdf: bool) -> None:
    from kit.report import export
    from kit.report import pdf as printer

    scrubbed = export.scrub(executed, parameters)
    moment = _now()
    with languages.speaking(analysis.meta.get("language")) as language:
        title = str(analysis.meta.get("title") or analysis.meta.get("case_id") or languages.say("Report"))
        when = view_of(analysis).when
        issued = f"{when.date(moment, year=True)} {when.local(moment):%H:%M}"
        html = export.to_html(scrubbed, title, str(analysis.meta.get("report_id") or ""), issued, language)
        copy = ipynb.text(export.translated(scrubbed))
    (work / NOTEBOOK).write_text(copy, encoding="utf-8", newline="\n")
    (work / PAGE).write_text(html, encoding="utf-8", newline="\n")
    if pdf:
        printer.write(work / PAGE, work / PDF, moment)


def _now() -> datetime:
    """The moment of issue; SOURCE_DATE_EPOCH fixes it."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(float(seconds) if seconds else time.time(), UTC)


def _seal(
    work: Path, target: Path, case: str | Path, before: list[dict[str, Any]], analysis: Analysis, kept: list[Path],
    meter: progress.Meter,
) -> None:  # fmt: skip
    """Manifest and last lines of the ledger; a report that is replaced is named by the hash of its manifest."""
    meter.begin("sealing")
    former = target / custody.MANIFEST
    replaces = hashlib.sha256(former.read_bytes()).hexdigest() if former.is_file() else None
    custody.Ledger(work).append(
        "issued", report_id=analysis.meta.get("report_id"), replaces=replaces, **publishing.told(kept)
    )
    versions = {"kit": analysis.meta.get("kit_version"), "rules": analysis.meta.get("rules_version")}
    custody.seal(work, case, before, versions | {"libraries": analysis.meta.get("versions")})
    meter.advance(1)


callable_by_name(__name__)
