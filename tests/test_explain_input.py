"""What a paste is taken for. The shapes are those of the tools; the contents are made up."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import KitError, ParameterError
from kit.explain import explain_text
from kit.explain.host import requestor_of, state_of
from kit.explain.pasted import parse
from kit.explain.records import from_mapping, level, moment

KEYS = ["Event", "System", "EventID", "Provider", "Name", "Data", "EventData", "Message", "#text", "x"]
XML = (
    '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="VSS"/>'
    '<EventID Qualifiers="0">39</EventID><Level>2</Level><TimeCreated SystemTime="2014-05-19T20:00:03Z"/>'
    "<Channel>Application</Channel></System><EventData><Data>a &amp; b</Data></EventData></Event>"
)


@pytest.mark.parametrize("text", ["", "  \n\t ", "\ufeff"])
def test_nothing_is_a_clear_error(text):
    with pytest.raises(ParameterError, match=r"empty|no event"):
        parse(text)


def test_binary_is_a_clear_error():
    random.seed(1)
    with pytest.raises(ParameterError, match="binary"):
        parse(random.randbytes(5000).decode("latin-1"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_file_in_any_encoding(encoding):
    text = "Quelle: VSS\nEreignis-ID: 39\nEbene: Fehler\nBeschreibung:\nDer Dienst läuft nicht.\n"
    assert explain_text(text.encode(encoding))["root_cause"] == "vss_service_disabled"


def test_the_bytes_of_a_log_are_refused():
    with pytest.raises(ParameterError, match="kit check"):
        explain_text(b"ElfFile\x00" + bytes(4096))


def test_a_megabyte_of_prose_is_refused_or_answered():
    with pytest.raises(ParameterError, match="no event was found"):
        parse("The quick brown fox jumps over the lazy dog. " * 25_000)
    with pytest.raises(ParameterError, match="characters"):
        parse("x" * 9_000_000)


@pytest.mark.parametrize("text", [
    "<Event><System>", "<Events><Event></Event></Events>", "<Event><System><EventID>x</EventID></System></Event>",
    '<!DOCTYPE x [<!ENTITY a "b">]><Event>&a;</Event>',
])
def test_broken_xml_is_a_clear_error(text):
    with pytest.raises(KitError, match="XML"):
        parse(text)


def test_entities_of_a_document_type_are_not_read():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>' + XML.replace("a &amp; b", "&a;&a;")
    assert [one.strings for one in parse(bomb)] == [("&a;&a;",)] or parse(bomb)[0].event_id == 39


def test_event_xml_one_by_one_in_a_stream_and_damaged():
    one = parse(XML)[0]
    assert (one.provider, one.event_id, one.level, one.strings) == ("VSS", 39, "error", ("a & b",))
    assert len(parse(XML * 3)) == 3
    assert len(parse(f"<Events>{XML}{XML}</Events>")) == 2
    cut = parse(XML[: XML.index("</EventData>")])
    assert (cut[0].provider, cut[0].event_id) == ("VSS", 39)


def test_details_as_text_of_the_viewer_are_one_event_not_two():
    text = f"Log Name:      Application\nSource:        VSS\nEvent ID:      39\nLevel:         Error\nDescription:\n" \
           f"The VSS service is disabled.\nEvent Xml:\n{XML}"
    found = parse(text)
    assert len(found) == 1
    assert (found[0].event_id, found[0].message.splitlines()[0]) == (39, "The VSS service is disabled.")


@pytest.mark.parametrize("number", [39, "39", {"#text": 39, "Qualifiers": 0}, {"Value": "39"}, 0x80000027])
def test_event_numbers_in_every_shape(number):
    assert from_mapping({"Provider": {"Name": "VSS"}, "EventID": number}).event_id == 39


def test_json_in_its_shapes():
    one = {"Id": 39, "ProviderName": "VSS", "LevelDisplayName": "Fehler", "Properties": [{"Value": 7}]}
    found = parse(json.dumps(one))[0]
    assert (found.provider, found.event_id, found.level, found.strings) == ("VSS", 39, "error", ("7",))
    assert len(parse(json.dumps([one, one]))) == 2
    assert len(parse("\n".join(json.dumps(one) for _ in range(3)))) == 3
    with pytest.raises(ParameterError):
        parse("[1, 2, 3]")


def test_named_data_of_a_host_record():
    record = {"Event": {"System": {"Provider": {"Name": "Microsoft-Windows-Hyper-V-VMMS"}, "EventID": 32022},
                        "UserData": {"VmlEventLog": {"VmName": "SQL01", "Parameter0": "0x00002EFD"}}}}
    found = parse(json.dumps(record))[0]
    assert found.data == {"VmName": "SQL01", "Parameter0": "0x00002EFD"}


def test_errorlog_lines_take_their_number_from_the_line_before():
    text = (
        "2014-05-19 22:00:05.34 Backup      Error: 3041, Severity: 16, State: 1.\n"
        "2014-05-19 22:00:05.34 Backup      BACKUP failed to complete the command BACKUP DATABASE Sales.\n"
    )
    found = parse(text)
    assert [(one.event_id, one.provider) for one in found] == [(3041, "MSSQLSERVER")]


def test_writers_are_one_event_each():
    block = "Writer name: '{0}'\n   Writer Id: {{a65faa63-5ea8-4ebc}}\n   State: [{1}] x\n   Last error: y\n"
    found = parse("vssadmin 1.1\n\n" + block.format("A", 1) + "\n" + block.format("B", 9))
    assert [one.provider for one in found] == ["vssadmin", "vssadmin"]


@pytest.mark.parametrize("text", ["0x800423F4", "hr = 0x800423f4", "OS error 995", "-2147212300", "HRESULT: 800423F4"])
def test_a_code_alone(text):
    found = parse(text)
    assert len(found) == 1
    assert found[0].code_only


@pytest.mark.parametrize(("text", "year", "hour"), [
    ("2014-05-19T22:00:03.1234567Z", 2014, 22), ("/Date(1400536803000)/", 2014, 22),
    ("5/19/2014 10:00:03 PM", 2014, 22),
    ("19.05.2014 22:00:03", 2014, 22), ("2014/05/19 22:00:03", 2014, 22),
])
def test_times(text, year, hour):
    found = moment(text)
    assert (found.year, found.month, found.day, found.hour) == (year, 5, 19, hour)


@pytest.mark.parametrize("text", ["99/99/2014 99:99", "soon", "", None, {"value": None}])
def test_what_is_no_time(text):
    assert moment(text) is None


@pytest.mark.parametrize(("word", "known"), [("Fehler", "error"), (2, "error"), ("警告", "warning"), ("Błąd", "error"),
                                            ("Critical", "critical"), ("whatever", None), (None, None)])
def test_levels(word, known):
    assert level(word) == known


@pytest.mark.parametrize(("said", "state"), [
    ("app_consistent_listed", "app_consistent_listed"),
    ("The replica shows application-consistent recovery points", "app_consistent_listed"),
    ("no application-consistent point was created, only a crash-consistent one", "crash_consistent_listed"),
    ("Backup job failed with an error", "requestor_reports_failure"),
    ("The job completed successfully", "requestor_reports_success"),
    ("Replication health is critical", "replication_error"),
    ("Die Sicherung ist fehlgeschlagen", "requestor_reports_failure"),
    ("Der Punkt ist anwendungskonsistent", "app_consistent_listed"),
    ("", "unknown"), (None, "unknown"), ("unknown", "unknown"), ("nothing to say", "unknown"),
])
def test_reported_states_in_words(said, state):
    assert state_of(said) == state


@pytest.mark.parametrize(("said", "kind"), [
    ("Hyper-V Replica", "hyper_v"), ("vmicvss", "hyper_v"), ("Veeam Agent", "other"), ("unknown", "unknown"),
    (None, "unknown"),
])
def test_requestors_in_words(said, kind):
    assert requestor_of(said) == kind


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300))
def test_any_text_is_explained_or_refused(text):
    try:
        found = explain_text(text)
    except KitError:
        return
    assert found["assessment"] == "insufficient_evidence"


@settings(deadline=None, max_examples=60)
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4), max_leaves=9,
))
def test_any_json_is_explained_or_refused(content):
    try:
        explain_text(json.dumps(content))
    except KitError:
        return
