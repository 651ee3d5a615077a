"""What python-evtx says of the records that an analysis cites: in full for `kit verify --parsers`, or within seconds.

A file is read again only if it still has the SHA-256 that was analysed. What could not be read again is counted, never
passed over.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pandas as pd

from kit import progress, tables
from kit.case import Case, custody, intake
from kit.case.intake import Archives, Given
from kit.case.store import default_folder
from kit.errors import CaseError, Unreadable
from kit.judgement.analysis import Analysis, load_analysis
from kit.progress import Meter
from kit.referee import second_parser
from kit.sources.evtx import NAME as EVTX
from kit.values import values
from kit.words import counted

_FOLDER = "referee"  # inside the evidence store
_MOST_OTHERS = 500
MOST_AT_ANALYSIS = 40  # python-evtx reads about a hundred records a second
_BLOCK = 1 << 20
_GONE = "its file is not there, or has other bytes than were analysed: not read again"


@dataclass(frozen=True)
class Compared:
    """Rows of the table `referee` as tuples; how many records were read again, and how many were not.

    A record that python-evtx cannot read is a row and counts as not read. `unexplained` are the rows that no known
    error of python-evtx explains.
    """

    rows: list[Any]
    checked: int
    unchecked: int
    unexplained: list[Any]


class Sampled(NamedTuple):
    """Table `referee`, how many records were read again, how many cited ones were not, and the sentence about it."""

    frame: pd.DataFrame
    checked: int
    unchecked: int
    text: str


def compare(folder: Path | str, case: Path | str | None = None, progress: bool = True) -> Compared:
    """Every judged or cited EVTX record of a saved analysis, read again by python-evtx without a limit of time.

    `case` is where the evidence lies; without it the manifest of the folder tells. A source that is not there any more
    is one row, and its records count as unchecked. Raises CaseError when analysis or evidence cannot be found, and
    Unsupported without python-evtx.
    """
    second_parser.version()
    analysis = load_analysis(folder)
    wanted = _by_source(_cited_first(analysis), analysis.sources)
    found = _Found()
    if wanted:
        places = _Places(_root(Path(folder), case))
        with _meter(sum(map(len, wanted.values())), quiet=None if progress else True) as meter, Archives() as archives:
            for sha256, rows in wanted.items():
                found.add(_one(places, sha256, rows, analysis.sources, math.inf, meter, archives))
    frame = found.frame()
    rows = list(frame.itertuples(index=False, name="Difference"))
    return Compared(rows, found.checked, found.unchecked, [row for row in rows if not isinstance(row.explanation, str)])


def sample(case: Case, events: pd.DataFrame, seconds: float = 10.0) -> Sampled:
    """What python-evtx says of the cited rows `events` of a case, most important first, and then of others of the case.

    Ends after about so many seconds; `text` says how far it came. What was read again once is kept in the evidence
    store, so that the next run comes further. Raises Unsupported without python-evtx.
    """
    until = time.monotonic() + seconds
    second_parser.version()
    places = _Places(case.root)
    cited = _by_source(events, case.sources)
    found, others = _Found(), _Found()
    with Archives() as archives:
        _within(found, cited, places, case.sources, until, archives)
        if time.monotonic() < until:
            _within(others, _others(case, events), places, case.sources, until, archives)
    frame = tables.frame("referee", [*found.rows, *others.rows])
    return Sampled(frame, found.checked + others.checked, found.unchecked, _sentence(found, others))


def attach(analysis: Analysis, case: Case, most: int = MOST_AT_ANALYSIS, seconds: float = 60.0) -> Analysis:
    """The analysis with what python-evtx says of the records behind its deciding verdicts, and the sentence about it.

    At most `most` records, those of contradicted, then confirmed, then other verdicts, in a fixed order, so that two
    runs say the same; `kit verify --parsers` checks them all. `seconds` only guards against a parser that hangs.
    """
    cited = _deciding(analysis)
    deciding, found = cited.head(most), _Found()
    with Archives() as archives:
        by_source = _by_source(deciding, case.sources)
        _within(found, by_source, _Places(case.root), case.sources, time.monotonic() + seconds, archives)
    found.unchecked += len(cited) - len(deciding)
    text = _sentence(found, _Found())
    return replace(
        analysis, meta={**analysis.meta, "referee": text}, tables={**analysis.tables, "referee": found.frame()}
    )


def _deciding(analysis: Analysis) -> pd.DataFrame:
    """The cited EVTX records, those of the rarest verdicts first, then by uid."""
    rank = {"contradicted": 0, "confirmed": 1, "inconclusive": 2, "supported": 3, "no_claim": 4}
    evidence = dict(zip(analysis.findings["finding_id"], analysis.findings["evidence"], strict=True))
    best: dict[str, int] = {}
    for row in analysis.verdicts[analysis.verdicts["database"].isna()].itertuples():
        for finding in [*row.because, *row.against]:
            for uid in evidence.get(finding) or []:
                best[uid] = min(best.get(uid, 9), rank.get(str(row.verdict), 9))
    logs = set(analysis.sources.loc[analysis.sources["reader"] == EVTX, "source_id"])
    written = zip(values(analysis.events["uid"]), values(analysis.events["source_id"]), strict=True)
    cited = [(best[uid], uid, row) for row, (uid, source) in enumerate(written) if uid in best and source in logs]
    return analysis.events.take([row for _, _, row in sorted(cited)])


class _Found:
    """What several sources gave together."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.checked = self.unchecked = 0

    def add(self, opinion: second_parser.Opinion) -> None:
        """Adds what one source gave; a record that python-evtx could not read is not checked."""
        unread = opinion.frame.loc[opinion.frame["field"] == "record", "uid"].nunique()
        self.rows += opinion.frame.to_dict("records")
        self.checked += opinion.checked - unread
        self.unchecked += opinion.unchecked + unread

    def frame(self) -> pd.DataFrame:
        return tables.frame("referee", self.rows)


