"""A case of very many small files: the work grows with their number, and what is alike is told together."""

from __future__ import annotations

import gc
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kit import grouping, progress, tables
from kit.case import load_case, source_zones
from kit.case import store as module
from kit.case.config import Config
from kit.case.source import Source
from kit.case.store import Entry, Store
from kit.case.zone_anchors import Point
from kit.judgement import clocks_of
from kit.terminal import Checked

ERRORLOG = "2014-05-{day:02d} 10:00:0{second}.15 spid51      I/O is frozen on database Sales{number}.\r\n"


def filled(folder: Path, count: int) -> Path:
    """ERRORLOG snippets, text exports of replication, empty and unknown files, a quarter each."""
    for number in range(count):
        kind, place = number % 4, folder / f"set{number // 40}"
        place.mkdir(parents=True, exist_ok=True)
        if kind == 0:
            lines = "".join(ERRORLOG.format(day=1 + number % 28, second=s, number=number) for s in range(3))
            (place / f"ERRORLOG.{number}").write_text(lines, encoding="utf-16")
        elif kind == 1:
            text = f"Name   : VM{number}\nState  : Replicating\nHealth : Normal\nMode   : Primary\n"
            (place / f"replication{number}.txt").write_text(text)
        else:
            (place / f"other{number}.bin").write_bytes(b"" if kind == 2 else bytes([number % 250, 1, 2, 3]) * 9)
    return folder


