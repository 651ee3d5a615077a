"""The decision list of domain.md section 5, checked over every combination of evidence.

The expectation is a second, independent wording of the rules in plain Python, written from the text of the domain
reference and not from the list under test.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from kit.reasoning import verdicts
from kit.reasoning.verdicts import DECISION_LIST, ITEMS, decide

VALUES = (True, False, None)


def every_combination() -> pd.DataFrame:
    """All 3^13 combinations of the items that can differ once the label is there (E1 true), B and X items included.

    E5 and E6 act alike (only false matters), so E6 takes two values to keep the table small.
    """
    names = ["E2", "E3", "E4", "E5", "E7", "E8", "E9", "E10", "E11", "E12", "X1"]
    grid = list(itertools.product(VALUES, repeat=len(names)))
    made = pd.DataFrame(np.array(grid, dtype=object), columns=names)
    made["E1"], made["E6"], made["X2"], made["X3"] = True, None, False, False
    made["B"] = made["E7"].map(lambda value: value is not False)
    return made.astype("boolean")


@pytest.fixture(scope="module")
def combinations() -> pd.DataFrame:
    return every_combination()


def yes(series: pd.Series) -> pd.Series:
    return series.fillna(False)


def no(series: pd.Series) -> pd.Series:
    return ~series.fillna(True)


def test_label_missing_is_no_claim_whatever_else_stands() -> None:
    items = pd.DataFrame([dict.fromkeys(ITEMS, True) | {"E1": False}]).astype("boolean")
    assert decide(items)["verdict"].tolist() == ["no_claim"]


def test_unknown_label_is_inconclusive_even_with_a_failure() -> None:
    items = pd.DataFrame([dict.fromkeys(ITEMS, True) | {"E1": None}]).astype("boolean")
    assert decide(items)["verdict"].tolist() == ["inconclusive"]


@pytest.mark.parametrize("policy", verdicts.POLICIES)
def test_attributed_failure_always_contradicts(combinations: pd.DataFrame, policy: str) -> None:
    failed = combinations[yes(combinations["X1"])]
    assert set(decide(failed, policy)["verdict"]) == {"contradicted"}


@pytest.mark.parametrize("policy", verdicts.POLICIES)
def test_supported_and_confirmed_need_all_of_the_guest_evidence(combinations: pd.DataFrame, policy: str) -> None:
    made = decide(combinations, policy)["verdict"]
    good = combinations[made.isin(["supported", "confirmed"])]
    assert len(good) > 0
    for item in ("E1", "E2", "E3", "E4", "E11", "E12"):
        assert yes(good[item]).all(), item
    for item in ("E5", "E6"):
        assert not no(good[item]).any(), item
    assert not yes(good["X1"]).any()


@pytest.mark.parametrize("policy", verdicts.POLICIES)
def test_confirmed_needs_a_linked_boot_with_recovery_and_no_unexplained_rollback(
    combinations: pd.DataFrame, policy: str
) -> None:
    good = combinations[decide(combinations, policy)["verdict"] == "confirmed"]
    assert len(good) > 0
    assert yes(good["E7"]).all()
    assert yes(good["E8"]).all()
    assert (yes(good["E9"]) | yes(good["E10"])).all()


def test_strict_contradicts_an_unexplained_rollback_and_refined_does_not(combinations: pd.DataFrame) -> None:
    rolled = combinations[
        yes(combinations["E7"]) & no(combinations["E9"]) & ~yes(combinations["E10"]) & ~yes(combinations["X1"])
    ]
    assert set(decide(rolled, "strict")["verdict"]) == {"contradicted"}
    assert set(decide(rolled, "refined")["verdict"]) == {"inconclusive", "supported"}


@pytest.mark.parametrize("policy", verdicts.POLICIES)
def test_every_combination_has_exactly_one_verdict(combinations: pd.DataFrame, policy: str) -> None:
    made = decide(combinations, policy)
    assert set(made["verdict"]) <= {"contradicted", "confirmed", "supported", "inconclusive"}
    assert (made["row_id"] != "").all()


@pytest.mark.parametrize("policy", verdicts.POLICIES)
@pytest.mark.parametrize("item", ["E2", "E3", "E4", "E5", "E8", "E11", "E12"])
def test_a_worse_item_never_improves_a_verdict(combinations: pd.DataFrame, policy: str, item: str) -> None:
    """True to unknown to false, all else equal, must not lead to a better verdict."""
    order = {word: rank for rank, word in enumerate(verdicts.WORST_FIRST)}
    before = None
    for value in (True, None, False):
        changed = combinations.assign(**{item: pd.array([value] * len(combinations), dtype="boolean")})
        rank = decide(changed, policy)["verdict"].map(order)
        if before is not None:
            assert (rank <= before).all()
        before = rank


def test_failed_recovery_in_the_linked_boot_contradicts() -> None:
    items = pd.DataFrame([dict.fromkeys(ITEMS, True) | {"X1": False, "X3": False, "E8": False}]).astype("boolean")
    assert decide(items)["row_id"].tolist() == ["D4"]


def test_image_later_than_the_operation_contradicts() -> None:
    items = pd.DataFrame(
        [dict.fromkeys(ITEMS, True) | {"X1": False, "X2": False, "E7": False}]
    ).astype("boolean")
    assert decide(items)["row_id"].tolist() == ["D3"]


def test_a_boot_that_cannot_be_read_to_the_end_is_not_the_same_as_no_boot() -> None:
    sound = dict.fromkeys(ITEMS, True) | {"X1": False, "X2": False, "X3": False}
    without = {"B": False, "E7": False, "E8": None, "E9": None, "E10": None}
    cut = {"E8": None, "E9": None, "E10": None}
    items = pd.DataFrame([sound | without, sound | cut]).astype("boolean")
    assert decide(items)["verdict"].tolist() == ["supported", "inconclusive"]


def test_every_row_of_the_list_decides_something(combinations: pd.DataFrame) -> None:
    """A row that never decides is dead text; dropping or swapping a row must be seen by the tests above."""
    reached = {row for policy in verdicts.POLICIES for row in decide(combinations, policy)["row_id"]}
    assert {row.row_id for row in DECISION_LIST} - reached <= {"D1", "D3", "D4"}


def test_the_worst_database_decides_for_the_machine() -> None:
    assert verdicts.worst(pd.Series(["confirmed", "supported", "contradicted"])) == "contradicted"
    assert verdicts.worst(pd.Series(["confirmed", "inconclusive", "supported"])) == "inconclusive"
    assert verdicts.worst(pd.Series([], dtype=object)) == "inconclusive"
    assert verdicts.worst(pd.Series(["no_claim", "no_claim"])) == "no_claim"


@pytest.mark.parametrize("policy", verdicts.POLICIES)
@pytest.mark.parametrize(
    ("no_rollback", "explained", "row"), [(True, None, "D6"), (False, True, "D7"), (None, True, "D7")]
)
def test_either_no_rollback_or_an_explained_one_confirms(
    policy: str, no_rollback: bool | None, explained: bool | None, row: str
) -> None:
    sound = dict.fromkeys(ITEMS, True) | {"X1": False, "X2": False, "X3": False, "E9": no_rollback, "E10": explained}
    made = decide(pd.DataFrame([sound]).astype("boolean"), policy)
    assert made[["row_id", "verdict"]].iloc[0].tolist() == [row, "confirmed"]


def test_the_rows_stand_in_the_order_of_precedence() -> None:
    order = ["no_claim", "contradicted", "confirmed", "supported", "inconclusive"]
    ranks = [order.index(row.verdict) for row in DECISION_LIST]
    assert ranks == sorted(ranks)
