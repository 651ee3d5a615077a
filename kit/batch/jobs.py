"""The cases of a batch as jobs, and how one job is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kit import windows
from kit.batch import staging
from kit.batch.staging import Place
from kit.errors import CaseError, ParameterError

Result = dict[str, Any]  # status, seconds, error, summary
OWN = ("index.html", "batch.json", "portfolio.json")  # what a batch writes beside the reports
ROLES = ("primary", "replica", "guest", "testfailover", "test-failover")
DIED = "the worker process ended"


@dataclass(frozen=True)
class Job:
    """One case to be made: its name in the batch, where it lies, where its report goes, and how it is judged."""

    name: str
    case: str
    out: str
    policy: str | None
    resume: bool
    timeout: float
    language: str | None = None
    known: dict[str, Any] | None = None  # what the last run said of it, where that may be said again


class Maker(Protocol):
    """Who makes a report: a worker process."""

    def run(self, order: Mapping[str, Any], timeout: float) -> Result:
        """The result of one order."""


def jobs_of(
    source: Place, target: Place, policy: str | None, resume: bool, timeout: float, language: str | None = None
) -> list[Job]:
    """A job for each case below a root, by name; links are named on stderr and left out.

    Raises CaseError for a root without cases, or one that is itself a case.
    """
    if _same(source, target):
        raise ParameterError(f"--out {target} is the folder of the cases itself; choose another folder")
    found, links = staging.cases(source)
    entries = [entry for entry in found if not _same(source.child(entry), target)]
    _several(source, entries, links)
    if links:
        print(f"Left out: {_linked(links)}", file=sys.stderr)  # noqa: T201
    return [
        Job(name, str(source.child(entry)), str(target.child(name)), policy, resume, timeout, language)
        for entry, name in names(entries)
    ]


def _same(one: Place, other: Place) -> bool:
    return (one.url, one.path.rstrip("/")) == (other.url, other.path.rstrip("/"))


def _linked(links: Sequence[str]) -> str:
    named = f"{', '.join(links[:3])}{f' and {len(links) - 3} more' if len(links) > 3 else ''}"
    one = len(links) == 1
    return (
        f"{'the link' if one else 'the links'} {named}; links are not followed, they may lead to other evidence: move "
        f"or copy the {'case' if one else 'cases'} there, or run kit report on each"
    )


def _several(source: Place, entries: Sequence[str], links: Sequence[str]) -> None:
    """Refuses one case given as a root: its parts would be judged one by one, each without the others."""
    if not entries and links:
        raise CaseError(f"{source}: holds no case, only {_linked(links)}")
    if not entries:
        raise CaseError(f"{source}: holds no case; a case is a folder or a .zip directly below it")
    parts = [entry for entry in entries if entry.casefold().startswith(ROLES)]
    settings = staging.read(source.child("case.toml")) is not None
    if settings or ({part for part in parts if part.casefold() in ROLES[:3]} and len(parts) > 1):
        why = "a case.toml" if settings else f"the folders {', '.join(parts[:3])}"
        raise CaseError(f"{source}: is one case, not a folder of cases (it holds {why}): kit report {source}")


def names(entries: Sequence[str]) -> list[tuple[str, str]]:
    """Entry and name of each case: an archive is called as without .zip, unless a folder has that name.

    Every name can be a folder on every system, and no two differ in capitals alone.
    """
    made: list[tuple[str, str]] = []
    for entry in entries:
        stem = entry[:-4] if entry.lower().endswith(".zip") else entry
        name = _text(stem if stem == entry or stem not in entries else entry)
        name = f"{name}-case" if name.casefold() in OWN else name
        made.append((entry, windows.folder_name(name, [taken for _, taken in made])))
    return made


def _text(name: str) -> str:
    """The name; what is no text in it as its number, because not every library can open such a folder."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8").replace("\\udc", "_") if _odd(name) else name


def _odd(name: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in name)


def do(job: Job, worker: Maker, retries: int) -> Result:
    """The result of a job: its case fetched, its report put in place; tried again when the process died."""
    with staging.fetched(staging.place(job.case)) as case, staging.returned(staging.place(job.out)) as out:
        order = {
            "case": case, "out": out, "policy": job.policy, "resume": job.resume, "timeout": job.timeout,
            "language": job.language, "known": job.known,
        }  # fmt: skip
        result = worker.run(order, job.timeout)
        for _ in range(retries):
            if result["status"] != "failed" or not (result["error"] or "").startswith(DIED):
                break
            result = worker.run(order, job.timeout)
        return result


def guarded(work: Callable[[], Result]) -> Result:
    """The result, or a failed one for what went wrong around the worker (storage, disk)."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - one case must not stop the others
        return failed(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


def failed(error: str) -> Result:
    """The result of a case of which nothing was made."""
    return {"status": "failed", "seconds": None, "error": error, "summary": None}
