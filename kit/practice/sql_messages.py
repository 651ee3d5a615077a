"""What SQL Server writes to the event log and to its error log, with the values in the order of its messages.

Texts and numbers follow the documentation of the database engine's errors and public logs. The same message goes to
both logs; in the event log the values are the inserted strings, and Binary holds number, severity, server and database.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime

from kit.practice.errorlog_writer import Line, Server
from kit.practice.evtx_writer import Event

INFORMATION, ERROR = 0x4000, 0xC000
TASK_SERVER, TASK_BACKUP = 2, 6
NO_ACTION = "This is an informational message only. No user action is required."
ABORTED = "995(The I/O operation has been aborted because of either a thread exit or an application request.)"
NOT_FOUND = "995(error not found)"


@dataclass(frozen=True)
class SqlMessage:
    """A message of an instance: number, severity, state, inserted strings, text, and who writes it."""

    number: int
    text: str
    strings: tuple[str, ...] = ()
    severity: int = 10
    state: int = 1
    source: str = "spid5s"
    task: int = TASK_SERVER
    audit: bool = False

    @property
    def failed(self) -> bool:
        """Whether it is an error, which the error log prints in two lines."""
        return self.severity > 10

    def event(self, server: Server, time: datetime) -> Event:
        """The record of the Application log."""
        name = "MSSQLSERVER" if server.instance == "MSSQLSERVER" else f"MSSQL${server.instance}"
        return Event(
            name,
            self.number,
            time,
            "Application",
            server.computer,
            self._level,
            strings=self.strings,
            binary=self._binary(server),
            qualifiers=ERROR if self.failed else INFORMATION,
            task=self.task,
            keywords=0x90000000000000 if self.audit else None,
        )

    @property
    def _level(self) -> int:
        if self.audit:
            return 0
        return 2 if self.failed else 4

    def _binary(self, server: Server) -> bytes:
        parts = (server.name, "master")
        texts = b"".join(struct.pack("<I", len(text) + 1) + text.encode("utf-16-le") + b"\0\0" for text in parts)
        return struct.pack("<II", self.number, self.severity) + texts

    def line(self, time: datetime) -> Line:
        """The entry of the error log."""
        error = (self.number, self.severity, self.state) if self.failed else None
        return Line(time, self.source, self.text, error)


def frozen(database: str, source: str) -> SqlMessage:
    """I/O of a database is frozen for a snapshot backup."""
    text = (
        f"I/O is frozen on database {database}. No user action is required. However, if I/O is not resumed promptly, "
        "you could cancel the backup."
    )
    return SqlMessage(3197, text, (database,), source=source)


def resumed(database: str, source: str) -> SqlMessage:
    """I/O of a database goes on."""
    return SqlMessage(
        3198, f"I/O was resumed on database {database}. No user action is required.", (database,), source=source
    )


def device_failed(routine: str, operation: str, device: str, os_error: str, source: str) -> SqlMessage:
    """A virtual backup device failed; the operation may be empty, as in the vendor's samples."""
    text = f"{routine}: {operation} failure on backup device '{device}'. Operating system error {os_error}."
    return SqlMessage(18210, text, (routine, operation, device, os_error), 16, source=source)


def backup_failed(command: str, source: str = "Backup") -> SqlMessage:
    """A BACKUP command failed; the command text names the database."""
    text = f"BACKUP failed to complete the command {command}. Check the backup application log for detailed messages."
    return SqlMessage(3041, text, (command,), 16, source=source, task=TASK_BACKUP)


def backed_up(database: str, device: str, pages: int, lsn: str, created: str) -> SqlMessage:
    """A database backup completed; `device` is the list in braces, e.g. {FILE=1, TYPE=DISK: {'D:\\x.bak'}}."""
    values = (database, created, str(pages), lsn, lsn, "1", device)
    text = (
        f"Database backed up. Database: {database}, creation date(time): {created}, pages dumped: {pages}, "
        f"first LSN: {lsn}, last LSN: {lsn}, number of dump devices: 1, device information: ({device}). "
        "This is an informational message only. No user action is required."
    )
    return SqlMessage(18264, text, values, source="Backup", task=TASK_BACKUP)


def instance_start() -> SqlMessage:
    """The instance starts."""
    return SqlMessage(
        17162, f"SQL Server is starting at normal priority base (=7). {NO_ACTION}", ("7",), source="Server"
    )


