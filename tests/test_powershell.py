"""Objects out of PowerShell exports. All inputs are made up after the documented forms of Export-Csv, ConvertTo-Json,
Export-Clixml and of the console; the expected values can be read off the inputs."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.powershell import Damage, Enumerated, Row, kind_of, objects, peek, stream
from kit.powershell.values import as_json, claim_of, number_of, text_of

CSV = (
    "#TYPE Microsoft.HyperV.PowerShell.VMSnapshot\r\n"
    '"VMName","Name","SnapshotType","CreationTime"\r\n'
    '"SQL01","a ""quoted"" name","Replica","19.05.2014 21:00:00"\r\n'
    '"SQL01","two\r\nlines","AppConsistentReplica","19.05.2014 22:00:00"\r\n'
)
CLIXML = """<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">
<Obj RefId="0"><TN RefId="0"><T>Deserialized.Microsoft.HyperV.PowerShell.VMSnapshot</T>
<T>Deserialized.System.Object</T></TN>
<Props><S N="Name">line_x000D__x000A_two</S><B N="IsDeleted">false</B><Nil N="Notes" />
<Obj N="SnapshotType" RefId="1"><TN RefId="1"><T>Microsoft.HyperV.PowerShell.SnapshotType</T><T>System.Enum</T></TN>
<ToString>AppConsistentReplica</ToString><I32>7</I32></Obj>
<DT N="CreationTime">2014-05-19T22:00:00.0000000+02:00</DT>
<Obj N="HardDrives" RefId="2"><LST><S>one</S><S>two</S></LST></Obj></Props></Obj>
<Obj RefId="3"><TNRef RefId="0" /><Props><S N="Name">second</S><Ref N="SnapshotType" RefId="1" /></Props>
<MS><S N="PSComputerName">HV-REPLICA</S></MS></Obj>
</Objs>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_csv_in_every_encoding_and_with_every_delimiter(encoding, mark):
    parsed = objects(CSV.replace('","', f'"{mark}"').encode(encoding))
    assert parsed.kind == "csv"
    assert [row["Name"] for row in parsed.rows] == ['a "quoted" name', "two\nlines"]
    assert parsed.rows[0].type_names == ("Microsoft.HyperV.PowerShell.VMSnapshot",)
    assert parsed.rows[1].number == 2


def test_csv_without_type_line_and_without_quotes():
    parsed = objects(b"VMName;State;CreationTime\r\nSQL01;Replicating;\r\n")
    assert parsed.rows == [{"VMName": "SQL01", "State": "Replicating", "CreationTime": None}]


def test_properties_are_found_without_regard_to_case():
    row = objects(CSV.encode()).rows[0]
    assert row.pick("vmname") == "SQL01"
    assert row.text("absent", "SNAPSHOTTYPE") == "Replica"


def test_two_csv_exports_in_one_file_keep_their_own_headers():
    parsed = objects(b'#TYPE A\n"Name","X"\n"one","1"\n#TYPE B\n"Y","Name"\n"2","two"\n')
    assert parsed.rows == [{"Name": "one", "X": "1"}, {"Y": "2", "Name": "two"}]


def test_a_csv_row_without_all_columns_is_lost_by_number_and_the_others_stay():
    parsed = objects(b'"A","B"\r\n"1","2"\r\n"3"\r\n"5","6"\r\n')
    assert [row["A"] for row in parsed.rows] == ["1", "5"]
    assert [(loss.row, loss.reason) for loss in parsed.damage] == [(2, "row 2 (line 3): 1 of 2 columns")]


def test_a_csv_cut_inside_a_value_loses_only_that_row():
    parsed = objects(CSV.encode()[:-12])
    assert len(parsed.rows) == 1
    assert [(loss.row, "inside a quoted value" in loss.reason) for loss in parsed.damage] == [(2, True)]


def test_a_quote_that_is_never_closed_does_not_swallow_the_rows_after_it():
    lines = ['"A","B"', '"1","bad'] + [f'"{n}","good"' for n in range(2, 6001)]
    parsed = objects("\n".join(lines).encode())
    assert len(parsed.rows) + len(parsed.damage) == 6000
    assert len(parsed.rows) >= 5990


def test_more_values_than_headings_are_kept_under_their_place():
    # Event Viewer writes no heading for the description.
    assert objects(b"Level,Source\nError,VSS,a text\n").rows == [{"Level": "Error", "Source": "VSS", "#3": "a text"}]


def test_json_of_windows_powershell():
    # 5.1: dates as /Date(ms)/, enumerations as numbers, a date decorated by DateTime.
    raw = (
        '[{"Name":"p","SnapshotType":7,"CreationTime":"\\/Date(1400500800000)\\/"},'
        '{"name":"q","SnapshotType":{"value":6,"Value":"Replica"},'
        '"CreationTime":{"value":"\\/Date(1400504400000)\\/","DisplayHint":2,"DateTime":"Monday"}}]'
    )
    for encoding in ("utf-8-sig", "utf-16", "utf-8"):
        parsed = objects(raw.encode(encoding))
        assert parsed.kind == "json"
        assert parsed.rows[0].pick("creationtime") == "/Date(1400500800000)/"
        assert parsed.rows[1]["CreationTime"] == "/Date(1400504400000)/"
        assert parsed.rows[1]["SnapshotType"] == Enumerated("Replica", 6)


