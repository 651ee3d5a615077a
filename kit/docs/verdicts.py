"""docs/verdicts.md, made from the decision list. `python -m kit.docs.verdicts` writes it again."""

from __future__ import annotations

from pathlib import Path

from kit.reasoning.verdicts import DECISION_LIST, ITEMS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "verdicts.md"
HEAD = """# Verdicts

Made from `kit/reasoning/verdicts.py` by `python -m kit.docs.verdicts`; do not edit.

| sign | verdict | it means |
|---|---|---|
| ● | confirmed | freeze and thaw without a failure, and a test failover of this very point recovered it |
| ◐ | supported | freeze and thaw without a failure; no test failover of this point |
| ○ | inconclusive | something the verdict needs is missing or open; the report says what would settle it |
| ✕ | contradicted | a failure in the operation, a failed recovery or an unexplained rollback speaks against it |
| · | no claim | the point does not claim application consistency |

The machine's verdict is the worst of its databases, in the order contradicted, inconclusive, supported,
confirmed. Databases are all that the case shows, frozen or only started or backed up, without tempdb,
mssqlsystemresource and those that are offline or restoring.

The label of the host is the statement under test and never evidence for itself. The age of the guest decides
nothing, nor does `SignalAbort` or OS error 995: only whether the abort came before or after the thaw of the
same database.
"""
TAIL = """
## Rollback and the two policies

On a good image SQL Server still runs recovery at boot: transactions that were open at the freeze are rolled
back. A count of 0 is no rollback. A count above 0 is explained when the image was cut inside the freeze (the
last record is a frozen database, or the newest record lies between freeze and thaw), or when it is at most
the number of transactions known to have been open. What is left over is read in two ways, and the report
always prints both: under `strict` (the rule of the vendor's article, the default) it contradicts the point,
under `refined` the point stays supported. Choose with `--policy` or in case.toml.

## Errors in the guest

| class | it means |
|---|---|
| benign_abort | the requestor stopped after the thaw of the same database, in an operation of the host's schedule |
| genuine_failure | a failure before or at the thaw, in flush and hold, or in recovery |
| other_requestor | another product's backup, or a snapshot off the host's schedule while that goes on |
| environment | a named cause outside the operation, such as a service or storage |
| background_noise | known to mean nothing here |
| normal | part of a healthy run |
| unexplained | nothing of that can be shown |
"""


def page() -> str:
    """The page as Markdown."""
    lines = [HEAD, "## Evidence items\n"]
    lines += ["Each is true, false or unknown. A missing export makes an item unknown, never false.\n"]
    lines += ["| item | statement |", "|---|---|", *(f"| {name} | {text} |" for name, text in ITEMS.items())]
    lines += ["\n## Decision list\n", "The first row that holds decides.\n"]
    lines += ["| row | verdict | holds when | policy | in words |", "|---|---|---|---|---|"]
    for row in DECISION_LIST:
        when = ", ".join(f"{item} {' or '.join(values)}" for item, values in row.when.items()) or "always"
        policy = "both" if len(row.policies) == 2 else row.policies[0]
        lines.append(f"| {row.row_id} | {row.verdict.replace('_', ' ')} | {when} | {policy} | {row.text} |")
    return "\n".join([*lines, TAIL])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
