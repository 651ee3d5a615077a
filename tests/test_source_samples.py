"""Every sample of every reader against its golden file, and whole, cut, empty and spoilt.

A sample is a file in tests/samples/<folder>/ with `<name>.golden.json` beside it: what the reader makes of it, checked
by hand when it was added. KIT_UPDATE_GOLDEN=folder,folder writes the golden files of these folders anew, so that a
change is reviewed as a difference.
"""

import io
import json
import os
from pathlib import Path

import pytest

from kit.sources import Account, read_source, recognise
from kit.sources.seam import Rows

FOLDER = Path(__file__).parent / "samples"
GOLDEN = ".golden.json"
SAMPLES = sorted(
    path
    for path in FOLDER.glob("*/*")
    if path.is_file() and not path.name.endswith(GOLDEN) and path.with_name(path.name + GOLDEN).exists()
)
if os.environ.get("KIT_UPDATE_GOLDEN"):
    chosen = os.environ["KIT_UPDATE_GOLDEN"].split(",")
    SAMPLES = sorted(p for name in chosen for p in (FOLDER / name).glob("*") if not p.name.endswith(GOLDEN))
LEFT_OUT = {"source_id", "source_ids", "uid", "path", "size", "sha256", "reader_version", "integrity"}


def name_of(path):
    return f"{path.parent.name}/{path.name}"


def read(content, name):
    """Rows by table, and the account."""
    tables, account = {}, None
    for reading in read_source(io.BytesIO(content), name):
        if isinstance(reading, Rows):
            tables.setdefault(reading.table, []).extend(reading.columns.to_pylist())
        else:
            account = reading
    assert isinstance(account, Account)
    return tables, account


def told(row):
    return {name: text(value) for name, value in row.items() if value is not None and name not in LEFT_OUT}


def text(value):
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "Z")
    return value


def golden(path):
    tables, account = read(path.read_bytes(), path.name)
    return {
        "source": told(account.source),
        "losses": [told(loss) for loss in account.losses],
        "tables": {name: [told(row) for row in rows] for name, rows in tables.items()},
    }


@pytest.mark.parametrize("path", SAMPLES, ids=name_of)
def test_sample_is_read_as_the_golden_file_says(path):
    made = golden(path)
    kept = path.with_name(path.name + GOLDEN)
    if os.environ.get("KIT_UPDATE_GOLDEN"):
        kept.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    assert made == json.loads(kept.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SAMPLES, ids=name_of)
def test_content_alone_tells_the_format(path):
    head = path.read_bytes()[:65536]
    by_content = recognise(head, "x")
    assert by_content is not None
    assert recognise(head, path.name) is by_content


@pytest.mark.parametrize("path", SAMPLES, ids=name_of)
def test_a_sample_cut_in_half_keeps_an_account(path):
    content = path.read_bytes()
    whole = read(content, path.name)[1].source
    half = read(content[: len(content) // 2], path.name)[1].source
    assert half["seen"] == half["kept"] + half["skipped"]
    assert half["kept"] <= whole["kept"]
    assert half["status"] in ("read", "partial", "empty", "unreadable", "unrecognised")


@pytest.mark.parametrize("path", SAMPLES, ids=name_of)
def test_a_spoilt_sample_never_fails(path):
    content = bytearray(path.read_bytes())
    for place in range(100, len(content), 97):
        content[place] = 255 - content[place]
    account = read(bytes(content), path.name)[1].source
    assert account["seen"] == account["kept"] + account["skipped"]
    assert "Error:" not in (account["note"] or "")
