"""Boot sessions: where each log was restarted, which restart is a test failover, and what it says of the image.

A session starts at its first boot record. In the log of a test-failover machine everything before that record is the
history of the guest, brought along inside the image; the newest such record bounds the time of the image from below, on
the guest's own clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from kit import tables
from kit.case.config import fits
from kit.reasoning.records import BOOT_PHASES
from kit.values import values

CLUSTER = pd.Timedelta(minutes=15)  # boot records of one start follow each other within minutes
FEW_RECORDS = 60  # boot records of one start stand this close, whatever the clock does
SETTLE = pd.Timedelta(minutes=10)  # records of a start stand this near to one of its System records
EARLY = pd.Timedelta(seconds=5)
WRONG_CLOCK = pd.Timedelta(hours=15)  # a machine that reads its hardware clock in the wrong zone starts this far off
_COLUMNS = [
    "uid", "source_id", "record_id", "time_utc", "channel", "role", "phase", "rule_id", "instance", "twin",
]  # of the records


@dataclass(frozen=True)
class LogSet:
    """The logs of one machine that were collected together."""

    key: str
    vm_name: str | None
    computer: str | None
    source_ids: tuple[str, ...]
    test_failover: bool
    declared: Mapping[str, Any] | None


@dataclass(frozen=True)
class Found:
    """Boots, and for each source the first record after its test-failover boot."""

    boots: pd.DataFrame
    starts: pd.DataFrame  # source_id, record_id, boot_id


def boots(
    records: pd.DataFrame, ticks: pd.DataFrame, sources: pd.DataFrame, test_failovers: Sequence[Mapping[str, Any]],
    points: pd.DataFrame,
) -> Found:
    """Table `boots` (all sessions of guests and test-failover machines), and where each source crosses a test boot.

    `ticks` has uid, source_id, record_id, time_utc of every record of the test-failover sources, not only of those that
    a rule matched. `test_failovers` are the entries of case.toml.
    """
    records = records[_COLUMNS]
    known = set(values(records.loc[records["role"] == "guest", "twin"].dropna()))
    rows: list[dict[str, Any]] = []
    starts: list[dict[str, Any]] = []
    for one in log_sets(sources, test_failovers):
        own = records[records["source_id"].isin(one.source_ids)]
        sessions = _sessions(own)
        if not one.test_failover:
            rows += [_plain(one, session) for session in sessions]
            continue
        chosen, reason = _test_boot(one, sessions, own, known)
        rows += [_plain(one, session) for session in sessions if chosen is None or session.start < chosen.start]
        if chosen is not None:
            row, crossed = _test(one, chosen, reason, ticks[ticks["source_id"].isin(one.source_ids)], points)
            rows.append(row)
            starts += crossed
    frame = pd.DataFrame(starts, columns=["source_id", "record_id", "boot_id"])
    return Found(tables.frame("boots", _once(rows)), frame)


def log_sets(sources: pd.DataFrame, test_failovers: Sequence[Mapping[str, Any]]) -> list[LogSet]:
    """Sources of guests and test-failover machines, grouped by machine and, for tests, by test."""
    read = sources[sources["role"].isin(["guest", "test_failover_guest"]) & sources["status"].isin(["read", "partial"])]
    made: dict[tuple[str, ...], dict[str, Any]] = {}
    for source in read.to_dict("records"):
        test = source["role"] == "test_failover_guest"
        declared = _declared(source["path"], test_failovers) if test else None
        vm = _known(source["vm_name"]) or (declared or {}).get("vm")
        place = (declared or {}).get("path") or _test_folder(source["path"]) if test else ""
        machine = vm or _known(source["computer"]) or ""
        entry = made.setdefault((source["role"], machine, place), {"ids": [], "source": source, "declared": declared})
        entry["ids"].append(source["source_id"])
        entry["vm"] = vm
    return [
        LogSet(
            "/".join(key), entry["vm"], _known(entry["source"]["computer"]), tuple(entry["ids"]),
            key[0] == "test_failover_guest", entry["declared"],
        )
        for key, entry in sorted(made.items())
    ]


def _known(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _declared(path: str, test_failovers: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next((entry for entry in test_failovers if entry.get("path") and fits(path, str(entry["path"]))), None)


def _test_folder(path: str) -> str:
    """The folder of one test: down to the last part that speaks of a test, or one below it when it is shared."""
    parts = path.replace("!/", "/").split("/")[:-1]
    tests = [n for n, part in enumerate(parts) if part.casefold().replace("-", "").startswith("testfailover")]
    if not tests:
        return "/".join(parts)
    return "/".join(parts[: tests[-1] + 2])


@dataclass
class _Session:
    start: pd.Timestamp
    end: pd.Timestamp
    uids: list[str]
    unclean: bool
    clean: bool
    first: dict[str, int] = field(default_factory=dict)  # first boot record of each source
    rules: set[tuple[str, str]] = field(default_factory=set)  # source and rule of its boot records
    last: tuple[str, int] = ("", 0)  # source and number of its newest boot record


def _sessions(own: pd.DataFrame) -> list[_Session]:
    """Boot sessions of one log set, by its System log, else by the starts of SQL Server.

    Inside one log the record numbers rule: a machine may set its clock by hours while it starts.
    """
    told = own[own["phase"].isin([*BOOT_PHASES, "shutdown", "instance_start"])]
    spoken = told[(told["phase"] != "instance_start") & (told["channel"].str.casefold() != "errorlog")]
    if not spoken["phase"].isin(BOOT_PHASES).any():
        spoken = told[told["phase"] == "instance_start"]
    made: list[_Session] = []
    stopped = False
    for row in spoken.sort_values(["source_id", "record_id"]).itertuples():
        if row.phase == "shutdown":
            stopped = stopped or not _instance_only(row)
            continue
        if pd.isna(row.time_utc):
            continue
        if stopped or not made or not _goes_on(made[-1], row):
            made.append(_Session(row.time_utc, row.time_utc, [], False, stopped))
            stopped = False
        _take(made[-1], row)
    return _with_ends(_merged(made), own)


def _goes_on(session: _Session, row: Any) -> bool:
    """Whether a boot record belongs to the start that is being read."""
    source_id, number = session.last
    if source_id != row.source_id:
        return abs(row.time_utc - session.end) <= CLUSTER
    close = abs(row.time_utc - session.end) <= CLUSTER
    again = (row.source_id, row.rule_id) in session.rules
    return close if again else close or row.record_id - number <= FEW_RECORDS


def _take(session: _Session, row: Any) -> None:
    session.uids.append(row.uid)
    session.unclean |= row.phase == "unexpected_shutdown"
    session.end = row.time_utc
    session.first.setdefault(row.source_id, int(row.record_id))
    session.rules.add((row.source_id, row.rule_id))
    session.last = (row.source_id, int(row.record_id))


def _instance_only(row: Any) -> bool:
    """Whether a clean stop is that of a SQL Server instance and not of the machine."""
    return isinstance(row.instance, str)


def _merged(sessions: list[_Session]) -> list[_Session]:
    """One session for each start, although System log and SQL Server both show it."""
    made: list[_Session] = []
    for one in sorted(sessions, key=lambda session: session.start):
        if made and one.start - made[-1].end <= CLUSTER and not one.clean:
            made[-1].uids += one.uids
            made[-1].unclean |= one.unclean
            made[-1].end = max(made[-1].end, one.end)
            made[-1].first |= one.first
        else:
            made.append(one)
    return made


def _with_ends(sessions: list[_Session], own: pd.DataFrame) -> list[_Session]:
    newest = own["time_utc"].max()
    for number, one in enumerate(sessions):
        following = sessions[number + 1].start if number + 1 < len(sessions) else None
        inside = own[own["time_utc"] >= one.start]["time_utc"]
        if following is not None:
            inside = inside[inside < following]
        one.end = max(one.end, inside.max()) if len(inside) else newest
    return sessions


def _test_boot(
    one: LogSet, sessions: list[_Session], own: pd.DataFrame, known: set[str]
) -> tuple[_Session | None, str]:
    after = _time((one.declared or {}).get("boot_after"))
    if after is not None:
        later = [one for one in sessions if one.start >= after - EARLY or _set_later(one, after, own, known)]
        if later:
            return later[0], "first boot after the time that case.toml gives"
        newest = own["time_utc"].max()
        if pd.notna(newest) and newest >= after:
            return _Session(after, newest, [], True, False), "time that case.toml gives; no boot record is kept"
        return None, ""
    twins = own.set_index("uid")["twin"]
    new = [session for session in sessions if not any(twins.get(uid) in known for uid in session.uids)]
    if known and new:
        return new[0], "first boot that the guest's own log does not have"
    if not known and sessions:
        unclean = [session for session in sessions if session.unclean]
        return (unclean or sessions)[-1], "last boot in the log of the test-failover machine"
    return None, ""


def _set_later(session: _Session, after: pd.Timestamp, own: pd.DataFrame, known: set[str]) -> bool:
    """Whether a start that bears an earlier time is the one asked for: the machine set its clock while it started.

    It goes on after the time asked for, and the guest's own log does not have it.
    """
    if not known or session.end < after or session.start < after - WRONG_CLOCK:
        return False
    return not own.loc[own["uid"].isin(session.uids), "twin"].isin(known).any()


def _time(value: Any) -> pd.Timestamp | None:
    if value is None or value == "":
        return None
    made = pd.Timestamp(value)
    return made.tz_localize("UTC") if made.tzinfo is None else made.tz_convert("UTC")


def _plain(one: LogSet, session: _Session) -> dict[str, Any]:
    return {
        "boot_id": _boot_id(one, session), "computer": one.computer, "vm_name": one.vm_name,
        "source_ids": list(one.source_ids), "start_utc": session.start, "end_utc": session.end,
        "unclean": session.unclean, "test_failover": False, "evidence": session.uids[:20], "link_method": "none",
    }


def _boot_id(one: LogSet, session: _Session) -> str:
    name = (one.vm_name or one.computer or "?").casefold()
    test = one.key if one.test_failover else "guest"
    return "B-" + hashlib.sha256(f"{name}|{test}|{session.start.isoformat()}".encode()).hexdigest()[:10]


def _test(
    one: LogSet, session: _Session, reason: str, ticks: pd.DataFrame, points: pd.DataFrame
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    boot_id = _boot_id(one, session)
    crossed = []
    before = []
    seconds = _times_after(ticks, session)
    for source_id, log in ticks.groupby("source_id", sort=True):
        log = log.sort_values("record_id")
        first = session.first.get(str(source_id)) or _first_after(log, session, seconds)
        if first is not None:
            crossed.append({"source_id": source_id, "record_id": first, "boot_id": boot_id})
            log = log[log["record_id"] < first]
        before.append(log)
    image = pd.concat(before) if before else ticks.head(0)
    newest = image["time_utc"].max() if len(image) else pd.NaT
    bound = image[image["time_utc"] == newest] if pd.notna(newest) else image.head(0)
    point, method = _declared_point(one, points)
    row = _plain(one, session) | {
        "boot_id": boot_id, "test_failover": True, "test_failover_reason": reason, "recovery_point_id": point,
        "link_method": method, "image_time_utc": newest, "image_evidence": sorted(bound["uid"])[:10],
    }
    return row, crossed


def _times_after(ticks: pd.DataFrame, session: _Session) -> np.ndarray:
    """Times of the records after the boot in the logs that show it, sorted."""
    after = ticks["record_id"] >= ticks["source_id"].map(session.first)
    times = ticks.loc[after.fillna(False), "time_utc"].dropna()
    return np.sort(times.to_numpy(dtype="datetime64[us]"))


def _first_after(log: pd.DataFrame, session: _Session, shown: np.ndarray) -> int | None:
    """The first record of the longest tail that lies near records of the start, by record number.

    `shown` are times of logs that show the start; early ones may be hours off until the clock is set.
    """
    times = log["time_utc"].to_numpy(dtype="datetime64[us]")
    first, last = _plain_time(session.start - EARLY), _plain_time(session.end + SETTLE)
    inside = np.isnat(times) | ((times >= first) & (times <= last))
    if len(shown):
        place = np.clip(np.searchsorted(shown, times), 1, max(1, len(shown) - 1))
        before, after = shown[place - 1], shown[np.minimum(place, len(shown) - 1)]
        near = np.minimum(np.abs(times - before), np.abs(after - times)) <= np.timedelta64(SETTLE)
        inside = np.isnat(times) | (near & (times >= shown[0] - np.timedelta64(EARLY)))
    tail = np.logical_and.accumulate(inside[::-1])[::-1]
    tail &= ~_before_step(times, tail, shown)
    return int(log["record_id"].to_numpy()[tail][0]) if tail.any() else None


def _before_step(times: np.ndarray, tail: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Records of the tail before the clock steps back, where no log shows the start at their time.

    An image from a guest whose clock was ahead by little more than the time until the test boots with times just before
    its own last records.
    """
    if not len(shown):
        return np.zeros(len(times), dtype=bool)
    back = np.flatnonzero(tail[:-1] & (times[1:] < times[:-1] - np.timedelta64(60, "s")))
    strange = [place for place in back if np.abs(shown - times[place]).min() > np.timedelta64(120, "s")]
    return np.arange(len(times)) <= strange[-1] if strange else np.zeros(len(times), dtype=bool)


