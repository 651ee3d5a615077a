"""Other exported lists: backup sets of msdb, hotfixes, systeminfo as objects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from kit import powershell
from kit.powershell import Row
from kit.powershell.dates import Dates
from kit.sources import _vss_blocks
from kit.sources._build import Made
from kit.sources._objects import computer_of, learn_all, lost, times
from kit.sources.seam import Fact, Lost

KB = re.compile(r"\bKB\d{5,8}\b", re.IGNORECASE)
_RULE = re.compile(r"[- ]*-{2,}[- ]*")


class BackupSets:
    """Mapper of rows of msdb.dbo.backupset, joined with backupmediafamily or not, to `records`."""

    def fits(self, row: Row) -> bool:
        """Whether the row has a database and the start or end of its backup."""
        names = {name.casefold() for name in row}
        return bool(names & {"backup_start_date", "backup_finish_date"}) and bool(
            names & {"database_name", "name", "backup_set_id", "media_set_id"}
        )

    def learn(self, row: Row, dates: Dates) -> None:
        """Look at the dates."""
        learn_all(row, dates)

    def facts(self) -> Iterator[Fact]:
        """Nothing to say about all of them."""
        return iter(())

    def made(self, row: Row, dates: Dates) -> Made | Lost | None:
        """The row of one backup set with the time of its end, else its start; None for the rule that sqlcmd draws."""
        row = Row({name: None if value == "NULL" else value for name, value in row.items()}, row.number)
        start = row.text("backup_start_date")
        if start and _RULE.fullmatch(start):
            return None
        moment = dates.read(row.text("backup_finish_date", "backup_start_date"))
        if not moment.known:
            return lost(row, f"column backup_finish_date: {moment.raw[:60] or 'nothing'!r} is no date")
        record = {
            "kind": "backup_set",
            "computer": row.text("machine_name", "server_name"),
            "name": row.text("database_name", "name"),
            "time_raw": moment.raw,
            "time_basis": "assumed" if moment.ambiguous else None,
            "data": powershell.as_json(row),
        }
        return "records", record | times("time", moment)


class Others:
    """Mapper of objects that no other mapper takes, to `records` of the kind `object`: exports of other commands.

    Taken are objects that name their type and what the console printed; a row of a table without either that fits
    nowhere is damaged and stays a loss.
    """

    def __init__(self, printed: bool) -> None:
        self._printed = printed
        self._kinds: Counter[str] = Counter()

    def fits(self, row: Row) -> bool:
        """Whether the object names its type, or was printed (and not by vssadmin, whose lists are read as such)."""
        return bool(row.type_names) or (self._printed and not _vss_blocks.is_row(row.values()))

    def learn(self, row: Row, dates: Dates) -> None:
        """Count the types."""
        self._kinds[_type_of(row)] += 1

    def facts(self) -> Iterator[Fact]:
        """Which other objects the export holds."""
        if self._kinds:
            counts = ", ".join(f"{count} {kind}" for kind, count in self._kinds.most_common(5))
            yield Fact(note=f"objects of other commands, kept as records: {counts}")

    def made(self, row: Row, dates: Dates) -> Made | Lost | None:
        """The row of one object."""
        named = {"computer": computer_of(row), "vm_name": row.text("VMName"), "name": row.text("Name", "DisplayName")}
        return "records", {"kind": "object", "data": powershell.as_json({"type": _type_of(row), **row})} | named


def _type_of(row: Row) -> str:
    return row.type_names[0].rsplit(".", 1)[-1][:80] if row.type_names else "printed"


class Hotfixes:
    """Mapper of Get-HotFix, `wmic qfe`, Get-ComputerInfo and systeminfo as CSV to `records`."""

    def fits(self, row: Row) -> bool:
        """Whether the row is a hotfix, or a system with its list of hotfixes."""
        return row.pick("HotFixID") is not None or self._system(row) is not None

    def _system(self, row: Row) -> str | None:
        """The name of the system whose updates the row lists; None for another row."""
        if row.pick("OsHotFixes") is not None or {"CsName", "OsVersion"} <= row.keys():
            return row.text("CsName", "CsDNSHostName") or "?"
        listed = any("[01]" in (text := str(value)) and KB.search(text) for value in row.values())
        return str(next(iter(row.values()))) if listed else None

    def learn(self, row: Row, dates: Dates) -> None:
        """Look at the dates."""
        learn_all(row, dates)

    def facts(self) -> Iterator[Fact]:
        """Nothing to say about all of them."""
        return iter(())

    def made(self, row: Row, dates: Dates) -> Made | Lost | None:
        """The row of one hotfix, or of a system with all of its hotfixes in `data`."""
        if (name := self._system(row)) is not None:
            return "records", {"kind": "system", "computer": name, "name": name, "data": powershell.as_json(row)}
        moment = dates.read(row.text("InstalledOn", "InstallDate"))
        record = {
            "kind": "hotfix",
            "computer": computer_of(row) or row.text("CSName", "Source"),
            "name": row.text("HotFixID"),
            "time_raw": moment.raw or None,
            "time_basis": "assumed" if moment.ambiguous else None,
            "data": powershell.as_json(row),
        }
        return "records", record | times("time", moment)
