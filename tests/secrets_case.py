"""Secrets planted in every place of an analysis from which a shared copy is made, named by their place.

Everything is invented. `told` plants them into the story of SQLVM; `{...}` in a text below is the secret of that place.
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

from story import APPLICATION, Builder, at, told

from kit.judgement.analysis import Analysis

REMOVED = {  # no pattern can know these words: the analyst names them in the policy
    "a project in a message": "Projekt Falke",
    "a signature in the question": "Unterschrift E. Brandstetter",
    "a customer in a finding": "Nordmeer Reederei",
}
SECRETS = {
    # names that columns hold
    "computer with domain": "ZEBRA7.corp.globex.example",
    "computer alone, in capitals elsewhere": "zebra7",
    "computer whose NetBIOS name is cut": "QUITELONGSERVERNAME04.corp.globex.example",
    "the cut NetBIOS name in a text": "QUITELONGSERVER",
    "primary host": "HV-PRIM-A",
    "replica host": "HV-REPL1",
    "virtual machine": "SQLVM",
    "database of an operation": "PayrollDE",
    "database with an ampersand": "M&A Plans",
    "database with an umlaut": "Kunden_Übersicht",
    "database inside a longer word": "Wertpapiere",
    "instance": "GLOBEXERP",
    "second instance": "TURBINE",
    "provider of an instance": "MSSQL$GLOBEXERP",
    "server of the replication export": "HVBROKER3.corp.globex.example",
    "volume of a match": r"\\?\Volume{0d1f3c5b-7a99-4d21-8e6f-30cbb1a0f5d2}",
    "device set of a match": "{7C1D5E0A-4B52-4E7C-9A55-6A0F0B9DD0E1}",
    "id of the virtual machine": "5b0c6d1e-99aa-4c1d-8a55-0f3e1d2c4b5a",
    # accounts and people
    "account with domain, quoted": "GLOBEX\\svc_sqlbackup",
    "account with domain, in a sentence": "GLOBEX\\m.haberland",
    "account with domain after a domain is known": "GLOBEX\\trelawney",
    "login of the server": "jdoe_adm",
    "login in a German text": "kasper.vogel",
    "account in the event data": "reporting_ro",
    "account in a list of strings": "nightly_loader",
    "owner in an export": "agentowner77",
    "mail address": "erika.brand@globex.example",
    "mail address with a hyphen": "it-support@globex-corp.example",
    "machine account": "ZEBRA7$",
    # numbers and addresses
    "SID": "S-1-5-21-1004336348-1177238915-682003330-512",
    "SID in event data": "S-1-5-21-3623811015-3361044348-30300820-1013",
    "SID of a virtual machine": "S-1-5-83-1-2882343476-1234567890-987654321-123456789",
    "IPv4": "10.20.30.41",
    "IPv4 after a colon": "192.168.77.5",
    "IPv4 with a port": "172.16.9.8",
    "IPv6": "2001:db8:85a3::8a2e:370:7334",
    "MAC with hyphens": "00-1B-44-11-3A-B7",
    "MAC with colons": "00:1b:44:11:3a:b9",
    "MAC of Hyper-V": "00155D0A0B0C",
    "GUID": "6f9619ff-8b86-d011-b42d-00c04fc964ff",
    "GUID in braces and capitals": "{9B2CF535-27A3-4FBB-92D8-0A5C1E9C8F11}",
    "web address": "https://wiki.globex.example/backup/plan?id=7",
    "host that only a text names": "mailgate.globex.example",
    # paths and files
    "path": r"D:\GlobexData\lohnlauf.mdf",
    "path with blanks": r"E:\Kunden Daten\Brandt GmbH\angebot 2014.bak",
    "path on a server": r"\\GLOBEXFS01\backup$\nightly",
    "the server of that path alone": "GLOBEXFS01",
    "path in the profile of a person": r"C:\Users\brandstetter\Desktop\liste.xlsx",
    "the person of that profile alone": "brandstetter",
    "folder of a source": "Akte Hollerbach",
    "file of a source": "hollerbach-mitschrift.log",
    # encodings
    "name in a web address": quote("Projekt Falke"),
    "name in base64": base64.b64encode("copy PayrollDE now".encode("utf-16-le")).decode(),
    "name with an entity": "M&amp;A Plans",
    "case id": "globex-falke-2014",
    "requester": "Globex Handels AG",
    "machine that the notebook names": "SQLVM-NOTE-PAYROLLDE",
} | REMOVED

MESSAGES = (
    "Login failed for user '{account with domain, quoted}'. [CLIENT:{IPv4 after a colon}]",
    "Backup started by {account with domain, in a sentence}; then GLOBEX\\trelawney stopped it from {IPv4}",
    "Login failed for user '{login of the server}'. Reason: password of {SID}, machine {machine account}",
    "Fehler bei der Anmeldung für den Benutzer '{login in a German text}'. {SID of a virtual machine}",
    "Backup of {path} to {path on a server}, list '{path in the profile of a person}'; brandstetter was told",
    "Restored {path with blanks} at {IPv6}; set {GUID}, {GUID in braces and capitals}; globexfs01 answered",
    "Mail to {mail address}, copy {mail address with a hyphen}; cards {MAC with hyphens} {MAC with colons}, "
    "{MAC of Hyper-V}",
    "{computer with domain} called zebra7 and QUITELONGSERVER; see {web address}; {host that only a text names} is up",
    "BACKUP failed to complete the command BACKUP DATABASE [{database with an ampersand}]; {database with an umlaut} "
    "and {database of an operation} follow; job FullWertpapiereNightly on 172.16.9.8:1433",
    "{a project in a message}: {name in a web address} and {name with an entity}; powershell -enc {name in base64}",
)


def filled(text: str) -> str:
    """The text with every `{place}` of SECRETS filled in; other braces stay."""
    for place, secret in SECRETS.items():
        text = text.replace("{" + place + "}", secret)
    return text


def secretive() -> Analysis:
    """The story with a secret in every place of SECRETS."""
    b = Builder()
    told(b)
    _messages(b)
    _exports(b)
    for name in ("PayrollDE", "M&A Plans", "Kunden_Übersicht", "Wertpapiere"):
        b.add("operation_databases", operation_id="op-SQLVM-02", instance="TURBINE", database=name, evidence=[])
    b.rows["sources"].append(
        dict(b.rows["sources"][2]) | {
            "source_id": "aa000000ff", "path": "guest/Akte Hollerbach/ZEBRA7/hollerbach-mitschrift.log",
            "computer": "ZEBRA7.corp.globex.example",
            "note": filled("copied from {path on a server} by {account with domain, in a sentence}"),
        }
    )
    b.rows["recovery_points"][3]["note"] = filled("listed by {primary host} for {a customer in a finding}")
    return b.analysis(
        question=filled("Is {a project in a message} safe? {a signature in the question}"),
        case_id=SECRETS["case id"], requester=SECRETS["requester"],
    )


def _messages(b: Builder) -> None:
    computers = ("ZEBRA7.corp.globex.example", "QUITELONGSERVERNAME04.corp.globex.example")
    for number, pattern in enumerate(MESSAGES):
        text = filled(pattern)
        data: dict[str, Any] = {
            "SubjectUserName": SECRETS["account in the event data"], "SubjectUserSid": SECRETS["SID in event data"],
            "IpAddress": SECRETS["IPv4"],
        }
        uid = b.event(
            at(3, number), "MSSQL$GLOBEXERP", 50000 + number, text, "genuine_failure", computer=computers[number % 2],
            strings=[text, SECRETS["account in a list of strings"], SECRETS["account in the event data"]],
            data=json.dumps(data | {"TargetUserName": SECRETS["account in a list of strings"]}), instance="GLOBEXERP",
        )
        said = filled("On {computer with domain} ({a customer in a finding}): ") + text
        b.finding(said, [uid], operation_id="op-SQLVM-02")
    b.rows["matches"][-1] |= {"volume": SECRETS["volume of a match"], "backup_set": SECRETS["device set of a match"]}


def _exports(b: Builder) -> None:
    b.add(
        "records", source_id=APPLICATION, kind="job", name="PayrollDE",
        data=json.dumps({"owner": SECRETS["owner in an export"], "note": "Projekt Falke"}),
    )
    b.add("writers", source_id=APPLICATION, computer="ZEBRA7", name="SqlServerWriter")
    b.rows["replication"][0] |= {
        "primary_server": SECRETS["server of the replication export"],
        "vm_id": SECRETS["id of the virtual machine"],
        "data": json.dumps({"PrimaryServer": SECRETS["server of the replication export"], "Notes": "Projekt Falke"}),
    }
    b.add(
        "actions", vm_name="SQLVM", where="QUITELONGSERVERNAME04.corp.globex.example",
        text=filled("Ask {a signature in the question} about {a project in a message} and agentowner77."),
        command=filled(r"Copy-Item '{path on a server}\x.bak' {volume of a match}"),
    )
    b.add("missing", what=filled("The log of {replica host}"), why="it says more", command="hv-repl1", vm_name="SQLVM")
    b.add("losses", source_id=APPLICATION, count=1, reason=filled("the record of {login of the server} is cut"))
