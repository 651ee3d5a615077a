"""The words that pages, notebooks and sentences of the kit use themselves: a database called Backup is one of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from kit.report import notebooks

_WORD = re.compile(r"[a-z0-9]+")
_FOLDERS = ("page", "plots", "reasoning", "judgement", "report")


@cache
def own_words() -> frozenset[str]:
    """Lower-case words of templates, style, notebooks, and of every text that the code writes."""
    return frozenset(word for text in _texts() for word in _WORD.findall(text.lower()))


def is_own(name: str) -> bool:
    """Whether a name consists of such words alone."""
    words = _WORD.findall(name.lower())
    return bool(words) and name.isascii() and set(words) <= own_words()


def _texts() -> Iterator[str]:
    package = resources.files("kit")
    assets = package.joinpath("assets")
    yield from (_read(one) for one in assets.joinpath("parts").iterdir() if one.name.endswith(".j2"))
    yield from (_read(assets.joinpath(name)) for name in ("page.css", "report.css", "page.js"))
    for folder in _FOLDERS:
        for one in package.joinpath(folder).iterdir():
            if one.name.endswith(".py"):
                yield from _written(_read(one))
    yield from _written(_read(package.joinpath("tables.py")))
    languages = package.joinpath("languages")
    if languages.is_dir():
        yield from (_read(one) for one in languages.iterdir() if one.name.endswith(".toml"))
    yield from (path.read_text(encoding="utf-8") for path in sorted(notebooks.FOLDER.glob("*.ipynb")))


def _read(file: Traversable) -> str:
    return file.read_text(encoding="utf-8")


def _written(source: str) -> Iterator[str]:
    """Names and texts of a module, without its comments and docstrings."""
    tree = ast.parse(source)
    described = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            yield node.value
