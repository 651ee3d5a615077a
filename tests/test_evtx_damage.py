"""Damaged, dirty and live-copied logs: every record is a row or a listed loss, and what is recovered says so.

The damage is done by hand to logs of the practice writer; the layout (file header 4,096 bytes, chunks of 64 KiB with a
header of 512 bytes, records of magic, size, number, time, binary XML, size) is that of the public format description.
"""

import json
import struct

import pytest
from evtx_logs import (
    START,
    Read,
    chunk,
    classic,
    host,
    log_of,
    manifest,
    records,
    signed,
    spread,
)

from kit.errors import Unreadable
from kit.evtx.frame import wanted
from kit.evtx.notes import notes
from kit.evtx.registry import Registry
from kit.practice.evtx_writer import DIRTY, NO_CRC


def put(data, at, pattern, *values):
    made = bytearray(data)
    struct.pack_into(pattern, made, at, *values)
    return bytes(made)


@pytest.fixture
def log(tmp_path):
    """Three chunks with four records each."""
    return log_of(tmp_path, spread(classic, 3, 4))


def test_a_sound_log_is_accounted_for(log):
    read = Read(log)
    assert [row["record_id"] for row in read.rows] == list(range(1, 13)) and read.balanced() and not read.losses
    for number, row in enumerate(read.account):
        assert (row["chunk"], row["offset"], row["state"]) == (number, chunk(number), "ok")
        assert (row["declared"], row["seen"], row["decoded"], row["lost"], row["recovered"]) == (4, 4, 4, 0, 0)
        assert row["crc_ok"] and (row["first_id"], row["last_id"]) == (4 * number + 1, 4 * number + 4)
    assert notes(read.log) == []


def test_a_changed_letter_is_noticed_and_nothing_is_dropped(log):
    at = log.index("SendFileInfoBegin".encode("utf-16-le"), chunk(1))
    read = Read(put(log, at, "B", ord("s")))
    assert len(read.rows) == 12
    assert [row["integrity"] for row in read.rows] == ["ok"] * 4 + ["bad_checksum"] * 4 + ["ok"] * 4
    assert read.rows[4]["strings"][0] == "sendFileInfoBegin"
    assert [row["data_crc_ok"] for row in read.account] == [True, False, True]


def test_a_log_copied_while_in_use_is_read_beyond_its_header(tmp_path):
    # the header is written last: a live copy counts fewer chunks than there are
    log = put(log_of(tmp_path, spread(classic, 3, 4), flags=DIRTY), 42, "<H", 1)
    read = Read(log)
    assert len(read.rows) == 12 and set(read.column("integrity")) == {"ok"}
    assert [row["recovered"] for row in read.account] == [0, 4, 4]
    said = " ".join(notes(read.log))
    assert "not closed" in said and "counts 1 chunks, 3 were found" in said


def test_records_behind_what_the_chunk_counts_are_recovered(log):
    # a chunk whose header was not written back: two of four records are counted, the others follow without a gap
    third = records(log, 2)[2][0]
    stale = put(log, chunk(2) + 48, "<I", third - chunk(2))
    stale = put(put(stale, chunk(2) + 16, "<Q", 10), chunk(2) + 32, "<Q", 10)
    read = Read(stale)
    assert [row["record_id"] for row in read.rows] == list(range(1, 13)) and read.balanced()
    assert read.column("integrity")[-2:] == ["recovered", "recovered"]
    assert read.account[2]["declared"] == 2 and read.account[2]["recovered"] == 2 and read.account[2]["slack"] == 0


def test_a_log_without_its_header_is_read(log):
    read = Read(bytes(4096) + log[4096:])
    assert len(read.rows) == 12 and set(read.column("integrity")) == {"ok"}
    assert "header of the file is missing" in notes(read.log)[0]


def test_chunks_without_anything_before_them_are_read(log):
    assert len(Read(log[4096:]).rows) == 12


def test_a_header_that_lies_about_its_checksum_is_noted(log):
    assert "checksum of the file's header" in notes(Read(put(log, 24, "<Q", 99)).log)[0]


def test_a_cut_log_lists_what_is_missing(log):
    second = records(log, 1)[1][0]
    read = Read(log[: second + 100])
    assert [row["record_id"] for row in read.rows] == [1, 2, 3, 4, 5]
    assert [row["state"] for row in read.account] == ["ok", "cut"] and read.balanced()
    missing = {(loss.first_id, loss.last_id, loss.count, loss.found) for loss in read.losses}
    # record 6 begins and is cut, 7 and 8 are promised by the chunk, 9 to 12 by the file
    assert missing == {(6, 6, 1, True), (7, 8, 2, False), (9, 12, 4, False)}


