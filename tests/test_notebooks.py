"""The notebooks are thin, carry no outputs, and refuse parameters that do not fit before a kernel starts."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from kit.errors import ExportError, ParameterError
from kit.report import notebooks

THERE = sorted(notebooks.FOLDER.glob("*.ipynb"))
FORBIDDEN = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.For,
    ast.While,
    ast.If,
    ast.Try,
    ast.With,
    ast.Lambda,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.GeneratorExp,
)


def test_the_five_notebooks_come_first() -> None:
    assert [path.stem for path in THERE][:5] == [
        "01-evidence-intake",
        "02-guest-vss-errors",
        "03-recovery-points",
        "04-rollback-evidence",
        "05-case-report",
    ]


@pytest.mark.parametrize("path", THERE, ids=lambda path: path.stem)
class TestEachNotebook:
    def test_has_no_outputs_no_counts_and_fixed_ids(self, path: Path) -> None:
        content = json.loads(path.read_text(encoding="utf-8"))
        code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
        assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
        assert [cell["id"] for cell in content["cells"]] == [f"cell-{n:02d}" for n in range(len(content["cells"]))]

    def test_cells_are_one_or_two_calls(self, path: Path) -> None:
        for cell in notebooks.load(path).cells:
            if cell.cell_type != "code" or "parameters" in cell.metadata.get("tags", []):
                continue
            tree = ast.parse(cell.source)
            assert not [node for node in ast.walk(tree) if isinstance(node, FORBIDDEN)], cell.source
            calls = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
            assert 1 <= len(calls) <= 2, cell.source

    def test_imports_the_kit_first_and_nothing_else(self, path: Path) -> None:
        code = "\n".join(cell.source for cell in notebooks.load(path).cells if cell.cell_type == "code")
        imports = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import | ast.ImportFrom)]
        modules = [node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imports]
        assert modules
        assert all((module or "").split(".")[0] == "kit" for module in modules)

    def test_declares_the_same_parameters_without_a_default_case(self, path: Path) -> None:
        declared = notebooks.declared(notebooks.load(path), path.stem)
        assert list(declared) == ["case", "vm", "since", "until", "policy", "language"]
        assert declared["case"].needed
        assert all(declared[name].default is None for name in ("vm", "since", "until", "policy"))

    def test_begins_with_a_question_and_ends_with_what_can_be_said(self, path: Path) -> None:
        cells = notebooks.load(path).cells
        assert cells[0].source.split("\n")[0].startswith("# ")
        assert cells[0].source.split("\n")[0].endswith("?")
        assert cells[-1].source.startswith("**Now ")

    def test_talks_to_the_analyst_between_the_cells(self, path: Path) -> None:
        notes = [cell for cell in notebooks.load(path).cells if "analyst" in cell.metadata.get("tags", [])]
        assert len(notes) >= (4 if path in THERE[:5] else 2)


def declared(source: str) -> dict[str, notebooks.Parameter]:
    import nbformat.v4 as v4

    cell = v4.new_code_cell(source, metadata={"tags": ["parameters"]})
    return notebooks.declared(v4.new_notebook(cells=[cell]), "trial")


def test_an_unknown_parameter_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match="notebook trial has no parameter 'polcy'; it has: case, policy"):
        notebooks.check(
            declared('case: str = ""\npolicy: str | None = None'), {"case": "x", "polcy": "strict"}, "trial"
        )


def test_a_missing_parameter_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match="notebook trial needs parameter 'case'"):
        notebooks.check(declared('case: str = ""'), {}, "trial")


@pytest.mark.parametrize(
    ("annotation", "value", "fits"),
    [
        ("str", "a", True),
        ("str", 1, False),
        ("int", 1, True),
        ("int", True, False),
        ("float", 1, True),
        ("float", "1", False),
        ("str | None", None, True),
        ("str", None, False),
        ("list", (1, 2), False),
        ("list", [1], True),
        ("bool", False, True),
        ("dict", {}, True),
    ],
)
def test_a_parameter_of_the_wrong_type_is_refused(annotation: str, value: object, fits: bool) -> None:
    known = declared(f"other: {annotation} = None")
    if fits:
        assert notebooks.check(known, {"other": value}, "trial") == {"other": value}
    else:
        with pytest.raises(ParameterError, match=r"other=.* is of the wrong type"):
            notebooks.check(known, {"other": value}, "trial")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("case = 'x'", "write a parameter as"),
        ("case: str", "write a parameter as"),
        ("import os", "write a parameter as"),
        ("case: Path = ''", "case has type Path"),
        ("case: str = open('x').read()", "is no plain value"),
        ("case: str = ", "is no Python"),
    ],
)
def test_a_parameters_cell_that_cannot_be_checked_is_refused(source: str, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        declared(source)


def test_a_notebook_is_found_by_number_name_or_path() -> None:
    report = notebooks.FOLDER / "05-case-report.ipynb"
    assert notebooks.find() == notebooks.find("05") == notebooks.find("05-case-report.ipynb") == report
    assert notebooks.find(str(report)) == report
    points = notebooks.FOLDER / "03-recovery-points.ipynb"
    for name in ("3", "03", "recovery-points", "recovery", "Points", "03-rec"):
        assert notebooks.find(name) == points, name
    assert notebooks.find("evidence") == notebooks.FOLDER / "01-evidence-intake.ipynb", "the name begins with it"
    with pytest.raises(ParameterError, match="there are: 01-evidence-intake"):
        notebooks.find("9")
    with pytest.raises(ParameterError, match="ambiguous"):
        notebooks.find("0")


def test_a_file_that_is_no_notebook_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.ipynb"
    broken.write_text("{", encoding="utf-8")
    with pytest.raises(ExportError, match=r"broken\.ipynb"):
        notebooks.load(broken)
