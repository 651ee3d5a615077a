"""The notebooks: where they are, which parameters they declare, and whether given ones fit, before a kernel starts."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from kit.errors import ExportError, ParameterError

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
REPORT = "05-case-report"
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,), "int": (int,), "float": (float, int), "bool": (bool,), "list": (list,), "dict": (dict,),
    "None": (type(None),),
}  # fmt: skip


@dataclass(frozen=True)
class Parameter:
    """A declared parameter: its types as written, and its default; an empty text means that it must be given."""

    name: str
    annotation: str
    default: Any

    @property
    def needed(self) -> bool:
        return self.default == "" and "None" not in self.annotation

    def fits(self, value: Any) -> bool:
        """Whether the value is of one of the declared types; true and false are no numbers."""
        kinds = [TYPES[word.strip()] for word in self.annotation.split("|")]
        allowed = tuple(kind for kinds_ in kinds for kind in kinds_)
        return isinstance(value, allowed) and not (isinstance(value, bool) and bool not in allowed)


def find(name: str | None = None, folder: Path = FOLDER) -> Path:
    """The path of a notebook: a path, its name, its number, or what its name or a word of it begins with.

    Without a name the case report. Raises ParameterError naming the notebooks that there are.
    """
    if name and name.endswith(".ipynb") and Path(name).is_file():
        return Path(name)
    there = sorted(folder.glob("*.ipynb"))
    wanted = (name or REPORT).removesuffix(".ipynb").casefold()
    found = next((hits for fits in _WAYS if (hits := [path for path in there if fits(path.stem, wanted)])), [])
    if len(found) == 1:
        return found[0]
    known = ", ".join(path.stem for path in found or there) or f"none in {folder}; run from a checkout of the project"
    raise ParameterError(f"notebook={name!r} is {'ambiguous' if found else 'unknown'}; there are: {known}")


def _number_is(stem: str, wanted: str) -> bool:
    number = stem.partition("-")[0]
    return wanted.isascii() and wanted.isdigit() and number.isdigit() and int(number) == int(wanted)


_WAYS: tuple[Callable[[str, str], bool], ...] = (  # of finding a notebook by its name, the first that finds any wins
    lambda stem, wanted: stem == wanted,
    _number_is,
    lambda stem, wanted: stem.partition("-")[2] == wanted,
    lambda stem, wanted: stem.startswith(wanted),
    lambda stem, wanted: stem.partition("-")[2].startswith(wanted),
    lambda stem, wanted: any(word.startswith(wanted) for word in stem.split("-")),
)


def load(path: Path) -> NotebookNode:
    """The notebook as nbformat 4. Raises ExportError naming the file."""
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, AttributeError, nbformat.ValidationError) as error:
        raise ExportError(f"{path}: cannot be read as a notebook: {error}") from error


def declared(notebook: NotebookNode, name: str) -> dict[str, Parameter]:
    """The parameters of the cell tagged `parameters`. Raises ParameterError for one without a type that is known."""
    cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise ParameterError(f"notebook {name} has {len(cells)} cells tagged parameters; it needs exactly one")
    try:
        statements = ast.parse(cells[0].source).body
    except SyntaxError as error:
        raise ParameterError(f"notebook {name}: the cell tagged parameters is no Python: {error}") from error
    made = [_parameter(statement, name) for statement in statements]
    return {parameter.name: parameter for parameter in made}


def _parameter(statement: ast.stmt, name: str) -> Parameter:
    if (
        not isinstance(statement, ast.AnnAssign)
        or not isinstance(statement.target, ast.Name)
        or statement.value is None
    ):
        raise ParameterError(f"notebook {name}, line {statement.lineno}: write a parameter as `name: type = value`")
    written = ast.unparse(statement.annotation)
    if unknown := [word.strip() for word in written.split("|") if word.strip() not in TYPES]:
        raise ParameterError(f"notebook {name}: {statement.target.id} has type {unknown[0]}; use {', '.join(TYPES)}")
    try:
        default = ast.literal_eval(statement.value)
    except ValueError as error:
        raise ParameterError(f"notebook {name}: the value of {statement.target.id} is no plain value") from error
    return Parameter(statement.target.id, written, default)


def check(known: Mapping[str, Parameter], given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The given parameters. Raises ParameterError for one that is unknown, missing or of the wrong type."""
    for parameter, value in given.items():
        if parameter not in known:
            raise ParameterError(f"notebook {name} has no parameter {parameter!r}; it has: {', '.join(known)}")
        if not known[parameter].fits(value):
            raise ParameterError(
                f"{parameter}={value!r} is of the wrong type; notebook {name} wants {known[parameter].annotation}"
            )
    for one in known.values():
        if one.needed and not given.get(one.name):
            raise ParameterError(f"notebook {name} needs parameter {one.name!r} ({one.annotation})")
    return dict(given)