def test_a_log_cut_between_chunks_names_the_rest(log):
    read = Read(log[: chunk(2)])
    assert [row["record_id"] for row in read.rows] == list(range(1, 9))
    assert [(loss.first_id, loss.last_id, loss.count) for loss in read.losses] == [(9, 12, 4)]


def test_a_blank_sector_costs_only_what_stood_in_it(tmp_path):
    log = log_of(tmp_path, [classic(n) for n in range(40)])
    places = records(log, 0)
    at, size = places[20]
    blanked = bytearray(log)
    blanked[at : at + size] = bytes(size)
    read = Read(bytes(blanked))
    assert sorted(row["record_id"] for row in read.rows) == [n for n in range(1, 41) if n != 21]
    assert [(loss.first_id, loss.last_id, loss.offset) for loss in read.losses] == [(21, 21, at)]
    assert read.account[0]["lost"] == 1


def test_a_record_whose_size_is_zero_does_not_stop_the_walk(tmp_path):
    log = log_of(tmp_path, [classic(n) for n in range(40)])
    at, _ = records(log, 0)[10]
    read = Read(put(log, at + 4, "<I", 0))
    assert sorted(row["record_id"] for row in read.rows) == list(range(1, 41))
    assert [row["record_id"] for row in read.rows if row["integrity"] == "damaged"] == [11]


def test_a_damaged_record_magic_does_not_lose_the_record(tmp_path):
    log = log_of(tmp_path, [classic(n) for n in range(40)])
    read = Read(put(log, records(log, 0)[10][0], "<I", 0))
    assert [row["record_id"] for row in read.rows if row["integrity"] == "damaged"] == [11]
    assert len(read.rows) == 40


def test_a_damaged_chunk_magic_does_not_lose_the_chunk(log):
    read = Read(put(log, chunk(1), "<Q", 0))
    assert len(read.rows) == 12
    assert [row["state"] for row in read.account] == ["ok", "damaged", "ok"]
    assert read.column("integrity")[4:8] == ["bad_checksum"] * 4


def test_a_chunk_whose_header_is_nonsense_is_searched(log):
    made = bytearray(log)
    made[chunk(1) : chunk(1) + 128] = b"\xa5" * 128
    read = Read(bytes(made))
    assert sorted(row["record_id"] for row in read.rows) == list(range(1, 13))
    assert read.account[1]["state"] == "no_chunk" and read.account[1]["slack"] == 4
    assert [row["integrity"] for row in read.rows if 5 <= row["record_id"] <= 8] == ["recovered"] * 4


def test_records_of_earlier_use_are_recovered_from_slack_and_flagged(tmp_path):
    # a chunk that was used again: its header says that only the first of four records is in use
    log = log_of(tmp_path, spread(classic, 2, 4))
    second = records(log, 1)[1][0]
    used = put(log, chunk(1) + 48, "<I", second - chunk(1))
    used = put(put(used, chunk(1) + 16, "<Q", 5), chunk(1) + 32, "<Q", 5)
    old = bytearray(used)
    for number, (at, _) in enumerate(records(log, 1)[1:]):
        struct.pack_into("<Q", old, at + 8, 1000 + number)  # numbers that do not go on from the record before
    read = Read(bytes(old))
    assert [row["record_id"] for row in read.rows] == [1, 2, 3, 4, 5, 1000, 1001, 1002]
    assert read.column("integrity")[5:] == ["recovered"] * 3 and read.account[1]["slack"] == 3
    assert "3 records recovered from free space" in " ".join(notes(read.log))


def test_copies_in_slack_are_no_second_rows(tmp_path):
    log = log_of(tmp_path, spread(classic, 2, 4))
    first, last = records(log, 0)[0][0], sum(records(log, 0)[-1])
    made = bytearray(log)
    free = struct.unpack_from("<I", log, chunk(1) + 48)[0]
    gap = -(chunk(1) + free) % 8 + 64
    target = chunk(1) + free + gap
    made[target : target + last - first] = log[first:last]
    read = Read(bytes(made))
    assert [row["record_id"] for row in read.rows] == list(range(1, 9))
    assert read.account[1]["copies"] == 4 and read.balanced()


