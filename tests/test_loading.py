"""Reading in processes and on a cluster: the same results as alone, and one bad file harms no other."""

import os
import sys
import types
from pathlib import Path

import pandas as pd
import pytest

from kit import progress
from kit.case import intake, load_case, loading
from kit.case.loading import Task
from kit.case.store import Store
from kit.errors import Unsupported

LINE = "2014-05-19 22:00:{:02d}.43 spid52      I/O is frozen on database Sales.\n"


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "case"
    root.mkdir()
    for number in range(6):
        (root / f"ERRORLOG.{number}").write_text(
            "".join(LINE.format(second) for second in range(number + 1)), encoding="utf-8"
        )
    return root


def test_large_files_go_first_and_small_ones_together():
    sizes = [10, 20_000_000, 30, 9_000_000, 40]
    tasks = [Task(intake.Given(str(place), None, size)) for place, size in enumerate(sizes)]
    assert loading._chunks(tasks) == [[1], [3], [4, 2, 0]]
    assert loading._chunks([]) == []


class Broken:
    """A pool whose processes end without a word on the file that kills them."""

    def __init__(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def submit(self, _work, tasks, root):
        from concurrent.futures import Future
        from concurrent.futures.process import BrokenProcessPool

        future = Future()
        if any(task.given.path == "ERRORLOG.3" for task in tasks):
            future.set_exception(BrokenProcessPool("killed"))
        else:
            future.set_result([loading.read_one(task, Store(root)) for task in tasks])
        return future

    def shutdown(self, **_):
        return None


def test_a_file_that_kills_its_process_takes_no_other_with_it(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "ProcessPoolExecutor", Broken)
    case = load_case(folder, workers=2, store=Store(tmp_path / "store"))
    found = case.sources[case.sources["status"] != "absent"].set_index("path")
    assert found.loc["ERRORLOG.3", "status"] == "unreadable"
    assert "ended without a word" in found.loc["ERRORLOG.3", "note"]
    assert (found.drop("ERRORLOG.3")["status"] == "read").all()


def test_progress_counts_every_byte_once(folder, tmp_path, monkeypatch):
    counted = types.SimpleNamespace(total=0.0, done=0.0, names=[])

    class Meter:
        def begin(self, what):
            counted.names.append(what)

        def advance(self, amount):
            counted.done += amount

    class Context:
        def __init__(self, title, total, **_):
            self.reading = title == "reading evidence"
            if self.reading:
                counted.total = total

        def __enter__(self):
            return Meter() if self.reading else progress.Quiet()

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(loading.progress, "meter", Context)
    for _ in range(2):  # parsed, then taken from the store
        counted.done = 0.0
        load_case(folder, store=Store(tmp_path / "store"))
        assert counted.done == pytest.approx(counted.total)
    assert counted.names == [f"file {number + 1} of 6, ERRORLOG.{number}" for number in range(6)] * 2


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_case(folder, tmp_path):
    distributed = pytest.importorskip("distributed")
    alone = load_case(folder, store=Store(tmp_path / "a"))
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp", host="127.0.0.1"
    ) as cluster:
        made = load_case(folder, workers=cluster.scheduler_address, store=Store(tmp_path / "b"))
    pd.testing.assert_frame_equal(alone.sources, made.sources)
    pd.testing.assert_frame_equal(alone.events, made.events)


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_said(folder, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(loading, "_PATIENCE_S", 1)
    with pytest.raises(Unsupported, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        load_case(folder, workers="tcp://127.0.0.1:9")


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits are a POSIX matter")
def test_reading_a_large_log_needs_no_memory_for_it(tmp_path):
    """A log of 60 MB goes through in a process that may not even hold it twice."""
    import subprocess

    log = tmp_path / "ERRORLOG"
    with log.open("w", encoding="utf-16") as file:
        for block in range(40):
            file.write("".join(LINE.format(second)[:-1] + "x" * 900 + f"{block}\n" for second in range(60)) * 13)
    program = (
        "import resource, sys; from kit.case.loading import Task, read_one; from kit.case.intake import Given; "
        "from kit.case.store import Store; from pathlib import Path; import pyarrow; "
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
        "p = Path(sys.argv[1]); r = read_one(Task(Given('ERRORLOG', p, p.stat().st_size)), Store(Path(sys.argv[2]))); "
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before; "
        "print(r.account.source['kept'], grown // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(log), str(tmp_path / "store")],
        capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    kept, grown = map(int, done.stdout.split())
    assert kept == 40 * 13 * 60
    assert log.stat().st_size > 50 * 2**20
    assert grown < 150


@pytest.mark.parametrize("content", [b"no log", b"", LINE.format(1).encode()])
def test_every_file_moves_the_bar_to_its_end(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    moved = []
    given = intake.Given("file", path, len(content))
    loading.read_one(Task(given), Store(tmp_path / "store"), moved.append)
    assert sum(moved) == pytest.approx(len(content))


def test_a_file_that_cannot_be_opened_moves_the_bar_as_well(tmp_path):
    moved = []
    given = intake.Given("file", tmp_path / "file", 1000, problem="a link: not followed")
    loading.read_one(Task(given), Store(tmp_path / "store"), moved.append)
    assert sum(moved) == pytest.approx(1000)
