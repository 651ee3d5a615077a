"""Every knowledge file, without naming one: a new component is tested by being there.

Samples are the rules' own; they were written after the documented wordings, with made-up names and numbers.
"""

import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from kit import codes, rules
from kit.docs import rules as docs_rules
from kit.rules.matching import _unnamed

KNOWN = rules.load()
SAMPLES = [(one, number) for one in KNOWN.rules for number in range(len(one.sample))]


def record(sample: dict) -> rules.Record:
    names = ("provider", "event_id", "message", "strings", "data")
    return rules.Record(**{"provider": None, "event_id": None} | {key: sample[key] for key in names if key in sample})


@pytest.mark.parametrize(("one", "number"), SAMPLES, ids=[f"{one.id}-{number}" for one, number in SAMPLES])
def test_a_sample_matches_its_own_rule_and_gives_its_captures(one, number):
    sample = one.sample[number]
    found = KNOWN.index.match(record(sample))
    assert found is not None
    assert found.rule.id == one.id
    assert {key: found.captured.get(key) for key in sample.get("captures", {})} == sample.get("captures", {})


def test_every_field_of_a_sample_is_known():
    fields = {key for one in KNOWN.rules for sample in one.sample for key in sample}
    assert fields <= {"provider", "event_id", "message", "strings", "data", "captures"}


def test_ids_are_unique_and_fit_a_link():
    ids = [one.id for one in KNOWN.rules]
    assert len(ids) == len(set(ids))
    assert all(name == name.lower() and name.replace("-", "").isalnum() for name in ids)


def test_texts_can_be_swept_over_whole_logs():
    """The sweep's library knows less than Python's patterns; one that it refuses would slow down every log."""
    for one in KNOWN.rules:
        for pattern in one.text:
            pc.match_substring_regex(pa.array(["x"]), "(?s)" + _unnamed(pattern.pattern), ignore_case=True)


def test_root_causes_of_rules_and_codes_are_known_and_say_what_to_do():
    content = tomllib.loads(codes.FILE.read_text(encoding="utf-8"))
    named = {one.get("root_cause") for kind in content.values() for one in kind.values() if isinstance(one, dict)}
    assert named - {None} <= set(KNOWN.root_causes)
    for one in KNOWN.root_causes.values():
        assert one.advice or one.kind == "benign", one.id


def test_inferred_rules_say_so():
    """What nobody read in a source must not claim to be documented; such rules refer to general knowledge."""
    general = [one for one in KNOWN.rules if any("not confirmed" in text for text in one.reference)]
    assert general
    assert {one.status for one in general} <= {"inferred", "field-report"}


@pytest.mark.parametrize("component", KNOWN.components, ids=lambda one: one.file)
def test_a_component_is_named_and_has_rules(component):
    assert component.name
    assert component.about
    assert any(one.file == component.file for one in KNOWN.rules)


def test_the_pages_are_up_to_date():
    made = docs_rules.pages()
    written = {path.name: path.read_text(encoding="utf-8") for path in docs_rules.FOLDER.glob("*.md")}
    stale = [name for name in set(made) | set(written) if made.get(name) != written.get(name)]
    assert not stale, "run `python -m kit.docs.rules`"


def test_every_rule_links_to_a_place_on_its_page():
    made = docs_rules.pages()
    for one in KNOWN.rules:
        page, _, anchor = KNOWN.page(one).partition("#")
        assert f'<a id="{anchor}"></a>' in made[Path(page).name]
