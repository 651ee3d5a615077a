"""How far records are moved in a picture so that they stand on the reference clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from kit.page.view import Row, View


class Moves:
    """Seconds by computer, stretch by stretch; computers whose clock nobody knows are not moved."""

    def __init__(self, view: View) -> None:
        self._rows: dict[str, list[Row]] = {}
        for row in view.rows("clocks"):
            if row["computer"] and row["offset_s"] is not None and not row["ambiguous"]:
                self._rows.setdefault(row["computer"], []).append(row)

    def told(self) -> list[tuple[str, float]]:
        """Computer and seconds of each stretch that is moved visibly."""
        found = [(name, float(row["offset_s"])) for name, rows in sorted(self._rows.items()) for row in rows]
        return [(name, seconds) for name, seconds in found if abs(seconds) >= 0.05]

    def moved(self, moment: datetime, computer: Any) -> datetime:
        """The moment on the reference clock; between two stretches by the nearer one."""
        rows = self._rows.get(computer, []) if isinstance(computer, str) else []
        if not rows:
            return moment
        row = rows[0] if len(rows) == 1 else min(rows, key=lambda one: _beside(_aware(moment), one))
        return moment + timedelta(seconds=row["offset_s"])


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _beside(moment: datetime, row: Row) -> timedelta:
    first, last = (None if row[name] is None else _aware(row[name]) for name in ("from_utc", "until_utc"))
    if first is not None and moment < first:
        return first - moment
    return moment - last if last is not None and moment > last else timedelta(0)
