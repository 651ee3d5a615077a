"""A batch: every case by itself, a page over all of them, nothing half done."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from story import story

from kit import __version__, judgement
from kit.batch import one_case, portfolio, runner, staging, worker
from kit.errors import CaseError, ParameterError, Unsupported
from kit.judgement.analysis import Analysis
from kit.page.view import View


def result(words: list[str], changed: str = "Unchanged", **more: Any) -> dict[str, Any]:
    """A result as a worker gives it, with points of these verdicts."""
    counts = {word: words.count(word) for word in portfolio.COUNTED}
    machine = {
        "name": "SQLVM",
        "points": words,
        "counts": counts,
        "claiming": len(words) - words.count("no_claim"),
        "fail_over_to": {"label": "20 May 11:00", "verdict": "supported"} if "supported" in words else None,
    }
    about = {"title": "T", "report_id": "R-1", "machines": [machine], "missing": ["ERRORLOG.1"], "changed": changed}
    return {"status": "done", "seconds": 1.0, "error": None, "summary": about} | more


RESULTS = {
    "fine": result(["supported"] * 3),
    "open": result(["inconclusive"] * 2, "2 points supported → inconclusive"),
    "bad": result(["supported", "contradicted", "no_claim"], "New case", status="done_with_losses"),
    "broken": {"status": "failed", "seconds": 0.1, "error": "no file of a known format", "summary": None},
}


def test_the_portfolio_says_the_state_of_all_cases() -> None:
    assert portfolio.answer(RESULTS) == (
        "1 of 4 cases has a contradicted recovery point; 1 case could not be analysed; "
        "1 machine (SQLVM) without a point that can be recommended."
    )
    sums = {"supported": 4, "confirmed": 0, "contradicted": 1, "inconclusive": 2}
    assert portfolio.lede(RESULTS, sums) == (
        "Of 7 points that claim application consistency: 4 supported, 1 contradicted and 2 cannot be judged. "
        "Since the last run 1 case changed, 1 is new."
    )


def test_the_portfolio_lists_the_worst_first_and_links_reports() -> None:
    html = portfolio.page(RESULTS)
    assert re.findall(r'<tr data-worst="([^"]+)">', html) == ["contradicted", "not made", "inconclusive", "supported"]
    assert re.findall(r'href="([^"#]+)"', html) == ["bad/report.html", "open/report.html", "fine/report.html"]
    assert "no file of a known format" in html
    assert "read with losses" in html


def test_the_portfolio_is_inert_and_loads_nothing() -> None:
    hostile = result(["supported"], "<script>alert(1)</script>")
    hostile["summary"]["machines"][0]["name"] = '"><img src=x onerror=alert(1)>'
    html = portfolio.page({'a"><script>alert(2)</script>': hostile})
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "default-src 'none'; script-src 'sha256-" in html
    assert not re.search(r"https?://", html)


def test_what_changed_is_said_in_a_line() -> None:
    old = {"a": "supported", "b": "supported", "c": "confirmed"}
    assert one_case.changed(None, old) == "New case"
    assert one_case.changed(old, old) == "Unchanged"
    assert one_case.changed(old, {"a": "contradicted", "b": "supported", "d": "supported"}) == (
        "1 point supported → contradicted, 1 point more, 1 point fewer"
    )


def test_the_summary_of_a_case_is_that_of_its_report() -> None:
    analysis = story()
    about = one_case.summary(analysis, None)
    machine = about["machines"][0]
    assert machine["counts"] == View(analysis).counts(View(analysis).points)
    assert machine["claiming"] == 46
    assert machine["fail_over_to"] == {"label": "20 May 11:00", "verdict": "supported"}
    assert about["missing"] == ["guest/Application.evtx: partial", "guest/ERRORLOG.1", "log of the second cluster node"]


def test_cases_are_the_folders_and_archives_below_the_root(tmp_path: Path) -> None:
    for name in ("b", "a", ".git"):
        (tmp_path / name).mkdir()
    for name in ("c.zip", "a.zip", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    entries = staging.cases(staging.place(tmp_path))
    assert entries == ["a", "a.zip", "b", "c.zip"]
    assert runner._names(entries) == [("a", "a"), ("a.zip", "a.zip"), ("b", "b"), ("c.zip", "c")]


def test_a_root_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="holds no case"):
        runner.run(tmp_path, tmp_path / "out")
    with pytest.raises(CaseError, match="cannot be listed"):
        runner.run(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(ParameterError, match="timeout"):
        runner.run(tmp_path, tmp_path / "out", timeout=0)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("memory://x/y", "memory://x/y"),
        ("memory:/x/y", "memory://x/y"),
        ("C:/cases", None),
        ("cases/x", None),
        ("/cases", None),
    ],
)
def test_urls_are_told_from_paths(text: str, url: str | None) -> None:
    assert staging.place(text).url == url


class Fake:
    """Stands for a worker process: answers by the name of the case."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def run(self, job: dict[str, Any], _: float) -> dict[str, Any]:
        name = Path(job["case"]).name
        self.log.append(name)
        if name == "dies" and self.log.count("dies") == 1:
            return {"status": "failed", "seconds": 1.0, "error": "the worker process ended", "summary": None}
        if name == "bad":
            return {"status": "failed", "seconds": 1.0, "error": "no file of a known format", "summary": None}
        if name == "strange":
            raise RuntimeError("disk full")
        Path(job["out"]).mkdir(parents=True)
        (Path(job["out"]) / "manifest.json").write_text("{}", encoding="utf-8")
        return result(["supported"])

    def end(self) -> None:
        self.log.append("ended")

    def close(self) -> None:
        self.log.append("closed")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(runner, "Worker", lambda: Fake(said))
    return said


