"""What every test may use: the real logs in KIT_CORPUS, an evidence store of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit.case import custody


@pytest.fixture(autouse=True, scope="session")
def evidence_store(tmp_path_factory):
    """No test reads or fills the store of the person who runs it."""
    before = os.environ.get("KIT_STORE")
    os.environ["KIT_STORE"] = str(tmp_path_factory.mktemp("store"))
    yield Path(os.environ["KIT_STORE"])
    if before is None:
        del os.environ["KIT_STORE"]
    else:
        os.environ["KIT_STORE"] = before


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """A report of one page, sealed; its case of one file lies beside it in the folder `case`."""
    case, report = tmp_path / "case", tmp_path / "report"
    case.mkdir()
    report.mkdir()
    (case / "ERRORLOG").write_bytes(b"2014-05-19 22:00:03.43 spid5s  text\r\n")
    (report / "report.html").write_text("<p>answer</p>", encoding="utf-8")
    custody.seal(report, case, custody.evidence(case))
    return report


@pytest.fixture(scope="session")
def corpus():
    """The folder of real logs; tests that need it are skipped without it."""
    folder = os.environ.get("KIT_CORPUS", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("KIT_CORPUS names no folder of real logs")
    return Path(folder)


def corpus_files():
    """Paths of the real logs below KIT_CORPUS, for parametrised tests; empty without it."""
    folder = os.environ.get("KIT_CORPUS", "")
    return sorted(path for path in Path(folder).rglob("*") if path.is_file()) if folder else []
