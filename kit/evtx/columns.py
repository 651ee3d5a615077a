"""The System fields of all records of a batch as columns, each made when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from kit.evtx import format as layout
from kit.evtx import gather, scalar, texts, values
from kit.evtx.collected import Written
from kit.evtx.level import Group, merged
from kit.evtx.view import View

_NUMBER_VIEWS = {
    layout.INT8_TYPE: ("<i1", 1), layout.UINT8_TYPE: ("<u1", 1), layout.INT16_TYPE: ("<i2", 2),
    layout.UINT16_TYPE: ("<u2", 2), layout.INT32_TYPE: ("<i4", 4), layout.UINT32_TYPE: ("<u4", 4),
    layout.INT64_TYPE: ("<i8", 8), layout.UINT64_TYPE: ("<u8", 8), layout.HEX32_TYPE: ("<u4", 4),
    layout.HEX64_TYPE: ("<u8", 8), layout.FILETIME_TYPE: ("<i8", 8), layout.BOOL_TYPE: ("<u4", 4),
}  # fmt: skip
_LITERAL = 0xFFFF_FFFF


class System:
    """System fields by name (fields.SYSTEM), in record order; rows decoded one by one are written over the rest.

    Numbers come with a mask of those that are known; texts come as codes into `vocabulary` with -1 for none.
    """

    def __init__(self, view: View, buffer: pa.Buffer, rows: int, groups: list[Group], vocabulary: Vocabulary) -> None:
        self._view = view
        self._buffer = buffer
        self.rows = rows
        self._groups = groups
        self._odd: dict[int, scalar.Decoded] = {}
        self.vocabulary = vocabulary
        self._written: dict[str, list[Written]] = {}
        self._numbers: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._texts: dict[str, np.ndarray] = {}

    def place(self, row: int, decoded: scalar.Decoded) -> None:
        """Takes the System fields of a record that was decoded by itself."""
        self._odd[row] = decoded
        self._numbers.clear()
        self._texts.clear()

    def write(self, written: dict[str, Written]) -> None:
        """Takes System fields that fragments without a template hold as text."""
        for field, part in written.items():
            self._written.setdefault(field, []).append(part)

    def numbers(self, field: str) -> tuple[np.ndarray, np.ndarray]:
        """A field as 64-bit numbers, and where it is known. Unsigned numbers above 2**63 wrap."""
        if field not in self._numbers:
            self._numbers[field] = self._read_numbers(field)
        return self._numbers[field]

    def _read_numbers(self, field: str) -> tuple[np.ndarray, np.ndarray]:
        found = np.zeros(self.rows, dtype=np.int64)
        known = np.zeros(self.rows, dtype=bool)
        for kind, row, at, literal in self._slots(field):
            if kind == _LITERAL:
                number = scalar.number((values.Kind.TEXT, literal))
                self._one(found, known, row, number)
            elif (kind >> 16) in _NUMBER_VIEWS and (kind & 0xFFFF) == _NUMBER_VIEWS[kind >> 16][1]:
                found[row] = self._view.numbers(at, _NUMBER_VIEWS[kind >> 16][0])
                known[row] = True
            elif kind >> 16:
                self._each(found, known, row, at, kind)
        for written in self._written.get(field, ()):
            self._parsed(found, known, written)
        for one, decoded in self._odd.items():
            self._one(found, known, one, scalar.number(decoded.system.get(field)))
        return found, known

    def _parsed(self, found: np.ndarray, known: np.ndarray, written: Written) -> None:
        """Numbers that stand as text; each distinct text is parsed once."""
        coded = gather.pieces(self._buffer, written.start, written.stop).dictionary_encode()
        numbers = np.zeros(len(coded.dictionary), dtype=np.int64)
        right = np.zeros(len(coded.dictionary), dtype=bool)
        for place, raw in enumerate(coded.dictionary.to_pylist()):
            self._one(numbers, right, place, scalar.number((values.Kind.TEXT, values.wide_text(raw))))
        which = coded.indices.to_numpy()
        found[written.record], known[written.record] = numbers[which], right[which]

    def _each(self, found: np.ndarray, known: np.ndarray, row: np.ndarray, at: np.ndarray, kind: int) -> None:
        for one, start in zip(row.tolist(), at.tolist(), strict=True):
            self._one(found, known, one, scalar.number(self._value(kind, start)))

    def _value(self, desc: int, start: int) -> values.Value:
        return values.decode(desc >> 16, bytes(self._view.data[start : start + (desc & 0xFFFF)]))

    @staticmethod
    def _one(found: np.ndarray, known: np.ndarray, row: Any, number: int | None) -> None:
        known[row] = number is not None
        found[row] = 0 if number is None else (number + 2**63) % 2**64 - 2**63

    def texts(self, field: str) -> np.ndarray:
        """A field as codes of the vocabulary; -1 where there is none or it is empty."""
        if field not in self._texts:
            self._texts[field] = self._read_texts(field)
        return self._texts[field]

    def _read_texts(self, field: str) -> np.ndarray:
        codes = np.full(self.rows, -1, dtype=np.int32)
        rows, constants = [], []
        for kind, row, at, literal in self._slots(field, sized=False):
            if kind == _LITERAL:
                rows.append(row)
                constants.append(self.vocabulary.code(literal or None))
            elif kind == layout.STRING_TYPE:
                codes[row] = self._wide(at[0], at[1])
            elif kind:
                codes[row] = self._text_codes(kind, at[0].tolist(), at[1].tolist())
        if rows:
            codes[np.concatenate(rows)] = np.repeat(np.array(constants, dtype=np.int32), [len(row) for row in rows])
        for part in self._written.get(field, ()):
            codes[part.record] = self.vocabulary.wide(self._buffer, part.start, part.stop)
        for one, decoded in self._odd.items():
            codes[one] = self.vocabulary.code(scalar.label(decoded.system.get(field)) or None)
        return codes

    def _wide(self, start: np.ndarray, stop: np.ndarray) -> Any:
        """Codes of UTF-16 texts; one for all where all are the same, as names of computers and channels mostly are."""
        size, data = int(stop[0] - start[0]), self._view.data
        first = data[int(start[0]) : int(stop[0])]
        alike = size > 0 and all(data[int(start[one]) : int(stop[one])] == first for one in (len(start) // 2, -1))
        if alike and (stop - start == size).all():
            bytes_of = self._view.rows(start, size).reshape(-1)
            if (bytes_of[size:] == bytes_of[:-size]).all():  # each is the same as the one before
                return self.vocabulary.raw(first)
        return self.vocabulary.wide(self._buffer, start, stop)

    def _text_codes(self, kind: int, starts: list[int], stops: list[int]) -> list[int]:
        known: dict[bytes, int] = {}
        codes = []
        for start, stop in zip(starts, stops, strict=True):
            raw = bytes(self._view.data[start:stop])
            if raw not in known:
                known[raw] = self.vocabulary.code(scalar.label(values.decode(kind, raw)) or None)
            codes.append(known[raw])
        return codes

    def times(self) -> tuple[np.ndarray, np.ndarray]:
        """TimeCreated in ticks, and where it is known."""
        if "" not in self._numbers:
            found, known = np.zeros(self.rows, dtype=np.int64), np.zeros(self.rows, dtype=bool)
            for kind, row, at, _ in self._slots("time_created"):
                if kind != _LITERAL and kind >> 16 == layout.FILETIME_TYPE and kind & 0xFFFF == 8:
                    found[row], known[row] = self._view.numbers(at, "<i8"), True
            for one, value in self._odd_times():
                self._one(found, known, one, scalar.moment(value)[0])
            for part in self._written.get("time_created", ()):
                self._parsed_times(found, known, part)
            self._numbers[""] = found, known
        return self._numbers[""]

    def _parsed_times(self, found: np.ndarray, known: np.ndarray, written: Written) -> None:
        """Times that stand as text: those of equal length together."""
        size = written.stop - written.start
        for one, chosen in _equal(size):
            rows, start = written.record[chosen], written.start[chosen]
            chars = self._view.rows(start, int(one) // 2, "<u2")
            found[rows], known[rows] = texts.parsed_times(chars)
        for row, value in self._texts_of(written, ~known[written.record]):
            self._one(found, known, row, scalar.moment(value)[0])

    def _texts_of(self, written: Written, chosen: Any = slice(None)) -> Iterator[tuple[int, values.Value]]:
        columns = (column[chosen].tolist() for column in written)
        for row, begin, stop in zip(*columns, strict=True):
            yield row, (values.Kind.TEXT, values.wide_text(self._view.data[begin:stop]))

    def time_texts(self) -> dict[int, str]:
        """The text of times that the log holds as text, by record."""
        odd = (one for part in self._written.get("time_created", ()) for one in self._texts_of(part))
        return {row: value[1] for row, value in (*self._odd_times(), *odd) if value[0] == values.Kind.TEXT and value[1]}

    def _odd_times(self) -> Iterator[tuple[int, values.Value]]:
        for kind, row, at, literal in self._slots("time_created"):
            if kind == _LITERAL:
                yield from ((one, (values.Kind.TEXT, literal)) for one in row.tolist())
            elif kind >> 16 != layout.NULL_TYPE and kind != layout.FILETIME_TYPE << 16 | 8:
                for one, start in zip(row.tolist(), at.tolist(), strict=True):
                    yield one, self._value(kind, start)
        for place, decoded in self._odd.items():
            if "time_created" in decoded.system:
                yield place, decoded.system["time_created"]

    def _slots(self, field: str, *, sized: bool = True) -> Iterator[tuple[int, np.ndarray, Any, str]]:
        """(descriptor, rows, positions, "") for values of equal type and size, or (_LITERAL, rows, None, text).

        With `sized=False`: (type, rows, (positions, ends), "").
        """
        for group in self._groups:
            for slot, start, stop in merged(group.runs, lambda run: run.plan.system.get(field)):
                row = group.record[start:stop]
                if slot is None:
                    continue
                if isinstance(slot, str):
                    yield _LITERAL, row, None, slot
                    continue
                at, end = group.at[start:stop, slot], group.at[start:stop, slot + 1]
                desc = group.desc[start:stop, slot]
                for kind, chosen in _equal(desc if sized else desc >> 16):
                    yield kind, row[chosen], at[chosen] if sized else (at[chosen], end[chosen]), ""


def _equal(desc: np.ndarray) -> Iterable[tuple[int, Any]]:
    """(number, where it stands) for each number of an array."""
    if not len(desc):
        return []
    first = desc[0]
    if (desc == first).all():
        return [(int(first), slice(None))]
    return [(int(one), np.flatnonzero(desc == one)) for one in np.unique(desc)]


class Vocabulary:
    """Texts that repeat, numbered; only distinct ones are ever decoded."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._codes: dict[str, int] = {}
        self._raw: dict[bytes, int] = {}

    def code(self, text: str | None) -> int:
        """The number of a text; -1 for none."""
        if text is None:
            return -1
        known = self._codes.get(text)
        if known is None:
            known = self._codes[text] = len(self.texts)
            self.texts.append(text)
        return known

    def wide(self, buffer: pa.Buffer, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
        """The numbers of UTF-16 texts."""
        coded = gather.pieces(buffer, start, stop).dictionary_encode()
        own = np.array([self.raw(raw) for raw in coded.dictionary.to_pylist()], dtype=np.int32)
        found: np.ndarray = own[coded.indices.to_numpy()]
        return found

    def raw(self, raw: bytes) -> int:
        """The number of a UTF-16 text."""
        known = self._raw.get(raw)
        if known is None:
            known = self._raw[raw] = self.code(values.wide_text(raw) or None)
        return known
