"""What looks like a name wherever it stands: addresses, accounts, ids, paths, hosts. One pattern for each kind."""

from __future__ import annotations

import ipaddress
import re
from functools import cache
from importlib import resources

_DIGITS4 = r"(?:\d{1,3}\.){3}\d{1,3}"
_HEX4 = r"[0-9a-fA-F]{0,4}"
_PART = r"[^\\/:*?\"<>|\r\n\t,;'’”]*[^\\/:*?\"<>|\r\n\t,;'’”\s]"  # a folder: blanks inside, none at its end
_LAST = r"(?:[^\\/:*?\"<>|\r\n\t,;'’”\s()\[\]]+(?: [^\\/:*?\"<>|\r\n\t,;'’”\s()\[\]]+){0,3}\.[A-Za-z]\w{1,4}(?!\w)" \
        r"|[^\\/:*?\"<>|\r\n\t,;'’”\s)\]]*)"  # a file with an ending may hold blanks, another word not
_TLDS = (
    "com|net|org|edu|gov|mil|info|biz|local|lan|corp|intern|internal|intra|intranet|home|private|test|example|invalid|"
    "localdomain|cloud|de|at|ch|uk|fr|nl|be|it|es|pt|pl|cz|se|no|dk|fi|eu|us|ca|au|nz|jp|cn|in|br|ru|tr|za"
)
_QUOTES = r"['\"‘’‚“”„«»]"
_ROOT = (
    r"(?:\\\\\?\\(?:UNC\\)?)?(?:[A-Za-z]:\\{1,2}|\\{2,4}(?![\\?.])|/(?:home|Users|mnt|srv|opt|data|media)/)"
    r"(?=[^\s\\/])"
)  # backslashes may be doubled, as in JSON

PATTERNS: dict[str, re.Pattern[str]] = {
    "URL": re.compile(r"\b(?:https?|ftp|ldaps?|smb|wss?)://[^\s\"'<>“”’)\]}]+", re.IGNORECASE),
    "MAIL": re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "PATH": re.compile(
        rf"(?<=['\"‘“„«]){_ROOT}[^'\"’”“»<>|?*\r\n]*(?=['\"’”“»])|(?<![A-Za-z0-9]){_ROOT}(?:{_PART}[\\/]{{1,2}})*{_LAST}"
    ),
    "ID": re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9a-fA-F])"),
    "SID": re.compile(
        r"\bS-1-(?:5-(?:21|32-\d+|80|82|83|87|96)|12|15)(?:-\d+){3,}\b"
        r"|\b(?:0x)?01050000000000051500[0-9A-Fa-f]{36}\b",
        re.IGNORECASE,
    ),
    "MAC": re.compile(
        r"(?<![0-9A-Fa-f:-])(?:[0-9A-Fa-f]{2}[-:]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])"
        r"|\b(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}\b|\b00155[dD][0-9A-Fa-f]{6}\b"
    ),
    "IP": re.compile(
        rf"(?<![\w.:])(?:{_HEX4}:){{2,6}}{_DIGITS4}(?!\w|\.\d)|(?<![\w.:])(?:{_HEX4}:){{2,7}}{_HEX4}(?![\w:])"
        rf"|(?<![\w.]){_DIGITS4}(?!\w|\.\d)"
    ),
}
FQDN = re.compile(
    rf"(?<![\w.\\@-])([A-Za-z0-9_][\w-]{{0,62}})((?:\.[A-Za-z0-9][\w-]{{0,62}})*\.(?:{_TLDS}))(?![\w-]|\.\w)"
)
ACCOUNT = re.compile(
    r"(?:(?<=['\"‘“(\[=:,])|(?<=: )|(?<=user )|(?<=login )|(?<=account )|(?<=owner )|(?<=by )|(?<=von )|^)"
    r"([A-Za-z][\w-]{1,20})\\([A-Za-z][\w.$-]{1,40})(?![\w\\])",
    re.IGNORECASE,
)
WORD_PAIR = re.compile(r"(?<![\w\\:.])([A-Za-z][\w-]{1,20})\\([\w.$-]{1,60})(?![\w\\])")
QUOTED_USER = re.compile(
    r"(?:\buser|\blogin|\baccount|\blogon|benutzer|anmeldename|\bkonto|utilisateur|usuario|utente|gebruiker|"
    rf"пользовател\w*|ユーザー|用户)(?:s?[- ]?name|kennung)?\s*[:=]*\s*{_QUOTES}([^'\"’”»\\|]{{1,60}}){_QUOTES}",
    re.IGNORECASE,
)
PROFILE = re.compile(r"[A-Za-z]:\\(?:Users|Documents and Settings)\\([^\\]+)|/(?:home|Users)/([^/]+)", re.IGNORECASE)
SHARE = re.compile(r"(?:\\\\\?\\UNC\\|\\\\)([^\\?.][^\\]*)")
PUBLIC_PROFILES = frozenset({"public", "default", "all users", "administrator", "default user"})
_HARMLESS_PATH = re.compile(
    r"(?:\\\\\?\\)?[A-Za-z]:\\(?:Windows|Program Files(?: \(x86\))?\\(?:Microsoft|Windows|Common Files)|"
    r"ProgramData\\Microsoft)\b",
    re.IGNORECASE,
)
_DATA_FILE = re.compile(r"\.(?:mdf|ndf|ldf|bak|trn|dif|vhdx?|avhdx?|hrl|hru|edb)$", re.IGNORECASE)
_HARMLESS_HOST = re.compile(
    r"(?:^|\.)(?:microsoft|windows|windowsupdate|msft|aka|w3|xmlsoap|iana|ietf|python|jupyter|plotly)\.", re.IGNORECASE
)


def counts(kind: str, text: str) -> bool:
    """Whether what a pattern found is a name: no loopback, no folder that every Windows has, no public page."""
    if kind == "PATH":
        return not _HARMLESS_PATH.match(text) or bool(_DATA_FILE.search(text))
    if kind == "IP":
        return _is_address(text)
    if kind == "ID":
        return text.lower() not in public_ids()
    if kind == "URL":
        return not public_host(text.split("://", 1)[1].split("/", 1)[0])
    return True


def canonical(path: str) -> str:
    """The path with single backslashes, two where it begins with a server."""
    return re.sub(r"(?<!^)\\{2,}", r"\\", re.sub(r"^\\{2,}", r"\\\\", path))


def public_host(name: str) -> bool:
    """Whether a host name is one that the whole world knows."""
    return bool(_HARMLESS_HOST.search(name))


def _is_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


@cache
def public_ids() -> frozenset[str]:
    """GUIDs that the knowledge names (writers, providers), and the empty one: the same on every machine."""
    folder = resources.files("kit").joinpath("knowledge")
    texts = [one.read_text(encoding="utf-8") for one in folder.iterdir() if one.name.endswith(".toml")]
    found = {guid.lower() for text in texts for guid in PATTERNS["ID"].findall(text)}
    return frozenset(found | {"00000000-0000-0000-0000-000000000000"})
