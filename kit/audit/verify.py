"""`kit verify`: evidence and outputs against their manifest, and cited records against the second parser."""

from __future__ import annotations

from pathlib import Path

from kit.case import custody
from kit.words import counted


def verified(folder: Path, case: Path | None, parsers: bool) -> tuple[str, bool]:
    """The text of `kit verify`, and whether everything is as it was sealed.

    `case` is where the evidence lies now. With `parsers` the records that the report cites are read again by the second
    parser.
    """
    found = custody.verify(folder, case)
    lines = [f"! {one}" for one in found]
    if not found:
        lines.append(f"{folder}: evidence, outputs and ledger are as they were sealed.")
    sound = not found
    if parsers:
        text, agreed = _second_opinion(folder, case)
        lines.append(text)
        sound &= agreed
    return "\n".join(lines), sound


def _second_opinion(folder: Path, case: Path | None) -> tuple[str, bool]:
    from kit.audit.second_opinion import compare

    made = compare(folder, case)
    lines = [f"  {row.uid} {row.field}: {row.ours!r} here, {row.referee!r} there{_why(row)}" for row in made.rows]
    head = (
        f"{counted(made.checked, 'cited record')} read again by the second parser, {len(made.unexplained)} differ; "
        f"{counted(made.unchecked, 'record')} not checked."
    )
    return "\n".join([head, *lines]), not made.unexplained


def _why(row: object) -> str:
    explanation = getattr(row, "explanation", None)
    return f" ({explanation})" if isinstance(explanation, str) else ""
