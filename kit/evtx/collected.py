"""What the leaves of fragments without a template mean: fields of System, and event data."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from kit.evtx import format as layout
from kit.evtx import gather
from kit.evtx.fields import Meaning
from kit.evtx.lockstep import Elements, Leaves
from kit.evtx.template import Keys
from kit.evtx.values import wide_text

_DROPPED = -1


class Written(NamedTuple):
    """Texts of one field of System: records, and where their texts begin and end."""

    record: np.ndarray
    start: np.ndarray
    stop: np.ndarray


class Data(NamedTuple):
    """Event data in the order of each record: the record, the key, where the text begins, and its descriptor."""

    record: np.ndarray
    key: np.ndarray
    start: np.ndarray
    desc: np.ndarray


def sorted_out(
    buffer: pa.Buffer, leaves: Leaves, record: np.ndarray, elements: Elements, keys: Keys
) -> tuple[dict[str, Written], Data]:
    """Fields of System, and event data; `record` is that of each fragment."""
    meanings, which = _meanings(buffer, leaves, elements)
    rows = record[leaves.fragment]
    filled = leaves.start >= 0
    system: dict[str, Written] = {}
    for number, meaning in enumerate(meanings):
        if meaning is not None and meaning.part == "system":
            chosen = np.flatnonzero((which == number) & filled)
            known = system.get(meaning.key)
            made = Written(rows[chosen], leaves.start[chosen], leaves.stop[chosen])
            both = made if known is None else Written(*map(np.concatenate, zip(known, made, strict=True)))
            system[meaning.key] = both
    numbers = np.array(
        [
            keys.number(meaning.key, meaning.named, meaning.inserted)
            if meaning is not None and meaning.part in ("data", "message")
            else _DROPPED
            for meaning in meanings
        ],
        dtype=np.int32,
    )
    key = numbers[which] if len(numbers) else np.zeros(0, dtype=np.int32)
    kept = np.flatnonzero(key != _DROPPED)
    size = (leaves.stop - leaves.start)[kept]
    desc = np.where(filled[kept], layout.STRING_TYPE << 16 | size, layout.NULL_TYPE << 16).astype(np.uint32)
    start = np.where(filled[kept], leaves.start[kept], 0).astype(np.int32)
    return system, Data(rows[kept], key[kept], start, desc)


def _meanings(buffer: pa.Buffer, leaves: Leaves, elements: Elements) -> tuple[list[Meaning | None], np.ndarray]:
    """The distinct meanings, and which of them each leaf has."""
    labelled = np.flatnonzero(leaves.label_start >= 0)
    raw = gather.pieces(buffer, leaves.label_start[labelled], leaves.label_stop[labelled]).dictionary_encode()
    labels = [wide_text(one) for one in raw.dictionary.to_pylist()]
    label = np.full(len(leaves.leaf), -1, dtype=np.int64)
    label[labelled] = raw.indices.to_numpy()
    empty = (leaves.start < 0).astype(np.int64)
    combined = pa.array(leaves.leaf.astype(np.int64) << 32 | (label + 1) << 1 | empty).dictionary_encode()
    found = []
    for one in combined.dictionary.to_pylist():
        node, attribute = elements.leaves[one >> 32]
        number = (one >> 1 & 0x7FFFFFFF) - 1
        text = labels[number] if number >= 0 else None
        meaning = node.meaning(text) if attribute is None else node.attribute(attribute, text)
        found.append(None if one & 1 and node.quiet else meaning)
    return found, combined.indices.to_numpy()
