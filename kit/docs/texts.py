"""Every text that a report says, found in the code: what a language file has to translate.

    python -m kit.docs.texts de

prints what kit/languages/de.toml lacks, ready to be filled in, and names what it has and nobody says any more.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import jinja2
from jinja2 import nodes

from kit import rules
from kit.page.language import language
from kit.reasoning.verdicts import DECISION_LIST, ITEMS

KIT = Path(__file__).resolve().parent.parent
NOTEBOOKS = KIT.parent / "notebooks"
SPEAKING = ("page", "plots", "report", "batch", "share")  # folders whose modules say texts of a report
SAYING = {  # calls, and which of their arguments are texts
    "say": (0,), "say_n": (1, 2), "marked": (0,), "_given": (1,), "_words": (0,)
}  # fmt: skip
PLACE = re.compile(r"\{[a-z_0-9]*\}")
_HEADING = re.compile(r"\s*#{1,2} +(.+?)\s*(?:\n|$)")


def texts() -> dict[str, str]:
    """Every text of pages, figures, summaries and notebooks, with the file that says it first."""
    found: dict[str, str] = {}
    for path in sorted(path for folder in SPEAKING for path in (KIT / folder).rglob("*.py")):
        for text in _of_module(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(text, f"kit/{path.relative_to(KIT).as_posix()}")
    for path in sorted((KIT / "assets" / "parts").glob("*.j2")):
        for text in _of_template(path.read_text(encoding="utf-8")):
            found.setdefault(text, f"kit/assets/parts/{path.name}")
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for text in _of_notebook(path):
            found.setdefault(text, f"notebooks/{path.name}")
    return found


def sentences() -> dict[str, str]:
    """Sentences of tables that stand in the code or the knowledge as they are, with the file that holds them."""
    found = {row.text: "kit/reasoning/verdicts.py" for row in DECISION_LIST}
    found |= dict.fromkeys(ITEMS.values(), "kit/reasoning/verdicts.py")
    known = rules.load().by_id
    return found | {rule.meaning: f"knowledge, rule {rule_id}" for rule_id, rule in known.items() if rule.meaning}


def _of_module(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id == "Spoken" and node.args and isinstance(node.args[0], ast.Dict):
            yield from _constants(node.args[0].values)
        places = SAYING.get(node.func.id, ())
        yield from _constants(node.args[place] for place in places if place < len(node.args))


def _constants(found: Iterable[ast.expr]) -> Iterator[str]:
    for node in found:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            yield node.value


def _of_template(source: str) -> Iterator[str]:
    tree = jinja2.Environment(autoescape=True).parse(source)
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in ("say", "say_n"):
            for place in SAYING[call.node.name]:
                argument = call.args[place]
                if isinstance(argument, nodes.Const):
                    yield str(argument.value)


def _of_notebook(path: Path) -> Iterator[str]:
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "markdown" or not source.strip():
            continue
        heading = _HEADING.match(source)
        rest = source[heading.end() :].strip() if heading else source.strip()
        yield from filter(None, [heading[1] if heading else "", rest])


def lacking(code: str) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Texts and sentences that a language does not translate, with their files, and texts of it that nobody says."""
    own = language(code)
    said, kept = texts(), sentences()
    return (
        {text: where for text, where in said.items() if text not in own.texts},
        {text: where for text, where in kept.items() if text not in own.sentences},
        sorted(set(own.texts) - set(said)),
    )


def places_lost(code: str) -> list[str]:
    """Translations whose `{places}` are not those of the English text."""
    own = language(code)
    return [
        english
        for section in (own.texts, own.sentences)
        for english, text in section.items()
        if set(PLACE.findall(text)) - set(PLACE.findall(english)) or _needed(english) - set(PLACE.findall(text))
    ]


def _needed(english: str) -> set[str]:
    return set(PLACE.findall(english))


def main(code: str) -> None:
    """Writes what the language lacks as a part of its file."""
    said, kept, unused = lacking(code)
    lines = []
    for section, found in (("texts", said), ("sentences", kept)):
        lines.append(f"[{section}]" if found else f"# [{section}] is complete")
        lines += [f"# {where}\n{json.dumps(text, ensure_ascii=False)} = \"\"" for text, where in found.items()]
    lines += [f"# nobody says: {text}" for text in unused]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
