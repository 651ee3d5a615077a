"""A batch: every case by itself, a page over all of them, nothing half done."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from story import story

import kit
from kit import __version__, rules
from kit.batch import cluster, here, jobs, portfolio, runner, staging, summing, telling, worker
from kit.errors import CaseError, ParameterError, Unsupported
from kit.judgement.analysis import Analysis, load_analysis
from kit.page.view import View
from kit.practice import generate


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
    about = {
        "title": "T",
        "report_id": "R-1",
        "machines": [machine],
        "missing": ["ERRORLOG.1"],
        "changed": changed,
        "losses": more.get("status") == "done_with_losses",
        "lacking": [],
    }
    return {"status": "done", "seconds": 1.0, "error": None, "summary": about} | more


RESULTS = {
    "fine": result(["supported"] * 3),
    "open": result(["inconclusive"] * 2, "2 points supported → inconclusive"),
    "bad": result(["supported", "contradicted", "no_claim"], "New case", status="done_with_losses"),
    "broken": {"status": "failed", "seconds": 0.1, "error": "no file of a known format", "summary": None},
}


def test_the_portfolio_says_the_state_of_all_cases() -> None:
    assert portfolio.answer(RESULTS) == (
        "1 of 4 cases has a contradicted recovery point, 1 case could not be analysed, "
        "and 1 machine (SQLVM) has no point to recommend."
    )
    sums = {"supported": 4, "confirmed": 0, "contradicted": 1, "inconclusive": 2}
    assert portfolio.lede(RESULTS, sums) == (
        "Of 7 points that claim application consistency, 4 are supported, 1 is contradicted and 2 cannot be judged. "
        "Cases changed since the last run: 1; new ones: 1."
    )


def test_the_portfolio_lists_the_worst_first_and_links_reports() -> None:
    html = portfolio.page(RESULTS)
    assert re.findall(r'<tr data-worst="([^"]+)"', html) == ["contradicted", "not made", "inconclusive", "supported"]
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
    old = summing.Former({"a": "supported", "b": "supported", "c": "confirmed"}, {"x.evtx": "1", "y.xml": "2"})
    assert summing.changed(None, old) == "New case"
    assert summing.changed(old, old) == "Unchanged"
    new = summing.Former({"a": "contradicted", "b": "supported", "d": "supported"}, {"x.evtx": "9", "z.csv": "3"})
    assert summing.changed(old, new) == (
        "1 point supported → contradicted, 1 point more, 1 point fewer, 1 file added, 1 file changed, 1 file gone"
    )
    assert summing.changed(old, summing.Former(old.points, {**old.evidence, "more.evtx": "4"})) == "1 file added"
    assert summing.changed(old, summing.Former(old.points, None)) == "Unchanged"


def test_the_summary_of_a_case_is_that_of_its_report() -> None:
    analysis = story()
    about = summing.summary(analysis, None)
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
    entries, links = staging.cases(staging.place(tmp_path))
    assert links == []
    assert entries == ["a", "a.zip", "b", "c.zip"]
    assert jobs.names(entries) == [("a", "a"), ("a.zip", "a.zip"), ("b", "b"), ("c.zip", "c")]


def test_links_are_named_and_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A link in a root may lead to the evidence of another customer; silence would hide a case instead."""
    away = tmp_path / "away"
    (root := tmp_path / "root").mkdir()
    away.mkdir()
    try:
        for name in ("alpha", "beta", "gamma", "delta"):
            (root / name).symlink_to(away, target_is_directory=True)
        (root / "lost").symlink_to(tmp_path / "nowhere")
    except OSError:
        pytest.skip("links need a right here that this user has not")
    with pytest.raises(CaseError, match=r"only the links alpha, beta, delta and 1 more; links are not followed"):
        runner.run(root, tmp_path / "out")
    (root / "one").mkdir()
    made = jobs.jobs_of(staging.place(root), staging.place(tmp_path / "out"), None, False, 1.0)
    assert [job.name for job in made] == ["one"]
    assert "Left out: the links alpha, beta, delta and 1 more" in capsys.readouterr().err


