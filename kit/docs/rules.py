"""The pages docs/rules/*.md, made from the knowledge files: one page a component, one of root causes, one of codes.

    python -m kit.docs.rules          writes them; a test fails while they are stale
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from kit import codes, rules
from kit.rules.file import Rule

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "rules"
_STATUS = {
    "validated": "validated on real logs", "documented": "documented by the vendor", "field-report": "field reports",
    "inferred": "inferred, not confirmed",
}


def pages() -> dict[str, str]:
    """Every page by its file name."""
    known = rules.load()
    made = {component.page.rsplit("/", 1)[-1]: _component(component, known) for component in known.components}
    return {"README.md": _index(known), "root_causes.md": _causes(known), "codes.md": _codes(), **made}


def write(folder: Path = FOLDER) -> list[Path]:
    """The paths of the pages, written; pages of components that are gone are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for old in folder.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return [folder / name for name in made]


def _index(known: rules.Rules) -> str:
    lines = [
        "# Rules", "",
        "What the kit knows about events, one page a component. The pages are made from `kit/knowledge/*.toml` by "
        "`python -m kit.docs.rules`; change the knowledge, not the pages.", "",
        "| component | rules | about |", "|---|---|---|",
    ]
    for one in known.components:
        count = sum(rule.file == one.file for rule in known.rules)
        lines.append(f"| [{one.name}]({one.page.rsplit('/', 1)[-1]}) | {count} | {cell(one.about)} |")
    lines += ["", "[Root causes](root_causes.md) - [Codes and enumerations](codes.md)", "", _HOW, ""]
    return "\n".join(lines)


_HOW = """## How to add one

Add a file to `kit/knowledge` (a new component) or a `[[rule]]` to one that is there, and run the tests:

```toml
[component]
name = "My backup product"
about = "What its events tell about snapshots."

[references]
manual = "My backup product: administrator's guide"

[[rule]]
id = "mybackup-failed"            # unique
provider = ["MyBackup"]           # event source, any letter case; MSSQL$* is a wildcard
event_id = [100]                  # and / or pattern (must be in the text), text (identifies lines without a number)
strings = { database = 0 }        # captures: inserted string by its place; data = { name = "Field" } by its name
phase = "prepare"
class = "genuine_failure"
severity = "error"
meaning = "What it means, in your own words."
applies_to = "version 3 and later"
reference = ["manual"]
status = "documented"             # validated, documented, field-report or inferred
root_cause = "writer_failed"      # see root_causes.md
sample = [{ provider = "MyBackup", event_id = 100, strings = ["Sales"], captures = { database = "Sales" } }]
```

The shared tests pick the file up: each sample matches its own rule and no other, ids are unique, references and root
causes resolve."""


def _component(component: rules.Component, known: rules.Rules) -> str:
    own = [one for one in known.rules if one.file == component.file]
    head = "| rule | events | phase | class | status |"
    lines = [f"# {component.name}", "", component.about, "", head,
             "|---|---|---|---|---|"]
    for one in own:
        lines.append(f"| [{one.id}](#{one.id}) | {cell(_key(one))} | {one.phase} | {one.class_} | {one.status} |")
    for one in own:
        lines += _rule(one)
    return "\n".join(lines) + "\n"


def _key(one: Rule) -> str:
    numbers = ", ".join(str(number) for number in sorted(one.event_id))
    by_text = "by text" if one.text or one.pattern else ""
    return "; ".join(part for part in (numbers, by_text if not numbers else "") if part)


def _rule(one: Rule) -> Iterator[str]:
    yield from ("", f'<a id="{one.id}"></a>', "", f"## {one.id}", "", one.meaning, "")
    yield f"- source: {', '.join(f'`{name}`' for name in one.provider) or 'any'}"
    if one.event_id:
        yield f"- event: {', '.join(str(number) for number in sorted(one.event_id))}"
    if one.text:
        yield f"- records without a number are known by {len(one.text)} wording{'s' if len(one.text) > 1 else ''}"
    for condition in one.where:
        yield f"- only if `{condition.capture}` {_condition(condition.test, condition.value)}"
    if captures := _captures(one):
        yield f"- captures: {', '.join(f'`{name}`' for name in captures)}"
    yield f"- phase {one.phase}, class {one.class_}, severity {one.severity}"
    yield f"- applies to: {one.applies_to}"
    yield f"- status: {_STATUS[one.status]}"
    if one.root_cause:
        yield f"- root cause: [{one.root_cause}](root_causes.md#{one.root_cause})"
    yield from (f"- other reading: {reading}" for reading in one.readings)
    yield f"- reference: {'; '.join(one.reference)}"


def _condition(test: str, value: object) -> str:
    if test in ("is", "is_not") and isinstance(value, frozenset):
        listed = ", ".join(sorted(str(one) for one in value))
        return f"is {'not ' if test == 'is_not' else ''}{listed}"
    if test == "known":
        return "is known" if value else "is not known"
    return f"{test} `{getattr(value, 'pattern', value)}`".replace("|", "\\|")


def _captures(one: Rule) -> list[str]:
    patterns = [pattern for pattern in (one.pattern, *one.text, *one.capture) if pattern is not None]
    named = [name for pattern in patterns for name in pattern.groupindex]
    declared = [name for pairs in (one.strings, one.data, one.set) for name, _ in pairs]
    return sorted({*named, *declared, *(choice.capture for choice in one.choose)})


def _causes(known: rules.Rules) -> str:
    lines = ["# Root causes", "", "The ids that `kit explain` gives as `root_cause`.", "",
             "| id | kind | title |", "|---|---|---|"]
    causes = sorted(known.root_causes.values(), key=lambda one: (rules.KINDS.index(one.kind), one.id))
    lines += [f"| [{one.id}](#{one.id}) | {one.kind} | {one.title} |" for one in causes]
    for one in causes:
        lines += ["", f'<a id="{one.id}"></a>', "", f"## {one.title}", "", f"`{one.id}`, {one.kind}. {one.meaning}", ""]
        for text, command in one.advice:
            lines.append(f"- {text}")
            lines += ["", f"      {command}", ""] if command else []
    return "\n".join(lines).rstrip() + "\n"


def _codes() -> str:
    content = tomllib.loads(codes.FILE.read_text(encoding="utf-8"))
    lines = ["# Codes and enumerations", "", "A code that is not here is unknown, never OK.", ""]
    titles = {"hresult": "HRESULT", "win32": "Win32", "wininet": "WinINet", "sql_server": "SQL Server errors",
              "ese": "ESE errors"}
    for kind, title in titles.items():
        lines += [f"## {title}", "", "| code | symbol | meaning | root cause |", "|---|---|---|---|"]
        lines += [f"| {key} | {one.get('symbol', '')} | {cell(one['meaning'])} | {one.get('root_cause', '')} |"
                  for key, one in content[kind].items()]
        lines.append("")
    for name, words in content["enum"].items():
        lines += [f"## {name}", "", ", ".join(f"{number} {word}" for number, word in words.items()), ""]
    return "\n".join(lines).rstrip() + "\n"


def cell(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    write()
