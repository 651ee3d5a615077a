"""Some hundreds of damaged logs: no crash, no endless loop, no record without an account, no memory without bound.

The damage and the checks are those of benchmarks/fuzz_evtx.py, which runs ten thousand; seeds are fixed, so that a
failure can be looked at again with `python benchmarks/fuzz_evtx.py --only SEED`.
"""

import importlib.util
import struct
import tracemalloc
from pathlib import Path

import pytest
from evtx_logs import Read, chunk, classic, collected, log_of, records, signed

from kit.evtx.registry import Registry

SCRIPT = Path(__file__).resolve().parent.parent / "benchmarks" / "fuzz_evtx.py"
MOST_BYTES = 200 << 20  # for logs of some hundred kilobytes


@pytest.fixture(scope="module")
def fuzz():
    spec = importlib.util.spec_from_file_location("fuzz_evtx", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("first", range(1, 301, 30))
def test_damaged_logs(fuzz, first):
    logs = [fuzz.made()]
    wrong = {seed: fuzz.problem(fuzz.case(seed, logs)) for seed in range(first, first + 30)}
    assert {seed: problem for seed, problem in wrong.items() if problem} == {}


def peak(data):
    """The most memory that Python objects took while a log was read."""
    tracemalloc.start()
    Read(data, registry=Registry())
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_impossible_counts_allocate_nothing(tmp_path):
    log = bytearray(log_of(tmp_path, [classic(n) for n in range(100)]))
    for at, size in records(log, 0)[1:]:
        body = log.rindex(b"\x0c\x01", at, at + size)
        struct.pack_into("<I", log, body + 10, 0xFFFF_FFFF)
    assert peak(signed(log)) < MOST_BYTES


def test_a_record_that_refers_to_itself_comes_to_an_end(tmp_path):
    """The embedded fragment of each record is made to begin at the record's own template instance."""
    log = bytearray(log_of(tmp_path, [classic(n) for n in range(20)]))
    for at, size in records(log, 0):
        body = log.rindex(b"\x0c\x01", at, at + size)
        outer = log.index(b"\x0c\x01", at)
        log[body : body + 10] = log[outer : outer + 10]
    assert peak(signed(log)) < MOST_BYTES


def test_deeply_nested_elements_are_refused(tmp_path):
    """Collected records are overwritten with the beginnings of elements inside each other."""
    log = bytearray(log_of(tmp_path, [collected(n) for n in range(20)]))
    at = records(log, 0)[0][0]
    first = log.index(b"\x41", at + 24)
    name = log[first + 5 : first + 9]
    for start, size in records(log, 0)[1:]:
        opening = b"\x01" + struct.pack("<I", 100) + name
        body = (opening * (size // len(opening)))[: size - 32]
        log[start + 28 : start + 28 + len(body)] = body
    read = Read(signed(log))
    assert read.balanced() and len(read.rows) >= 1


def test_definitions_that_overlap_are_compiled_within_bounds(tmp_path):
    """Every record names another offset inside one large definition as its template."""
    log = bytearray(log_of(tmp_path, [classic(n) for n in range(150)]))
    for number, (at, _) in enumerate(records(log, 0)[1:], 1):
        struct.pack_into("<I", log, at + 34, 0x200 + number)
        guid = chunk(0) + 0x200 + number + 4
        log[at + 30 : at + 34] = log[guid : guid + 4]
    read = Read(signed(log))
    assert read.balanced() and len(read.log.met.templates) < 300
