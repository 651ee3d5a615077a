"""The layers of the package: an import may only point down or stay in its layer; readers never import each other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

KIT = Path(__file__).resolve().parent.parent / "kit"
LAYERS = [
    ("ground", {"__init__", "errors", "named", "windows", "evtx", "code_pages", "folders"}),
    ("forms", {
        "times", "text", "values", "tables", "parquet", "words", "powershell", "codes", "collect", "progress",
        "grouping", "visible",
    }),
    ("reading and knowledge", {"sources", "rules", "referee"}),
    ("case", {"case"}),
    ("reasoning", {"reasoning", "explain"}),
    ("judgement", {"judgement"}),
    ("pages and pictures", {"page", "plots", "terminal", "docs", "practice", "lab"}),
    ("audit", {"audit"}),
    ("report", {"report"}),
    ("handing out", {"batch", "share", "exports", "doctor"}),
    ("command", {"cli", "__main__"}),
]
PURE = ("reasoning", "judgement")
WRITERS = {f"judgement/{name}.py" for name in ("__init__", "analysis", "verdicts_json")}  # of the saved analysis


def layer(module: str) -> int | None:
    return next((number for number, (_, names) in enumerate(LAYERS) if module in names), None)


def top(path: Path) -> str:
    return path.relative_to(KIT).with_suffix("").parts[0]


def imported(path: Path) -> set[str]:
    """Modules of the kit that a file imports, but for those only a type checker sees."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner) for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "kit":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("kit.")}
    return {name for name in found if (KIT / f"{name}.py").exists() or (KIT / name).is_dir()}


FILES = sorted(KIT.rglob("*.py"))


def test_every_module_has_its_layer() -> None:
    assert [top(path) for path in FILES if layer(top(path)) is None] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(KIT).as_posix())
def test_imports_point_down(path: Path) -> None:
    own = layer(top(path))
    assert own is not None
    for name in imported(path):
        wanted = layer(name)
        assert wanted is not None
        assert wanted <= own, f"{path.name} ({LAYERS[own][0]}) imports {name} ({LAYERS[wanted][0]})"


def test_readers_never_import_each_other() -> None:
    readers = {path.stem for path in (KIT / "sources").glob("*.py") if not path.stem.startswith("_")} - {"seam"}
    for path in (KIT / "sources").glob("*.py"):
        if path.stem in readers:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.module == "kit.sources":
                    assert not readers & {alias.name for alias in node.names}, path.name
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kit.sources."):
                    assert (node.module or "").split(".")[2] not in readers, path.name


def test_the_practice_cases_know_nothing_of_the_judgement() -> None:
    for path in (KIT / "practice").rglob("*.py"):
        assert imported(path) <= {"errors", "practice", "__init__"}, path.name


def test_reasoning_neither_prints_nor_draws_nor_opens_files() -> None:
    names = {name for word, group in LAYERS if word in PURE for name in group}
    for path in FILES:
        if top(path) not in names or path.relative_to(KIT).as_posix() in WRITERS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("print", "open"), path.name
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                text = ast.dump(node)
                assert "plotly" not in text and "papermill" not in text, path.name


def test_event_ids_stand_in_the_knowledge_and_not_in_the_code() -> None:
    """Numbers like 3197, 18210 or 12298 are knowledge; code compares phases, classes and captures."""
    known = {3197, 3198, 3041, 18210, 18264, 3406, 3407, 3408, 3421, 24583, 24579, 12298, 8229, 6008, 29242}
    for path in FILES:
        if top(path) == "practice":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
                assert node.value not in known, f"{path.name}:{node.lineno} knows event {node.value}"
