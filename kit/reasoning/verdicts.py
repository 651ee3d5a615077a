"""Evidence items to verdicts: the ordered decision list, as data that a reader can print.

Each item is true, false or unknown (null). The first row whose conditions all hold decides. Policies differ in one row:
`strict` takes an unexplained rollback in the linked boot as proof against the point, `refined` does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

ITEMS: dict[str, str] = {
    "E1": "the point is labelled application-consistent",
    "E2": "the guest shows freeze and thaw of the database in the operation linked to the point",
    "E3": "every abort comes after the thaw of the database",
    "E4": "no trace of a genuine failure in guest or host within the operation",
    "E5": "the host reports no failure for this VM and counts none that no record shows",
    "E6": "only one requestor was active in the operation",
    "E7": "a test-failover boot is linked to the point and the time of its image fits",
    "E8": "the boot shows a completed recovery of the database and no failure",
    "E9": "the boot rolled back no transaction of the database",
    "E10": "rolled-back transactions are explained: image cut inside the freeze, or known to have been open then",
    "E11": "the guest's logs cover the operation and 15 minutes on each side",
    "E12": "the clocks of guest and host are known to within half the spacing of the operations",
    "X1": "a genuine failure is attributed to the linked operation",
    "X2": "the linked boot shows a failed recovery or corruption of the database",
    "X3": "the image is more than 60 s later than the thaw of the operation it is said to come from",
    "B": "a test-failover boot of this point is part of the case",
}

T, F, U = "true", "false", "unknown"
POLICIES = ("strict", "refined")
WORST_FIRST = ("contradicted", "inconclusive", "supported", "confirmed")


@dataclass(frozen=True)
class Row:
    """A row of the decision list: the verdict if every named item has one of the given values, under the policies."""

    row_id: str
    verdict: str
    when: Mapping[str, tuple[str, ...]]
    text: str
    policies: tuple[str, ...] = POLICIES


_SOUND = {"E1": (T,), "E2": (T,), "E3": (T,), "E4": (T,), "E11": (T,), "E12": (T,), "E5": (T, U), "E6": (T, U)}

DECISION_LIST: tuple[Row, ...] = (
    Row("D1", "no_claim", {"E1": (F,)}, "the point does not claim application consistency"),
    Row("D2", "contradicted", {"E1": (T,), "X1": (T,)}, "a genuine failure is attributed to the linked operation"),
    Row("D3", "contradicted", {"E1": (T,), "B": (T,), "X3": (T,)},
        "the booted image is later than the operation allows"),
    Row("D4", "contradicted", {"E1": (T,), "E7": (T,), "X2": (T,)}, "recovery failed in the linked boot"),
    Row("D5", "contradicted", {"E1": (T,), "E7": (T,), "E9": (F,), "E10": (F, U)},
        "the linked boot rolled back transactions that nothing explains", ("strict",)),
    Row("D6", "confirmed", {**_SOUND, "E7": (T,), "E8": (T,), "E9": (T,)},
        "freeze and thaw without a failure, and a linked boot that recovered without a rollback"),
    Row("D7", "confirmed", {**_SOUND, "E7": (T,), "E8": (T,), "E10": (T,)},
        "freeze and thaw without a failure, and a linked boot whose rollback is explained"),
    Row("D8", "supported", {**_SOUND, "B": (F,)}, "freeze and thaw without a failure; no test failover of this point"),
    Row("D9", "supported", {**_SOUND, "E7": (T,), "E8": (T,), "E9": (F,), "E10": (F, U)},
        "freeze and thaw without a failure; the linked boot rolled back transactions that nothing explains",
        ("refined",)),
    Row("D10", "inconclusive", {}, "everything else: something that the verdict needs is missing or open"),
)


def decide(items: pd.DataFrame, policy: str = "strict") -> pd.DataFrame:
    """Columns row_id and verdict for each row of `items` (one `boolean` column for each of ITEMS)."""
    said = {name: words(items[name]) for name in ITEMS}
    row_id = np.full(len(items), "", dtype=object)
    verdict = np.full(len(items), "", dtype=object)
    for row in DECISION_LIST:
        if policy not in row.policies:
            continue
        holds = row_id == ""
        for item, allowed in row.when.items():
            holds &= np.isin(said[item], allowed)
        row_id[holds], verdict[holds] = row.row_id, row.verdict
    return pd.DataFrame({"row_id": row_id, "verdict": verdict}, index=items.index)


_WORDS = np.array([F, T, U])


def words(claims: pd.Series) -> np.ndarray:
    """The claims as the words true, false and unknown."""
    return _WORDS[claims.astype("boolean").to_numpy(dtype="int8", na_value=2)]


def worst(verdicts: Iterable[str]) -> str:
    """The worst of several verdicts; inconclusive when there is none. no_claim only ever stands alone."""
    found = set(verdicts)
    if found == {"no_claim"}:
        return "no_claim"
    return next((word for word in WORST_FIRST if word in found), "inconclusive")
