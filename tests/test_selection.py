"""A report of a period counts what lies in it, the same in every place, and recommends nothing from outside."""

from __future__ import annotations

import re
from collections import Counter

from story import FAILED, at, story

from kit import page
from kit.judgement.analysis import Analysis
from kit.judgement.verdicts_json import document
from kit.report.summary import summary

SINCE, UNTIL = at(FAILED - 3), at(FAILED + 3, 60)  # seven points around the failed snapshot


def chosen() -> Analysis:
    return story().only(since=SINCE.isoformat(), until=UNTIL.isoformat())


def test_findings_are_those_of_the_period() -> None:
    made = chosen()
    points, operations = set(made.recovery_points["recovery_point_id"]), set(made.operations["operation_id"])
    assert len(points) == 7
    assert 0 < len(made.findings) < len(story().findings)
    for column, known in (("recovery_point_id", points), ("operation_id", operations)):
        assert set(made.findings[column].dropna()) <= known
    cited = {i for side in ("because", "against") for i in made.verdicts[side].explode().dropna()}
    assert cited <= set(made.findings["finding_id"])


def test_events_lie_in_the_period_or_are_cited() -> None:
    made = chosen()
    times = made.events["time_utc"]
    outside = made.events[(times < SINCE) | (times > UNTIL)]
    assert set(outside["uid"]) <= set(made.findings["evidence"].explode().dropna())
    assert set(made.judged_events["uid"]) <= set(made.events["uid"])


def test_errors_are_counted_alike_in_page_table_and_json() -> None:
    made = chosen()
    table = Counter(made.judged_events["class"])
    written = Counter(event["class"] for event in document(made)["events"])
    html = page.error_classes(made).html
    shown = {
        word.lower(): int(count.replace("\u202f", ""))
        for word, count in re.findall(r"</svg>([A-Z][\w ]+)</span></th><td class=\"n\">([\d\u202f]+)</td>", html)
    }
    assert table == written
    assert shown["genuine failure"] == table["genuine_failure"] > 0
    assert shown["benign abort after thaw"] == table["benign_abort"]
    assert table["benign_abort"] < Counter(story().judged_events["class"])["benign_abort"] / 4


def test_a_period_that_ends_early_recommends_no_point() -> None:
    made = story().only(until=UNTIL.isoformat())
    assert made.advice["fail_over_to"].iloc[0] not in set(made.recovery_points["recovery_point_id"])
    html = page.first_screen(made).html
    assert "Fail over to" not in html
    assert "lies outside the chosen period" in html
    assert "a point outside the chosen period" in summary(made)
    assert not made.actions["text"].str.startswith("Test the point to fail over to").any()


def test_a_selection_of_one_machine_keeps_its_advice() -> None:
    whole, made = story(), story().only(vm="SQLVM")
    assert list(made.advice["fail_over_to"]) == list(whole.advice["fail_over_to"])
    assert len(made.actions) == len(whole.actions)
