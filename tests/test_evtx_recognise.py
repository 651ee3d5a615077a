"""Definitions are recognised by all their bytes and names, also where a chunk holds a name twice, or is damaged."""

import importlib
import random
import struct

import numpy as np
import pytest
from evtx_logs import CHUNK, Read, chunk, log_of, manifest, mixed, signed, spread

from kit.evtx import format as layout
from kit.evtx.binxml import Chunk
from kit.evtx.template import compile_definition
from kit.evtx.view import View

recognise = importlib.import_module("kit.evtx.recognise")


def _references(log, number, name):
    """Where a name stands in a chunk (bytes from its start), and where its offset stands."""
    content = log[chunk(number) : chunk(number) + CHUNK]
    raw = name.encode("utf-16-le")
    at = content.index(struct.pack("<H", len(name)) + raw + b"\0\0") - 6
    offset, found, place = struct.pack("<I", at), [], content.find(struct.pack("<I", at), 512)
    while place >= 0:
        found.append(place)
        place = content.find(offset, place + 1)
    return at, found


def _second_copy(log, name, text, use):
    """The log with a text in the free space of the second chunk, to which one of the uses of a name now leads."""
    at, found = _references(log, 1, name)
    assert len(found) > 3, "the name must be used several times in a chunk"
    length = 8 + 2 * len(name) + 2
    made = bytearray(log)
    copy = bytearray(log[chunk(1) + at : chunk(1) + at + length])
    copy[8:-2] = text.encode("utf-16-le")
    free = struct.unpack_from("<I", log, chunk(1) + 48)[0]
    target = free + 64
    made[chunk(1) + target : chunk(1) + target + length] = copy
    struct.pack_into("<I", made, chunk(1) + found[use], target)
    return signed(bytes(made))


@pytest.fixture
def log(tmp_path):
    return log_of(tmp_path, spread(manifest, 3))


@pytest.mark.parametrize("use", [1, -1])
@pytest.mark.parametrize("cells", [0, recognise._CELLS])
def test_a_name_may_stand_twice_in_a_chunk(log, monkeypatch, cells, use):
    monkeypatch.setattr(recognise, "_CELLS", cells)
    read, twice = Read(log), Read(_second_copy(log, "Data", "Data", use))
    assert twice.rows == read.rows and not twice.losses
    assert len(twice.log.met.templates) == len(read.log.met.templates)


@pytest.mark.parametrize("use", [1, -1])
@pytest.mark.parametrize("cells", [0, recognise._CELLS])
def test_another_name_at_one_place_of_many_is_noticed(log, monkeypatch, cells, use):
    monkeypatch.setattr(recognise, "_CELLS", cells)
    forged = Read(_second_copy(log, "Data", "Date", use))  # the hash beside it is still that of Data
    assert {row["integrity"] for row in forged.rows if 4 <= row["record_id"] <= 6} != {"ok"}
    assert {row["integrity"] for row in forged.rows if not 4 <= row["record_id"] <= 6} == {"ok"}


@pytest.mark.parametrize("seed", range(25))
def test_names_are_compared_alike_with_and_without_the_table(tmp_path, monkeypatch, seed):
    choice = random.Random(seed)
    made = bytearray(log_of(tmp_path, [event for _ in range(3) for event in mixed(24)] + spread(manifest, 2)))
    for _ in range(choice.randrange(1, 60)):
        place = choice.randrange(chunk(0), len(made))
        made[place] ^= 1 << choice.randrange(8)
    read = Read(bytes(made))
    monkeypatch.setattr(recognise, "_CELLS", 0)
    again = Read(bytes(made))
    assert again.rows == read.rows and again.losses == read.losses


def _definition(data, number):
    """Where the first definition of a chunk begins: its place is named by the first record."""
    return number * CHUNK + struct.unpack_from("<I", data, number * CHUNK + 512 + 24 + 10)[0]


def test_each_changed_byte_of_a_definition_is_noticed(log, monkeypatch):
    monkeypatch.setattr(recognise, "MANY", 1)
    data = bytearray(log[chunk(0) :])
    at = np.array([_definition(data, number) for number in range(3)])
    template = compile_definition(Chunk(bytes(data), 0, CHUNK), int(at[0]))
    assert template.homes is not None, "the first template of a chunk must hold its names itself"
    found = {}
    for place in [None, *range(template.size)]:
        if place is not None:
            data[at[1] + 24 + place] ^= 0x10
        which = np.zeros(3, dtype=np.int64)
        found[place] = recognise._whole(View(bytes(data)), [template], which, at + 24).tolist()
        if place is not None:
            data[at[1] + 24 + place] ^= 0x10
    links = {at + byte for at in template.links_at for byte in range(4)}  # they differ from chunk to chunk
    assert {place for place, rows in found.items() if rows == [True] * 3} == {None, *links}
    assert {tuple(rows) for rows in found.values()} == {(True, True, True), (True, False, True)}


@pytest.mark.parametrize("seed", range(25))
def test_many_definitions_are_compared_like_few(tmp_path, monkeypatch, seed):
    choice = random.Random(seed)
    made = bytearray(log_of(tmp_path, [event for _ in range(3) for event in mixed(24)] + spread(manifest, 4)))
    for _ in range(choice.randrange(1, 60)):
        place = choice.randrange(chunk(0), len(made))
        made[place] ^= 1 << choice.randrange(8)
    read = Read(bytes(made))
    monkeypatch.setattr(recognise, "MANY", 1)
    again = Read(bytes(made))
    assert again.rows == read.rows and again.losses == read.losses


@pytest.mark.parametrize("size", [0, 10, 63, 64, 65, 200])
def test_the_beginnings_of_records_at_the_end_of_a_buffer_end_in_zeros(size):
    data = bytes(1 + number % 255 for number in range(size))
    at = np.array([*range(0, size, 7), *range(max(size - 3, 0), size)], dtype=np.int64)
    heads = View(data).heads(at, layout.RECORD)
    expected = [data[place : place + layout.RECORD.itemsize].ljust(layout.RECORD.itemsize, b"\0") for place in at]
    expected = np.frombuffer(b"".join(expected), dtype=layout.RECORD)
    assert all(heads[name].tolist() == expected[name].tolist() for name in layout.RECORD.names)
