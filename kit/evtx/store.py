"""Compiled templates kept from run to run: a shortcut that is never needed.

The file holds one template a line, behind a digest of the line, its GUID and its size. A line is only looked at when a
log has a template of that GUID and size, and only believed when its digest fits; what it says is used only for a
definition whose bytes are the same in the log. A torn file therefore costs time and nothing else. A new file takes the
place of the old one in one step; lines that another process has added meanwhile are kept.

Templates that name a computer are not kept: they are of no use elsewhere and are nobody else's business.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kit.evtx.binxml import Leaf, Part, Slot
from kit.evtx.registry import Registry
from kit.evtx.template import Template

VERSION = 2
_NAME = f"evtx-templates-{VERSION}.txt"
_MOST_BYTES = 64 << 20
_MOST_IN_MEMORY = 20_000
_Key = tuple[bytes, int]  # GUID, size
_registries: dict[Path | None, Registry] = {}


def default_folder() -> Path | None:
    """The folder `templates` beside or in the kit's store: in KIT_STORE, else in the user's cache folder."""
    if named := os.environ.get("KIT_STORE"):
        return Path(named) / "templates"
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_CACHE_HOME")
    with contextlib.suppress(RuntimeError):
        return (Path(base) if base else Path.home() / ".cache") / "hvr-forensic-kit" / "templates"
    return None


class Templates:
    """A registry of templates that lasts: in this process, and in a folder where there is one."""

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        given = Path(folder) if folder is not None else default_folder()
        self._path = given / _NAME if given is not None else None
        known = _registries.get(self._path)
        if known is None or len(known.templates) > _MOST_IN_MEMORY:
            known = _registries[self._path] = Registry(Lines(self._path))
        self.registry = known

    def keep(self) -> None:
        """Writes what is new. A folder that cannot be written to is left alone."""
        lines = self.registry.stash
        if isinstance(lines, Lines):
            lines.add(self.registry.compiled)


class Lines:
    """The templates of a file, each unread until its GUID and size are asked for."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lines = _read(path)
        self._kept = 0

    def of(self, guid: bytes, size: int) -> Iterator[Template]:
        """Templates with this GUID and size."""
        for line in self._lines.get((guid, size), ()):
            yield from _opened(line)

    def add(self, templates: list[Template]) -> None:
        """Writes those of the templates compiled by a registry that were added since the last time."""
        new = [template for template in templates[self._kept :] if _is_general(template)]
        self._kept = len(templates)
        written = [_line(template) for template in new]
        if not written or self._path is None:
            return
        with contextlib.suppress(OSError):
            self._lines = _read(self._path)
            known = {line for lines in self._lines.values() for line in lines}
            for line in written:
                if line not in known:
                    self._lines.setdefault(_key(line), []).append(line)
            _write(self._path, [line for lines in self._lines.values() for line in lines])


def _read(path: Path | None) -> dict[_Key, list[bytes]]:
    found: dict[_Key, list[bytes]] = {}
    with contextlib.suppress(OSError):
        if path is None or path.stat().st_size > _MOST_BYTES:
            return found
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(ValueError):
                found.setdefault(_key(line), []).append(line)
    return found


def _write(path: Path, lines: list[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        draft.write_bytes(b"".join(line + b"\n" for line in lines))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _is_general(template: Template) -> bool:
    """Whether nothing in the template names a computer."""
    named = (leaf.parts for leaf in template.leaves if leaf.path[-1] == "Computer")
    return not any(isinstance(part, str) for parts in named for part in parts)


def _key(line: bytes) -> _Key:
    """GUID and size of a line: digest, GUID, size, content. Raises ValueError for anything else."""
    _, guid, size, _ = line.split(b" ", 3)
    return bytes.fromhex(guid.decode("ascii")), int(size)


def _line(template: Template) -> bytes:
    plain = [
        base64.b64encode(template.data).decode(),
        template.names_at,
        template.links_at,
        template.names,
        [[leaf.path, leaf.name, leaf.parts] for leaf in template.leaves],
    ]
    content = f"{template.guid.hex()} {template.size} {json.dumps(plain, separators=(',', ':'))}".encode()
    return _digest(content) + b" " + content


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest()[:32].encode()


def _opened(line: bytes) -> Iterator[Template]:
    """The template of a line; nothing when the line is damaged."""
    digest, _, content = line.partition(b" ")
    if digest == _digest(content):
        with contextlib.suppress(ValueError, TypeError, IndexError):
            yield _template(*_key(line), json.loads(content.split(b" ", 2)[2]))


def _template(guid: bytes, size: int, plain: list[Any]) -> Template:
    data = base64.b64decode(plain[0], validate=True)
    names_at, links_at, names = tuple(plain[1]), tuple(plain[2]), tuple(plain[3])
    inside = all(0 <= place <= size - 4 for place in (*names_at, *links_at))
    if len(guid) != 16 or len(data) != size or len(names) != len(names_at) or not inside:
        raise ValueError("a stored template is inconsistent")
    return Template(guid, data, names_at, links_at, names, [_leaf(*leaf) for leaf in plain[4]])


def _leaf(path: list[str], name: list[Any] | None, parts: list[Any]) -> Leaf:
    return Leaf(tuple(path), None if name is None else _parts(name), _parts(parts))


def _parts(given: list[Any]) -> tuple[Part, ...]:
    return tuple(part if isinstance(part, str) else Slot(*part) for part in given)
