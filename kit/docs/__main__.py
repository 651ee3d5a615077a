"""`python run.py docs`: writes every page that is made from code and knowledge again."""

from __future__ import annotations

from kit.docs import rules, tables, verdicts


def write() -> None:
    """Writes docs/rules/, docs/tables.md and docs/verdicts.md."""
    rules.write()
    for module in (tables, verdicts):
        module.PAGE.write_text(module.page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