def _within(
    found: _Found, wanted: Mapping[str, pd.DataFrame], places: _Places, sources: pd.DataFrame, until: float,
    archives: Archives,
) -> None:
    """Each source gets its share of the time that is left, small ones first, so that none is passed over."""
    for number, (sha256, rows) in enumerate(sorted(wanted.items(), key=lambda one: (len(one[1]), one[0]))):
        share = (until - time.monotonic()) / (len(wanted) - number)
        found.add(_one(places, sha256, rows, sources, share, progress.Quiet(), archives))


def _one(
    places: _Places, sha256: str, rows: pd.DataFrame, sources: pd.DataFrame, seconds: float, meter: Meter,
    archives: Archives,
) -> second_parser.Opinion:
    """What python-evtx says of rows of one source, within so many seconds."""
    until = time.monotonic() + seconds
    path = str(sources.loc[sources["sha256"] == sha256, "path"].iloc[0])
    meter.begin(path)
    counted_so_far = 0

    def step(done: int, _: int) -> None:
        nonlocal counted_so_far
        meter.advance(done - counted_so_far)
        counted_so_far = done

    with places.opened(path, sha256, until, archives) as file:
        if file is not None:
            left = until - time.monotonic()
            made = second_parser.check(file, rows, left, step, cache=default_folder() / _FOLDER, sha256=sha256)
        elif time.monotonic() >= until:
            made = second_parser.Opinion(tables.empty("referee"), 0, len(rows))
        else:
            made = second_parser.Opinion(tables.frame("referee", [_gone(path, sha256)]), 0, len(rows))
    step(len(rows), len(rows))
    return made


def _gone(path: str, sha256: str) -> dict[str, Any]:
    return {"uid": path, "field": "source", "ours": sha256, "referee": None, "explanation": _GONE}


class _Places:
    """Where the content of each source lies in a case."""

    def __init__(self, root: Path) -> None:
        self._files = [given for given in intake.look(root).files if given.problem is None]

    @contextlib.contextmanager
    def opened(self, path: str, sha256: str, until: float, archives: Archives) -> Iterator[BinaryIO | None]:
        """The file with this content, looked for at its path first; None when there is none or the time is over."""
        with contextlib.ExitStack() as stack:
            for given in self._likely(path):
                inner = stack.enter_context(contextlib.ExitStack())
                with contextlib.suppress(Unreadable):
                    file = inner.enter_context(intake.opened(given, archives))
                    if _has(file, sha256, until):
                        yield file
                        return
                inner.close()
            yield None

    def _likely(self, path: str) -> list[Given]:
        """The file of that path, else those of that name."""
        name = path.rsplit("/", 1)[-1]
        same = [given for given in self._files if given.path == path]
        return same + [given for given in self._files if given.path != path and given.path.rsplit("/", 1)[-1] == name]


