"""Compiled templates kept from run to run: a shortcut, never needed, never trusted blindly.

The file is JSON lines, each line with the digest of its own text. Lines that do not fit their digest or this version are left
out, so a torn or forged file costs time and nothing else: a template is only ever used after its bytes were compared with the
log's. Writers put a new file in place of the old one in one step; of two writers at once, one wins and the other's templates
are compiled again some day.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from kit.evtx.binxml import Leaf, Part, Slot
from kit.evtx.registry import Registry
from kit.evtx.template import Template

VERSION = 1
_NAME = f"evtx-templates-{VERSION}.jsonl"
_MOST_BYTES = 64 << 20
_MOST_TEMPLATES = 20_000
_LINE_DIGEST = 16  # hexadecimal digits in front of each line
_loaded: dict[Path, tuple[tuple[int, int], Registry]] = {}


class Templates:
    """A registry that remembers its templates in a folder; with no folder it remembers them in this process only."""

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self._path = Path(folder) / _NAME if folder is not None else None
        self.registry = _registry(self._path)
        self._before = len(self.registry.templates)

    def keep(self) -> None:
        """Writes what is new. A folder that cannot be written to is left alone."""
        if self._path is None or len(self.registry.templates) == self._before:
            return
        with contextlib.suppress(OSError):
            _write(self._path, self.registry.templates)
            _loaded[self._path] = (_stamp(self._path), self.registry)
        self._before = len(self.registry.templates)


_process = Registry()


def _registry(path: Path | None) -> Registry:
    """The registry of a file; the one in memory while the file is the one it was made from."""
    if path is None:
        return _bounded()
    with contextlib.suppress(OSError):
        stamp = _stamp(path)
        known = _loaded.get(path)
        if known is None or known[0] != stamp:
            _loaded[path] = known = (stamp, Registry(_read(path)))
        return known[1]
    return Registry()


def _bounded() -> Registry:
    global _process
    if len(_process.templates) > _MOST_TEMPLATES:
        _process = Registry()
    return _process


def _stamp(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_mtime_ns, state.st_size


def _read(path: Path) -> list[Template]:
    if path.stat().st_size > _MOST_BYTES:
        return []
    found = []
    for line in path.read_bytes().splitlines():
        digest, _, body = line.partition(b" ")
        if digest == _digest(body):
            with contextlib.suppress(ValueError, KeyError, TypeError, IndexError):
                found.append(_template(json.loads(body)))
    return found


def _write(path: Path, templates: list[Template]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    bodies = [json.dumps(_plain(template), separators=(",", ":")).encode() for template in templates[-_MOST_TEMPLATES:]]
    draft = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        draft.write_bytes(b"".join(_digest(body) + b" " + body + b"\n" for body in bodies))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:_LINE_DIGEST].encode()


def _plain(template: Template) -> dict[str, Any]:
    return {
        "guid": template.guid.hex(),
        "data": base64.b64encode(template.data).decode(),
        "names_at": template.names_at,
        "links_at": template.links_at,
        "names": template.names,
        "leaves": [[leaf.path, leaf.name, leaf.parts] for leaf in template.leaves],
    }


def _template(plain: dict[str, Any]) -> Template:
    guid, data = bytes.fromhex(plain["guid"]), base64.b64decode(plain["data"], validate=True)
    names_at, links_at = _places(plain["names_at"], len(data)), _places(plain["links_at"], len(data))
    names = tuple(str(name) for name in plain["names"])
    if len(guid) != 16 or len(names) != len(names_at):
        raise ValueError("a stored template is inconsistent")
    leaves = [Leaf(tuple(path), _parts(name) if name is not None else None, _parts(parts) or ()) for path, name, parts in plain["leaves"]]
    return Template(guid, data, names_at, links_at, names, leaves)


def _places(given: list[int], size: int) -> tuple[int, ...]:
    places = tuple(int(place) for place in given)
    if any(not 0 <= place <= size - 4 for place in places):
        raise ValueError("a stored template is inconsistent")
    return places


def _parts(given: list[Any]) -> tuple[Part, ...]:
    return tuple(part if isinstance(part, str) else Slot(int(part[0]), int(part[1]), bool(part[2])) for part in given)
