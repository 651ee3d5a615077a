"""What a file is when no reader knows it: archives and other well-known formats, by their first bytes."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable
from typing import BinaryIO

from kit.text import decode

HEAD = 65536
_BLOCK = 1 << 20

_MAGIC = [
    (b"7z\xbc\xaf\x27\x1c", 0, "7-Zip archive"),
    (b"Rar!\x1a\x07", 0, "RAR archive"),
    (b"\x1f\x8b", 0, "gzip file"),
    (b"BZh", 0, "bzip2 file"),
    (b"\xfd7zXZ\x00", 0, "xz file"),
    (b"\x28\xb5\x2f\xfd", 0, "Zstandard file"),
    (b"MSCF", 0, "cabinet archive"),
    (b"ustar", 257, "tar archive"),
    (b"CD001", 32769, "ISO image"),
    (b"vhdxfile", 0, "VHDX disk image"),
    (b"conectix", 0, "VHD disk image"),
    (b"TAPE", 0, "Microsoft tape format (SQL Server or NT backup)"),
    (b"MDMP", 0, "Windows minidump"),
    (b"PAGEDU", 0, "Windows memory dump"),
    (b"SQLite format 3", 0, "SQLite database"),
    (b"regf", 0, "registry hive"),
    (b"PAR1", 0, "Parquet file"),
    (b"%PDF", 0, "PDF document"),
    (b"\x89PNG", 0, "picture"),
    (b"\xff\xd8\xff", 0, "picture"),
    (b"MZ", 0, "Windows program"),
    (b"\x7fELF", 0, "program"),
    (b"\xd0\xcf\x11\xe0", 0, "old Office document or Windows Installer file"),
]
_ARCHIVES = {"7-Zip archive", "RAR archive", "gzip file", "bzip2 file", "xz file", "Zstandard file",
             "cabinet archive", "tar archive", "ISO image"}  # fmt: skip


_PRODUCTS = [
    (re.compile(r"\[\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d(?:\.\d{3})?\] *<\w{1,8}> ", re.ASCII), "a log of Veeam"),
    (re.compile(r"[0-9A-F]{4}\t[0-9A-F]{4}\t\d\d/\d\d\t\d\d:\d\d:\d\d\.\d{3}\t", re.ASCII), "a log of DPM"),
]
_FAILED = re.compile(
    r"^\s*\+ FullyQualifiedErrorId\s*:|\A\s*(?:Sqlcmd: |[^\W\d]{3,10} \d{1,6}, [^\W\d]+ \d{1,2}, [^\W\d]+ \d{1,3}, )",
    re.MULTILINE,
)
_RESULT_DATE = re.compile(r"(?:^|[\t,;|])\"?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,7})?\"?(?=[\t,;|]|$)")
_NOTHING = re.compile(r"\[\s*\]|null|<Objs\b[^<>]*(?:/>|>\s*(?:<Nil\s*/>\s*)?</Objs>)")


def digest(file: BinaryIO, advance: Callable[[int], None] | None = None) -> str:
    """SHA-256 of the whole file, read in blocks; the file is left at its beginning."""
    file.seek(0)
    found = hashlib.sha256()
    while block := file.read(_BLOCK):
        found.update(block)
        if advance:
            advance(len(block))
    file.seek(0)
    return found.hexdigest()


def is_archive(file: BinaryIO) -> bool:
    """True for a ZIP archive of files; false for documents that only use its container. Leaves the file at 0."""
    file.seek(0)
    try:
        if file.read(2) != b"PK" or not zipfile.is_zipfile(file):
            return False
        with zipfile.ZipFile(file) as archive:
            names = {info.filename for info in archive.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    finally:
        file.seek(0)
    return not names & {"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"}


def kind(head: bytes) -> str | None:
    """Name of a well-known format that is no log, from the first 64 KiB; None when nothing fits."""
    for magic, place, name in _MAGIC:
        if head[place : place + len(magic)] == magic:
            return name
    if head.startswith(b"PK"):
        return "ZIP container that is no archive of files, or a damaged one"
    return None


def is_export_of_nothing(head: bytes) -> bool:
    """Whether this is what ConvertTo-Json or Export-Clixml write where a command found nothing."""
    return len(head) < HEAD and bool(_NOTHING.fullmatch(decode(head)[0].strip("\ufeff\x00 \r\n\t")))


def unknown_note(head: bytes) -> str:
    """Why nothing read the file and what to do, as one sentence."""
    name = kind(head)
    if name in _ARCHIVES:
        return f"{name}: not opened; extract it and put the files into the case"
    if name:
        return f"{name}: holds no log that the kit reads"
    if head and not head.strip(b"\0"):
        return "begins with nothing but zero bytes: probably lost when it was copied; copy it again"
    if _FAILED.search(decode(head[:8192])[0].lstrip("\ufeff")):
        return f"the error of a command instead of its output ({_beginning(head, 160)}): run it again where it works"
    if product := _product(head):
        return (
            f"{product}: not used; what its jobs did stands in the event logs of this computer, Application and those "
            "of the product: export these"
        )
    if _is_result_without_names(head):
        return (
            "the result of a query without the names of its columns: save it with them (Management Studio: "
            "Query Options, Results, Include column headers when copying or saving)"
        )
    return f"no reader knows this format ({_beginning(head)})"


def _product(head: bytes) -> str | None:
    """The backup product whose own log this is; None where most of its first lines are of no known form."""
    found = [line.strip("\ufeff\r") for line in decode(head[:8192])[0].split("\n")[:40] if line.strip("\ufeff\x00\r ")]
    for pattern, name in _PRODUCTS:
        if found and 2 * sum(bool(pattern.match(line)) for line in found) >= len(found):
            return name
    return None


def _is_result_without_names(head: bytes) -> bool:
    """Whether every one of the first lines has dates of SQL Server between delimiters, the first not excepted."""
    found = [line.strip("\ufeff\r ") for line in decode(head)[0].split("\n")[:20] if line.strip("\ufeff\x00\r ")]
    whole = found[:-1] if len(found) > 1 and len(head) >= HEAD else found
    return bool(whole) and all(_RESULT_DATE.search(line) for line in whole[:10])


def _beginning(head: bytes, most: int = 60) -> str:
    """What the content looks like, so that a person recognises it."""
    text, _ = decode(head[:2000])
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if line and sum(character.isprintable() for character in line) >= 0.9 * len(line):
        return f"text that begins with {line[:most]!r}"
    return f"binary content that begins with {head[:8].hex(' ')}"
