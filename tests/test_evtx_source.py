"""Event logs as a source of the kit: rows of `events`, losses and facts."""

import io

import pytest
from evtx_logs import chunk, classic, log_of, mixed, spread

from kit import tables
from kit.sources import evtx as reader
from kit.sources.seam import Fact, Lost, Opened, Rows


def read(data):
    return list(reader.read(Opened("guest/Application.evtx", io.BytesIO(data), len(data))))


def test_rows_fit_the_declared_table(tmp_path):
    made = read(log_of(tmp_path, mixed(40)))
    table = next(part for part in made if isinstance(part, Rows)).columns
    declared = tables.schema("events")
    assert set(table.column_names) <= set(declared.names)
    for name in table.column_names:
        assert table.schema.field(name).type == declared.field(name).type, name


def test_facts_of_a_sound_log(tmp_path):
    fact = read(log_of(tmp_path, [classic(n) for n in range(7)]))[-1]
    assert fact == Fact(declared=7, recovered=0, gaps=0, bad_checksums=0, computer="SQLVM", partial=False, note=None)


def test_facts_of_a_log_with_a_missing_chunk(tmp_path):
    log = log_of(tmp_path, spread(classic, 3, 4))
    made = read(log[: chunk(1)] + bytes(65_536) + log[chunk(2) :])
    fact = made[-1]
    assert fact.gaps == 4 and fact.declared == 8 and fact.partial
    assert "record numbers 5 to 8 are missing" in fact.note
    assert [part.found for part in made if isinstance(part, Lost)] == [False]


@pytest.mark.parametrize(
    ("head", "name", "sure"),
    [
        (b"ElfFile\0" + bytes(100), "x", 3), (bytes(4096) + b"ElfChnk\0", "x", 2), (b"ElfChnk\0", "x", 2),
        (b"text", "system.evtx", 1), (b"text", "system.txt", 0), (b"", "", 0),
    ],
)  # fmt: skip
def test_logs_are_recognised_by_content(head, name, sure):
    assert reader.recognise(head, name) == sure
