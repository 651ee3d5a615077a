"""The plain-text summary says what the page says, in a width that a ticket keeps."""

from __future__ import annotations

from story import joined, story, without

from kit.report.summary import WIDTH, summary


def test_the_summary_repeats_answer_counts_advice_and_gaps() -> None:
    text = summary(story())
    flat = " ".join(text.split())
    assert text.startswith("Fabrikam Retail: SQLVM backup errors\nReport R-2014-0520-SQLVM-7c41e2, policy strict")
    assert "43 are supported, 1 is confirmed, 1 is contradicted and 1 cannot be judged." in flat
    assert "  ◐ supported       43\n" in text
    assert "  ✕ contradicted     1  20 May 02:00\n" in text
    assert "Fail over to   ◐ 20 May 11:00, loses 31 min 29 s" in text
    assert "Do not use     ✕ 20 May 02:00" in text
    assert "95 of 4 352 records are lost" in flat
    assert text.endswith("Results relate only to the items examined.\n")


def test_commands_stay_whole_and_the_rest_fits_the_width() -> None:
    lines = summary(story()).splitlines()
    commands = [line for line in lines if line.lstrip().startswith(">")]
    assert "     >     Start-VMFailover -AsTest" in commands
    assert all(len(line) <= WIDTH for line in lines if line not in commands)


def test_a_case_without_points_recommends_nothing() -> None:
    text = summary(without(story(), "recovery_points", "verdicts", "links", "advice", "expected_points"))
    assert "none can be recommended" in text
    assert "so none can be judged" in " ".join(text.split())


def test_each_machine_has_its_block() -> None:
    text = " ".join(summary(joined(story(), story("MAILVM", first=91000))).split())
    assert text.index("recovery points of MAILVM") < text.index("recovery points of SQLVM")
