"""A corpus of hostile log text, planted into every text of an analysis and into the files of a case.

Whatever a log, a list, a file or an archive holds is data: nothing of it may run, be calculated, be drawn as markup,
reach a network, steer a terminal, or become a path.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from story import story

from kit import tables
from kit.judgement.analysis import Analysis
from kit.share.redact import PLAIN, is_text

TEXTS = (
    "<script>window.pwned=1;alert(1)</script>",
    "</script><script>window.pwned=2</script>",
    '"><img src="http://evil.example/i.png" onerror="window.pwned=3">',
    "<svg/onload=window.pwned=4><iframe src=http://evil.example/f></iframe>",
    "<style>@import url(http://evil.example/s.css);*{display:none}</style>",
    "</style><link rel=stylesheet href=http://evil.example/l.css>",
    "<a href='javascript:window.pwned=5'>press</a><b>bold</b><br><sub>low</sub>",
    "[press](javascript:window.pwned=6) ![x](http://evil.example/m.png) # heading | cell | **bold**",
    "$\\href{javascript:window.pwned=7}{x}$ \\(x\\) $$y$$ \\[z\\]",
    "{{ 7*7 }} {% raw %} ${7*7} #{7*7} %(x)s {0} __import__('os')",
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1,1)", "=HYPERLINK(\"http://evil.example\",\"x\")",
    "\x1b[2J\x1b[31mred\x1b]0;title\x07\x9b31m\x08\x7f\x00",
    "\u202egpj.exe\u2066 \u200bzero\ufeff\u2028line\u2029",
    "../../../../etc/passwd ..\\..\\windows\\win.ini C:\\evil.txt /absolute NUL CON aux.txt file:///etc/passwd",
    "expression(alert(1)) url(javascript:alert(1)) --><!--[if IE]> ]]> &lt;script&gt; &#60;script&#62;",
    "%hovertext <extra>x</extra> %{x} <br><a href=\"http://evil.example\">y</a>",
    "L" * 70_000,
)  # fmt: skip
OWN = ("reader", "zone", "sha256", "rule_id", "finding_id", "because", "against")  # ids and words of the kit


def analysis() -> Analysis:
    """The story with a hostile text behind every text of every table and of the meta data."""
    made = story()
    frames = {name: _frame(name, frame) for name, frame in made.tables.items()}
    meta = {
        name: _hostile(value, place) if name in ("title", "examiner", "requester", "question") else value
        for place, (name, value) in enumerate(made.meta.items())
    }  # fmt: skip
    return Analysis(meta | {"case_id": "x" + TEXTS[0], "report_id": "R-" + TEXTS[5]}, frames)


def _frame(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    changed = {
        column: _column(frame[column], place)
        for place, column in enumerate(frame.columns)
        if is_text(frame[column]) and column not in PLAIN and column not in OWN
    }
    return tables.check(name, frame.assign(**changed))


def _column(series: pd.Series, place: int) -> pd.Series:
    """Every text changed in one way for each text, so that equal ones stay equal in all tables."""
    if str(series.dtype).startswith("list<"):
        listed = pa.array(series, from_pandas=True).to_pylist()
        made = [None if one is None else [_hostile(text, sum(text.encode())) for text in one] for one in listed]
        return pd.Series(made, index=series.index, dtype=series.dtype)
    return series.map(lambda text: _hostile(text, sum(text.encode())), na_action="ignore").astype(series.dtype)


def _hostile(text: str, place: int) -> str:
    return text + TEXTS[place % len(TEXTS)]


ERRORLOG = "2014-05-19 22:00:00.00 Server      Microsoft SQL Server 2012 (SP1) - 11.0.3000.0 (X64)\r\n"
STORED = ("\x1b[2J<b>x</b>.log", "=cmd|' calc'!A0.csv", "\u202egpj.exe", "[x](javascript:alert(1)).txt", "{{7*7}}.json")


def case(folder: Path) -> Path:
    """A case folder with hostile file names, log lines, point names, settings and archives; its path."""
    guest = folder / "guest"
    guest.mkdir(parents=True)
    lines = [ERRORLOG]
    for number, text in enumerate(TEXTS):
        said = text.replace("\n", " ")
        lines.append(f"2014-05-19 22:{number:02d}:03.43 Backup      Database '{said}': I/O is frozen. {said}\r\n")
        lines.append(f"2014-05-19 22:{number:02d}:04.43 Backup      Error: 18210, Severity: 16, State: 1. {said}\r\n")
    (guest / "ERRORLOG").write_bytes("".join(lines).encode("utf-8"))
    _points(folder)
    for name in STORED:
        try:
            (guest / name).write_bytes(b"<script>alert(1)</script>")
        except OSError:
            continue  # a system that has no such names
    _archive(folder / "evidence.zip")
    question = "".join(TEXTS[:4]).replace('"', "'")
    (folder / "case.toml").write_text(f'[case]\nid = "x"\ntitle = "{question}"\nexaminer = "{question}"\n', "utf-8")
    return folder


def _points(folder: Path) -> None:
    (folder / "replica").mkdir()
    rows: list[dict[str, Any]] = [
        {"Name": text[:200], "Id": f"11111111-2222-3333-4444-{number:012d}", "VMName": f"VM{TEXTS[2]}",
         "VMId": "5b0c6d1e-99aa-4c1d-8a55-0f3e1d2c4b5a", "SnapshotType": "AppConsistentReplica",
         "CreationTime": f"2014-05-19T20:{number:02d}:10.0000000Z", "ComputerName": "HV<b>1</b>"}
        for number, text in enumerate(TEXTS)
    ]  # fmt: skip
    pd.DataFrame(rows).to_json(folder / "replica" / "points.json", orient="records")


def _archive(path: Path) -> None:
    """Members that want to be written elsewhere."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("../../escaped.txt", "/absolute.txt", "C:\\drive.txt", "..\\..\\back.txt", "a/\x1b[2J.txt"):
            archive.writestr(zipfile.ZipInfo(name), ERRORLOG)
