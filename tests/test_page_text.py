"""Hostile text stays inert on the page; times and numbers read as a person would write them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from story import joined, story
from test_page import every_part

from kit import plots, tables
from kit.judgement.analysis import Analysis
from kit.page.clean import clean, label, script_json, short_name, slug, visible
from kit.page.when import When, duration, listed, listed_some, number

HOSTILE = (
    '<script>alert("x")</script><img src=x onerror=alert(1)>{{ 7*7 }}{% raw %}"><svg/onload=x>'
    "[link](javascript:alert) `code` **bold** | a | <b>plotly</b> $x$ %{y} =cmd()!A1 "
    "\u202egnp.exe\u2066 \x00\x1b[31mred\x07 \u200bzero ../../etc/passwd &amp; '"
)
TEXT_COLUMNS = {
    "sources": ["path", "computer", "note", "zone", "role_reason"],
    "losses": ["reason"],
    "events": ["computer", "channel", "provider", "message", "time_raw"],
    "recovery_points": ["name", "snapshot_type"],
    "replication": ["computer", "state", "health", "mode"],
    "operations": ["requestor_reason", "last_phase"],
    "operation_databases": ["instance", "database"],
    "recoveries": ["instance", "database"],
    "boots": ["link_method", "computer"],
    "clocks": ["computer", "method", "reference"],
    "findings": ["statement", "rule_id", "finding_id"],
    "matches": ["rule_id"],
    "judged_events": ["meaning", "rule_id"],
    "expected_points": ["reason"],
    "advice": ["reason"],
    "actions": ["text", "where", "command"],
    "missing": ["what", "why", "command"],
}


def hostile() -> Analysis:
    """The story with every free text replaced by hostile text, and a machine that is called by it."""
    whole = story()
    made = {}
    for name, frame in whole.tables.items():
        frame = frame.copy()
        for column in TEXT_COLUMNS.get(name, []):
            if column == "finding_id":
                frame[column] = frame[column] + HOSTILE[:40]
            else:
                frame[column] = HOSTILE
        for column in ("vm_name",):
            if column in frame:
                frame[column] = HOSTILE
        for column in ("because", "against"):
            if column in frame:
                frame[column] = [[i + HOSTILE[:40] for i in ids] for ids in frame[column]]
        made[name] = tables.check(name, frame)
    meta = {
        "title": HOSTILE,
        "examiner": HOSTILE,
        "question": HOSTILE,
        "requester": HOSTILE,
        "report_id": 'R"}</style>',
    }
    return Analysis(dict(whole.meta) | meta, made)


@pytest.fixture(scope="module")
def parts() -> dict[str, str]:
    made = hostile()
    found = {name: part.html for name, part in every_part(made).items()}
    for figure in plots.__all__:
        for number_, drawing in enumerate(getattr(plots, figure)(made).parts):
            found[f"{figure} {number_}"] = drawing._repr_html_()
    return found


class Markup(HTMLParser):
    """The elements and attributes that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, set[str]] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")


def test_no_hostile_text_becomes_markup(parts: dict[str, str]) -> None:
    known = {
        "a",
        "article",
        "b",
        "caption",
        "circle",
        "code",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "header",
        "li",
        "ol",
        "p",
        "path",
        "pre",
        "section",
        "small",
        "span",
        "style",
        "summary",
        "svg",
        "table",
        "tbody",
        "td",
        "text",
        "th",
        "thead",
        "title",
        "tr",
        "ul",
    }
    for name, html in parts.items():
        seen = Markup(html)
        assert seen.tags <= known, (name, seen.tags - known)
        assert not [attribute for attribute in seen.attributes if attribute.startswith("on") or attribute == "style"], (
            name
        )
        assert all(target.startswith("#") for target in seen.attributes.get("href", ())), name
        assert not seen.attributes.get("src"), name


def test_control_and_direction_characters_are_made_visible(parts: dict[str, str]) -> None:
    for name, html in parts.items():
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", html), name
    assert "⟨U+202E⟩" in parts["verdict_cards"]


def test_figures_carry_no_hostile_pseudo_html() -> None:
    made = hostile()
    for figure in plots.__all__:
        for drawing in getattr(plots, figure)(made).parts:
            spec = json.dumps(drawing.figure.to_dict(), default=str)
            assert "<script" not in spec, figure
            assert "<img" not in spec, figure
            assert "<b>plotly" not in spec, figure
            assert not re.search(r"\\u202e|\\u0000|\\u001b", spec), figure


def test_very_long_texts_are_cut_and_say_so() -> None:
    assert clean("x" * 1000) == "x" * 400 + "… (+600 characters)"
    assert len(label("x" * 1000)) == 80


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=300))
def test_cleaned_text_holds_no_character_that_hides_or_turns_text(text: str) -> None:
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", clean(text))
    assert "<" not in label(text)
    assert visible(visible(text)) == visible(text)


@settings(deadline=None, max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_in_a_page_cannot_end_its_script_and_reads_back_the_same(content: object) -> None:
    text = script_json(content)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == content


@given(st.text())
def test_a_slug_is_a_plain_id(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", slug(text))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.44, "0.4 s"),
        (9.9, "9.9 s"),
        (12, "12 s"),
        (1889, "31 min 29 s"),
        (16289, "4 h 31 min 29 s"),
        (90061, "1 d 1 h 1 min"),
        (-3600, "−1 h"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_numbers_and_lists() -> None:
    assert number(4352) == "4\u202f352"
    assert number(-1.25, 1) == "−1.2"
    assert number(0.04, 1, sign=True) == "0.0"
    assert number(3.4, 1, sign=True) == "+3.4"
    assert listed_some(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_times_in_a_zone_with_summer_time_name_both_offsets() -> None:
    summer, winter = datetime(2014, 5, 20, 1, tzinfo=UTC), datetime(2014, 12, 1, tzinfo=UTC)
    when = When.of("Europe/Berlin", [summer, winter])
    assert when.zone_name == "Europe/Berlin (UTC+01:00 and UTC+02:00)"
    assert when.minute(summer) == "20 May 03:00"
    assert When.of(None, []).zone_name == "UTC"
    assert When.of("UTC+05:30", [summer]).zone_name == "UTC+05:30"


def test_spans_name_the_year_once() -> None:
    when = When.of("Z", [])
    first = datetime(2014, 5, 18, 12, tzinfo=UTC)
    assert when.days(first, first + timedelta(days=2)) == "18 to 20 May 2014"
    assert when.days(first, first + timedelta(days=20)) == "18 May to 7 Jun 2014"
    assert when.days(first, first) == "18 May 2014"
    assert when.span(first, first + timedelta(days=2)) == "18 May 12:00 to 20 May 2014 12:00"
    assert when.exact(first + timedelta(microseconds=250_000), 0.01) == "18 May 12:00:00.25"


def test_two_hostile_machines_still_make_a_page() -> None:
    every_part(joined(hostile(), story("MAILVM", first=91000)))


def test_a_long_name_keeps_the_part_that_tells_databases_apart() -> None:
    assert short_name("Sales", 15) == "Sales"
    assert short_name("MSSQLSERVER\\master", 15) == "MSSQLSE…\\master"
    assert short_name("SHOP\\" + "d" * 40, 15) == "…\\" + "d" * 12 + "…"
    assert len({short_name(f"MSSQLSERVER\\{name}", 15) for name in ("master", "model", "msdb")}) == 3
