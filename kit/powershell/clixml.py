"""Clixml exports (`Export-Clixml`): typed properties, enumerations, references, lists; no entity is ever expanded."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from kit.powershell.values import DEEPEST, About, Damage, Enumerated, Item, Row, flat

_KEPT_REFERENCES = 20_000
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DECLARATION = re.compile(r"^[\s\ufeff]*<\?xml[^>]*\?>")
_WHOLE = {"I16", "I32", "I64", "U16", "U32", "U64", "By", "SB", "C"}
_REAL = {"Db", "Sg", "D"}
_BASES = _WHOLE | _REAL | {"S", "B", "DT", "G", "TS"}
_LISTS = {"LST", "IE", "STK", "QUE"}
_PREFIXES = ("Deserialized.", "Selected.")


def read(blocks: Iterator[str]) -> Iterator[Item]:
    """The objects of a Clixml export in order; where the XML breaks off, the rest as one Damage of unknown size."""
    number, shelf = 0, _Shelf()
    try:
        for element in _top_level(blocks):
            found = shelf.value(element, 0)
            if not isinstance(found, dict | list):
                number += 1
                yield Damage(number, f"object {number}: {str(found)[:40]!r} is no object with properties")
                continue
            for item in flat(found):
                number += 1
                types = item.type_names if isinstance(item, Row) else ()
                yield Row(item, number, types)
    except ParseError as error:
        yield Damage(number + 1, f"object {number + 1}: the XML breaks off ({error})", None)
    except DefusedXmlException as error:
        reason = f"the XML declares a DTD or entities, which is refused ({error})"
        yield Damage(number + 1, f"object {number + 1}: {reason}", None)
    if shelf.missing:
        yield About(f"{shelf.missing} references to objects that are not in the file")


def _top_level(blocks: Iterator[str]) -> Iterator[Element]:
    """Each child of the root as soon as it is complete; it is dropped afterwards."""
    guarded = DefusedXMLParser(encoding="utf-8", forbid_dtd=True)
    parser = XMLPullParser(("start", "end"), _parser=guarded)
    depth, first = 0, True
    root: Element | None = None
    for block in blocks:
        if first:
            block, first = _DECLARATION.sub("", block.lstrip("\ufeff\x00")), False
        parser.feed(block.encode("utf-8", "replace"))
        for event, element in cast(Iterator[tuple[str, Element]], parser.read_events()):
            depth += 1 if event == "start" else -1
            if event == "start" and depth == 1:
                root = element
            elif event == "end" and depth == 1 and root is not None:
                yield element
                root.clear()
    parser.close()
    if root is None:
        raise ParseError("no element at all")


def _local(element: Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def _child(element: Element, *names: str) -> Element | None:
    return next((child for child in element if _local(child) in names), None)


def unescape(text: str) -> str:
    """Text without `_x000D_` escapes."""
    if "_x" not in text:
        return text
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _Shelf:
    """Elements to values; keeps what later references point to."""

    def __init__(self) -> None:
        self._objects: OrderedDict[str, Any] = OrderedDict()
        self._types: dict[str, tuple[str, ...]] = {}
        self.missing = 0

    def value(self, element: Element, depth: int) -> Any:
        """What the element stands for; None below the deepest level."""
        kind = _local(element)
        if kind == "Obj":
            found = self._object(element, depth) if depth < DEEPEST else None
            self._keep(element.get("RefId"), found)
            return found
        if kind == "Ref":
            return self._refer(element.get("RefId"))
        return _primitive(kind, element.text or "")

    def _keep(self, reference: str | None, found: Any) -> None:
        if reference is not None:
            self._objects[reference] = found
            if len(self._objects) > _KEPT_REFERENCES:
                self._objects.popitem(last=False)

    def _refer(self, reference: str | None) -> Any:
        if reference is not None and reference in self._objects:
            return self._objects[reference]
        self.missing += 1
        return None

    def _type_names(self, element: Element) -> tuple[str, ...]:
        """Type names, the most special first, without `Deserialized.`; a reference means those of an earlier one."""
        names = _child(element, "TN")
        if names is None:
            reference = _child(element, "TNRef")
            return self._types.get(reference.get("RefId", ""), ()) if reference is not None else ()
        found = tuple(_bare(child.text or "") for child in names)
        if len(self._types) < _KEPT_REFERENCES:
            self._types[names.get("RefId", "")] = found
        return found

    def _object(self, element: Element, depth: int) -> Any:
        types = self._type_names(element)
        written = _child(element, "ToString")
        word = unescape(written.text or "") if written is not None else None
        base = next((child for child in element if _local(child) in _BASES), None)
        if "System.Enum" in types or (base is not None and _local(base) in _WHOLE and word is not None):
            return Enumerated(word, _primitive(_local(base), base.text or "") if base is not None else None)
        if base is not None:
            return _primitive(_local(base), base.text or "")
        properties = self._properties(element, depth)
        if (items := _child(element, *_LISTS)) is not None:
            return [self.value(item, depth + 1) for item in items]
        if (table := _child(element, "DCT")) is not None:
            return self._dictionary(table, depth)
        if not properties:
            return word
        if word is not None:
            properties.setdefault("ToString", word)
        return Row(properties, 0, types)

    def _properties(self, element: Element, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for bag in element:
            if _local(bag) in ("Props", "MS"):
                for item in bag:
                    found[unescape(item.get("N") or "")] = self.value(item, depth + 1)
        return found

    def _dictionary(self, table: Element, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for entry in table:
            pair = {item.get("N"): self.value(item, depth + 1) for item in entry}
            found[str(pair.get("Key"))] = pair.get("Value")
        return found


def _bare(name: str) -> str:
    for prefix in _PREFIXES * 2:
        name = name.removeprefix(prefix)
    return name


def _primitive(kind: str, text: str) -> Any:
    if kind == "Nil":
        return None
    if kind == "B":
        return text.strip().lower() == "true"
    if kind in _WHOLE or kind in _REAL:
        try:
            return int(text) if kind in _WHOLE else float(text)
        except ValueError:
            return unescape(text)
    return unescape(text)
