"""A notebook in JupyterLab as a user runs it: the lab as `run.py lab` starts it, a real browser, a home of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from kit.lab import NOTEBOOKS
from kit.report import pdf

sync_api = pytest.importorskip("playwright.sync_api")
ROOT = NOTEBOOKS.parent
TOKEN = "of-this-test"
ERROR = "[data-mime-type='application/vnd.jupyter.error']"
SLOW_S = 150  # for each wait; a quiet machine needs some seconds
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(pdf.browser() is None, reason="needs Chromium, Chrome or Edge"),
    pytest.mark.skipif(os.name == "nt", reason="a group of processes is ended by signal"),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a lab on the bundled case; every cell stands in the page, also what is scrolled out of sight."""
    folder = tmp_path_factory.mktemp("lab")
    settings = folder / "home/.jupyter/lab/user-settings/@jupyterlab/notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"HOME": str(folder / "home"), "PYTHONPATH": str(ROOT), "KIT_STORE": str(folder / "store")}
    server = subprocess.Popen(
        [sys.executable, "-m", "kit", "lab", str(ROOT / "data" / "practice"), "--port", str(port), "--no-browser"],
        cwd=folder, env=os.environ | place | {"JUPYTER_TOKEN": TOKEN}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _answers(f"http://127.0.0.1:{port}/api", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _answers(address: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + SLOW_S
    while time.monotonic() < end:
        try:
            urlopen(address, timeout=5).close()
            return
        except (URLError, OSError):
            assert server.poll() is None, "the lab ended by itself"
            time.sleep(0.3)
    pytest.fail("the lab does not answer")


def _run_all(page: Any, address: str, notebook: str) -> None:
    page.set_default_timeout(SLOW_S * 1000)
    page.goto(f"{address}/lab/tree/{notebook}?reset&token={TOKEN}")
    page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell")
    page.wait_for_function("document.querySelector('#jp-main-statusbar').innerText.includes('| Idle')")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
    dialog = page.locator(".jp-Dialog button.jp-mod-accept")
    end = time.monotonic() + SLOW_S
    while not all(re.fullmatch(r"\[\d+\]:", one) for one in page.locator(".jp-InputPrompt").all_inner_texts() if one):
        assert page.locator(ERROR).all_inner_texts() == []
        assert time.monotonic() < end, page.locator(".jp-InputPrompt").all_inner_texts()
        if dialog.count():  # the kernel was not there yet when the cells were to run
            dialog.first.click()
            page.locator(".jp-Notebook").focus()
        page.wait_for_timeout(200)


def test_a_notebook_runs_in_jupyterlab_without_an_error_and_shows_its_figures(lab: str) -> None:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(pdf.browser()), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": 1366, "height": 900})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        _run_all(page, lab, "02-guest-vss-errors.ipynb")
        figures = page.locator(".jp-OutputArea .js-plotly-plot .main-svg")
        figures.first.wait_for(state="attached")
        sync_api.expect(page.locator(".jp-OutputArea .js-plotly-plot")).to_have_count(2)
        assert page.locator(".jp-OutputArea svg.f").count() == 3, "the phase diagrams"
        assert page.locator(".jp-RenderedText[data-mime-type$='stderr']").all_inner_texts() == []
        assert page.locator(ERROR).all_inner_texts() == []
        wide = "[...document.querySelectorAll('.jp-OutputArea-output')].filter(o => o.scrollWidth > o.clientWidth + 1)"
        assert page.evaluate(f"{wide}.map(o => o.innerText.slice(0, 80))") == []
        outside = [url for url in asked if not url.startswith((lab, "data:", "blob:"))]
        assert asked and outside == []
        browser.close()
