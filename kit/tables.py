"""The declared tables: one Arrow schema for each, every field with its meaning.

Every frame that crosses a module boundary is one of these. The same declarations make the Parquet files,
the checks and the generated page docs/tables.md.

Rules for frames: times are `datetime64[us, UTC]`; whole numbers are `Int64` so that unknown stays unknown; truth values
are `boolean`; lists are Arrow lists; unknown is null, never an empty string, 0 or False.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from kit.errors import TableError

SCHEMA_VERSION = 3
_MANY_ROWS = 100_000  # from which on several threads are worth their start

TEXT = pa.string()
TERM = pa.dictionary(pa.int32(), pa.string())
WHOLE = pa.int64()
REAL = pa.float64()
CLAIM = pa.bool_()
TIME = pa.timestamp("us", tz="UTC")
TEXTS = pa.list_(pa.string())


def _table(name: str, row: str, *fields: tuple[str, pa.DataType, str]) -> pa.Schema:
    return pa.schema(
        [pa.field(field, kind, metadata={"meaning": meaning}) for field, kind, meaning in fields],
        metadata={"table": name, "row": row, "schema_version": str(SCHEMA_VERSION)},
    )


_ALL = [
    _table(
        "sources", "a file that was given, or one that was expected and is absent",
        ("source_id", TEXT, "first 10 hexadecimal digits of the SHA-256 of the content; absent files: of the path"),
        ("path", TEXT, "path relative to the case, with forward slashes; inside an archive: archive.zip!/inner/path"),
        ("size", WHOLE, "bytes"),
        ("sha256", TEXT, "SHA-256 of the content when it was opened"),
        ("reader", TEXT, "name of the reader that recognised the content"),
        ("reader_version", TEXT, "version of that reader; part of the key of the store"),
        ("computer", TEXT, "the computer that wrote the log, as the log names it (the most frequent name)"),
        ("role", TEXT, "guest, primary_host, replica_host, test_failover_guest or unknown"),
        ("vm_name", TEXT, "the virtual machine that a guest log belongs to"),
        ("role_reason", TEXT, "what the role was concluded from"),
        ("status", TEXT, "read, partial, empty, unreadable, unrecognised or absent"),
        ("declared", WHOLE, "records that the headers of the file promise; null where the format promises none"),
        ("seen", WHOLE, "records found; always kept + skipped"),
        ("kept", WHOLE, "records that became rows"),
        ("skipped", WHOLE, "records found that could not become rows; each is listed in losses"),
        ("recovered", WHOLE, "records beyond what the headers promise (dirty log, slack), kept and flagged"),
        ("gaps", WHOLE, "record numbers missing between the first and the last"),
        ("bad_checksums", WHOLE, "chunks whose stored checksum does not fit their content"),
        ("first_time", TIME, "time of the earliest record"),
        ("last_time", TIME, "time of the latest record"),
        ("zone", TEXT, "zone or offset that local times were read with; null where the format is UTC"),
        ("time_basis", TEXT, "utc, declared, inferred or assumed"),
        ("exported_utc", TIME, "when the export was made, where the file says so"),
        ("note", TEXT, "one sentence for the reader: what is special or was lost"),
    ),
    _table(
        "losses", "a record or a run of records that was found or promised and could not be read",
        ("source_id", TEXT, "the source"),
        ("count", WHOLE, "records lost here; null when unknown"),
        ("first_id", WHOLE, "first record number (text logs: line) of the run"),
        ("last_id", WHOLE, "last record number (text logs: line) of the run"),
        ("offset", WHOLE, "byte offset of the loss"),
        ("first_time", TIME, "time of the last good record before, which bounds the loss"),
        ("last_time", TIME, "time of the first good record after, which bounds the loss"),
        ("reason", TEXT, "why, in words"),
    ),
    _table(
        "coverage", "an interval in which a log provably keeps its records, so that absence can be claimed",
        ("source_id", TEXT, "the source"),
        ("computer", TEXT, "the computer"),
        ("channel", TERM, "the log"),
        ("first_time", TIME, "start of the interval"),
        ("last_time", TIME, "end of the interval"),
        ("first_id", WHOLE, "record number at its start; null where records have none"),
        ("last_id", WHOLE, "record number at its end"),
    ),
    _table(
        "events", "a log record",
        ("uid", TEXT, "source_id:record number (text logs: line number); '@offset' is added where a number repeats"),
        ("source_id", TERM, "the source"),
        ("record_id", WHOLE, "record number; text logs: line number"),
        ("offset", WHOLE, "byte offset of the record in the file"),
        ("time_utc", TIME, "when the event happened, UTC; null when unknown"),
        ("time_raw", TEXT, "the time as written in the source, never altered"),
        ("time_basis", TERM, "utc, declared, inferred or assumed: how time_utc came about"),
        ("precision_s", REAL, "resolution of the written time in seconds"),
        ("computer", TERM, "the computer named in the record, else that of the source"),
        ("role", TERM, "role of the record; history before the boot in a test-failover log is the guest's"),
        ("vm_name", TERM, "guest records: the VM; host records: the VM that the record names"),
        ("vm_id", TERM, "host records: the id of the VM that the record names, lower case"),
        ("channel", TERM, "the log, e.g. Application"),
        ("provider", TERM, "event source as written"),
        ("event_id", WHOLE, "event identifier without qualifiers; SQL Server text logs: error number where known"),
        ("version", WHOLE, "version of the event"),
        ("level", WHOLE, "1 critical, 2 error, 3 warning, 4 information, 0 always, 5 verbose; null unknown"),
        ("task", WHOLE, "task or category number"),
        ("strings", TEXTS, "inserted strings in order"),
        ("data", TEXT, "named event data as JSON text; null where there is none"),
        ("message", TEXT, "rendered text as the source holds it; null where it holds none"),
        ("integrity", TERM, "ok, bad_checksum, recovered, borrowed_template or damaged"),
    ),
    _table(
        "recovery_points", "a recovery point in the history of a replica, once per id whatever the number of exports",
        ("recovery_point_id", TEXT, "Id of the export in lower case, else SHA-256 of VM, name and time"),
        ("vm_id", TEXT, "id of the VM, lower case"),
        ("vm_name", TEXT, "name of the VM"),
        ("name", TEXT, "name of the point"),
        ("time_utc", TIME, "creation time"),
        ("time_raw", TEXT, "creation time as written"),
        ("time_basis", TEXT, "utc, declared, inferred or assumed"),
        ("snapshot_type", TEXT, "the vendor's word, e.g. AppConsistentReplica; null when it stays open"),
        ("claimed", TEXT, "application_consistent, crash_consistent or unknown"),
        ("computer", TEXT, "computer that exported the list"),
        ("source_ids", TEXTS, "every source that lists the point"),
        ("note", TEXT, "contradictions between exports, how a number was read"),
    ),
    _table(
        "replication", "one exported replication state or statistics row",
        ("source_id", TEXT, "the source"),
        ("computer", TEXT, "computer that exported it"),
        ("vm_name", TEXT, "name of the VM"),
        ("vm_id", TEXT, "id of the VM, lower case"),
        ("mode", TEXT, "None, Primary, Replica, TestReplica or ExtendedReplica"),
        ("state", TEXT, "replication state, the vendor's word; 'unknown (n)' for a number outside the enumeration"),
        ("health", TEXT, "NotApplicable, Normal, Warning, Critical; 'unknown (n)' likewise"),
        ("relationship", TEXT, "Simple or Extended"),
        ("primary_server", TEXT, "primary server"),
        ("replica_server", TEXT, "replica server"),
        ("frequency_s", WHOLE, "replication interval in seconds"),
        ("app_consistent_interval_h", WHOLE, "hours between application-consistent points; 0 is off"),
        ("recovery_history", WHOLE, "configured number of points"),
        ("app_consistent_failures", WHOLE, "ApplicationConsistentSnapshotFailureCount"),
        ("replication_misses", WHOLE, "missed replication cycles"),
        ("replication_failures", WHOLE, "failed replication cycles"),
        ("last_replication_utc", TIME, "last replication"),
        ("last_app_consistent_utc", TIME, "last application-consistent replication"),
        ("last_test_failover_utc", TIME, "last test failover"),
        ("from_utc", TIME, "start of the statistics interval"),
        ("until_utc", TIME, "end of the statistics interval"),
        ("exported_utc", TIME, "when it was exported"),
        ("vss_service_enabled", CLAIM, "whether the VSS integration service is enabled for the VM"),
        ("integration_state", TEXT, "state of the integration services as exported"),
        ("data", TEXT, "every exported property as JSON text"),
    ),
    _table(
        "writers", "the state of one VSS writer when it was listed",
        ("source_id", TEXT, "the source"),
        ("computer", TEXT, "the computer"),
        ("vm_name", TEXT, "the VM"),
        ("name", TEXT, "name of the writer"),
        ("writer_id", TEXT, "class id, lower case, without braces"),
        ("instance_id", TEXT, "instance id, lower case, without braces"),
        ("state", WHOLE, "number of VSS_WRITER_STATE"),
        ("state_text", TEXT, "text beside the number"),
        ("last_error", TEXT, "last error as written"),
        ("listed_utc", TIME, "when it was listed, if known"),
    ),
    _table(
        "records", "a row of another exported list (shadow copies, providers, hotfixes, backup sets, jobs)",
        ("source_id", TEXT, "the source"),
        ("kind", TERM, "what the row is, e.g. shadow_copy, provider, hotfix, clock_sample, backup_set, vm"),
        ("computer", TEXT, "the computer"),
        ("vm_name", TEXT, "the VM"),
        ("time_utc", TIME, "the row's own time, if it has one"),
        ("time_raw", TEXT, "that time as written"),
        ("time_basis", TERM, "utc, declared, inferred or assumed"),
        ("name", TEXT, "what the row is about"),
        ("data", TEXT, "every field as JSON text"),
    ),
    _table(
        "matches", "an event and the rule that explains it",
        ("uid", TEXT, "the event"),
        ("rule_id", TEXT, "the rule"),
        ("class", TERM, "class of the rule: benign_abort, genuine_failure, other_requestor, environment, "
                        "background_noise, normal or undecided (phase and order decide)"),
        ("phase", TERM, "phase of the VSS operation or of the boot"),
        ("severity", TERM, "info, warning, error or critical"),
        ("status", TERM, "validated, documented, field-report or inferred"),
        ("database", TEXT, "captured database or store"),
        ("instance", TEXT, "captured SQL Server instance; MSSQLSERVER is the default instance"),
        ("count", WHOLE, "captured number of transactions"),
        ("hresult", TEXT, "captured HRESULT as 0x and eight digits"),
        ("os_error", WHOLE, "captured Win32 error"),
        ("native_error", WHOLE, "captured SQL Server error number inside the text"),
        ("routine", TEXT, "captured routine, e.g. BackupVirtualDeviceFile::SendFileInfoBegin"),
        ("operation", TEXT, "captured VSS operation, e.g. PrepareForSnapshot"),
        ("writer", TEXT, "captured writer name"),
        ("volume", TEXT, "captured volume"),
        ("backup_set", TEXT, "captured GUID of the virtual device set"),
        ("captured", TEXT, "everything captured, as JSON text"),
    ),
    _table(
        "operations", "one VSS operation in one guest",
        ("operation_id", TEXT, "stable id, from VM and first record"),
        ("computer", TEXT, "the guest"),
        ("vm_name", TEXT, "the VM"),
        ("requestor", TEXT, "hyper_v_replica, host_backup, guest_agent, windows_server_backup, sql_stream or unknown"),
        ("requestor_reason", TEXT, "what the requestor was concluded from"),
        ("begin_utc", TIME, "first record"),
        ("freeze_utc", TIME, "first freeze"),
        ("thaw_utc", TIME, "last thaw"),
        ("abort_utc", TIME, "first abort"),
        ("end_utc", TIME, "last record"),
        ("freeze_s", REAL, "longest freeze of a database in seconds"),
        ("time_basis", TERM, "weakest basis of its times"),
        ("precision_s", REAL, "coarsest precision of its times"),
        ("last_phase", TEXT, "last phase that left a record"),
        ("outcome", TEXT, "clean, benign_abort, genuine_failure, mixed or open"),
        ("databases", TEXTS, "instance\\database of every database seen in it"),
        ("evidence", TEXTS, "uids"),
    ),
    _table(
        "operation_databases", "one database in one VSS operation",
        ("operation_id", TEXT, "the operation"),
        ("instance", TEXT, "SQL Server instance, or the writer of another store"),
        ("database", TEXT, "the database or store"),
        ("freeze_utc", TIME, "freeze"),
        ("thaw_utc", TIME, "thaw"),
        ("abort_utc", TIME, "first abort that names the database or device"),
        ("freeze_s", REAL, "seconds frozen"),
        ("abort_after_thaw", CLAIM, "true when the records show the abort after the thaw; null without abort or order"),
        ("outcome", TEXT, "clean, benign_abort, genuine_failure or open"),
        ("evidence", TEXTS, "uids"),
    ),
    _table(
        "links", "a recovery point and the VSS operation it came from",
        ("recovery_point_id", TEXT, "the point"),
        ("operation_id", TEXT, "the operation; null when none or ambiguous"),
        ("vm_name", TEXT, "the VM"),
        ("candidates", TEXTS, "operations in the interval of the point"),
        ("interval_from", TIME, "start of the interval of the point, guest clock corrected"),
        ("interval_until", TIME, "end of the interval"),
        ("offset_s", REAL, "point time minus corrected thaw"),
        ("method", TEXT, "how the link was made, or why there is none"),
        ("ambiguous", CLAIM, "more than one operation could be the one"),
        ("covered", CLAIM, "a guest log covers the interval"),
        ("clock_known", CLAIM, "guest and exporting host are known to within half the spacing"),
    ),
    _table(
        "boots", "one boot session of one log set",
        ("boot_id", TEXT, "stable id, from computer and first record"),
        ("computer", TEXT, "the computer"),
        ("vm_name", TEXT, "the VM"),
        ("source_ids", TEXTS, "sources that show it"),
        ("start_utc", TIME, "first boot record"),
        ("end_utc", TIME, "last record of the session"),
        ("unclean", CLAIM, "the shutdown before it was unexpected"),
        ("test_failover", CLAIM, "the boot is that of a test-failover machine"),
        ("test_failover_reason", TEXT, "what that was concluded from"),
        ("recovery_point_id", TEXT, "the point it started from, if linked"),
        ("link_method", TEXT, "declared, export, image_time, latest or none"),
        ("image_time_utc", TIME, "newest guest record before the boot, a lower bound of the image time"),
        ("image_evidence", TEXTS, "uids that bound the image time"),
        ("cut_in_freeze", CLAIM, "the image was cut while a freeze was open"),
        ("covered", CLAIM, "the log covers the boot to the end of recovery"),
        ("evidence", TEXTS, "uids"),
    ),
    _table(
        "recoveries", "one database or store in one boot",
        ("boot_id", TEXT, "the boot"),
        ("instance", TEXT, "SQL Server instance, or the engine of another store"),
        ("database", TEXT, "the database or store"),
        ("rolled_forward", WHOLE, "transactions rolled forward; null when no record tells"),
        ("rolled_back", WHOLE, "transactions rolled back; 0 is no rollback; null when no record tells"),
        ("open_at_freeze", WHOLE, "transactions known to have been open at the freeze"),
        ("completed", CLAIM, "a positive record of completed recovery"),
        ("strength", TEXT, "strong (recovery record of the database) or weak (started and instance recovery complete)"),
        ("failed", CLAIM, "a record of failed recovery or corruption"),
        ("evidence", TEXTS, "uids"),
    ),
    _table(
        "clocks", "one computer against the reference clock",
        ("computer", TEXT, "the computer"),
        ("role", TEXT, "its role"),
        ("reference", TEXT, "computer whose clock is the reference: the one that exported the points"),
        ("offset_s", REAL, "seconds to add to this computer's time to get the reference's; null when not known"),
        ("spread_s", REAL, "spread of the anchors in seconds"),
        ("drift_s_per_day", REAL, "seconds a day by which the offset grows"),
        ("epoch_utc", TIME, "time on this computer's clock at which offset_s holds"),
        ("from_utc", TIME, "first time on its clock at which offset_s holds; null: from the start"),
        ("until_utc", TIME, "last time on its clock at which offset_s holds; null: to the end"),
        ("anchors", WHOLE, "pairs used"),
        ("method", TEXT, "reference, declared, measured pairs or unknown"),
        ("ambiguous", CLAIM, "several offsets fit equally"),
        ("note", TEXT, "why the offset was chosen, or why none could be"),
    ),
    _table(
        "findings", "a statement with its evidence",
        ("finding_id", TEXT, "id within the case"),
        ("rule_id", TEXT, "rule or step of reasoning"),
        ("class", TERM, "class of events.class in verdicts.json"),
        ("severity", TERM, "info, warning, error or critical"),
        ("status", TERM, "validated, documented, field-report or inferred"),
        ("statement", TEXT, "the statement as a sentence"),
        ("evidence", TEXTS, "uids"),
        ("vm_name", TEXT, "the VM"),
        ("operation_id", TEXT, "the operation it is about"),
        ("recovery_point_id", TEXT, "the point it is about"),
        ("boot_id", TEXT, "the boot it is about"),
        ("instance", TEXT, "the instance it is about"),
        ("database", TEXT, "the database it is about"),
    ),
    _table(
        "judged_events", "an event of the report with its class",
        ("uid", TEXT, "the event"),
        ("class", TERM, "benign_abort, genuine_failure, other_requestor, environment, background_noise, normal, "
                        "unexplained"),
        ("rule_id", TEXT, "the rule that matched, if any"),
        ("operation_id", TEXT, "the operation it belongs to"),
        ("recovery_point_id", TEXT, "the point whose replication operation it belongs to"),
        ("meaning", TEXT, "meaning in our words"),
    ),
    _table(
        "verdicts", "a recovery point and a database; database null is the row of the VM",
        ("recovery_point_id", TEXT, "the point"),
        ("vm_name", TEXT, "the VM"),
        ("instance", TEXT, "SQL Server instance or engine"),
        ("database", TEXT, "database or store; null in the VM's row"),
        ("verdict", TERM, "confirmed, supported, inconclusive, contradicted or no_claim"),
        ("pattern", TERM, "clean, benign_abort, genuine_failure, mixed, none_seen or not_covered"),
        ("row_id", TEXT, "row of the decision list that held"),
        ("items", TEXT, "evidence items E1..E12 as JSON text: true, false or null"),
        ("operation_id", TEXT, "the linked operation"),
        ("boot_id", TEXT, "the linked boot"),
        ("offset_s", REAL, "point time minus corrected thaw"),
        ("rolled_back", WHOLE, "rolled back in the linked boot"),
        ("rolled_forward", WHOLE, "rolled forward in the linked boot"),
        ("because", TEXTS, "finding ids for the verdict"),
        ("against", TEXTS, "finding ids against it"),
        ("alternatives", TEXTS, "other explanations tried, with the outcome"),
        ("missing", TEXTS, "what would settle it, with the command"),
        ("readings", TEXTS, "both readings where the policies differ"),
    ),
    _table(
        "expected_points", "a scheduled point that the list lacks",
        ("vm_name", TEXT, "the VM"),
        ("time_utc", TIME, "when it was due"),
        ("reason", TEXT, "resynchronisation, retention, failed set, or missing"),
    ),
    _table(
        "advice", "what to do for a VM",
        ("vm_name", TEXT, "the VM"),
        ("fail_over_to", TEXT, "recovery point id to fail over to now; null when none can be advised"),
        ("data_loss_s", REAL, "seconds of data that it loses"),
        ("fallback", TEXT, "recovery point id to take if that fails"),
        ("reason", TEXT, "why"),
    ),
    _table(
        "actions", "a next step for a VM, in order",
        ("vm_name", TEXT, "the VM; null for the whole case"),
        ("text", TEXT, "what to do and what it settles"),
        ("where", TEXT, "computer to run it on"),
        ("command", TEXT, "exact command; null where there is none"),
    ),
    _table(
        "missing", "evidence that the case lacks",
        ("what", TEXT, "the missing evidence"),
        ("why", TEXT, "what it would settle"),
        ("command", TEXT, "exact command that collects it"),
        ("vm_name", TEXT, "the VM"),
    ),
    _table(
        "referee", "a record read by both parsers where a field differs, or that one of them could not read",
        ("uid", TEXT, "the event"),
        ("field", TEXT, "field that differs"),
        ("ours", TEXT, "value of the columnar reader"),
        ("referee", TEXT, "value of python-evtx"),
        ("explanation", TEXT, "known error of one of the two, else null"),
    ),
]

SCHEMAS: dict[str, pa.Schema] = {schema.metadata[b"table"].decode(): schema for schema in _ALL}


def schema(name: str) -> pa.Schema:
    """The Arrow schema of a declared table. Raises TableError for another name."""
    if name not in SCHEMAS:
        raise TableError(f"no table is called {name!r}; known: {', '.join(SCHEMAS)}")
    return SCHEMAS[name]


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """A frame in the kit's types (see module text) from an Arrow table; lists stay Arrow lists, terms are text."""
    return table.to_pandas(types_mapper=_pandas_type, date_as_object=False, use_threads=len(table) > _MANY_ROWS)


