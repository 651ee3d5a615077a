"""`kit share`: a copy of a report for others, in which names are replaced before anything is drawn.

Tables are redacted first; page, notebook and PDF are made from them. A name that survives anywhere stops the copy.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from nbformat import NotebookNode

from kit import windows
from kit.case import custody
from kit.errors import CaseError, GateError, ParameterError
from kit.judgement.analysis import Analysis, load_analysis
from kit.page import language as languages
from kit.report import notebooks
from kit.share.collected import collect
from kit.share.leaks import leaks
from kit.share.policy import policy as chosen
from kit.share.pseudonyms import Names
from kit.share.redact import redacted

STAMP = (2014, 1, 1, 0, 0, 0)  # of every member of the archive: two copies of one report are alike
_PASSES = 5  # names found in one pass may uncover others


def share(
    report: str | Path, out: str | Path, keep: Iterable[str] = (), remove: Iterable[str] = (),
    policy: str | Path | None = None, plan: str | Path | None = None, language: str | None = None,
) -> str:  # fmt: skip
    """What `kit share` prints, after the copy was written to `out` (a .zip) and the map of names to `plan`.

    keep    names that may stay; remove  further terms that must go; policy  a TOML file that says both
    plan    where the map of names is kept; default beside `out`, as <name>.map.json
    language  of the copy's own texts; default that of the report
    A map from an earlier copy is used again, so that pseudonyms stay the same. Raises GateError when a name survives in
    the copy: then nothing is written.
    """
    folder, target = Path(report), Path(out)
    if target.suffix.lower() != ".zip":
        raise ParameterError(f"--out {out}: name a .zip file")
    if not (folder / "report.html").is_file():
        raise CaseError(f"{folder}: no report there; run kit report first")
    languages.language(language)
    wanted = chosen(policy, keep, remove)
    analysis = load_analysis(folder).in_language(language)
    plan = Path(plan) if plan is not None else target.with_name(f"{target.stem}.map.json")
    names = collect(analysis, _key(plan), wanted.keep, wanted.remove)
    copy = settled(analysis, names, wanted.show)
    with tempfile.TemporaryDirectory(prefix="kit-share-") as work:
        package = Path(work) / "report"
        package.mkdir()
        _render(copy, folder, package, names)
        _seal(package, names)
        _check(package, names)
        _pack(package, target)
    _write_private(plan, names.as_map())
    told = ", ".join(f"{count} {kind.lower()}" for kind, count in names.counts().items()) or "nothing"
    found = f"Replaced: {told}; no name was found in the copy afterwards."
    kept = f"The map of names stays here: {plan}\nHand over the .zip alone; kit reveal turns a text of it back."
    return f"Written: {target}\n{found}\n{kept}"


def settled(analysis: Analysis, names: Names, show: frozenset[str] = frozenset()) -> Analysis:
    """The redacted analysis, once no further pass finds an account, address or host that stands in texts alone."""
    for _ in range(_PASSES):
        known, names.held = len(names.pseudonyms), True
        copy = redacted(analysis, names, show)
        names.held = False
        names.refresh()
        if len(names.pseudonyms) == known:
            break
    return copy


def _key(plan: Path) -> bytes:
    if plan.is_file():
        try:
            return bytes.fromhex(json.loads(plan.read_text(encoding="utf-8"))["key"])
        except (ValueError, KeyError, TypeError) as error:
            raise ParameterError(f"{plan}: is no map of names; move it away or name another --out") from error
    return secrets.token_bytes(32)


def _render(copy: Analysis, folder: Path, package: Path, names: Names) -> None:
    """Page, notebook and PDF from the redacted tables, with the notebook that the report was made with."""
    from kit import report

    copy.save(package)
    template = notebooks.load(folder / report.NOTEBOOK)
    template.cells = [cell for cell in template.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    shipped = {cell.source for path in notebooks.FOLDER.glob("*.ipynb") for cell in notebooks.load(path).cells}
    for cell in template.cells:
        _clear(cell, names, shipped)
    report.render(copy, template, {"case": "."}, package, pdf=(folder / report.PDF).is_file())


def _clear(cell: NotebookNode, names: Names, shipped: set[str]) -> None:
    """Takes names and outputs out of a cell; the words of the kit's own notebooks are nobody's name."""
    if cell.source not in shipped:
        cell.source = names.text(cell.source)
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None


def _seal(package: Path, names: Names) -> None:
    """Manifest and ledger over the copy itself: `kit verify` needs nothing else."""
    text = json.dumps({"replaced": names.counts()}, indent=1) + "\n"
    (package / "redaction.json").write_text(text, encoding="utf-8", newline="\n")
    before = custody.evidence(package / "tables", quiet=True)
    custody.Ledger(package).append("redacted copy made", replaced=names.counts())
    custody.seal(package, package / "tables", before)


def _check(package: Path, names: Names) -> None:
    found = leaks(package, names)
    if found:
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise GateError(f"nothing was written, names survive in the copy: {'; '.join(map(str, found[:5]))}{more}")


def _pack(package: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(path for path in package.rglob("*") if path.is_file()):
                member = zipfile.ZipInfo(path.relative_to(package).as_posix(), STAMP)
                archive.writestr(member, path.read_bytes(), zipfile.ZIP_DEFLATED)
        windows.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, where the system knows such a thing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