@pytest.mark.parametrize(
    "raw",
    [
        '{"Name": "p"}',
        '[{"Name": "p"}]',
        '[[{"Name": "p"}]]',
        '{"value": [{"Name": "p"}], "Count": 1}',
        '{"points": [{"Name": "p"}]}',
        '{"Name": "p"}\n',
        '[\r\n    {\r\n        "Name":  "p"\r\n    }\r\n]\r\n',
    ],
)
def test_every_wrapping_of_one_json_object(raw):
    parsed = objects(raw.encode())
    assert parsed.rows == [{"Name": "p"}]
    assert not parsed.damage
    assert not parsed.notes


def test_a_wrapper_whose_count_is_higher_than_its_list_says_so():
    parsed = objects(b'{"value": [{"Name": "p"}], "Count": 3}')
    assert parsed.notes == ["the wrapper counts 3 objects, 1 are there"]


def test_json_lines_survive_a_broken_line():
    parsed = objects(b'{"a": 1}\n{"a": oops}\n{"a": 3}\n{"a": 4')
    assert [row["a"] for row in parsed.rows] == [1, 3]
    assert [loss.row for loss in parsed.damage] == [2, 4]


def test_a_json_list_survives_a_broken_object_and_a_cut_end():
    parsed = objects(b'[{"a": 1, "b": {"a": 0}}, {"a": 2,, }, {"a": 3}, {"a": "cu')
    assert [row["a"] for row in parsed.rows] == [1, 3]
    assert [loss.row for loss in parsed.damage] == [2, 4]
    assert any("not closed" in note for note in parsed.notes)


HOSTILE = ["[" * 200_000, '{"a":' * 200_000, '[{"a":' + "9" * 9000 + "}]", '["x"]', "[1e999999, {}]"]


@pytest.mark.parametrize("raw", HOSTILE)
def test_hostile_json_gives_an_account(raw):
    assert objects(raw.encode()).rows in ([], [{}])


def test_clixml_types_enumerations_references_lists():
    for encoding in ("utf-8", "utf-16", "utf-16-le"):
        first, second = objects(CLIXML.encode(encoding)).rows
        assert first["Name"] == "line\r\ntwo"
        assert first["IsDeleted"] is False
        assert first["Notes"] is None
        assert first["SnapshotType"] == Enumerated("AppConsistentReplica", 7)
        assert first["HardDrives"] == ["one", "two"]
        assert first["CreationTime"] == "2014-05-19T22:00:00.0000000+02:00"
        assert second["SnapshotType"] == first["SnapshotType"]
        assert second.pick("pscomputername") == "HV-REPLICA"
        assert second.type_names[0] == "Microsoft.HyperV.PowerShell.VMSnapshot"


def test_a_list_kept_in_a_variable_is_opened():
    raw = '<Objs Version="1.1"><Obj RefId="0"><LST><Obj RefId="1"><MS><S N="A">1</S></MS></Obj></LST></Obj></Objs>'
    assert objects(raw.encode()).rows == [{"A": "1"}]


def test_a_cut_clixml_keeps_what_is_whole_and_names_the_rest():
    parsed = objects(CLIXML[: CLIXML.index("HV-REPLICA")].encode())
    assert [row["Name"] for row in parsed.rows] == ["line\r\ntwo"]
    assert [(loss.row, loss.count) for loss in parsed.damage] == [(2, None)]


def test_entities_in_clixml_are_refused():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Objs><Obj><S>&b;</S></Obj></Objs>'
    parsed = objects(bomb.encode())
    assert parsed.rows == []
    assert "refused" in parsed.damage[0].reason


LIST = """

VMName         : SQL01
Name           : Sales - Application-consistent Replica
SnapshotType   : AppConsistentReplica
CreationTime   : 5/19/2014 10:00:07 PM
Notes          :

Message        : first line

                 Operation:
                    Freeze Event
VMName         : SQL02
"""


def test_format_list_with_an_empty_line_inside_a_value():
    first, second = objects(LIST.encode()).rows
    assert first["SnapshotType"] == "AppConsistentReplica"
    assert first["Notes"] is None
    assert second["Message"] == "first line\n\nOperation:\n   Freeze Event"
    assert second["VMName"] == "SQL02"