def test_a_template_destroyed_in_one_chunk_is_borrowed_from_another(log):
    # the definition stands inside the first record of the chunk; its GUID is made unknown there
    at = records(log, 1)[0][0]
    guid = at + 24 + 4 + 10 + 4
    read = Read(put(log, guid, "<Q", 0x1122334455667788))
    assert len(read.rows) == 12 and read.balanced()
    hurt = [row for row in read.rows if 5 <= row["record_id"] <= 8]
    assert {row["integrity"] for row in hurt} == {"borrowed_template"}
    assert [row["event_id"] for row in hurt] == [18210] * 4 and hurt[3]["strings"][2] == "995(7)"
    assert read.account[1]["borrowed"] == 4


def test_a_template_that_only_a_later_chunk_has_is_found(log):
    at = records(log, 0)[0][0]
    read = Read(put(log, at + 24 + 4 + 10 + 4, "<Q", 0x1122334455667788))
    assert sorted(row["record_id"] for row in read.rows) == list(range(1, 13))
    assert [row["integrity"] for row in read.rows if row["record_id"] <= 4] == ["borrowed_template"] * 4


@pytest.mark.parametrize("lender", [0, 2], ids=["before", "behind"])
def test_a_filter_borrows_from_records_that_are_not_wanted(tmp_path, lender):
    # only the chunk in the middle has the wanted id; the template of its event data is destroyed there
    numbers = [13 if 3 <= n < 6 else 12 for n in range(9)]
    events = [manifest(n, event_id=number, new_chunk=n in (3, 6)) for n, number in enumerate(numbers)]
    if lender == 0:
        events[6:] = []
    else:
        events[:3] = [classic(n) for n in range(3)]
    log = log_of(tmp_path, events)
    at, size = records(log, 1)[0]
    definition = log.rindex(b"\x0c\x01", at, at + size) + 10
    damaged = put(log, definition + 4, "<Q", 0x1122334455667788)
    some = Read(damaged, wanted=wanted(None, [13]))
    assert [json.loads(row["data"])["Text"] for row in some.rows] == ["n3", "n4", "n5"]
    assert {row["integrity"] for row in some.rows} == {"borrowed_template"}
    assert some.rows == [row for row in Read(damaged).rows if row["event_id"] == 13]


def test_records_whose_template_is_nowhere_are_listed(tmp_path):
    log = log_of(tmp_path, [classic(n) for n in range(5)])
    at = records(log, 0)[0][0]
    read = Read(put(log, at + 24 + 4 + 10 + 20, "<I", 0))  # the size of the definition
    assert read.rows == [] and read.balanced()
    # the first record holds the definition, so that its own values cannot be found either
    assert [(loss.first_id, loss.last_id, loss.found) for loss in read.losses] == [(1, 1, True), (2, 5, True)]
    assert "template" in read.losses[1].reason and read.losses[0].offset == at


def test_what_is_read_of_a_damaged_log_does_not_depend_on_others(tmp_path):
    log = log_of(tmp_path, [classic(n) for n in range(5)])
    damaged = put(log, records(log, 0)[0][0] + 24 + 4 + 10 + 20, "<I", 0)  # as above: its only template is lost
    known = Registry()
    assert len(Read(log, registry=known).rows) == 5
    alone, later = Read(damaged), Read(damaged, registry=known)
    assert later.rows == alone.rows and later.losses == alone.losses


def test_records_whose_template_has_another_name_are_read_by_its_place(tmp_path):
    log = log_of(tmp_path, [classic(n) for n in range(5)])
    at = records(log, 0)[0][0]
    read = Read(put(log, at + 24 + 4 + 10 + 4, "<Q", 0x1122334455667788))  # the identifier of the definition
    assert [(row["record_id"], row["event_id"]) for row in read.rows] == [(n, 18210) for n in range(1, 6)]
    assert set(read.column("integrity")) == {"damaged"} and read.balanced()


def test_a_damaged_name_costs_nothing(tmp_path):
    # the hash beside the name "Provider" is changed; the text is whole
    log = log_of(tmp_path, [classic(n) for n in range(5)])
    at = log.index("Provider".encode("utf-16-le"))
    read = Read(put(log, at - 4, "<H", 0))
    assert [row["event_id"] for row in read.rows] == [18210] * 5
    assert set(read.column("integrity")) == {"damaged"}


def test_what_can_be_read_of_a_record_is_kept(log):
    # the count of values of the embedded template is made impossible: System stands, the event data is lost
    at, size = records(log, 1)[3]
    body = bytearray(log[at : at + size])
    tail = body.rindex(b"\x0c\x01")
    struct.pack_into("<I", body, tail + 10, 0xFFFF)
    made = log[:at] + bytes(body) + log[at + size :]
    read = Read(made)
    hurt = next(row for row in read.rows if row["record_id"] == 8)
    assert hurt["integrity"] == "damaged" and hurt["event_id"] == 18210 and hurt["provider"] == "MSSQLSERVER"
    assert len(read.rows) == 12


