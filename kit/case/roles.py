"""Whose log is it: guest, primary host, replica host or test-failover machine, of which VM, and what that rests on.

case.toml overrides everything. Else, in this order: a folder or entry of a test failover; the host's own channels and
exports; a computer known as host; a computer or folder named like a VM; logs that only guests write; folder names; the
same computer in another log. The reason is kept with the source.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from kit.case.config import Config, fits

UNKNOWN = "unknown"
GUESTS = ("guest", "test_failover_guest")
HOSTS = ("primary_host", "replica_host")

_HOST_CHANNELS = (
    "microsoft-windows-hyper-v-vmms*",
    "microsoft-windows-hyper-v-worker*",
    "microsoft-windows-hyper-v-replica*",
)
_GUEST_PROVIDERS = ("mssqlserver", "mssql$*", "sqlvdi", "sqlwriter", "sqlserveragent", "sqlagent$*")
_VM_PROVIDERS = ("vmicvss", "icsvc", "microsoft-windows-hyper-v-netvsc", "microsoft-windows-hyper-v-guest*")
_GUEST_CHANNELS = ("errorlog", "sqlwriterlogger*")
_TEST_NAME = re.compile(r"\s*-\s*test\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Facts:
    """What is known of a source before its role: where it lies, who wrote it, what it holds."""

    path: str
    computer: str | None = None
    channels: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    tables: frozenset[str] = frozenset()
    vm_names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Role:
    """The role of a source, its computer and VM where known, and the reason."""

    role: str
    reason: str
    computer: str | None = None
    vm_name: str | None = None


@dataclass(frozen=True)
class Exports:
    """What the exports and host logs say: names of VMs, and which computer is which host."""

    vms: dict[str, str] = field(default_factory=dict)  # folded name: name
    listed: dict[str, str] = field(default_factory=dict)  # those of exported lists; host logs name their neighbours too
    hosts: dict[str, tuple[str, str]] = field(default_factory=dict)  # short computer: role, reason
    paths: dict[str, tuple[str, str]] = field(default_factory=dict)  # path of an export without computer: role, reason


def short(computer: str | None) -> str:
    """The computer's name without domain and case, to compare by."""
    return (computer or "").casefold().split(".")[0]


def exports(
    points: Iterable[Mapping[str, Any]], replication: Iterable[Mapping[str, Any]], facts: Sequence[Facts]
) -> Exports:
    """What exported rows say. Rows need `path` (of their source) beside the columns of their table."""
    found = Exports()
    _name_vms(found.listed, (row.get("vm_name") for row in (*points, *replication)))
    found.vms.update(found.listed)
    _name_vms(found.vms, (name for one in facts for name in one.vm_names))
    votes: dict[str, Counter[tuple[str, str]]] = {}
    for row in replication:
        _vote(votes, row, _of_mode(row))
        for column, role in (("primary_server", "primary_host"), ("replica_server", "replica_host")):
            if row.get(column):
                votes.setdefault(short(row[column]), Counter())[(role, f"named as {column} in {row['path']}")] += 1
    for row in points:
        _vote(votes, row, ("replica_host", f"exported recovery points in {row['path']}"))
    for name, counted in votes.items():
        best = max(counted, key=lambda said: (counted[said], said))
        (found.paths if name.startswith("\0") else found.hosts)[name.removeprefix("\0")] = best
    return found


def _name_vms(known: dict[str, str], names: Iterable[object]) -> None:
    for name in names:
        if isinstance(name, str) and name and (plain := _TEST_NAME.sub("", name)):
            known.setdefault(plain.casefold(), plain)


def _vote(votes: dict[str, Counter[tuple[str, str]]], row: Mapping[str, Any], said: tuple[str, str] | None) -> None:
    if said:
        computer = row.get("computer")
        votes.setdefault(short(computer) if computer else "\0" + row["path"], Counter())[said] += 1