def test_a_wrapped_value_of_a_list_is_joined_where_the_console_broke_it():
    wide = "The backup of the file or filegroup could not be started because the device was closed"
    room = wide.rindex(" ", 0, 70)  # the next word, "device", would end in column 85 of 79
    raw = f"Id      : 1\nMessage : {wide[:room]}\n          {wide[room + 1 :]}\n"
    assert objects(raw.encode()).rows[0]["Message"] == wide


TABLE = """PS C:\\> Get-VMSnapshot SQL01

VMName Name                       SnapshotType CreationTime          Size
------ ----                       ------------ ------------          ----
SQL01  Application-consistent ... AppConsis... 5/19/2014 10:00:07 PM   12
SQL01  Standard Replica           Replica      5/19/2014 11:00:07 PM 1234


   ProviderName: VSS

TimeCreated              Id LevelDisplayName Message
-----------              -- ---------------- -------
5/19/2014 10:00:07 PM  8229 Warning          A VSS writer has rejected an event with err...
"""


def test_format_table_with_cut_values_and_a_group():
    first, second, event = objects(TABLE.encode()).rows
    assert first.has_cut("Name")
    assert first.has_cut("snapshottype")
    assert not first.has_cut("CreationTime")
    assert (second["SnapshotType"], second["Size"]) == ("Replica", "1234")
    assert (event["ProviderName"], event["Id"], event["LevelDisplayName"]) == ("VSS", "8229", "Warning")


def test_a_table_of_wide_characters_is_cut_by_console_columns():
    raw = "名前       Id\n----       --\n仮想マシン  1\nx          22\n"
    assert objects(raw.encode()).rows == [{"名前": "仮想マシン", "Id": "1"}, {"名前": "x", "Id": "22"}]


def test_a_transcript_names_its_computer():
    raw = "**********\nWindows PowerShell transcript start\nMachine: HV-REPLICA (Microsoft Windows NT 6.3.9600.0)\n"
    assert objects((raw + "**********\n" + TABLE).encode()).computer == "HV-REPLICA"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00" * 100,
        b"just a sentence, with a comma",
        b"2014-05-19 22:00:00.12 spid5s      Starting up database 'x'.",
        b"[01/11/2021 02:33:37, TID 232c] Entering SQL Writer OnThaw.",
        b"Host Name:                 HV1\nOS Name:                   Windows",
        b"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'/>",
        bytes(range(256)) * 20,
    ],
)
def test_other_content_is_no_powershell_export(raw):
    assert kind_of(raw) in ("unknown", "csv")
    assert kind_of(raw) == "unknown" or not objects(raw).rows


def test_peek_tells_types_and_properties_from_the_beginning():
    found = peek(CLIXML.encode("utf-16")[: len(CLIXML)])
    assert found.kind == "clixml"
    assert peek(b'"VMName","SnapshotType"\r\n').names == {"vmname", "snapshottype"}
    assert "microsoft.hyperv.powershell.vmsnapshot" in peek(CLIXML.encode()).types


def test_values():
    assert number_of(" 42 ") == 42
    assert number_of("4.2") is None
    assert number_of(True) is None
    assert text_of({"ToString": "SQL01", "x": 1}) == "SQL01"
    assert text_of(["a", "b"]) == "a, b"
    assert claim_of("False") is False
    assert claim_of("maybe") is None
    row = Row({"a": Enumerated("Replica", 6), "b": [Row({"c": 1})]})
    assert json.loads(as_json(row)) == {"a": "Replica", "b": [{"c": 1}]}


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8), st.sampled_from([",", ";", "\t"]))
def test_what_is_written_as_csv_is_read_as_it_was(rows, mark):
    def quoted(values):
        return mark.join('"' + value.replace('"', '""') + '"' for value in values)

    raw = "\r\n".join([quoted(("Alpha", "Beta")), *map(quoted, rows)]).encode("utf-8-sig")
    parsed = objects(raw)
    expected = [(a or None, b or None) for a, b in rows if (a, b) != ("Alpha", "Beta")]
    assert [(row["Alpha"], row["Beta"]) for row in parsed.rows] == expected
    assert not parsed.damage


EXPORTS = st.sampled_from([CSV, CLIXML, LIST, TABLE, '[{"a": 1}, {"b": [2]}]'])


@settings(deadline=None, max_examples=60)
@given(EXPORTS, st.integers(0, 2000), st.binary(max_size=4))
def test_a_cut_and_spoilt_export_never_fails(raw, at, spoilt):
    data = raw.encode()
    items = list(stream(io.BytesIO(data[:at] + spoilt + data[at + len(spoilt) : at + 500])))
    assert all(isinstance(item, Row | Damage) or item.note or item.computer for item in items)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 400))
def test_cutting_a_json_list_loses_at_most_what_stands_behind_the_cut(at):
    whole = [{"a": n, "text": "x" * n} for n in range(12)]
    raw = json.dumps(whole)
    parsed = objects(raw[:at].encode())
    kept = [dict(row) for row in parsed.rows]
    assert kept == whole[: len(kept)]
    assert len(kept) == raw[:at].count("}")
