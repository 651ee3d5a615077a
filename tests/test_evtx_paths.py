"""The columnar paths against the scalar one: the same records, the same values, on made and on real logs."""

import io
import json

import numpy as np
import pyarrow as pa
import pytest
from conftest import corpus_files
from evtx_logs import START, Read, classic, collected, host, log_of, manifest, mixed
from hypothesis import given, settings
from hypothesis import strategies as st

import kit.evtx
from kit.evtx import Log, batch, gather, lockstep, scalar, texts, values
from kit.evtx import format as layout
from kit.evtx.binxml import Chunk, name_hash
from kit.evtx.registry import Registry
from kit.evtx.values import Kind
from kit.practice.evtx_writer import Event

LOGS = [path for path in corpus_files() if path.suffix == ".evtx" and "large-" not in path.name]
SYSTEM = ("event_id", "version", "level", "task", "provider", "channel", "computer")


def one_by_one(records, row, borrow):
    """A record of a batch, decoded by itself: System fields, strings, named data, message."""
    at, size = int(records.walked.at[row]), int(records.walked.size[row])
    base = at & ~(layout.CHUNK_SIZE - 1)
    decoder = scalar.Decoder(Chunk(records.view.data, base, base + layout.CHUNK_SIZE), borrow)
    decoded = decoder.decode(at + layout.RECORD_HEADER_SIZE, at + size - 4)
    strings, named = [], {}
    for datum in decoded.data:
        several = datum.value[0] == Kind.TEXTS
        written = datum.value[1] if several else [values.text(datum.value)]
        if datum.inserted:
            strings.extend(text or "" for text in written)
        if datum.named:
            named.setdefault(datum.key, []).append(written if several else written[0])
    return scalar.system_row(decoded), strings, named, decoded.message


def disagreements(data):
    """Records whose columns say something else than the same record read by itself."""
    log = Log(io.BytesIO(data), registry=Registry())
    found = []
    for part in log.batches():
        records = part.records
        step = 1 + len(part) // 1000  # of long logs a thousand records, spread evenly
        for row, event in zip(records.wanted.tolist()[::step], part.events().to_pylist()[::step], strict=True):
            if records.walked.state[row] or records.marks[row] & (batch.DAMAGED | batch.BORROWED):
                continue
            system, strings, named, message = one_by_one(records, row, log.met.borrow)
            ours = json.loads(event["data"]) if event["data"] else {}
            ours.pop("EventSourceName", None)
            flat = {key: several if len(several) > 1 else several[0] for key, several in named.items()}
            same = (strings, flat, message) == (event["strings"], ours, event["message"])
            if not same or any(system[name] != event[name] for name in SYSTEM):
                found.append(event["record_id"])
    return found


def test_made_logs_are_read_the_same_both_ways(tmp_path):
    assert disagreements(log_of(tmp_path, mixed(200))) == []


@pytest.mark.corpus
@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name[:40])
def test_real_logs_are_read_the_same_both_ways(path):
    assert disagreements(path.read_bytes()) == []


def test_regular_records_are_read_as_columns(tmp_path):
    # no record of a sound log goes one by one: the claim that makes the speed
    for make in (classic, manifest, host, collected):
        read = Read(log_of(tmp_path, [make(n) for n in range(60)]))
        assert not any((part.records.marks & batch.SCALAR).any() for part in read.batches)


ELEMENTS = st.text("abcäß<>&\" '", max_size=12)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(ELEMENTS, max_size=4), min_size=lockstep.FEW + 1, max_size=20))
def test_fragments_in_lockstep_are_those_read_alone(tmp_path_factory, every):
    events = [collected(number, strings=tuple(texts_of) or ("",)) for number, texts_of in enumerate(every)]
    assert disagreements(log_of(tmp_path_factory.mktemp("lockstep"), events)) == []


@settings(deadline=None, max_examples=60)
@given(st.binary(min_size=1, max_size=200), st.lists(st.tuples(st.integers(0, 199), st.integers(0, 50)), max_size=30))
def test_pieces_are_gathered_in_any_order(raw, wanted):
    # pins the use of a binary array with offsets that go backwards; sorted_pieces is the way out if it ever changes
    start = np.array([at % len(raw) for at, _ in wanted], dtype=np.int32)
    stop = np.minimum(start + np.array([size for _, size in wanted], dtype=np.int32), len(raw)).astype(np.int32)
    expected = [raw[one:other] for one, other in zip(start.tolist(), stop.tolist(), strict=True)]
    assert gather.pieces(pa.py_buffer(raw), start, stop).to_pylist() == expected


def test_sorted_pieces_are_the_same():
    raw, start, stop = b"abcdefgh", np.array([4, 0, 2]), np.array([6, 2, 3])
    assert gather.sorted_pieces(pa.py_buffer(raw), start, stop).to_pylist() == [b"ef", b"ab", b"c"]


@settings(deadline=None, max_examples=80)
@given(st.lists(st.text(max_size=12), max_size=12))
def test_utf16_becomes_utf8_without_python_strings(wanted):
    wanted = [text.rstrip("\0") for text in wanted]
    raw = [text.encode("utf-16-le", "surrogatepass") for text in wanted]
    made = gather.utf8(pa.array(raw, pa.binary()))
    made.validate(full=True)
    assert made.to_pylist() == [piece.decode("utf-16-le", "replace") for piece in raw]