def _plain_time(time: pd.Timestamp) -> np.datetime64:
    return np.datetime64(time.tz_convert("UTC").tz_localize(None).to_pydatetime(), "us")


def declared_points(test_failovers: Sequence[Mapping[str, Any]], points: pd.DataFrame) -> set[str]:
    """The points of which case.toml says that they were test-failed over."""
    sets = [LogSet("", entry.get("vm"), None, (), True, entry) for entry in test_failovers]
    return {point for one in sets if (point := _declared_point(one, points)[0]) is not None}


def _declared_point(one: LogSet, points: pd.DataFrame) -> tuple[str | None, str]:
    """The point that case.toml names for the test: by Id, else unique Name, else time; `latest` is no listed point."""
    named = str((one.declared or {}).get("recovery_point") or "").strip()
    if not named:
        return None, "none"
    if named.casefold() == "latest":
        return None, "latest"
    own = points[points["vm_name"] == one.vm_name] if one.vm_name else points
    for hit in (own[own["recovery_point_id"] == named.casefold().strip("{}")], own[own["name"] == named]):
        if len(hit) == 1:
            return str(hit["recovery_point_id"].iloc[0]), "declared"
    try:
        when = _time(named)
    except ValueError:
        return None, "none"
    near = own[(own["time_utc"] - when).abs() <= pd.Timedelta(seconds=60)]
    return (str(near["recovery_point_id"].iloc[0]), "declared") if len(near) == 1 else (None, "none")


def _once(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({row["boot_id"]: row for row in rows}.values())