def test_missing_checksums_are_no_bad_checksums(tmp_path):
    log = bytearray(log_of(tmp_path, spread(classic, 2, 4), flags=NO_CRC))
    for number in range(2):
        struct.pack_into("<I", log, chunk(number) + 52, 0)
        struct.pack_into("<I", log, chunk(number) + 124, 0)
    read = Read(bytes(log))
    assert set(read.column("integrity")) == {"ok"}
    assert [row["crc_ok"] for row in read.account] == [None, None]
    assert "the writer kept no checksums" in notes(read.log)


def test_a_record_without_a_time_takes_that_of_its_header_and_says_so(tmp_path):
    log = log_of(tmp_path, [manifest(0)])
    at, size = records(log, 0)[0]
    ticks = log[at + 16 : at + 24]
    body = log[at + 24 : at + size]
    blank = log[: at + 24] + body.replace(ticks, bytes(8)) + log[at + size :]
    row = Read(blank).rows[0]
    assert row["time_utc"] == START and "record header" in row["time_raw"]
    both = put(blank, at + 16, "<Q", 0)
    row = Read(both).rows[0]
    assert row["time_utc"] is None and row["precision_s"] is None


def test_a_header_time_of_1601_is_no_time_of_the_event(tmp_path):
    log = log_of(tmp_path, [manifest(0)])
    row = Read(put(log, records(log, 0)[0][0] + 16, "<Q", 0)).rows[0]
    assert row["time_utc"] == START and "header" not in row["time_raw"]


def test_record_numbers_that_stand_twice_are_both_kept(log):
    twice = log + log[chunk(0) : chunk(1)]
    read = Read(twice)
    assert sorted(row["record_id"] for row in read.rows) == sorted([*range(1, 13), *range(1, 5)])
    assert len(set(read.column("offset"))) == 16
    assert "4 record numbers stand more than once" in notes(read.log)


def test_missing_numbers_are_counted(log):
    read = Read(log[: chunk(1)] + log[chunk(2) :])
    assert read.log.known.holes() == [(5, 8)]
    assert "record numbers 5 to 8 are missing" in notes(read.log)


def test_a_chunk_beside_the_grid_is_found(log):
    # carving tools and damaged disks put chunks anywhere: 1,000 bytes stand between the first and the second chunk
    read = Read(log[: chunk(1)] + bytes(1000) + log[chunk(1) :])
    assert sorted(row["record_id"] for row in read.rows) == list(range(1, 13))
    assert {row["integrity"] for row in read.rows} == {"ok"}


def test_chunks_in_any_order_are_one_log(log):
    wrapped = log[:4096] + log[chunk(2) :] + log[chunk(0) : chunk(2)]
    read = Read(wrapped)
    assert sorted(row["record_id"] for row in read.rows) == list(range(1, 13)) and read.log.known.holes() == []


def test_an_absurd_number_of_chunks_in_the_header_is_no_promise(log):
    read = Read(put(log, 42, "<H", 60_000))
    assert len(read.rows) == 12
    assert [(loss.count, loss.found) for loss in read.losses] == [(None, False)]


def test_what_is_no_log_is_refused():
    for data in (b"", b"ElfFil", b"x" * 5000, bytes(200_000)):
        with pytest.raises(Unreadable):
            Read(data)


def test_a_header_alone_is_an_empty_log(log):
    read = Read(log[:4096])
    assert read.rows == [] and read.losses[0].found is False


def test_templates_of_a_known_log_are_no_reason_to_trust_another(tmp_path):
    # same GUID and size, one field renamed in the other log: each log keeps its own names
    one = log_of(tmp_path, [host(n) for n in range(3)])
    other = signed(_renamed(one))
    shared = Registry()
    assert '"VmName"' in Read(one, registry=shared).rows[0]["data"]
    assert '"XxName"' in Read(other, registry=shared).rows[0]["data"]
    assert '"VmName"' in Read(one, registry=shared).rows[0]["data"]


def _renamed(log):
    old, new = "VmName".encode("utf-16-le"), "XxName".encode("utf-16-le")
    made = bytearray(log)
    at = made.index(old)
    made[at : at + len(old)] = new
    value = 0
    for letter in "XxName":
        value = (value * 65599 + ord(letter)) & 0xFFFFFFFF
    struct.pack_into("<H", made, at - 4, value & 0xFFFF)
    return bytes(made)
