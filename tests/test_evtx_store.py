"""Templates kept between runs: a shortcut that a damaged or forged file cannot turn into an error."""

import multiprocessing
import os

import pytest
from evtx_logs import Read, host, log_of, manifest, mixed

from kit.evtx import store
from kit.evtx.registry import Registry
from kit.evtx.store import Lines, Templates


@pytest.fixture(autouse=True)
def forgotten():
    """Every test begins like a new process."""
    store._registries.clear()
    yield
    store._registries.clear()


def read_with(folder, data):
    """Rows of a log, and how many templates had to be compiled, with the templates of a folder."""
    store._registries.clear()
    templates = Templates(folder)
    rows = Read(data, registry=templates.registry).rows
    templates.keep()
    return rows, len(templates.registry.compiled)


def test_a_second_run_compiles_only_what_names_a_computer(tmp_path):
    data = log_of(tmp_path, mixed(40))
    first, compiled = read_with(tmp_path / "kept", data)
    again, less = read_with(tmp_path / "kept", data)
    assert again == first and 0 < less < compiled


def test_names_of_computers_are_not_kept(tmp_path):
    read_with(tmp_path / "kept", log_of(tmp_path, [manifest(0, computer="SECRET-HOST-17"), host(1)]))
    kept = next((tmp_path / "kept").iterdir()).read_bytes()
    assert b"SECRET-HOST-17" not in kept and b"VmName" in kept


@pytest.mark.parametrize("damage", ["cut", "bits", "noise", "empty", "folder"])
def test_a_damaged_file_costs_nothing_but_time(tmp_path, damage):
    data = log_of(tmp_path, mixed(40))
    expected, compiled = read_with(tmp_path / "kept", data)
    path = next((tmp_path / "kept").iterdir())
    content = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        made = {
            "cut": content[: len(content) // 2],
            "bits": bytes(byte ^ (number % 50 == 7) for number, byte in enumerate(content)),
            "noise": os.urandom(5000) + b"\n" + content, "empty": b"",
        }[damage]  # fmt: skip
        path.write_bytes(made)
    rows, again = read_with(tmp_path / "kept", data)
    assert rows == expected and again <= compiled


def test_a_forged_line_is_used_only_for_the_same_bytes(tmp_path):
    """A line with a right digest that gives the template of another log other bytes is never matched."""
    data = log_of(tmp_path, [host(n) for n in range(3)])
    expected, _ = read_with(tmp_path / "kept", data)
    registry = Registry()
    Read(data, registry=registry)
    template = next(one for one in registry.templates if store._is_general(one))
    template.data = bytes(len(template.data))
    path = next((tmp_path / "kept").iterdir())
    path.write_bytes(store._line(template) + b"\n")
    assert read_with(tmp_path / "kept", data)[0] == expected


def test_a_folder_that_cannot_be_written_to_is_left_alone(tmp_path):
    (tmp_path / "file").write_text("here")
    rows, _ = read_with(tmp_path / "file" / "below", log_of(tmp_path, mixed(8)))
    assert len(rows) == 8


def _writer(folder, number):
    registry = Registry()
    Read(_LOGS[number], registry=registry)
    for _ in range(5):
        Lines(store.Path(folder) / store._NAME).add(registry.templates)


_LOGS = {}


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork to hand over the logs")
def test_writers_at_the_same_time_leave_a_whole_file(tmp_path):
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        names = tuple((f"field{number}x{one}", "v") for one in range(number + 2))
        _LOGS[number] = log_of(folder, [manifest(0, data=names)])
    (tmp_path / "kept").mkdir()
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_writer, args=(str(tmp_path / "kept"), number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    left = list((tmp_path / "kept").iterdir())
    assert [path.name for path in left] == [store._NAME]  # no drafts remain
    lines = left[0].read_bytes().splitlines()
    assert lines and all(list(store._opened(line)) for line in lines)


def test_the_folder_follows_the_store(monkeypatch, tmp_path):
    monkeypatch.setenv("KIT_STORE", str(tmp_path))
    assert store.default_folder() == tmp_path / "templates"
    monkeypatch.delenv("KIT_STORE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    assert store.default_folder() == tmp_path / "hvr-forensic-kit" / "templates"