def _has(file: BinaryIO, sha256: str, until: float) -> bool:
    """Whether the file has this content; False when the time is over before that is known."""
    made = hashlib.sha256()
    while block := file.read(_BLOCK):
        if time.monotonic() >= until:
            return False
        made.update(block)
    return made.hexdigest() == sha256


def _root(folder: Path, case: Path | str | None) -> Path:
    """Where the evidence lies. Raises CaseError when nobody says."""
    if case is not None:
        return Path(case)
    try:
        said = json.loads((folder / custody.MANIFEST).read_text(encoding="utf-8"))["evidence_root"]
        return folder / str(said)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CaseError(f"{folder} does not say where the evidence lies: name its folder with --case") from error


def _cited_first(analysis: Analysis) -> pd.DataFrame:
    """The judged and cited records, those that a finding cites first."""
    cited = analysis.events["uid"].isin(set(analysis.findings["evidence"].explode().dropna()))
    return pd.concat([analysis.events[cited], analysis.events[~cited]])


def _by_source(events: pd.DataFrame, sources: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of `events` that stand in EVTX files, by the SHA-256 of the file."""
    ours = sources[(sources["reader"] == EVTX) & sources["sha256"].notna()]
    hashes = dict(zip(ours["source_id"], ours["sha256"], strict=True))
    owner = events["source_id"].astype("string").map(hashes)
    return {str(sha256): rows for sha256, rows in events.groupby(owner, sort=False)}


def _others(case: Case, cited: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A sample of the EVTX records that are not cited, the same one each time."""
    ours = sorted(set(case.sources.loc[case.sources["reader"] == EVTX, "source_id"].dropna()))
    if not ours:
        return {}
    quoted = ", ".join(f"'{source_id}'" for source_id in ours)  # hexadecimal digits only
    most = _MOST_OTHERS + len(cited)
    chosen = f"SELECT uid FROM events WHERE source_id IN ({quoted}) ORDER BY md5(uid), uid LIMIT {most}"
    drawn = case.sql(f"SELECT * FROM events WHERE uid IN ({chosen}) ORDER BY md5(uid), uid")
    return _by_source(drawn[~drawn["uid"].isin(set(cited["uid"]))][:_MOST_OTHERS], case.sources)


def _meter(total: int, quiet: bool | None) -> contextlib.AbstractContextManager[Meter]:
    return progress.meter("reading cited records again", total, unit="record", quiet=quiet)


def _sentence(cited: _Found, others: _Found) -> str:
    """How many records were read again and what came of it, for the report."""
    total = cited.checked + cited.unchecked
    if not total and not others.checked:
        return "no EVTX record is cited, so none was read again by a second parser"
    what = f"{cited.checked} of {counted(total, 'cited EVTX record')}"
    if cited.unchecked == 0:
        what = f"all {counted(total, 'cited EVTX record')}" if total > 1 else counted(total, "cited EVTX record")
    if others.checked:
        what += f" and a sample of {others.checked} others"
    read = cited.checked + others.checked
    outcome = _outcome([*cited.rows, *others.rows], read)
    verb = "was" if read == 1 else "were"
    return "; ".join([f"{what} {verb} read again by python-evtx {second_parser.version()}", *outcome])


def _outcome(rows: list[dict[str, Any]], read: int) -> list[str]:
    """What came of it; where nothing was read, nothing is said of differences."""
    gone = sum(row["field"] == "source" for row in rows)
    unread = sum(row["field"] == "record" for row in rows)
    other = [row for row in rows if row["field"] not in ("source", "record")]
    known = sum(isinstance(row["explanation"], str) for row in other)
    said = []
    if other or read:
        why = f", {known} of them by a known error of python-evtx" if known else ""
        said.append((counted(len(other), "difference") if other else "no difference") + why)
    if unread:
        said.append(f"{counted(unread, 'record')} it could not read")
    if gone:
        said.append(f"{counted(gone, 'file')} not there any more or changed")
    return said