def test_a_root_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="holds no case"):
        runner.run(tmp_path, tmp_path / "out")
    with pytest.raises(CaseError, match="cannot be listed"):
        runner.run(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(ParameterError, match="timeout"):
        runner.run(tmp_path, tmp_path / "out", timeout=0)
    with pytest.raises(ParameterError, match="exclude each other"):
        runner.run(tmp_path, tmp_path / "out", workers=2, scheduler="tcp://x:1")
    with pytest.raises(ParameterError, match="folder of the cases itself"):
        runner.run(tmp_path, tmp_path)


@pytest.mark.parametrize(
    "held", [("guest", "primary", "replica"), ("case.toml", "logs"), ("replica", "TestFailover-1")]
)
def test_one_case_given_as_a_root_is_refused(tmp_path: Path, held: tuple[str, ...]) -> None:
    for name in held:
        (tmp_path / name).mkdir() if "." not in name else (tmp_path / name).write_bytes(b"")
    with pytest.raises(CaseError, match=r"is one case, not a folder of cases .*: kit report"):
        runner.run(tmp_path, tmp_path.parent / "out")


def test_reports_below_the_root_are_no_cases(tmp_path: Path) -> None:
    for name in ("a", "guest-17", "reports", "index.html"):
        (tmp_path / name).mkdir()
    made = jobs.jobs_of(staging.place(tmp_path), staging.place(tmp_path / "reports"), None, False, 1.0)
    assert [job.name for job in made] == ["a", "guest-17", "index.html-case"]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("memory://x/y", "memory://x/y"),
        ("memory:/x/y", "memory://x/y"),
        ("C:/cases", None),
        ("file:///cases", None),
        ("file:/C:/cases", None),
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

    def stop(self) -> None:
        self.log.append("stopped")

    def close(self) -> None:
        self.log.append("closed")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(here, "Worker", lambda: Fake(said))
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


def test_stopping_keeps_what_is_finished_and_says_what_is_not(
    tmp_path: Path, log: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = cases(tmp_path / "in", "a", "b", "c"), tmp_path / "out"

    def stopped(*_: Any) -> Iterator[tuple[str, Any]]:
        yield "a", result(["supported"])
        raise KeyboardInterrupt

    monkeypatch.setattr(here, "results", stopped)
    (out / ".b.partial-1234").mkdir(parents=True)
    (out / ".c.old-1234").mkdir(parents=True)
    with pytest.raises(KeyboardInterrupt):
        runner.run(root, out)
    listed = json.loads((out / "batch.json").read_text(encoding="utf-8"))["cases"]
    assert [(case["case"], case["status"]) for case in listed] == [("a", "done"), ("b", "failed"), ("c", "failed")]
    assert "--resume" in listed[1]["error"]
    assert not list(out.glob(".*"))
    assert (out / "c").is_dir(), "a report that was about to be replaced is back"
    assert "stopped: 1 of 3 cases are finished" in capsys.readouterr().err


def test_a_failed_case_still_has_its_former_report(tmp_path: Path, log: list[str]) -> None:
    out = tmp_path / "out"
    (out / "bad").mkdir(parents=True)
    staging.write(
        staging.place(out / "portfolio.json"), json.dumps({"cases": {"bad": result(["supported"])["summary"]}})
    )
    runner.run(cases(tmp_path / "in", "bad", "good"), out, workers=1)
    html = (out / "index.html").read_text(encoding="utf-8")
    assert '<a href="bad/report.html">The report of an earlier run is still there.</a>' in html
    kept = json.loads((out / "portfolio.json").read_text(encoding="utf-8"))["cases"]
    assert kept["bad"]["report_id"] == "R-1", "the next run still knows what changed since"


def test_names_that_are_no_text_or_no_url_stop_nothing(tmp_path: Path, log: list[str]) -> None:
    names = ["a #1 100% <b>", "ä\u202eö", b"raw-\xff".decode("utf-8", "surrogateescape")]
    root = cases(tmp_path / "in", *names) if sys.platform == "linux" else cases(tmp_path / "in", *names[:1])
    assert runner.run(root, tmp_path / "out", workers=1) == runner.DONE
    listed = json.loads((tmp_path / "out" / "batch.json").read_text(encoding="utf-8"))["cases"]
    assert [case["case"] for case in listed][:2] == [names[0], "raw-_ff"]
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert 'href="a%20%231%20100%25%20%3Cb%3E/report.html"' in html
    assert 'href="raw-_ff/report.html"' in html


def test_skipped_cases_do_not_count_as_speed() -> None:
    teller = telling.Teller(10)
    for name in "abcde":
        teller.done(name, result(["supported"], status="skipped"))
    assert "cases/min" not in teller.line("e", result(["supported"], status="skipped"), 3.0)
    teller.done("f", result(["supported"]))
    assert "10.0 cases/min, 0:24 left" in teller.line("f", result(["supported"]), 6.0)


def test_each_case_is_told_with_rate_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    teller = telling.Teller(12)
    teller.done("sqlvm", result(["supported"]))
    said = teller.line("x" * 50, {"status": "failed", "seconds": None, "error": "bad\x1b[2J", "summary": None}, 6.0)
    assert said.splitlines()[0].startswith(" 1/12 x xxxxxxxxxx…")
    assert "10.0 cases/min, 1:06 left" in said
    assert said.splitlines()[1].strip() == "bad?[2J"
    teller.end(
        {"a": result([]), "b": {"status": "timeout", "seconds": 1.0, "error": "no end", "summary": None}}, "i.html"
    )
    out, err = capsys.readouterr()
    assert err.startswith(" 1/12 + sqlvm")
    assert "2 cases in 0:00: 1 done, 1 timed out\n  x b: no end\nWritten: i.html" in out


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


def process(monkeypatch: pytest.MonkeyPatch, body: str) -> worker.Worker:
    """A worker whose process runs this code instead."""
    popen = worker.subprocess.Popen
    code = "import sys, json, time, os\nprint(json.dumps({'ready': True}), flush=True)\n" + body
    monkeypatch.setattr(worker.subprocess, "Popen", lambda _, **more: popen([sys.executable, "-c", code], **more))
    return worker.Worker()


ANSWER = "print(json.dumps({'status': 'done'}), flush=True)"


def test_a_hanging_case_is_ended_and_the_worker_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    made_by = process(monkeypatch, f"for line in sys.stdin:\n  time.sleep(60 if 'hang' in line else 0); {ANSWER}")
    start = time.monotonic()
    made = made_by.run({"case": "hang"}, 5.0)
    assert made["status"] == "timeout"
    assert time.monotonic() - start < 30
    assert made_by.run({"case": "quick"}, 30.0)["status"] == "done"
    made_by.close()


def test_a_worker_that_dies_is_told_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    made_by = process(monkeypatch, f"for line in sys.stdin:\n  'die' in line and os._exit(9); {ANSWER}")
    died = made_by.run({"case": "die"}, 30.0)
    assert died["error"] == "the worker process ended with status 9; memory may have run out"
    assert made_by.run({"case": "live"}, 30.0)["status"] == "done"
    made_by.close()


def test_a_stopped_worker_starts_no_other_and_leaves_no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made_by = process(
        monkeypatch, f"import tempfile\nfor line in sys.stdin:\n  tempfile.mkdtemp(); {ANSWER}; time.sleep(60)"
    )
    assert made_by.run({"case": "a"}, 30.0)["status"] == "done"
    assert len(list(tmp_path.rglob("*"))) == 2, "its temporary files lie in a folder of its own"
    made_by.stop()
    assert list(tmp_path.iterdir()) == []
    again = jobs.do(jobs.Job("a", str(tmp_path), str(tmp_path / "out"), None, False, 30.0), made_by, retries=3)
    assert again["error"] == "the worker process ended; the batch was stopped"
    assert list(tmp_path.iterdir()) == []


def test_without_a_scheduler_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    with pytest.raises(Unsupported, match="no Dask scheduler answers"):
        list(cluster.results([], "tcp://127.0.0.1:9", 0))


@pytest.mark.slow
def test_two_real_cases_in_two_processes_and_again_with_resume(tmp_path: Path) -> None:
    root = tmp_path / "in"
    for name in ("one", "two"):
        whole = story()
        made = dict(whole.meta) | {"kit_version": __version__, "rules_version": rules.fingerprint()}
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
    kept = json.loads((out / "portfolio.json").read_text(encoding="utf-8"))["cases"]["one"]
    whole = summing.summary(load_analysis(out / "one"), summing.former_of(out / "one"))
    assert kept == whole | {"changed": "Unchanged"}
    again = {
        case["case"]: case["status"] for case in json.loads((out / "batch.json").read_text(encoding="utf-8"))["cases"]
    }
    assert again == {"empty": "failed", "one": "skipped", "two": "done_with_losses"}
    assert (out / "one" / "report.html").read_bytes() == first
    assert threading.active_count() < 20


@pytest.mark.slow
def test_the_bytes_of_a_report_do_not_depend_on_where_and_how_it_is_made(tmp_path: Path) -> None:
    (case,) = generate(tmp_path / "in", seed=11, count=1)
    made = []
    for name, hashes, zone in (("one", "1", "Asia/Tokyo"), ("two", "2", "America/New_York")):
        place = tmp_path / name
        place.mkdir()
        own = {"HOME": str(place), "USERPROFILE": str(place), "TZ": zone, "PYTHONHASHSEED": hashes}
        own |= {"KIT_STORE": str(place / "store"), "SOURCE_DATE_EPOCH": "1400598300"}
        own |= {"PYTHONPATH": str(Path(kit.__file__).parent.parent)}
        command = [sys.executable, "-m", "kit", "batch", str(case.parent), "--out", str(tmp_path / f"out-{name}")]
        subprocess.run(command, cwd=place, env=os.environ | own, check=False, capture_output=True, timeout=300)
        made.append(tmp_path / f"out-{name}" / case.name)
    files = sorted(path.relative_to(made[0]) for path in made[0].rglob("*") if path.is_file())
    assert Path("report.html") in files
    differing = [path for path in files if (made[0] / path).read_bytes() != (made[1] / path).read_bytes()]
    assert differing == [Path("ledger.jsonl")], "the ledger tells when"
    assert (made[0].parent / "index.html").read_bytes() == (made[1].parent / "index.html").read_bytes()


@pytest.mark.slow
def test_a_real_cluster_makes_the_reports(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    for name in ("one", "two"):
        story().save(tmp_path / "in" / name)
    options = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": ":0",  # any port: two test runs at once must not meet
        "host": "127.0.0.1",
    }
    with distributed.LocalCluster(**options) as running:
        assert runner.run(tmp_path / "in", tmp_path / "out", scheduler=running.scheduler_address) == runner.LOSS
    for name in ("one", "two"):
        assert (tmp_path / "out" / name / "report.html").is_file()
