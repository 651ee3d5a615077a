"""Texts of event data as JSON, whole arrays at a time: what Python's own writer gives for each."""

import json
import random

import numpy as np
import pyarrow as pa
import pytest

from kit.evtx.gather import with_nulls
from kit.evtx.render import escaped
from kit.evtx.texts import guid_texts, hex_texts
from kit.evtx.values import guid_text

SIGNS = ["a", "Z", "é", "ß", "€", "\U0001f600", '"', "\\", "\n", "\t", "\0", "\x1f", "\x7f", "/", " "]


def _texts(seed):
    choice = random.Random(seed)
    return ["".join(choice.choices(SIGNS, k=choice.randrange(6))) for _ in range(choice.randrange(1, 40))]


@pytest.mark.parametrize("seed", range(60))
def test_escapes_are_those_of_json(seed):
    written = _texts(seed)
    assert escaped(pa.array(written, pa.string())).to_pylist() == [
        json.dumps(text, ensure_ascii=False)[1:-1] for text in written
    ]


def test_escapes_of_a_part_of_an_array():
    array = pa.array(['before"', "C:\\temp", "", 'say "no"', "after\\"], pa.string())
    assert escaped(array.slice(1, 3)).to_pylist() == ["C:\\\\temp", "", 'say \\"no\\"']


@pytest.mark.parametrize("count", [1, 7, 8, 9, 17])
def test_nulls_stand_where_the_mask_says(count):
    mask = np.arange(count) % 3 == 0
    made = with_nulls(pa.array([str(one) for one in range(count)]), mask)
    made.validate(full=True)
    assert made.to_pylist() == [None if one % 3 == 0 else str(one) for one in range(count)]


def test_guids_and_binary_values_as_single_ones_are_written():
    raw = random.Random(5).randbytes(16 * 20)
    pieces = [raw[start : start + 16] for start in range(0, len(raw), 16)]
    assert guid_texts(pa.array(pieces, pa.binary(16))).to_pylist() == [guid_text(piece) for piece in pieces]
    assert hex_texts(pa.array([b"", *pieces], pa.binary())).to_pylist() == [
        "",
        *(piece.hex().upper() for piece in pieces),
    ]