def cases(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "log.evtx").write_bytes(b"x")
    return root


def test_one_bad_case_stops_nothing_and_is_told(tmp_path: Path, log: list[str]) -> None:
    root = cases(tmp_path / "in", "good", "bad", "dies", "strange")
    assert runner.run(root, tmp_path / "out", workers=1) == runner.LOSS
    listed = json.loads((tmp_path / "out" / "batch.json").read_text(encoding="utf-8"))["cases"]
    assert [(case["case"], case["status"]) for case in listed] == [
        ("bad", "failed"),
        ("dies", "done"),
        ("good", "done"),
        ("strange", "failed"),
    ]
    assert set(listed[0]) == {"case", "status", "seconds", "error"}
    assert log.count("dies") == 2, "a process that died is tried again"
    assert log.count("bad") == 1, "a case that fails by itself is not"
    assert (tmp_path / "out" / "index.html").is_file()


def test_the_exit_status_says_when_nothing_succeeded(tmp_path: Path, log: list[str]) -> None:
    assert runner.run(cases(tmp_path / "in", "bad"), tmp_path / "out", workers=1) == runner.FAILED
    assert runner.run(cases(tmp_path / "two", "good"), tmp_path / "out2", workers=1) == runner.DONE


def test_stopping_keeps_what_is_finished(tmp_path: Path, log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    root = cases(tmp_path / "in", "a", "b", "c")

    def stopped(jobs: list[Any], *_: Any) -> Iterator[tuple[str, Any]]:
        yield "a", result(["supported"])
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "_here", stopped)
    (tmp_path / "out" / ".b.partial-1234").mkdir(parents=True)
    with pytest.raises(KeyboardInterrupt):
        runner.run(root, tmp_path / "out")
    listed = json.loads((tmp_path / "out" / "batch.json").read_text(encoding="utf-8"))["cases"]
    assert [case["case"] for case in listed] == ["a"]
    assert not list((tmp_path / "out").glob(".*partial*"))


