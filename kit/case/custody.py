"""Custody: what the evidence and the outputs hashed to, when, and a ledger in which no line can be changed unnoticed.

`manifest.json` lists every input and output with its SHA-256 and carries no time, so that the same evidence gives the
same bytes. `ledger.jsonl` tells when what was done; each line holds the hash of the line before it, and the last
`sealed` line holds that of the manifest. Who can write the whole folder can write a new ledger as well: keep its last
hash elsewhere (print it, mail it) to rule that out.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kit import progress, times, windows
from kit.case import intake
from kit.errors import IntegrityError
from kit.sources._sniff import digest

MANIFEST, LEDGER = "manifest.json", "ledger.jsonl"
SIGNATURES = (f"{MANIFEST}.sig", f"{LEDGER}.sig")
SCHEMA_VERSION = 1
NOT_THERE = "the evidence is not there, so it was not checked: name its folder with --case"
_FIRST = "0" * 64
_PART = re.compile(r"(?:report\.(?:html|ipynb|pdf)|verdicts\.json|meta\.json|tables/.*)", re.IGNORECASE)
_LOCK_S = 10.0


@dataclass(frozen=True)
class Difference:
    """Something that is not as the manifest or the ledger says: which file (or ledger line), and what is wrong."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def evidence(root: Path | str, quiet: bool | None = None) -> list[dict[str, Any]]:
    """Path, size and SHA-256 of every file of a case as it lies on disk now (archives as a whole, case.toml too).

    Files that cannot be opened have the sha256 None. Raises CaseError when the case is not there.
    """
    folder = intake.look(root)
    places: dict[Path, str] = {}
    for given in folder.files:
        if given.file.is_file() and not given.file.is_symlink():
            places.setdefault(given.file, given.path.split("!/", 1)[0])
    if folder.root.is_file():
        places = {folder.root: intake.label(folder.root.name)}
    elif folder.settings is not None:
        places |= {one: one.name for one in folder.root.iterdir() if one.name.casefold() == "case.toml"}
    return _hashed(sorted((path, file) for file, path in places.items()), "hashing evidence", quiet)


def outputs(folder: Path) -> list[dict[str, Any]]:
    """Path, size and SHA-256 of every file below a report folder but manifest and ledger."""
    own = {MANIFEST, LEDGER, _lock(folder).name, *SIGNATURES}
    files = [path for path in folder.rglob("*") if path.is_file()]
    named = [(path.relative_to(folder).as_posix(), path) for path in files]
    return _hashed(sorted(pair for pair in named if pair[0] not in own), "hashing outputs", None)


def _hashed(files: Sequence[tuple[str, Path]], title: str, quiet: bool | None) -> list[dict[str, Any]]:
    total = sum(file.stat().st_size for _, file in files)
    with progress.meter(title, total, quiet=quiet) as meter:
        return [_item(path, file, meter) for path, file in files]


def _item(path: str, file: Path, meter: progress.Meter) -> dict[str, Any]:
    meter.begin(path)
    try:
        with file.open("rb") as opened:
            return {"path": path, "size": file.stat().st_size, "sha256": digest(opened, meter.advance)}
    except OSError:
        return {"path": path, "size": None, "sha256": None}


