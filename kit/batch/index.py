"""What a batch writes beside the reports: batch.json, portfolio.json and index.html."""

from __future__ import annotations

import json
import time
from typing import Any

from kit.batch import portfolio, staging
from kit.batch.jobs import Result
from kit.batch.staging import Place

EVERY_S = 15.0


class Index:
    """The index of a batch; knows what the last run said of each case."""

    def __init__(self, target: Place, language: str | None = None) -> None:
        self.target, self.language = target, language
        self._former = _former(target)
        self._written = time.monotonic()

    def former(self, name: str) -> dict[str, Any] | None:
        """What the last run said of a case."""
        about = self._former.get(name)
        return about if isinstance(about, dict) else None

    def write_now_and_then(self, results: dict[str, Result]) -> None:
        """Writes the index over what is finished, if the last one is some seconds old."""
        if time.monotonic() - self._written >= EVERY_S:
            self.write(results)
            self._written = time.monotonic()

    def write(self, results: dict[str, Result]) -> None:
        """Writes all three files over these results."""
        names = sorted(results)
        listed = [
            {"case": name, **{key: results[name][key] for key in ("status", "seconds", "error")}} for name in names
        ]
        staging.write(self.target.child("batch.json"), _json({"cases": listed}))
        about = {name: results[name]["summary"] or self._former.get(name) for name in names}
        staging.write(self.target.child("portfolio.json"), _json({"cases": about}))
        former = {name: about for name, about in self._former.items() if about}
        page = portfolio.page({name: results[name] for name in names}, former, self.language)
        staging.write(self.target.child("index.html"), page)


def _former(target: Place) -> dict[str, Any]:
    """What the last run said of each case."""
    try:
        found = json.loads(staging.read(target.child("portfolio.json")) or "{}")
    except ValueError:
        return {}
    cases = found.get("cases") if isinstance(found, dict) else None
    return cases if isinstance(cases, dict) else {}


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
