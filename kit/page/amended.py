"""Notes under the head line: which report this one amends, why, and what changed; and that a copy is redacted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from markupsafe import Markup

from kit.page.language import say
from kit.page.part import render
from kit.page.view import View

SHOWN = 40  # lines of what changed


def amended(view: View) -> Markup:
    """The note, or nothing for a report that amends none."""
    entry: dict[str, Any] | None = view.meta.get("amends")
    if not entry:
        return Markup("")
    changes = [str(line) for line in entry.get("changes", ())]
    reason = entry.get("reason") or say("not given")
    return render(
        "amends.html.j2", number=entry.get("report_id") or say("unknown"), reason=reason,
        moment=_moment(view, entry.get("issued")), changes=changes[:SHOWN], left=len(changes) - SHOWN,
    )  # fmt: skip


def redacted(view: View) -> Markup:
    """The note of a redacted copy, or nothing for any other report."""
    return Markup("") if view.meta.get("redaction") is None else render("redacted.html.j2")


def _moment(view: View, issued: str | None) -> str:
    if not issued:
        return ""
    moment = datetime.fromisoformat(issued)
    return say(" of {date}", date=f"{view.when.date(moment, year=True)} {view.when.local(moment):%H:%M}")
