"""Loading, checking and matching of rules. Samples are the rules' own, written for them after the documented texts."""

import json
import pickle
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import rules, tables
from kit.errors import RuleError
from kit.rules import hints as _rule_hint
from kit.rules import matching as _rule_match
from kit.rules import wording

RULE = """
[component]
name = "Trial"
about = "A trial component."

[[rule]]
id = "trial-one"
provider = ["Trial"]
event_id = [1]
phase = "other"
class = "normal"
severity = "info"
applies_to = "any"
status = "inferred"
reference = ["here"]
meaning = "One."
sample = [{ provider = "Trial", event_id = 1 }]

[references]
here = "This test"
"""


def events(*rows: dict) -> pd.DataFrame:
    return tables.frame("events", [{"uid": f"e:{number}", **row} for number, row in enumerate(rows)])


def one(**row) -> dict:
    """The only match of one event as plain values, with nulls left out."""
    found = rules.match(events(row))
    assert len(found) == 1
    return found.iloc[0].dropna().to_dict()


def load(folder: Path, text: str) -> rules.Rules:
    (folder / "trial.toml").write_text(text, encoding="utf-8")
    return rules.load(folder)


def test_both_ways_of_a_sql_record_capture_the_same():
    from_evtx = one(provider="MSSQLSERVER", event_id=3197, strings=["model"])
    from_errorlog = one(
        message="I/O is frozen on database model. No user action is required. "
        "However, if I/O is not resumed promptly, you could cancel the backup."
    )
    assert from_evtx["rule_id"] == from_errorlog["rule_id"]
    assert from_evtx["database"] == from_errorlog["database"] == "model"
    assert (from_evtx["phase"], from_evtx["class"]) == ("freeze", "normal")


@pytest.mark.parametrize(("count", "kind"), [("0", "normal"), ("7", "undecided")])
def test_no_rollback_is_not_a_rollback(count, kind):
    # the wording of a public ERRORLOG line: "0 transactions rolled back in database 'msdb' (4:0)"
    found = one(message=f"{count} transactions rolled back in database 'msdb' (4:0). This is an informational message.")
    assert (found["class"], found["count"], found["database"]) == (kind, int(count), "msdb")


def test_the_default_instance_and_a_named_one():
    assert one(provider="MSSQLSERVER", event_id=3198, strings=["a"])["instance"] == "MSSQLSERVER"
    assert one(provider="mssql$Sales", event_id=3198, strings=["a"])["instance"] == "Sales"


def test_the_most_specific_rule_wins_whatever_its_place(tmp_path):
    narrow = RULE[RULE.index("[[rule]]") : RULE.index("[references]")].replace("trial-one", "trial-two")
    narrow = narrow.replace("[[rule]]", "[[rule]]\npattern = 'disk \\d'")
    loaded = load(tmp_path, RULE + narrow)
    assert loaded.index.match(rules.Record("trial", 1, "disk 3")).rule.id == "trial-two"
    assert loaded.index.match(rules.Record("trial", 1, "tape")).rule.id == "trial-one"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("phase = \"other\"", "phase = \"unknown\""), "phase 'unknown' is unknown"),
        (("class = \"normal\"", "class = \"fine\""), "class 'fine' is unknown"),
        (("reference = [\"here\"]", "reference = [\"there\"]"), "reference 'there'"),
        (("event_id = [1]", "event_id = [\"1\"]"), "event_id '1' is no whole number"),
        (("event_id = [1]", "event_ids = [1]"), "unknown field 'event_ids'"),
        (("event_id = [1]", "pattern = '('"), "no regular expression"),
        (("event_id = [1]\n", ""), "it would fit every record"),
        (("meaning = \"One.\"\n", ""), "meaning is missing"),
        (("event_id = [1]", "event_id = [1]\nwhere = [{ capture = 'a' }]"), "where needs capture and one of"),
    ],
)
def test_a_wrong_rule_is_refused_by_file_and_name(tmp_path, change, complaint):
    assert change[0] in RULE
    with pytest.raises(RuleError, match=r"trial\.toml") as error:
        load(tmp_path, RULE.replace(*change))
    assert complaint in str(error.value)
    assert "trial-one" in str(error.value)


def test_the_binary_part_of_a_sql_server_record():
    # error 3041, severity 16, server SQL01, database master; counts include the terminating zero
    number, severity = (3041).to_bytes(4, "little"), (16).to_bytes(4, "little")
    names = [len(name + "0").to_bytes(4, "little") + (name + "\0").encode("utf-16-le") for name in ("SQL01", "master")]
    data = json.dumps({"Binary": (number + severity + b"".join(names)).hex().upper()})
    record = {"provider": "MSSQLSERVER", "event_id": 3041, "strings": ["BACKUP DATABASE Sales"], "data": data}
    found = rules.match(events(record))
    captured = rules.fields(found["captured"].iloc[0])
    assert found["database"].iloc[0] == "Sales"
    assert (captured["error_number"], captured["severity_number"]) == (3041, 16)
    assert (captured["server"], captured["session_database"]) == ("SQL01", "master")