def test_halves_of_a_pair_do_not_join_across_values():
    made = gather.utf8(pa.array([b"\x3d\xd8", b"\x00\xde", b"a\0\x3d\xd8\x00\xde"], pa.binary()))
    assert made.to_pylist() == ["\ufffd", "\ufffd", "a\U0001f600"]


@settings(deadline=None, max_examples=80)
@given(st.lists(st.integers(0, layout.LAST_TICKS), min_size=1, max_size=20))
def test_times_are_written_and_parsed_alike(ticks):
    written = texts.time_texts(np.array(ticks)).to_pylist()
    assert written == [values.time_text(one) for one in ticks]
    assert [values.parse_time(text) for text in written] == ticks
    chars = np.array([list(text.encode()) for text in written])
    parsed, good = texts.parsed_times(chars)
    assert parsed.tolist() == ticks and good.all()


@pytest.mark.parametrize(
    ("text", "ticks"),
    [
        ("1601-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.0000000Z", layout.EPOCH_TICKS),
        ("2021-11-19T16:52:33.833733500Z", 132_818_143_538_337_335),  # nine digits, as collectors write
        ("2021-02-30T00:00:00Z", None), ("2021-11-19T24:00:00Z", None), ("yesterday, at nine o'clock", None),
    ],
)  # fmt: skip
def test_times_as_text(text, ticks):
    assert values.parse_time(text) == ticks
    parsed, good = texts.parsed_times(np.array([list(text.encode())]))
    assert (int(parsed[0]) if good[0] else None) == ticks


@pytest.mark.parametrize(
    ("kind", "raw", "shown"),
    [
        (layout.INT8_TYPE, b"\xff", "-1"), (layout.UINT64_TYPE, b"\xff" * 8, "18446744073709551615"),
        (layout.HEX32_TYPE, b"\xf4\x23\x04\x80", "0x800423f4"), (layout.HEX64_TYPE, b"\xe7\3" + bytes(6), "0x3e7"),
        (layout.BOOL_TYPE, b"\1\0\0\0", "true"), (layout.BOOL_TYPE, b"\x10\0\0\0", "16"),
        (layout.REAL64_TYPE, b"\0\0\0\0\0\0\xf8\x3f", "1.5"), (layout.SIZE_TYPE, b"\x10\0\0\0", "0x10"),
        (layout.SID_TYPE, bytes.fromhex("010100000000000512000000"), "S-1-5-18"),
        (layout.SID_TYPE, b"\1\5\0\0", "01050000"),
        (layout.GUID_TYPE, bytes.fromhex("b7a68ca84f00b6d7a69807e2de0f1f5d"), "{A88CA6B7-004F-D7B6-A698-07E2DE0F1F5D}"),
        (layout.FILETIME_TYPE, (layout.EPOCH_TICKS).to_bytes(8, "little"), "1970-01-01T00:00:00.0000000Z"),
        (layout.SYSTEMTIME_TYPE, bytes.fromhex("e2070700050006000c001e0000007b00"), "2018-07-06T12:30:00.1230000Z"),
        (layout.SYSTEMTIME_TYPE, bytes(16), None), (layout.NULL_TYPE, b"", None),
        (layout.ARRAY | layout.STRING_TYPE, "a\0\0b\0".encode("utf-16-le"), "a\n\nb"),
        (layout.ARRAY | layout.UINT16_TYPE, b"\1\0\2\0", "1\n2"), (layout.ANSI_TYPE, b"gr\xfcn\0", "grün"),
        (layout.UINT32_TYPE, b"\1\2", "0102"), (0x7F, b"\1", "01"),
    ],
)  # fmt: skip
def test_values_of_all_types_as_windows_shows_them(kind, raw, shown):
    # texts follow the event XML of Windows: hexadecimal without leading zeros, GUIDs in braces, truth values as words
    assert values.text(values.decode(kind, raw)) == shown


def test_hashes_of_names():
    # recomputed from real chunks: Event, System, Provider
    assert [name_hash(name) for name in ("Event", "System", "Provider")] == [0x0CBA, 0x546F, 0x7BF1]


def test_text_longer_than_a_descriptor_can_say_is_read(tmp_path):
    long = "x" * 31_000
    event = Event("P", 1, START, "Application", "C", strings=(long,), forwarded=True)
    assert Read(log_of(tmp_path, [event] * (lockstep.FEW + 1))).rows[0]["strings"] == [long]


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)
def test_a_filter_finds_what_the_whole_log_holds(path):
    """The rarest event id and provider of each log, read alone, against the same rows of the whole log."""
    whole = kit.evtx.read(path)
    if whole.empty:
        pytest.skip("no record in this log can be read")
    number, name = (whole[column].value_counts().index[-1] for column in ("event_id", "provider"))
    same_name = whole["provider"].astype(str).str.casefold() == name.casefold()
    for some, expected in (
        (kit.evtx.read(path, event_ids=int(number)), whole[(whole["event_id"] == number).fillna(False)]),
        (kit.evtx.read(path, providers=name), whole[same_name]),
        (kit.evtx.read(path, name, int(number)), whole[same_name & (whole["event_id"] == number).fillna(False)]),
    ):
        columns = [column for column in whole.columns if column != "data"]
        assert some[columns].astype(str).to_dict("list") == expected[columns].astype(str).to_dict("list")
        assert some["data"].tolist() == expected["data"].tolist()