def _of_mode(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """The host that exported a replication row: a replica and its test machines live on the replica host."""
    roles = {"primary": "primary_host", "replica": "replica_host", "testreplica": "replica_host",
             "extendedreplica": "replica_host"}  # fmt: skip
    role = roles.get(str(row.get("mode") or "").casefold())
    return (role, f"replication mode {row['mode']} in {row['path']}") if role else None


def decide(facts: Sequence[Facts], told: Exports, config: Config) -> list[Role]:
    """The role of each source, in their order."""
    hosts = told.hosts | _hosts_by_log(facts, told, config)
    first = [_first(one, told, hosts, config) for one in facts]
    first = _same_computer(facts, first)
    first = [role if role.role != UNKNOWN else _guess(one, role) for one, role in zip(facts, first, strict=True)]
    first = _with_computers(facts, first)
    return _with_computers_of_vms(_with_vms(facts, first, told, config))


def _hosts_by_log(facts: Sequence[Facts], told: Exports, config: Config) -> dict[str, tuple[str, str]]:
    """Computers that wrote a host's channel: primary or replica by declaration, exports or folder, else unknown."""
    made: dict[str, tuple[str, str]] = {}
    for one in facts:
        name = short(one.computer)
        if not name or name in told.hosts or not _any(one.channels, _HOST_CHANNELS):
            continue
        said = config.said_of(one.path)
        folder = _folder_role(one.path)
        if said.role in HOSTS:
            made[name] = (str(said.role), f"case.toml says so of {one.path}")
        elif folder and folder[0] in HOSTS:
            made[name] = (folder[0], f"{folder[1]} (a host's log lies there)")
        else:
            made.setdefault(name, (UNKNOWN, "a Hyper-V host's log; nothing tells primary from replica"))
    return made


def _first(one: Facts, told: Exports, hosts: Mapping[str, tuple[str, str]], config: Config) -> Role:
    said = config.said_of(one.path)
    computer = said.computer or one.computer
    known = hosts.get(short(computer)) if computer else None
    role, reason = (
        (said.role, "case.toml") if said.role
        else _test(one, told, config)
        or _host(one, told, known)
        or (known if known and not _any(one.channels, _GUEST_CHANNELS) else None)
        or _guest(one, computer, told)
        or _folder_role(one.path)
        or _by_provider(one, _VM_PROVIDERS)  # a host may itself be a virtual machine
        or _file_role(one.path)
        or (UNKNOWN, "nothing tells whose log this is")
    )  # fmt: skip
    return Role(str(role), reason, computer, said.vm)


def _test(one: Facts, told: Exports, config: Config) -> tuple[str, str] | None:
    if _is_host_content(one):
        return None
    for entry in config.test_failovers:
        if entry.get("path") and fits(one.path, str(entry["path"])):
            return "test_failover_guest", "path of a [[test_failover]] in case.toml"
    for part in _folders(one.path):
        if re.match(r"test[-_ ]?failover", part.casefold()):
            return "test_failover_guest", f"folder {part!r}"
        if _TEST_NAME.search(part) and _TEST_NAME.sub("", part).casefold() in told.vms:
            return "test_failover_guest", f"folder {part!r} is named like the test machine of a VM"
    return None


def _is_host_content(one: Facts) -> bool:
    """Whether only a host has such channels or exports; a session with an ERRORLOG in it was held in a guest."""
    exported = bool(one.tables & {"recovery_points", "replication"}) and not _any(one.channels, _GUEST_CHANNELS)
    return exported or _any(one.channels, _HOST_CHANNELS)


def _host(one: Facts, told: Exports, known: tuple[str, str] | None) -> tuple[str, str] | None:
    if not _is_host_content(one):
        return None
    if known and known[0] != UNKNOWN:
        return known
    folder = _folder_role(one.path)
    by_folder = folder if folder and folder[0] in HOSTS else None
    fallback = (UNKNOWN, "a Hyper-V host's log or export; nothing tells primary from replica")
    return told.paths.get(one.path) or by_folder or known or fallback


def _guest(one: Facts, computer: str | None, told: Exports) -> tuple[str, str] | None:
    if computer and short(computer) in told.vms:
        return "guest", f"computer {computer} is named like the VM {told.vms[short(computer)]}"
    for part in _folders(one.path):
        if part.casefold() in told.vms:
            return "guest", f"folder {part!r} is named like the VM"
    if _any(one.channels, _GUEST_CHANNELS):
        return "guest", "a log of SQL Server, which runs in the guest"
    return _by_provider(one, _GUEST_PROVIDERS)


def _by_provider(one: Facts, patterns: Sequence[str]) -> tuple[str, str] | None:
    hits = sorted(name for name in one.providers if _any({name}, patterns))
    return ("guest", f"holds records of {hits[0]}, which runs in a guest") if hits else None


def _folders(path: str) -> list[str]:
    """The folders of a path, the innermost first; archives count as folders."""
    parts = path.replace("!/", "/").split("/")[:-1]
    return parts[::-1]


def _words_role(text: str) -> str | None:
    words = re.split(r"[^a-z0-9]+", text.casefold())
    for beginning, role in (("guest", "guest"), ("primary", "primary_host"), ("replica", "replica_host")):
        if any(word.startswith(beginning) and not word.startswith("replicat") for word in words):
            return role
    return None


def _folder_role(path: str) -> tuple[str, str] | None:
    for part in _folders(path):
        if role := _words_role(part):
            return role, f"folder {part!r}"
    return None


def _file_role(path: str) -> tuple[str, str] | None:
    name = path.rsplit("/", 1)[-1]
    role = _words_role(name)
    return (role, f"file name {name!r}") if role else None


def _same_computer(facts: Sequence[Facts], roles: list[Role]) -> list[Role]:
    """Sources without a sign of their own take the role of the same computer, test machines left out."""
    known: dict[str, Role] = {}
    for role in roles:
        if role.computer and role.role in (*HOSTS, "guest"):
            known.setdefault(short(role.computer), role)
    made = []
    for one, role in zip(facts, roles, strict=True):
        other = known.get(short(role.computer)) if role.computer and role.role == UNKNOWN else None
        same = f"the same computer as in other logs ({other.computer}: {other.reason})" if other else ""
        made.append(replace(role, role=other.role, reason=same) if other and not _is_host_content(one) else role)
    return made


def _guess(one: Facts, role: Role) -> Role:
    classic = {"application", "system", "security"} & {name.casefold() for name in one.channels}
    if classic and not _is_host_content(one) and "nothing tells" in role.reason and role.reason.startswith("nothing"):
        return replace(role, role="guest", reason="no sign of a Hyper-V host in it: taken for a guest's log")
    return role


def _with_computers(facts: Sequence[Facts], roles: list[Role]) -> list[Role]:
    """A guest's log that names no computer takes that of its folder, when the folder has one."""
    beside: dict[tuple[str, str], set[str]] = {}
    for one, role in zip(facts, roles, strict=True):
        if role.computer:
            beside.setdefault((role.role, one.path.rpartition("/")[0]), set()).add(role.computer)
    made = []
    for one, role in zip(facts, roles, strict=True):
        there = beside.get((role.role, one.path.rpartition("/")[0]), set())
        lone = max(there, key=lambda name: (len(name), name)) if len({short(name) for name in there}) == 1 else None
        lacking = role.computer is None and lone is not None and role.role in GUESTS
        made.append(replace(role, computer=lone, reason=f"{role.reason}; computer of its folder") if lacking else role)
    return made


def _with_computers_of_vms(roles: list[Role]) -> list[Role]:
    """A guest's log that names no computer takes that of the other logs of its VM; if none has one, the VM's name."""
    known: dict[str, dict[str, str]] = {}
    for role in roles:
        if role.vm_name and role.computer and role.role in GUESTS:
            names = known.setdefault(role.vm_name, {})
            names[short(role.computer)] = max(role.computer, names.get(short(role.computer), ""), key=len)
    made = []
    for role in roles:
        names = known.get(role.vm_name or "", {}) if role.computer is None and role.role in GUESTS else {}
        lone = next(iter(names.values())) if len(names) == 1 else None
        if lone is None and role.computer is None and role.role in GUESTS and role.vm_name not in known:
            lone = role.vm_name  # no log says how the machine calls itself
        made.append(replace(role, computer=lone, reason=f"{role.reason}; computer of its VM") if lone else role)
    return made


def _with_vms(facts: Sequence[Facts], roles: list[Role], told: Exports, config: Config) -> list[Role]:
    guests = {short(role.computer) for role in roles if role.role in GUESTS and role.computer}
    vms = told.listed or told.vms
    only = next(iter(vms.values())) if len(vms) == 1 and len(guests) <= 1 else None
    named = [_vm(one, role, told, config) for one, role in zip(facts, roles, strict=True)]
    by_computer = {short(role.computer): vm for role, vm in zip(roles, named, strict=True) if vm and role.computer}
    made = []
    for role, vm in zip(roles, named, strict=True):
        if role.role not in GUESTS:
            made.append(role)
            continue
        known = vm or by_computer.get(short(role.computer))
        vm = known or only
        if vm is None and not told.vms and role.computer:
            vm = role.computer.split(".")[0]
        because = "" if vm else "; its VM is not known: name it in case.toml ([[source]] path, vm)"
        because += f"; {only} is the only VM that was exported" if only and not known else ""
        made.append(replace(role, vm_name=vm, reason=role.reason + because))
    return made


def _vm(one: Facts, role: Role, told: Exports, config: Config) -> str | None:
    """The VM by declaration, by the test failover's entry, by computer, by folder."""
    if role.vm_name:
        return role.vm_name
    for entry in config.test_failovers:
        if entry.get("vm") and entry.get("path") and fits(one.path, str(entry["path"])):
            return str(entry["vm"])
    names = [short(role.computer), *(_TEST_NAME.sub("", part).casefold() for part in _folders(one.path))]
    return next((told.vms[name] for name in names if name in told.vms), None)


def _any(names: Iterable[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name.casefold(), pattern) for name in names for pattern in patterns)
