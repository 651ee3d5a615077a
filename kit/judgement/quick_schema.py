"""A JSON schema made into plain functions that accept what surely fits it: the quick first look at verdicts.json.

Only the keywords that the schema uses are known, and nothing is judged here: what these functions do not accept, or do
not understand, jsonschema decides. An acceptance therefore has to mean that jsonschema would find no error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Fits = Callable[[Any], bool]
TYPES: Mapping[str, type] = {
    "string": str, "integer": int, "number": float, "boolean": bool, "null": type(None), "array": list, "object": dict,
}
SILENT = frozenset({"$schema", "title", "description", "x-version"})  # they ask nothing of a value
OBJECT = frozenset({"type", "properties", "required", "additionalProperties"})


def quick(schema: Mapping[str, Any]) -> Fits:
    """A function that says True of values that surely fit the schema; it never does where a keyword is not known."""
    asked = schema.keys() - SILENT
    kind = schema.get("type")
    if kind == "object" and asked <= OBJECT and schema.get("additionalProperties") is False:
        return _object(schema)
    if kind == "array" and asked <= {"type", "items"}:
        return _array(quick(schema.get("items", {})))
    if asked == {"enum"}:
        return _one_of(schema["enum"])
    if asked <= {"type", "pattern"} and kind is not None:
        return _plain([kind] if isinstance(kind, str) else kind, schema.get("pattern"))
    return _any if not asked else _none


def _any(_value: Any) -> bool:
    return True


def _none(_value: Any) -> bool:
    return False


def _object(schema: Mapping[str, Any]) -> Fits:
    """Objects with the declared keys, those that are required among them."""
    fields = {name: quick(one) for name, one in schema.get("properties", {}).items()}
    names, required = fields.keys(), frozenset(schema.get("required", ()))
    known = required <= names

    def fits(value: Any) -> bool:
        if type(value) is not dict or not required <= value.keys() <= names:
            return False
        return all(fields[name](one) for name, one in value.items())

    return fits if known else _none


def _array(item: Fits) -> Fits:
    return lambda value: type(value) is list and all(map(item, value))


def _one_of(allowed: list[Any]) -> Fits:
    words = frozenset(one for one in allowed if isinstance(one, str))
    return lambda value: type(value) is str and value in words


def _plain(kinds: list[str], pattern: str | None) -> Fits:
    types = frozenset(TYPES[kind] for kind in kinds if kind in TYPES)
    types |= {int} if "number" in kinds else frozenset()
    if pattern is None:
        return lambda value: type(value) in types
    found = re.compile(pattern).search
    return lambda value: type(value) in types and (type(value) is not str or found(value) is not None)
