"""The project as a whole: what may stand in committed files, clean notebooks, locks, a set-up script without needs."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = {
    ".py", ".md", ".toml", ".json", ".ipynb", ".txt", ".lock", ".css", ".js", ".j2", ".html", ".yml", ".cfg", ".xml",
    ".csv",
}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode or not listed.stdout:
        pytest.skip("no git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_locks_are_hashed_and_hold_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    pins = re.findall(r"^([a-z0-9_.-]+(?:\[[a-z,]+\])?)==", text, re.MULTILINE)
    assert len(pins) > 100
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    assert all("--hash=sha256:" in block for block in blocks if "==" in block)


def test_the_package_that_collides_on_windows_is_no_runtime_dependency() -> None:
    run = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"^evtx==", run, re.MULTILINE)
    dev = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    assert re.search(r"^evtx==\S+ ; sys_platform == 'linux'", dev, re.MULTILINE)


def test_the_development_lock_holds_the_very_packages_of_the_other() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^(\S+==\S+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_no_machine_path_and_no_package_host_stands_in_a_committed_file() -> None:
    path = re.compile(r"(?<![\w.])/(?:home|root|work|Users|tmp)/[\w.-]+")
    host = re.compile(r"pypi\.org|files\.pythonhosted|registry\.npmjs", re.IGNORECASE)
    found = []
    for file in tracked():
        if file.suffix not in TEXT or "samples" in file.parts or file.name == Path(__file__).name:
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        found += [f"{file.relative_to(ROOT)}: {hit.group()}" for hit in host.finditer(text)]
        if file.suffix in {".py", ".toml", ".ipynb", ".md", ".lock"} and "tests" not in file.parts:  # tests plant paths
            found += [f"{file.relative_to(ROOT)}: {hit.group()}" for hit in path.finditer(text)]
    assert found == []


def notebooks() -> list[Path]:
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_notebooks_are_thin_and_clean(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in code) == 1
    for cell in code:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        tree = ast.parse("".join(cell["source"]))
        for node in ast.walk(tree):
            assert not isinstance(node, (ast.FunctionDef, ast.For, ast.While, ast.If, ast.Try, ast.ClassDef)), path.name
    assert content["cells"][0]["cell_type"] == "markdown"
    assert "?" in "".join(content["cells"][0]["source"]), "a notebook starts with its question"


def test_five_notebooks_cover_the_walk_from_intake_to_report() -> None:
    assert [path.stem[:2] for path in notebooks()][:5] == ["01", "02", "03", "04", "05"]


def test_run_py_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse((ROOT / "run.py").read_text(encoding="utf-8"))
    plain = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    names = {alias.name.split(".")[0] for node in plain for alias in node.names}
    names |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert names <= set(sys.stdlib_module_names)


def test_run_py_explains_itself_and_refuses_unknown_words() -> None:
    script = [sys.executable, str(ROOT / "run.py")]
    helped = subprocess.run([*script, "--help"], capture_output=True, text=True, check=False)
    assert helped.returncode == 0
    assert "python run.py demo" in helped.stderr
    wrong = subprocess.run([*script, "check", "FOLDER"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert wrong.stderr.endswith("a command of the kit is: python run.py kit check FOLDER\n")


def test_files_of_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} -> {target}"


def test_the_page_of_verdicts_is_current() -> None:
    from kit.docs import verdicts as docs_verdicts

    assert docs_verdicts.PAGE.read_text(encoding="utf-8") == docs_verdicts.page(), "run: python -m kit.docs.verdicts"


def test_ruff_and_the_type_checker_are_content() -> None:
    words = [sys.executable, "-m", "ruff", "check", "."]
    ruff = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ruff.returncode == 0, ruff.stdout[-2000:]
    mypy = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert mypy.returncode == 0, mypy.stdout[-2000:]
