"""No other reader gets more out of a damaged log: Rust `evtx`, libevtx and python-evtx, where they are installed.

A record that another reader shows and this one does not is allowed only where it is listed as a loss: what is read
across damage without a check (a time of the year 3490, a provider of unprintable characters) is no record. Run with
-rP to see how many each reader found and what is listed as lost.
"""

import random
import sys
from pathlib import Path

import pytest
from conftest import corpus_files
from evtx_logs import Read

from kit.errors import Unreadable

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import fuzz_evtx

LOGS = [path for path in corpus_files() if path.suffix == ".evtx" and "large-" not in path.name]
SLOW = 150  # records from which on python-evtx takes too long for a test


def rust(path):
    evtx = pytest.importorskip("evtx")
    found = set()
    try:
        records = iter(evtx.PyEvtxParser(str(path)).records_json())
    except (OSError, RuntimeError):
        return found
    while True:
        try:
            found.add(next(records)["event_record_id"])
        except StopIteration:
            return found
        except RuntimeError:
            continue


def libevtx(path):
    pyevtx = pytest.importorskip("pyevtx")
    log, found = pyevtx.file(), set()
    try:
        log.open(str(path))
    except OSError:
        return found
    for place in range(log.number_of_records):
        try:
            record = log.get_record(place)
            if record.xml_string:
                found.add(record.identifier)
        except OSError:
            continue
    log.close()
    return found


def python_evtx(path):
    from Evtx.Evtx import Evtx

    found = set()
    try:
        with Evtx(str(path)) as log:
            for chunk in log.chunks():
                found |= set(of_chunk(chunk))
    except Exception:  # noqa: BLE001 - whatever it raises on a damaged log, what it had read counts
        return found
    return found


def of_chunk(chunk):
    try:
        for record in chunk.records():
            try:
                record.xml()
            except Exception:  # noqa: BLE001 - a record that it cannot render
                continue
            yield record.record_num()
    except Exception:  # noqa: BLE001 - the chunk ends for it here
        return


def compared(path, readers):
    """How many records each reader shows, and those that another one shows and this one neither shows nor lists."""
    try:
        read = Read(path.read_bytes())
    except Unreadable:
        return {"ours": 0} | {reader.__name__: len(reader(path)) for reader in readers}, {}
    ours = {row["record_id"] for row in read.rows}
    listed = [loss for loss in read.losses if loss.found and loss.first_id is not None]
    counts, silent = {"ours": len(ours)}, {}
    for reader in readers:
        theirs = reader(path)
        more = theirs - ours
        lost = {one for one in more if any(loss.first_id <= one <= loss.last_id for loss in listed)}
        counts[reader.__name__] = len(theirs - lost)
        if more - lost:
            silent[reader.__name__] = sorted(more - lost)
    print(path.name, counts, *(f"{loss.first_id}-{loss.last_id}: {loss.reason}" for loss in listed), sep="\n  ")
    return counts, silent


@pytest.mark.corpus
@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name[:40])
def test_no_reader_gets_more_out_of_a_real_log(path):
    readers = [rust, libevtx]
    if len(Read(path.read_bytes()).rows) <= SLOW:
        readers.append(python_evtx)
    counts, silent = compared(path, readers)
    assert not silent and counts["ours"] == max(counts.values())


@pytest.fixture(scope="module")
def made():
    return fuzz_evtx.made()


@pytest.mark.parametrize("seed", range(40))
def test_no_reader_gets_more_out_of_a_damaged_log(seed, made, tmp_path):
    path = tmp_path / f"{seed}.evtx"
    path.write_bytes(fuzz_evtx.damaged(made, random.Random(seed), [made]))
    counts, silent = compared(path, [rust, libevtx, *([python_evtx] if seed % 10 == 0 else [])])
    assert not silent and counts["ours"] == max(counts.values())


def test_a_record_that_names_another_template_is_read_by_its_place(made):
    # one bit of the identifier in the first record: the definition that it refers to is sound and takes as many values
    data = bytearray(made)
    data[4096 + 512 + 24 + 4 + 2] ^= 0x10
    read = Read(bytes(data))
    rows = {row["record_id"]: row for row in read.rows}
    assert len(rows) == 400 and rows[1]["integrity"] == "damaged"
    assert (rows[1]["provider"], rows[1]["event_id"]) == ("MSSQLSERVER", 18210)


def test_a_chunk_whose_free_space_is_nonsense_ends_behind_its_last_record(made):
    data = bytearray(made)
    data[4096 + 48 : 4096 + 52] = (0xFFFFFFFF).to_bytes(4, "little")
    read = Read(bytes(data))
    assert len(read.rows) == 400 and not read.losses
    assert {row["integrity"] for row in read.rows} == {"ok", "bad_checksum"}


def test_a_log_without_its_beginning_is_found_by_its_chunks(made):
    rows = Read(made[5000:]).rows  # the file header and the first chunk's header are gone
    assert len({row["record_id"] for row in rows}) > 200


def test_damaged_names_do_not_lose_a_record_of_an_exported_log(made):
    # an export renumbers records in their headers; the numbers inside stay, so they must not count against a record
    data = bytearray(made)
    data[4096 + 512 + 8 : 4096 + 512 + 16] = (9_000).to_bytes(8, "little")
    at = data.index("Provider".encode("utf-16-le"), 4096)
    data[at : at + 2] = b"Q\0"
    rows = {row["record_id"]: row for row in Read(bytes(data)).rows}
    assert rows[9_000]["integrity"] in ("damaged", "borrowed_template") and rows[9_000]["event_id"] == 18210


def test_a_number_of_a_damaged_size_is_as_wide_as_its_type(made):
    # a value of one byte in the first record is said to have 65 bytes: all values after it would move
    data = bytearray(made)
    at = 4096 + 512 + 24 + 4 + 10  # behind the instance's header stands the definition, then the number of values
    count_at = at + 24 + int.from_bytes(data[at + 20 : at + 24], "little")
    kinds = {place: data[place + 2] for place in range(count_at + 4, count_at + 4 + 4 * data[count_at], 4)}
    of_one_byte = next(place for place, kind in kinds.items() if kind == 4)
    data[of_one_byte] = 65
    rows = {row["record_id"]: row for row in Read(bytes(data)).rows}
    clean = {row["record_id"]: row for row in Read(made).rows}
    assert rows[1]["integrity"] == "damaged"
    names = ("provider", "event_id", "level", "time_utc", "strings", "data")
    assert [rows[1][name] for name in names] == [clean[1][name] for name in names]