class Ledger:
    """The append-only, hash-chained ledger of one report folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / LEDGER

    def append(self, action: str, **details: Any) -> str:
        """The hash of the line that was added. Raises IntegrityError when the chain so far is broken."""
        with _locked(_lock(self._folder)):
            entries, broken = _read(self.path)
            if broken:
                raise IntegrityError(f"{self._folder}: {broken[0]}; nothing was added")
            line = {
                "number": len(entries) + 1,
                "time": times.iso_z(datetime.now(UTC)),
                "action": action,
                "details": details,
                "previous": entries[-1]["hash"] if entries else _FIRST,
            }
            line["hash"] = _hash(line)
            with self.path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(_canonical(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
        return str(line["hash"])

    def entries(self) -> list[dict[str, Any]]:
        """Every line. Raises IntegrityError naming the first line that was changed."""
        found, broken = _read(self.path)
        if broken:
            raise IntegrityError(str(broken[0]))
        return found


def seal(
    folder: Path, root: Path | str, before: Sequence[Mapping[str, Any]], versions: Mapping[str, Any] | None = None
) -> Path:
    """Writes manifest.json over the evidence and all outputs and enters it into the ledger; returns its path.

    `before` is what `evidence(root)` said when the case was opened. Raises IntegrityError when the evidence has changed
    since: then nothing is sealed.
    """
    after = evidence(root)
    ledger = Ledger(folder)
    if changed := _compared(before, after, "evidence"):
        ledger.append("evidence changed", differences=[str(one) for one in changed])
        raise IntegrityError(f"the evidence changed while it was analysed: {'; '.join(map(str, changed[:5]))}")
    ledger.append("evidence hashed again", files=len(after), unchanged=True)
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "evidence_root": _relative(Path(root), folder),
        "evidence": list(after),
        "outputs": outputs(folder),
        "versions": dict(versions or {}),
    }
    path = folder / MANIFEST
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    path.write_text(text, "utf-8", "backslashreplace", "\n")  # a folder may have a name that is no text
    ledger.append("sealed", manifest_sha256=sha256_of(path))
    return path


def _relative(root: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(root.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return str(root.resolve())


def verify(folder: Path | str, root: Path | str | None = None) -> list[Difference]:
    """Every difference between a report folder, its evidence, its manifest and its ledger; empty when all is as sealed.

    A file that was laid beside the outputs is none (`others` names it), unless it has the name of a part of a report or
    an output is gone that has its bytes. `root` is where the evidence lies now, if it was moved. Raises IntegrityError
    when there is no manifest to compare with.
    """
    folder = Path(folder)
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        listed, made = ([_listed(item) for item in manifest[name]] for name in ("evidence", "outputs"))
    except FileNotFoundError as error:
        raise IntegrityError(f"{path} is not there: no folder of a report, or its manifest was removed") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        cut = Difference(MANIFEST, f"cannot be read any more ({error}): it was changed or cut")
        return [cut, *_read(folder / LEDGER)[1]]
    found = _verified_ledger(folder, path)
    now = outputs(folder)
    beside = set(_others(made, now))
    found += _compared(made, [item for item in now if item["path"] not in beside], "output")
    where = Path(root) if root is not None else folder / manifest.get("evidence_root", ".")
    if not where.exists():
        return [*found, Difference(str(where), NOT_THERE)]
    return found + _compared(listed, evidence(where), "evidence")


def others(folder: Path | str) -> list[str]:
    """Files of a report folder that are not part of the report: neither listed nor named like a part of one.

    They are what a user laid there: notes, pictures, a copy of the page under another name. Nothing is said of their
    content. Empty where there is no manifest that can be read.
    """
    folder = Path(folder)
    try:
        listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["outputs"]
        made = [_listed(item) for item in listed]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return _others(made, outputs(folder))


def _others(listed: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[str]:
    known = {str(item["path"]) for item in listed}
    gone = {item["sha256"] for item in listed if item["path"] not in {one["path"] for one in now}}
    found = [item for item in now if item["path"] not in known and not _PART.fullmatch(str(item["path"]))]
    return [str(item["path"]) for item in found if item["sha256"] is None or item["sha256"] not in gone]


def _listed(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("path", "size", "sha256")}


def _verified_ledger(folder: Path, manifest: Path) -> list[Difference]:
    entries, broken = _read(folder / LEDGER)
    sealed = [entry for entry in entries if entry.get("action") == "sealed"]
    if not sealed:
        return [*broken, Difference(LEDGER, "no line seals the manifest: lines were removed")]
    if sealed[-1]["details"].get("manifest_sha256") != sha256_of(manifest):
        broken.append(Difference(MANIFEST, "is not the one that the ledger sealed"))
    return broken


def _compared(listed: Iterable[Mapping[str, Any]], now: Iterable[Mapping[str, Any]], what: str) -> list[Difference]:
    before, after = ({str(item["path"]): item for item in items} for items in (listed, now))
    gone, added = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
    found = []
    for path in gone:
        twin = next((new for new in added if before[path]["sha256"] == after[new]["sha256"] is not None), None)
        if twin is not None:
            added.remove(twin)
        found.append(Difference(path, f"{what} was renamed to {twin}" if twin else f"{what} is gone"))
    found += [Difference(path, f"{what} was added") for path in added]
    for path in before.keys() & after.keys():
        if before[path]["sha256"] != after[path]["sha256"]:
            found.append(Difference(path, _change(before[path], after[path], what)))
    return sorted(found, key=lambda one: one.path)


def _change(before: Mapping[str, Any], after: Mapping[str, Any], what: str) -> str:
    if after["sha256"] is None:
        return f"{what} cannot be opened any more"
    was, now = before["size"], after["size"]
    sizes = "the same size" if was == now else f"{was} bytes then, {now} now"
    if was is not None and now < was:
        sizes = f"{sizes}: cut or replaced"
    return f"{what} has other bytes ({sizes}; SHA-256 {after['sha256']}, listed {before['sha256']})"


def _read(path: Path) -> tuple[list[dict[str, Any]], list[Difference]]:
    """The lines up to the first that does not fit the chain, and what is wrong with that one."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], []
    entries: list[dict[str, Any]] = []
    previous = _FIRST
    lines = content.split(b"\n")
    if lines.pop():
        lines.append(content.rpartition(b"\n")[2])
        broken_end = [Difference(f"{LEDGER} line {len(lines)}", "was cut")]
    else:
        broken_end = []
    for number, raw in enumerate(lines, 1):
        entry = _entry(raw)
        if entry is None or entry.get("number") != number or entry.get("previous") != previous:
            return entries, [Difference(f"{LEDGER} line {number}", "was changed, or a line before it is gone")]
        if entry.get("hash") != _hash(entry):
            return entries, [Difference(f"{LEDGER} line {number}", "was changed")]
        previous = entry["hash"]
        entries.append(entry)
    return entries, broken_end


def head(folder: Path | str) -> str:
    """The hash of the last line of a ledger, which stands for all lines; empty where there is no sound ledger."""
    entries, broken = _read(Path(folder) / LEDGER)
    return str(entries[-1]["hash"]) if entries and not broken else ""


def _entry(raw: bytes) -> dict[str, Any] | None:
    """The line as written by this module; None for anything else, down to a blank."""
    with contextlib.suppress(ValueError):
        entry = json.loads(raw.decode("utf-8"))
        if isinstance(entry, dict) and _canonical(entry).encode() == raw:
            return entry
    return None


def _canonical(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _hash(entry: Mapping[str, Any]) -> str:
    content = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return digest(file)


def _lock(folder: Path) -> Path:
    return folder / (LEDGER + ".lock")


@contextlib.contextmanager
def _locked(lock: Path) -> Iterator[None]:
    """One writer at a time. Raises IntegrityError when another one does not let go."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + _LOCK_S
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except (FileExistsError, PermissionError) as error:  # Windows refuses a name that is being deleted
            if isinstance(error, PermissionError) and os.name != "nt":
                raise
            if time.monotonic() > until:
                raise IntegrityError(
                    f"{lock} is held by another run: wait for it; if none is running, delete that file"
                ) from None
            time.sleep(0.05)
    try:
        yield
    finally:
        windows.remove(lock)
