"""Codes and enumerations. Expected values are those of the vendor's headers and enumerations, worked out by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import codes
from kit.errors import ParameterError


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("0x800423f4", "0x800423F4"), ("800423F4", "0x800423F4"), ("(0x800423F4)", "0x800423F4"),
        ("-0x800423F2", "0x800423F2"), ("-2147212300", "0x800423F4"), ("2147754996", "0x800423F4"),
        ("%%2147942432", "0x80070020"), ("2147221164", "0x80040154"), ("995", "0x000003E3"),
    ],
)
def test_every_shape_of_a_code(written, code):
    assert codes.hresult(written) == code


@pytest.mark.parametrize(
    ("written", "kind", "symbol"),
    [
        ("0x800423F4", "hresult", "VSS_E_WRITERERROR_NONRETRYABLE"), ("995", "win32", "ERROR_OPERATION_ABORTED"),
        ("%%2147942432", "win32", "ERROR_SHARING_VIOLATION"), ("-2403", "ese", "JET_errOSSnapshotNotAllowed"),
        ("0xFFFFF69D", "ese", "JET_errOSSnapshotNotAllowed"),
        ("0x00002EFD", "wininet", "ERROR_INTERNET_CANNOT_CONNECT"),
        ("12029", "wininet", "ERROR_INTERNET_CANNOT_CONNECT"), ("2147221164", "hresult", "REGDB_E_CLASSNOTREG"),
        ("0x80070422", "win32", "ERROR_SERVICE_DISABLED"),
    ],
)
def test_what_a_code_means(written, kind, symbol):
    found = codes.meaning(written)
    assert (found.kind, found.symbol, found.known) == (kind, symbol, True)


@pytest.mark.parametrize("written", ["0x8007BEEF", "4294967295", "0x80042305"])
def test_an_unknown_code_is_unknown(written):
    # 0x80042305 is a gap in the vendor's header
    found = codes.meaning(written)
    assert (found.known, found.kind, found.symbol) == (False, "unknown", None)


@pytest.mark.parametrize("written", ["", "hello", "0x", "12345678901234", "0x123456789"])
def test_what_is_no_code(written):
    assert codes.readings(written) == []
    assert codes.hresult(written) is None


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 2**32 - 1))
def test_all_spellings_of_a_number_agree(value):
    wanted = codes.hresult(f"0x{value:08x}")
    assert wanted == f"0x{value:08X}"
    assert codes.hresult(f"{value:08X}" if not f"{value:08X}".isdigit() else f"0x{value:X}") == wanted
    if value >= 2**31:
        assert codes.hresult(str(value - 2**32)) == wanted
        assert codes.hresult(f"%%{value}") == wanted


def test_powershell_and_wmi_number_the_states_differently():
    assert codes.word("powershell_replication_state", 4) == "Replicating"
    assert codes.word("wmi_replication_state", 3) == "Replicating"
    assert codes.word("wmi_replication_state", 4) != "Replicating"
    assert codes.word("powershell_replication_health", 3) == "Critical"
    assert codes.word("writer_state", "9") == "failed at freeze"
    assert codes.word("writer_state", 10) == "failed at thaw"


@pytest.mark.parametrize(("enumeration", "count"), [
    ("writer_state", 16), ("powershell_replication_state", 22), ("wmi_replication_state", 22),
    ("powershell_replication_health", 4), ("powershell_replication_mode", 5), ("wmi_replication_health", 4),
])
def test_enumerations_are_whole_and_beyond_them_is_unknown(enumeration, count):
    assert sorted(int(number) for number in codes.enumerations()[enumeration]) == list(range(count))
    assert codes.word(enumeration, count) == f"unknown ({count})"
    assert codes.word(enumeration, None) == "unknown"


def test_an_enumeration_that_is_none_is_an_error():
    with pytest.raises(ParameterError, match="no enumeration"):
        codes.word("states", 1)


@pytest.mark.parametrize(("snapshot_type", "claim"), [
    ("AppConsistentReplica", "application_consistent"), ("Replica", "crash_consistent"),
    ("Microsoft:Hyper-V:Snapshot:Replica:ApplicationConsistent", "application_consistent"),
    ("Microsoft:Hyper-V:Snapshot:Replica:Standard", "crash_consistent"), ("Planned", "crash_consistent"),
    ("Something", "unknown"), (None, "unknown"),
])
def test_what_a_snapshot_type_claims(snapshot_type, claim):
    assert codes.claim(snapshot_type) == claim


def test_writers_by_their_class():
    assert codes.writer("{A65FAA63-5EA8-4EBC-9DBD-A0C4DB26912A}") == "SqlServerWriter"
    assert codes.writer("{00000000-0000-0000-0000-000000000000}") is None
