"""The evidence store: parsed once, found again by content, whole or not there."""

# ruff: noqa: DTZ001 - local times without zone are part of the subject

import io
import multiprocessing
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kit import tables
from kit.case.store import Store, default_folder
from kit.errors import CaseError, IntegrityError
from kit.sources import Account, read_source
from kit.sources.seam import Rows

ERRORLOG = (
    b"2014-05-19 22:00:03.43 spid52      I/O is frozen on database Sales.\n"
    b"rubbish\0\0\0\0\0\0\n"
    b"2014-05-19 22:00:09.57 spid52      I/O was resumed on database Sales.\n"
)


def readings(content=ERRORLOG):
    return read_source(io.BytesIO(content), "ERRORLOG")


def key(store, letter="a", **changed):
    given = {"sha256": letter * 64, "reader": "SQL Server ERRORLOG", "version": "1", **changed}
    return store.key(**given)


def test_what_was_put_comes_back_with_its_account(tmp_path):
    store = Store(tmp_path)
    *rows, account = readings()
    entry = store.put(lambda: key(store), readings())
    assert store.get(key(store)) == entry
    assert entry.account == account
    got = entry.table("events")
    assert got.select(tables.schema("events").names).schema == tables.schema("events")
    assert got.column("uid").to_pylist() == [uid for one in rows for uid in one.columns.column("uid").to_pylist()]
    assert got.column("time_local").to_pylist() == [
        datetime(2014, 5, 19, 22, 0, 3, 430000), datetime(2014, 5, 19, 22, 0, 9, 570000)
    ]  # fmt: skip
    assert entry.path("recovery_points") is None and entry.table("recovery_points") is None


@pytest.mark.parametrize(
    "changed",
    [{"sha256": "b" * 64}, {"reader": "other"}, {"version": "2"}, {"options": {"culture": "ru-RU"}}],
)
def test_anything_that_changes_what_is_read_has_a_key_of_its_own(tmp_path, changed):
    store = Store(tmp_path)
    store.put(lambda: key(store), readings())
    assert store.get(key(store, **changed)) is None


def test_a_new_schema_means_reading_again(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.put(lambda: key(store), readings())
    monkeypatch.setattr(tables, "SCHEMA_VERSION", tables.SCHEMA_VERSION + 1)
    assert store.get(key(store)) is None


def test_a_writer_that_fails_leaves_no_half_entry(tmp_path):
    store = Store(tmp_path)

    def broken():
        yield from list(readings())[:1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.put(lambda: key(store), broken())
    assert store.get(key(store)) is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_second_writer_takes_what_the_first_has_written(tmp_path):
    store = Store(tmp_path)
    first = store.put(lambda: key(store), readings())
    second = store.put(lambda: key(store), readings())
    assert first == second
    assert len(list((tmp_path / "unfinished").iterdir())) == 0


def test_an_entry_that_lost_bytes_is_written_anew(tmp_path):
    store = Store(tmp_path)
    path = store.put(lambda: key(store), readings()).path("events")
    path.write_bytes(path.read_bytes()[:-10])
    assert store.get(key(store)) is None
    store.put(lambda: key(store), readings())
    assert len(store.get(key(store)).table("events")) == 2


def test_a_flipped_byte_in_the_store_is_noticed_when_it_is_read(tmp_path):
    store = Store(tmp_path)
    path = store.put(lambda: key(store), readings()).path("events")
    with pq.ParquetFile(path) as file:
        column = file.metadata.row_group(0).column(0)
        place = (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size - 3
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="damaged"):
        store.get(key(store)).table("events")


def test_rows_are_written_in_groups_whatever_the_reader_yields(tmp_path):
    def many():
        for number in range(300):
            rows = {"record_id": pa.array(range(number * 500, number * 500 + 500), pa.int64())}
            yield Rows("events", pa.table(rows | {"provider": pa.array([f"P{number % 7}"] * 500)}))
        yield Account({}, [], [], {}, True)

    store = Store(tmp_path)

    def complete():
        for item in many():
            if isinstance(item, Rows):
                missing = [field for field in tables.schema("events") if field.name not in item.columns.column_names]
                table = item.columns
                for field in missing:
                    table = table.append_column(field, pa.nulls(500, field.type))
                yield Rows("events", table)
            else:
                yield item

    path = store.put(lambda: key(store), complete()).path("events")
    with pq.ParquetFile(path) as file:
        assert file.metadata.num_rows == 150_000
        assert file.metadata.num_row_groups == 3
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def _put(root):
    store = Store(Path(root))
    return str(store.put(lambda: key(store, "c"), readings()).folder)


def test_processes_that_write_the_same_entry_agree(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        folders = set(pool.map(_put, [str(tmp_path)] * 4))
    assert len(folders) == 1
    assert len(Store(tmp_path).get(key(Store(tmp_path), "c")).table("events")) == 2


def test_leftovers_of_killed_writers_go_after_a_day(tmp_path):
    old, new = tmp_path / "unfinished" / "old", tmp_path / "unfinished" / "new"
    old.mkdir(parents=True)
    new.mkdir()
    os.utime(old, (time.time() - 90_000, time.time() - 90_000))
    store = Store(tmp_path)
    store.put(lambda: key(store), readings())
    assert new.exists() and not old.exists()


def test_a_store_that_cannot_be_written_says_so(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder", encoding="utf-8")
    store = Store(blocked)
    with pytest.raises(CaseError, match="KIT_STORE"):
        store.put(lambda: key(store), readings())


def test_the_place_of_the_store_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("KIT_STORE", str(tmp_path / "named"))
    assert default_folder() == tmp_path / "named"
    monkeypatch.delenv("KIT_STORE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert tmp_path in default_folder().parents


def test_times_of_an_account_survive(tmp_path):
    account = Account(
        {
            "first_time": datetime(2014, 5, 19, 12, tzinfo=UTC),
            "first_local": None,
            "exported_local": datetime(2014, 5, 1),
        },
        [{"last_time": datetime(2014, 5, 19, tzinfo=UTC)}],
        [{"first_local": datetime(2014, 5, 19)}],
        {},
        False,
    )
    store = Store(tmp_path)
    assert store.put(lambda: key(store), [account]).account == account
