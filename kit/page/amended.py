"""The note of an amended report: which report it replaces, why, and what changed."""

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


def _moment(view: View, issued: str | None) -> str:
    if not issued:
        return ""
    moment = datetime.fromisoformat(issued)
    return say(" of {date}", date=f"{view.when.date(moment, year=True)} {view.when.local(moment):%H:%M}")