def _pandas_type(kind: pa.DataType) -> Any:
    if pa.types.is_integer(kind):
        return pd.Int64Dtype()
    if pa.types.is_boolean(kind):
        return pd.BooleanDtype()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        return pd.StringDtype(storage="pyarrow", na_value=float("nan"))
    if pa.types.is_list(kind):
        return pd.ArrowDtype(kind)
    return None


def empty(name: str) -> pd.DataFrame:
    """An empty frame of the declared table, with its columns and types."""
    return to_pandas(schema(name).empty_table())


def frame(name: str, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """A checked frame of the declared table from rows; fields a row leaves out are null.

    Raises TableError naming table, row and field for an unknown field or a value that does not fit.
    """
    declared = schema(name)
    rows = list(rows)
    known = set(declared.names)
    for number, row in enumerate(rows):
        if unknown := [field for field in row if field not in known]:
            raise TableError(f"table {name}, row {number}: unknown field {unknown[0]!r}")
    columns = [_column(name, field, [row.get(field.name) for row in rows]) for field in declared]
    return to_pandas(pa.table(columns, schema=declared))


def check(name: str, given: pd.DataFrame) -> pd.DataFrame:
    """The frame in the declared column order and types, or TableError naming table, column and row."""
    return to_pandas(to_arrow(name, given))


def to_arrow(name: str, given: pd.DataFrame) -> pa.Table:
    """The frame as an Arrow table of the declared schema. Raises TableError naming table, column and row."""
    declared = schema(name)
    if unknown := [column for column in given.columns if column not in declared.names]:
        raise TableError(f"table {name}: unknown column {unknown[0]!r}")
    if lacking := [column for column in declared.names if column not in given.columns]:
        raise TableError(f"table {name}: column {lacking[0]!r} is missing")
    return pa.table([_series(name, field, given[field.name]) for field in declared], schema=declared)


def _series(name: str, field: pa.Field, series: pd.Series) -> pa.Array:
    try:
        made = pa.array(series, from_pandas=True)
        if isinstance(made, pa.ChunkedArray):
            made = made.combine_chunks()
        return made if made.type == field.type else made.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return _column(name, field, [None if _missing(value) else value for value in series])


def _missing(value: Any) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and value != value)


def _column(name: str, field: pa.Field, values: list[Any]) -> pa.Array:
    plain = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    try:
        made = pa.array(values, plain, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError, OverflowError):
        for number, value in enumerate(values):
            try:
                pa.array([value], plain, from_pandas=True)
            except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError, OverflowError) as error:
                raise TableError(
                    f"table {name}, column {field.name}, row {number}: {value!r} is no {plain}"
                ) from error
        raise
    return made.dictionary_encode().cast(field.type) if plain is not field.type else made
