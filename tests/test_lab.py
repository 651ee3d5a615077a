"""`kit lab`: the notebooks get the case that was named, and nothing is written into the evidence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from kit import lab
from kit.errors import CaseError, Unsupported


def parameters(notebook: Path) -> dict[str, object]:
    """What the parameters cell sets."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    (cell,) = [one for one in cells if "parameters" in one["metadata"].get("tags", [])]
    found: dict[str, object] = {}
    exec("".join(cell["source"]), found)  # the project's own notebook
    return found


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "the cäse"
    folder.mkdir()
    return folder


def test_every_notebook_is_copied_with_the_case_in_its_parameters(case: Path, tmp_path: Path) -> None:
    made = lab.prepared(case, tmp_path / "work")
    copies = sorted(made.glob("*.ipynb"))
    assert [copy.name for copy in copies] == sorted(path.name for path in lab.NOTEBOOKS.glob("*.ipynb"))
    assert {parameters(copy)["case"] for copy in copies} == {str(case.resolve())}


def test_another_case_of_the_same_name_is_chosen_and_changed_cells_stay(case: Path, tmp_path: Path) -> None:
    made = lab.prepared(case, tmp_path / "work")
    notebook = sorted(made.glob("*.ipynb"))[0]
    content = json.loads(notebook.read_text(encoding="utf-8"))
    content["cells"].append({"cell_type": "markdown", "metadata": {}, "source": ["my own note"]})
    notebook.write_text(json.dumps(content), encoding="utf-8")
    other = tmp_path / "elsewhere"
    other.mkdir()
    lab.prepared(other, made)
    assert parameters(notebook)["case"] == str(other.resolve())
    assert "my own note" in notebook.read_text(encoding="utf-8")


def test_a_notebook_that_fits_already_is_not_written_again(case: Path, tmp_path: Path) -> None:
    made = lab.prepared(case, tmp_path / "work")
    before = {path: path.stat().st_mtime_ns for path in made.glob("*.ipynb")}
    lab.prepared(case, made)
    assert {path: path.stat().st_mtime_ns for path in made.glob("*.ipynb")} == before


def test_a_damaged_working_copy_is_named(case: Path, tmp_path: Path) -> None:
    made = lab.prepared(case, tmp_path / "work")
    broken = sorted(made.glob("*.ipynb"))[0]
    broken.write_text("{", encoding="utf-8")
    with pytest.raises(CaseError, match=broken.name):
        lab.prepared(case, made)


def test_the_working_copy_lies_outside_the_evidence(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.chdir(tmp_path)
    assert lab._place(case.resolve()) == tmp_path.resolve() / "kit-lab" / "the-cäse"
    (case / "guest").mkdir()
    for inside in (case, case / "guest"):
        monkeypatch.chdir(inside)
        assert lab._place(case.resolve()) == tmp_path / "home" / "kit-lab" / "the-cäse"


def test_jupyterlab_is_told_the_folder_the_port_and_to_ask_for_no_news(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[tuple[list[str], dict[str, str]]] = []

    def begun(command: list[str], env: dict[str, str]) -> SimpleNamespace:
        called.append((command, env))
        return SimpleNamespace(wait=lambda: 0, poll=lambda: 0)

    monkeypatch.setattr(lab.subprocess, "Popen", begun)
    monkeypatch.chdir(tmp_path)
    assert lab.start(case, 9123, browser=False) == 0
    ((command, env),) = called
    work = tmp_path.resolve() / "kit-lab" / "the-cäse"
    assert f"--ServerApp.root_dir={work}" in command
    assert "--ServerApp.port=9123" in command and "--no-browser" in command
    assert str(lab.NOTEBOOKS.parent) in env["PYTHONPATH"].split(os.pathsep)
    settings = Path(env["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0]) / "labconfig" / "default_setting_overrides.json"
    said = json.loads(settings.read_text(encoding="utf-8"))
    assert said["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_without_a_home_that_can_be_written_all_lies_in_the_working_copy(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.write_text("no folder")
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.setattr(lab.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(case)
    folder = lab._place(case.resolve())
    assert folder.is_relative_to(tmp_path / "temporary")
    set_ = lab._environment(folder)
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        assert Path(set_[name]).is_relative_to(folder)


def test_with_a_home_its_settings_stay_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    assert lab._own_folders(tmp_path / "work") == {}


@pytest.mark.skipif(os.name != "posix", reason="Windows ends processes without asking them")
def test_the_server_ends_with_the_command(tmp_path: Path) -> None:
    told = tmp_path / "server"
    server = f"import os,time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    starts = (
        "import subprocess, sys; from kit import lab; "
        f"sys.exit(lab._waited(subprocess.Popen([sys.executable, '-c', {server!r}])))"
    )
    with subprocess.Popen([sys.executable, "-c", starts], cwd=Path(lab.__file__).parent.parent) as command:
        until = time.monotonic() + 60
        while not (told.exists() and told.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        command.terminate()
        assert command.wait(60) != 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="nowhere"):
        lab.start(tmp_path / "nowhere", None, browser=False)
    with pytest.raises(Unsupported, match="checkout"):
        lab.prepared(tmp_path, tmp_path / "work", tmp_path / "no-notebooks")


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("C:\\Users\\new", 'r"C:\\Users\\new"'), ("/cases/fabrikam", 'r"/cases/fabrikam"'),
        ("C:\\", "'C:\\\\'"), ('/a "b"', "'/a \"b\"'"), ("/a\nb", "'/a\\nb'"),
    ],
)
def test_a_path_stands_in_the_notebook_so_that_another_can_be_pasted_over_it(path: str, written: str) -> None:
    assert lab._written(path) == written
