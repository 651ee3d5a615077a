"""Parquet files as the kit writes and reads them: most are small, so that what is done for each file counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_MANY_BYTES = 4 << 20  # a file from which on several threads are worth their start
_FINDABLE = ("uid", "source_id", "record_id", "time_utc")  # columns by which a query may pass over parts of a file


def options(schema: pa.Schema) -> dict[str, Any]:
    """Options of a writer: a dictionary only for columns that are one, statistics only where somebody asks for them."""
    return {
        "compression": "zstd",
        "use_dictionary": [field.name for field in schema if pa.types.is_dictionary(field.type)] or False,
        "write_statistics": [name for name in schema.names if name in _FINDABLE] or False,
    }


def write(table: pa.Table, path: Path) -> None:
    """Writes a table as a file."""
    pq.write_table(table, path, **options(table.schema))


def read(path: Path) -> pa.Table:
    """The table of a file."""
    with pq.ParquetFile(path) as file:
        return file.read(use_threads=path.stat().st_size > _MANY_BYTES)
