"""The language of signs: one word, sign, colour token and drawing for each verdict and each class of event.

Colour never carries a meaning alone; the same signs stand in tables, figures, index page and terminal.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kit.page.language import Spoken, marked, say


@dataclass(frozen=True)
class Sign:
    """How a verdict or a class looks: its word, character, colour token and drawing."""

    english: str
    character: str
    token: str
    shape: str

    @property
    def word(self) -> str:
        """The word in the language of the report."""
        return say(self.english)

    @property
    def phrase(self) -> str:
        """The word as a sentence says it after a count."""
        return say("cannot be judged") if self.english == "inconclusive" else self.word

    @property
    def svg(self) -> Markup:
        """The drawing as inline SVG, hidden from screen readers because the word stands beside it."""
        drawing = f'<svg class="s {self.token}" viewBox="0 0 16 16" aria-hidden="true">{self.shape}</svg>'
        return Markup(drawing)


_RING = '<circle cx="8" cy="8" r="5.2" fill="none" stroke="currentColor" stroke-width="1.8"/>'
_HALF = '<path d="M8 2.8a5.2 5.2 0 0 0 0 10.4z" fill="currentColor"/>'
_CROSS = '<path d="M3.6 3.6l8.8 8.8M12.4 3.6l-8.8 8.8" fill="none" stroke="currentColor" stroke-width="2.6"/>'

VERDICTS: dict[str, Sign] = {
    "contradicted": Sign(marked("contradicted"), "✕", "con", _CROSS),
    "inconclusive": Sign(marked("inconclusive"), "○", "inc", _RING),
    "supported": Sign(marked("supported"), "◐", "sup", _RING + _HALF),
    "confirmed": Sign(marked("confirmed"), "●", "cnf", '<circle cx="8" cy="8" r="6" fill="currentColor"/>'),
    "no_claim": Sign(marked("no claim"), "·", "non", '<circle cx="8" cy="8" r="2.4" fill="currentColor"/>'),
}
WORST_FIRST = tuple(VERDICTS)

_DIAMOND = "M8 2.6l5.4 5.4l-5.4 5.4l-5.4 -5.4z"
CLASSES: dict[str, Sign] = {
    "benign_abort": Sign(
        marked("benign abort after thaw"), "◇", "k-ben",
        f'<path d="{_DIAMOND}" fill="none" stroke="currentColor" stroke-width="1.7"/>',
    ),
    "genuine_failure": Sign(
        marked("genuine failure"), "◆", "k-gen", f'<path d="{_DIAMOND}" fill="currentColor"/>'
    ),
    "other_requestor": Sign(
        marked("other requestor"), "■", "k-oth", '<path d="M4 4h8v8h-8z" fill="currentColor"/>'
    ),
    "environment": Sign(
        marked("environment"), "□", "k-env",
        '<path d="M4 4h8v8h-8z" fill="none" stroke="currentColor" stroke-width="1.7"/>',
    ),
    "unexplained": Sign(
        marked("unexplained"), "△", "k-une",
        '<path d="M8 3l5.4 9.6h-10.8z" fill="none" stroke="currentColor" stroke-width="1.7"/>',
    ),
    "background_noise": Sign(
        marked("background noise"), "•", "k-noi", '<circle cx="8" cy="8" r="2" fill="currentColor"/>'
    ),
    "normal": Sign(
        marked("normal record"), "|", "k-nor",
        '<path d="M8 3v10" fill="none" stroke="currentColor" stroke-width="1.7"/>',
    ),
}  # fmt: skip

PATTERNS = Spoken({
    "clean": "clean",
    "benign_abort": "benign abort",
    "genuine_failure": "genuine failure",
    "mixed": "mixed",
    "none_seen": "no operation seen",
    "not_covered": "not covered",
})
CLAIMS = Spoken(
    {"application_consistent": "application-consistent", "crash_consistent": "no claim", "unknown": "not known"}
)
ROLES = Spoken({
    "guest": "guest",
    "primary_host": "primary host",
    "replica_host": "replica host",
    "test_failover_guest": "test failover",
    "unknown": "not known",
})
REQUESTORS = Spoken({
    "hyper_v_replica": "Hyper-V Replica",
    "host_backup": "backup on the host",
    "guest_agent": "backup agent in the guest",
    "windows_server_backup": "Windows Server Backup",
    "sql_stream": "SQL Server stream backup",
    "unknown": "not known",
})
OUTCOMES = Spoken({
    "clean": "clean",
    "benign_abort": "benign abort after thaw",
    "genuine_failure": "genuine failure",
    "mixed": "databases differ",
    "open": "open: its records break off",
})


def worst(verdicts: list[str]) -> str:
    """The worst of several verdicts in reading order; no verdict at all is inconclusive."""
    return min(verdicts, key=WORST_FIRST.index, default="inconclusive")