def test_cases_and_reports_may_lie_on_object_storage(log: list[str]) -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe_file("/bucket/in/good/guest/log.evtx", b"x")
    fs.pipe_file("/bucket/in/bad/log.evtx", b"x")
    assert runner.run("memory://bucket/in", "memory://bucket/out", workers=1) == runner.LOSS
    assert fs.exists("/bucket/out/good/manifest.json")
    assert not fs.exists("/bucket/out/bad")
    assert json.loads(fs.cat_file("/bucket/out/batch.json"))["cases"][1]["status"] == "done"
    assert b"<h1>" in fs.cat_file("/bucket/out/index.html")
    fs.rm("/bucket", recursive=True)


def script(monkeypatch: pytest.MonkeyPatch, body: str) -> worker.Worker:
    """A worker whose process runs this code instead."""
    popen = worker.subprocess.Popen
    code = "import sys, json, time, os\nprint(json.dumps({'ready': True}), flush=True)\n" + body
    monkeypatch.setattr(worker.subprocess, "Popen", lambda _, **more: popen([sys.executable, "-c", code], **more))
    return worker.Worker()


ANSWER = "print(json.dumps({'status': 'done'}), flush=True)"


def test_a_hanging_case_is_ended_and_the_worker_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = script(monkeypatch, f"for line in sys.stdin:\n  time.sleep(60 if 'hang' in line else 0); {ANSWER}")
    start = time.monotonic()
    made = worker.run({"case": "hang"}, 5.0)
    assert made["status"] == "timeout"
    assert time.monotonic() - start < 30
    assert worker.run({"case": "quick"}, 30.0)["status"] == "done"
    worker.close()


def test_a_worker_that_dies_is_told_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = script(monkeypatch, f"for line in sys.stdin:\n  'die' in line and os._exit(9); {ANSWER}")
    assert "worker process ended" in worker.run({"case": "die"}, 30.0)["error"]
    assert worker.run({"case": "live"}, 30.0)["status"] == "done"
    worker.close()


def test_without_a_scheduler_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(runner, "CONNECT_S", 0.5)
    with pytest.raises(Unsupported, match="no Dask scheduler answers"):
        list(runner._on_cluster([{"name": "a"}], "tcp://127.0.0.1:9", 0))


@pytest.mark.slow
def test_two_real_cases_in_two_processes_and_again_with_resume(tmp_path: Path) -> None:
    root = tmp_path / "in"
    for name in ("one", "two"):
        whole = story()
        made = dict(whole.meta) | {"kit_version": __version__, "rules_version": judgement._fingerprint()}
        Analysis(made, whole.tables).save(root / name)
    (root / "empty").mkdir()
    out = tmp_path / "out"
    assert runner.run(root, out, workers=2) == runner.LOSS
    listed = {case["case"]: case for case in json.loads((out / "batch.json").read_text(encoding="utf-8"))["cases"]}
    assert {name: case["status"] for name, case in listed.items()} == {
        "empty": "failed",
        "one": "done_with_losses",
        "two": "done_with_losses",
    }
    assert "holds no file" in listed["empty"]["error"]
    first = (out / "one" / "report.html").read_bytes()
    (root / "two" / "added.txt").write_text("new", encoding="utf-8")
    runner.run(root, out, workers=1, resume=True)
    again = {
        case["case"]: case["status"] for case in json.loads((out / "batch.json").read_text(encoding="utf-8"))["cases"]
    }
    assert again == {"empty": "failed", "one": "skipped", "two": "done_with_losses"}
    assert (out / "one" / "report.html").read_bytes() == first
    assert threading.active_count() < 20


@pytest.mark.slow
def test_a_real_cluster_makes_the_reports(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    story().save(tmp_path / "in" / "one")
    options = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": None,
        "host": "127.0.0.1",
    }
    with distributed.LocalCluster(**options) as cluster:
        assert runner.run(tmp_path / "in", tmp_path / "out", scheduler=cluster.scheduler_address) == runner.LOSS
    assert (tmp_path / "out" / "one" / "report.html").is_file()