def ready() -> SqlMessage:
    """The instance accepts connections."""
    text = (
        "SQL Server is now ready for client connections. This is an informational message; no user action is required."
    )
    return SqlMessage(17126, text, source="spid10s")


def shutdown() -> SqlMessage:
    """The instance stops because the system shuts down."""
    text = f"SQL Server is terminating because of a system shutdown. {NO_ACTION}"
    return SqlMessage(17147, text, source="spid12s")


def starting(database: str, source: str) -> SqlMessage:
    """A database is being started."""
    return SqlMessage(17137, f"Starting up database '{database}'.", (database,), source=source)


def rolled_forward(count: int, database: str, number: str, source: str) -> SqlMessage:
    """Redo of a database; `number` is its id as the version prints it."""
    text = f"{count} transactions rolled forward in database '{database}' ({number}). {NO_ACTION}"
    return SqlMessage(3406, text, (str(count), database, *number.split(":")), source=source)


def rolled_back(count: int, database: str, number: str, source: str) -> SqlMessage:
    """Undo of a database; a count of 0 is no rollback."""
    text = f"{count} transactions rolled back in database '{database}' ({number}). {NO_ACTION}"
    return SqlMessage(3407, text, (str(count), database, *number.split(":")), source=source)


def checkpoint(database: str, number: str, source: str) -> SqlMessage:
    """Recovery writes a checkpoint."""
    bare = number.split(":")[0]
    text = f"Recovery is writing a checkpoint in database '{database}' ({bare}). {NO_ACTION}"
    return SqlMessage(3454, text, (database, bare), source=source)


def database_recovered(
    database: str, number: str, seconds: int, phases: tuple[int, int, int], source: str
) -> SqlMessage:
    """Recovery of one database completed, with the milliseconds of analysis, redo and undo."""
    bare = number.split(":")[0]
    analysis, redo, undo = phases
    text = (
        f"Recovery completed for database {database} (database ID {bare}) in {seconds} second(s) "
        f"(analysis {analysis} ms, redo {redo} ms, undo {undo} ms.) {NO_ACTION}"
    )
    return SqlMessage(3421, text, (database, bare, str(seconds), *map(str, phases)), source=source)


def instance_recovered() -> SqlMessage:
    """Recovery of the instance is complete."""
    return SqlMessage(3408, f"Recovery is complete. {NO_ACTION}", source="spid7s")


def recovery_failed(database: str, number: str, source: str) -> SqlMessage:
    """A database could not be recovered."""
    bare = number.split(":")[0]
    text = (
        f"An error occurred during recovery, preventing the database '{database}' (database ID {bare}) from "
        "restarting. Diagnose the recovery errors and fix them, or restore from a known good backup. If errors are not "
        "corrected or expected, contact Technical Support."
    )
    return SqlMessage(3414, text, (database, bare), 21, source=source)


def redo_failed(database: str, lsn: str, source: str) -> SqlMessage:
    """A logged operation could not be redone."""
    text = (
        f"During redoing of a logged operation in database '{database}', an error occurred at log record ID {lsn}. "
        "Typically, the specific failure is previously logged as an error in the Windows Event Log service. "
        "Restore the database from a full backup, or repair the database."
    )
    return SqlMessage(3313, text, (database, lsn), 21, source=source)


def slow_io(count: int, path: str, database: str, number: int) -> SqlMessage:
    """Requests took longer than 15 seconds."""
    text = (
        f"SQL Server has encountered {count} occurrence(s) of I/O requests taking longer than 15 seconds to complete "
        f"on file [{path}] in database [{database}] ({number}).  The OS file handle is 0x00000000000007D4.  The offset "
        "of the latest long I/O is: 0x0000000a3e2000."
    )
    return SqlMessage(833, text, (str(count), "15", path, database, str(number)), source="spid4s")


def login_failed(user: str, client: str) -> SqlMessage:
    """An ordinary failed logon: daily noise of any instance."""
    reason = " Reason: Password did not match that for the login provided."
    text = f"Login failed for user '{user}'.{reason} [CLIENT: {client}]"
    return SqlMessage(18456, text, (user, reason, f" [CLIENT: {client}]"), 14, 8, "Logon", 4, audit=True)