def work(folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often tables and accounts of the store were opened while a case was assembled."""
    counted = {"tables": 0, "accounts": 0}
    table, said = Entry.table, Entry._said.fget

    def counting(name, made):
        def call(*given, **options):
            counted[name] += 1
            return made(*given, **options)

        return call

    load_case(folder, store=Store(store), quiet=True)  # into the store
    monkeypatch.setattr(Entry, "table", counting("tables", table))
    monkeypatch.setattr(Entry, "_said", property(counting("accounts", said)))
    load_case(folder, store=Store(store), quiet=True)
    monkeypatch.undo()
    return counted


def test_twice_as_many_files_are_twice_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = work(filled(tmp_path / "a", 80), tmp_path / "store", monkeypatch)
    large = work(filled(tmp_path / "b", 160), tmp_path / "store", monkeypatch)
    assert small["tables"] > 20 and small["accounts"] > 20
    assert large["tables"] <= 2.1 * small["tables"] and large["accounts"] <= 2.1 * small["accounts"]


def test_a_log_far_in_time_is_not_compared_and_one_near_is(tmp_path: Path) -> None:
    def listed(day: int) -> str:
        row = {"TimeCreated": f"2014-05-{day:02d}T08:00:00Z", "Id": 1, "ProviderName": "MSSQLSERVER", "Message": "m",
               "MachineName": "SQL01", "LogName": "Application", "RecordId": day, "Level": 4}  # fmt: skip
        return json.dumps([row, row | {"RecordId": day + 1}])

    (tmp_path / "ERRORLOG").write_text(ERRORLOG.format(day=10, second=1, number=1) * 2)
    for day in (9, 10, 20):
        (tmp_path / f"events{day}.json").write_text(listed(day))
    found = load_case(tmp_path, store=Store(tmp_path.parent / "store"), quiet=True)._found
    by_path: dict[str, Source] = {one.path: one for one in found}
    beside = source_zones._Beside(found, Config(), 1)
    assert [one.path for one in beside.logs(by_path["ERRORLOG"])] == ["events10.json"]


def test_points_of_one_computer_are_thinned_to_the_ends_of_each_day() -> None:
    start = datetime(2014, 5, 1)  # noqa: DTZ001 - a local time
    points = [Point(start + timedelta(minutes=20 * number), 7200, "r") for number in range(720)]  # ten days
    thin = source_zones._thinned(points)
    assert len(thin) == 20
    assert {point.local.date() for point in thin} == {point.local.date() for point in points}
    assert thin[0] == points[0] and points[-1] in thin
    assert source_zones._thinned(points[:400]) == points[:400]


def row(path: str, status: str = "read", **more: object) -> dict[str, object]:
    return {"source_id": path, "path": path, "role": "guest", "status": status, "reader": "R", "seen": 2, "note": None,
            "first_time": None} | more  # fmt: skip


def test_few_sources_stand_alone_and_many_by_folder_role_status_and_format() -> None:
    few = [row(f"a/{number}") for number in range(5)]
    assert [group.label for group in grouping.grouped(few, most=5)] == [f"a/{number}" for number in range(5)]
    many = [row(f"a/{number}") for number in range(50)] + [row("a/x", "partial"), row("b/y")]
    found = grouping.grouped(many, most=10)
    assert [(group.label, len(group.rows), group.sum("seen")) for group in found] == [
        ("a/*", 50, 100), ("a/x", 1, 2), ("b/y", 1, 2)
    ]  # fmt: skip
    assert sum(len(group.rows) for group in found) == len(many)


def test_folders_are_put_together_where_they_are_too_many_themselves() -> None:
    deep = [row(f"top/{number}/{part}") for number in range(40) for part in range(3)]
    assert [group.label for group in grouping.grouped(deep, most=10)] == ["top/*"]
    flat = [row(f"{number}/{part}") for number in range(40) for part in range(3)]
    assert [(group.label, len(group.rows)) for group in grouping.grouped(flat, most=10)] == [("*", 120)]


def test_sources_with_evidence_keep_their_own_row() -> None:
    many = [row(f"a/{number}") for number in range(50)]
    found = grouping.grouped(many, alone=["a/7"], most=10)
    assert sorted((group.label, len(group.rows)) for group in found) == [("a/*", 49), ("a/7", 1)]


def test_the_same_lack_of_many_machines_is_one_entry_that_names_the_first() -> None:
    missing = [
        {"what": f"{what} of guest VM{number}", "why": "w", "command": "c", "vm_name": f"VM{number}"}
        for number in range(20)
        for what in ("Application log", "System log")
    ]
    assert len(grouping.alike(missing, 40)) == 40
    told = [entry["what"] for entry in grouping.alike(missing, 39)]
    assert told == [f"{what} log of guest VM0, VM1, VM2 and 17 more" for what in ("Application", "System")]


def test_kit_check_of_many_files_fits_on_a_few_screens_and_all_lists_each(tmp_path: Path) -> None:
    case = load_case(filled(tmp_path / "case", 240), store=Store(tmp_path / "store"), quiet=True)
    checked = Checked(case, clocks_of(case))
    short, whole = checked.text(tmp_path), checked.text(tmp_path, every=True)
    assert len(short.splitlines()) < 160 < len(whole.splitlines())
    assert "set0/* (10 files)" in short and "kit check --all" in short
    assert "set5/other239.bin" in whole and "kit check --all" not in whole
    assert f"{len(case.sources)} sources" in short and f"{len(case.sources)} sources" in whole


def test_assembling_shows_its_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[str, tuple[float, list[float]]] = {}

    class Meter:
        def __init__(self, title, total, **_):
            self.moved = []
            shown.setdefault(title, (total, self.moved))

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def begin(self, what):
            assert what

        def advance(self, amount):
            self.moved.append(amount)

    monkeypatch.setattr(progress, "meter", Meter)
    case = load_case(filled(tmp_path / "case", 12), store=Store(tmp_path / "store"))
    clocks_of(case)
    assert {"reading evidence", "whose logs these are", "time zones", "accounts of the sources"} <= set(shown)
    assert "looking for records" in shown
    for title, (total, moved) in shown.items():
        assert sum(moved) == pytest.approx(total), title


def test_tables_that_are_kept_are_bounded_however_small_they_are(tmp_path: Path) -> None:
    entries = [Entry(tmp_path / str(number)) for number in range(200)]
    kept = module._Kept(module._AROUND * 10)
    for entry in entries:
        for _ in range(2):
            kept.keep(entry, "events", tables.schema("clocks").empty_table())
    assert len(kept._tables) == len(kept._ends) == 10
    assert kept.get(entries[-1], "events") is not None and kept.get(entries[0], "events") is None
    del entry, entries
    gc.collect()
    assert not kept._tables and not kept._ends and kept._bytes == 0
