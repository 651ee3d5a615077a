"""`kit verify`: evidence and outputs against their manifest and signature, cited records against the second parser."""

from __future__ import annotations

from pathlib import Path

from kit.audit import signature
from kit.case import custody
from kit.page.clean import visible
from kit.words import counted, listed

NAMED = 12  # files beside the report that are named before the rest is counted


def verified(
    folder: Path, case: Path | None, parsers: bool, key: Path | None = None, seal: str | None = None
) -> tuple[str, bool]:
    """The text of `kit verify`, and whether everything is as it was sealed.

    `case` is where the evidence lies now, `key` a public key that must have signed the report, `seal` the hash of the
    last line of the ledger as it was written down elsewhere. With `parsers` the records that the report cites are read
    again by the second parser.
    """
    public = signature.public_key(key) if key is not None else None
    found = custody.verify(folder, case)
    if public is not None:
        found += signature.verify(folder, public)
    head = custody.head(folder)
    if seal is not None and seal.strip().lower() != head:
        found.append(custody.Difference(custody.LEDGER, f"ends with {head or 'no sound line'}, not with {seal}"))
    lines = [visible(f"! {one}") for one in found]
    lines += _beside(folder)
    lines += _sound(folder, found, head, key)
    if parsers:
        text, agreed = _second_opinion(folder, case)
        return "\n".join([*lines, text]), not found and agreed
    return "\n".join(lines), not found


def _sound(folder: Path, found: list[custody.Difference], head: str, key: Path | None) -> list[str]:
    """What may be said for the report."""
    if not found:
        lines = [f"{folder}: evidence, outputs and ledger are as they were sealed."]
    elif [one.what for one in found] == [custody.NOT_THERE]:
        lines = [f"{folder}: outputs and ledger are as they were sealed."]
    else:
        return []
    if key is not None:
        lines.append(f"Manifest and ledger are signed with the key {key}.")
    elif signature.signed(folder):
        lines.append("It is signed; name the public key with --key to check by whom.")
    return [*lines, f"Last hash of the ledger: {head}"]


def _beside(folder: Path) -> list[str]:
    """What lies in the folder and is not part of the report."""
    names = [visible(name) for name in custody.others(folder)]
    if not names:
        return []
    return [f"Not part of the report, and not vouched for: {listed(names, NAMED)}"]


def _second_opinion(folder: Path, case: Path | None) -> tuple[str, bool]:
    from kit.audit.second_opinion import compare

    made = compare(folder, case)
    lines = [f"  {row.uid} {row.field}: {row.ours!r} here, {row.referee!r} there{_why(row)}" for row in made.rows]
    head = (
        f"{counted(made.checked, 'cited record')} read again by the second parser, {len(made.unexplained)} differ; "
        f"{counted(made.unchecked, 'record')} not checked."
    )
    return "\n".join([head, *map(visible, lines)]), not made.unexplained


def _why(row: object) -> str:
    explanation = getattr(row, "explanation", None)
    return f" ({explanation})" if isinstance(explanation, str) else ""
