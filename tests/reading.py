"""What a reader makes of some bytes: rows by table, and the account."""

import io
import json
from pathlib import Path

from kit.sources import Account, read_source
from kit.sources.seam import Rows

SAMPLES = Path(__file__).parent / "samples"


def read(content, name="export", **options):
    """Rows of each table as dictionaries, and the account. Text is encoded, other objects become JSON."""
    if isinstance(content, str):
        content = content.encode()
    elif not isinstance(content, bytes):
        content = json.dumps(content).encode()
    tables, account = {}, None
    for reading in read_source(io.BytesIO(content), name, **options):
        if isinstance(reading, Rows):
            tables.setdefault(reading.table, []).extend(reading.columns.to_pylist())
        else:
            account = reading
    assert isinstance(account, Account)
    return tables, account


def events(content, name="export", **options):
    """Rows of `events`, and the account."""
    tables, account = read(content, name, **options)
    return tables.get("events", []), account


def sample(path):
    """Bytes of a sample."""
    return (SAMPLES / path).read_bytes()