@pytest.mark.parametrize("binary", ["", "zz", "00", "FFFFFFFF" * 8, "E10B0000FF00000006000000"])
def test_a_binary_part_of_another_form_is_passed_over(binary):
    data = json.dumps({"Binary": binary})
    assert one(provider="MSSQLSERVER", event_id=3197, strings=["Sales"], data=data)["database"] == "Sales"


def test_a_number_with_two_meanings_stays_open_until_something_tells():
    both = one(provider="Microsoft-Windows-Hyper-V-VMMS", event_id=10103)
    assert (both["class"], both["rule_id"]) == ("undecided", "host-10103-two-meanings")
    assert len(rules.load().by_id["host-10103-two-meanings"].readings) == 2
    disk = one(provider="Microsoft-Windows-Hyper-V-VMMS", event_id=10103, strings=["SQL01", "id", "D:\\SQL01.vhd"])
    assert disk["class"] == "genuine_failure"
    reason = one(provider="Microsoft-Windows-Hyper-V-VMMS", event_id=10103, message="no SCSI controllers attached")
    assert reason["class"] == "environment"


def test_no_events_give_an_empty_table():
    assert rules.match(tables.empty("events")).equals(tables.empty("matches"))


def test_noise_between_does_not_match_and_order_stays():
    found = rules.match(
        events(
            {"provider": "Other", "event_id": 3197},
            {"provider": "VSS", "event_id": 8224},
            {"message": "Starting up database 'Sales'."},
            {"message": "Nothing of interest."},
            {"provider": "MSSQLSERVER", "event_id": 3197, "strings": ["Sales"]},
        )
    )
    assert found["uid"].tolist() == ["e:1", "e:2", "e:4"]


@pytest.mark.parametrize(("pattern", "pieces"), [
    (r"I/O is frozen on database (?P<database>.+?)\.\s*$", {"i/o is frozen on database "}),
    (r"^\W*Recovery is complete\b", {"recovery is complete"}),
    ("abcde|fghij", {"abcde", "fghij"}), ("(?:abcde|xyzuvw).fghij", {"fghij"}),
    ("(?:abcdefgh|xyzuvwrs).ab", {"abcdefgh", "xyzuvwrs"}), ("(ab(cdefg)*hijkl)+", {"hijkl"}),
    ("ディスク", {"ディスク"}),
    ("colou?rfully", {"rfully"}), ("abcdex{0,3}y", {"abcde"}), ("ab[cdefg]hi", set()), ("(?:abcd)?ef", set()),
    (r"device '\{[^]]+\}\d", {"device '{"}), (r"a.{0,9}bcdef", {"bcdef"}), ("vwxyz+abc", {"vwxyz"}),
    (r"\bBACKUP\b", {"backup"}), (r"(?=lookahead)x", set()), (r"[(|]abcd", {"abcd"}), (r"(?P<one>abcd|ef)", set()),
])
def test_the_pieces_of_text_that_a_pattern_needs(pattern, pieces):
    assert _rule_hint.hints(pattern) == pieces


@pytest.mark.parametrize(("pattern", "further"), [
    (r"State\s*:\s*\[\d\]", [{":"}, {"["}, {"]"}]), ("writer.{0,60}(?:is missing|not found)", [{"writer"}]),
    ("abcdef|(?:ghijk)x", []), ("abcdef(?:ghijk)?", []), ("abcdef", []),
])
def test_a_pattern_may_need_more_than_one_piece(pattern, further):
    assert list(map(set, _rule_hint.further(pattern))) == further


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_whatever_a_pattern_matches_holds_one_of_its_pieces(data):
    part = st.sampled_from(["abcd", "efgh", "ijkl", "x", r"\d", r"\.", "[ab]", ".", "é"])
    many = st.sampled_from(["", "?", "*", "+", "{0,2}", "{1,2}"])
    quantified = st.builds(lambda one, often: f"(?:{one}){often}", part, many)
    branch = st.lists(part | quantified, min_size=1, max_size=4).map("".join)
    choice = st.lists(branch, min_size=1, max_size=3).map(lambda found: "(?:" + "|".join(found) + ")")
    pattern = data.draw(choice | branch)
    text = data.draw(st.from_regex(re.compile(pattern), fullmatch=True))
    for needed in filter(None, [_rule_hint.hints(pattern), *_rule_hint.further(pattern)]):
        assert any(piece in text.lower() for piece in needed), needed


def test_no_record_is_passed_over_for_want_of_its_piece():
    for one in rules.load().rules:
        for sample in one.sample:
            text = wording.joined(sample.get("message"), sample.get("strings"))
            for pattern, needed, further in zip(one.text, one.hints, one.further, strict=True):
                held = all(any(piece in text.lower() for piece in some) for some in filter(None, [needed, *further]))
                assert held or pattern.search(text) is None


def test_an_index_is_the_same_in_another_process():
    one = _rule_match.Record(None, None, "I/O is frozen on database Sales.")
    known = rules.load().index
    assert known.match(one) is not None
    again = pickle.loads(pickle.dumps(known))
    assert [found.rule.id for found in (known.match(one), again.match(one))] == ["sql-3197-frozen"] * 2
