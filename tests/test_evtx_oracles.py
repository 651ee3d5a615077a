"""Other readers as yardsticks: Rust `evtx`, libevtx and python-evtx, where they are installed.

They are compared as they are; their known peculiarities are named where they are allowed for.
"""

import json
import re
from collections import Counter

import pytest
from conftest import corpus_files
from evtx_logs import Read, mixed

from kit.practice.evtx_writer import write_evtx

LOGS = [path for path in corpus_files() if path.suffix == ".evtx" and "large-" not in path.name]
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z")
GUID = re.compile(r"\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?", re.IGNORECASE)


def rust_records(path):
    """Records of the Rust reader by number, and how many it could not read."""
    evtx = pytest.importorskip("evtx")
    found, failed = {}, 0
    records = iter(evtx.PyEvtxParser(str(path)).records_json())
    while True:
        try:
            record = next(records)
        except StopIteration:
            return found, failed
        except RuntimeError:
            failed += 1
            continue
        found.setdefault(record["event_record_id"], []).append(json.loads(record["data"])["Event"])


def leaves(value):
    """The texts of a JSON value, without attributes; nothing for null and empty text."""
    if isinstance(value, dict):
        return [text for key, inner in value.items() if key != "#attributes" for text in leaves(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in leaves(inner)]
    if value is None or value == "":
        return []
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def alike(text):
    """Text without what readers differ in: braces and case of GUIDs, digits of a time beyond milliseconds."""
    if found := GUID.fullmatch(text):
        return found[1].lower()
    if found := TIME.fullmatch(text):
        return f"{found[1]}.{(found[2] or '').ljust(3, '0')[:3]}"
    return text


def ours(row):
    """The texts of the event data of a row."""
    named = json.loads(row["data"]) if row["data"] else {}
    binary = named.get("Binary")
    return Counter(alike(text) for text in [*row["strings"], *([binary] if binary else [])] if text)


def number(value):
    """EventID and Level, which are numbers, texts, or objects with a text."""
    value = value.get("#text") if isinstance(value, dict) else value
    return None if value is None else int(value)


@pytest.mark.corpus
@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name[:40])
def test_the_rust_reader_reads_the_same(path):
    theirs, _ = rust_records(path)
    rows = Read(path.read_bytes()).rows
    assert theirs.keys() <= {row["record_id"] for row in rows}  # nothing that it finds is missing here
    for row in rows:
        events = theirs.get(row["record_id"])
        if not events or row["integrity"] in ("recovered", "borrowed_template", "damaged"):
            continue
        event = events.pop(0) if len(events) > 1 else events[0]
        system = event["System"]
        if not system.get("Provider") or not system.get("TimeCreated"):
            continue  # the Rust reader loses names of a chunk whose string table is damaged
        assert number(system["EventID"]) == row["event_id"] and number(system.get("Level")) == row["level"]
        assert system["Provider"]["#attributes"].get("Name") == row["provider"]
        assert (system.get("Channel") or None, system.get("Computer") or None) == (row["channel"], row["computer"])
        assert alike(system["TimeCreated"]["#attributes"]["SystemTime"]) == alike(row["time_raw"])
        data = [text for key, part in event.items() if key not in ("System", "#attributes") for text in leaves(part)]
        assert Counter(map(alike, data)) == ours(row)


@pytest.mark.corpus
@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name[:40])
def test_no_reader_finds_more_records(path):
    read = Read(path.read_bytes())
    live = {row["record_id"] for row in read.rows if row["integrity"] != "recovered"}
    every = {row["record_id"] for row in read.rows}
    theirs, _ = rust_records(path)
    assert theirs.keys() <= every and len(live) >= len(theirs) - len(theirs.keys() - live)
    pyevtx = pytest.importorskip("pyevtx")
    log = pyevtx.file()
    try:
        log.open(str(path))
    except OSError:
        return
    listed = {one for loss in read.losses if loss.found for one in range(loss.first_id, loss.last_id + 1)}
    normal = {log.get_record(place).identifier for place in range(log.number_of_records)}
    assert normal <= every | listed  # what it lists and we cannot read is a listed loss
    freed = set()
    for place in range(log.number_of_recovered_records):
        try:
            freed.add(log.get_recovered_record(place).identifier)
        except OSError:
            continue
    remnants = sum(row["remnants"] for row in read.account)
    assert len(freed - every - listed) <= remnants
    log.close()


def test_all_readers_agree_on_made_logs(tmp_path):
    path = tmp_path / "made.evtx"
    write_evtx(path, mixed(120))
    rows = Read(path.read_bytes()).rows
    theirs, failed = rust_records(path)
    assert failed == 0 and sorted(theirs) == [row["record_id"] for row in rows]
    for row in rows:
        event = theirs[row["record_id"]][0]
        data = [text for key in ("EventData", "UserData") for text in leaves(event.get(key))]
        assert Counter(map(alike, data)) == ours(row)


def test_python_evtx_agrees_on_made_logs(tmp_path):
    from Evtx.Evtx import Evtx

    from kit.referee.reader import fields

    path = tmp_path / "made.evtx"
    write_evtx(path, [event for event in mixed(40) if not event.forwarded])  # it reads no records without a template
    rows = Read(path.read_bytes()).rows
    with Evtx(str(path)) as log:
        read = [(record.record_num(), fields(record.xml())) for record in log.records()]
    assert [number for number, _ in read] == [row["record_id"] for row in rows]
    for row, (_, theirs) in zip(rows, read, strict=True):
        assert theirs["provider"] == row["provider"] and int(theirs["event_id"]) == row["event_id"]
        assert (theirs["channel"], theirs["computer"]) == (row["channel"], row["computer"])
