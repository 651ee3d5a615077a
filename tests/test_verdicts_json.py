"""verdicts.json is checked before it is issued: the quick look accepts only what jsonschema accepts."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from kit.errors import GateError
from kit.judgement import analyze, verdicts_json
from kit.judgement.quick_schema import quick
from tests.world import World

WRONG = (None, True, 3, 2.5, "words", [], {}, ["x"], [3], {"a": 1}, "2014-05-19 12:00", "2014-05-19T12:00:00Z\n")


@pytest.fixture(scope="module")
def sound() -> dict[str, Any]:
    world = World()
    world.guest()
    world.hours(range(8, 16))
    made = verdicts_json.document(analyze(world.case()))
    return {name: value[:2] if isinstance(value, list) else value for name, value in made.items()}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of the document, of a list only the first item."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    made = copy.copy(document)
    made[path[0]] = changed(document[path[0]], path[1:], value)
    return made


def test_the_quick_look_accepts_a_sound_document(sound: dict[str, Any]) -> None:
    assert sound["events"] and sound["operations"] and sound["recovery_points"][0]["databases"]
    assert quick(verdicts_json.schema())(sound)


def test_what_the_quick_look_accepts_jsonschema_accepts(sound: dict[str, Any]) -> None:
    fits, referee = quick(verdicts_json.schema()), jsonschema.Draft202012Validator(verdicts_json.schema())
    refused = 0
    for path in places(sound):
        for value in WRONG:
            made = changed(sound, path, value)
            if not fits(made):
                refused += 1
            else:
                assert referee.is_valid(made), (path, value)
    assert refused > 500


@pytest.mark.parametrize("drop", [True, False])
def test_a_field_too_few_or_too_many_is_refused_by_name(sound: dict[str, Any], drop: bool) -> None:
    point = dict(sound["recovery_points"][0])
    if drop:
        del point["verdict"]
    else:
        point["opinion"] = "good"
    with pytest.raises(GateError, match="recovery_points/0"):
        verdicts_json._check(sound | {"recovery_points": [point]})


def test_a_keyword_that_the_quick_look_does_not_know_is_left_to_jsonschema() -> None:
    assert not quick({"type": "string", "minLength": 3})("words")
    assert not quick({"type": "object", "properties": {"a": {"type": "string"}}})({"a": "x"})
    assert not quick({"type": "object", "properties": {}, "required": ["a"], "additionalProperties": False})({})
