"""Text that PowerShell printed: Format-List, Format-Table, and transcripts of sessions with both."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from kit.powershell.csvs import COUNT
from kit.powershell.values import About, Damage, Item, Row
from kit.text import Line

TABLE_BLOCK = 5000  # rows of one table that are laid out together
LIST_LINES = 5000  # lines of one printed object
_NAMED = 4  # pieces of unread text that are named
_UNREAD_LINES, _UNREAD_SIGNS = 3, 200  # other text that is shorter is no output of a command
_NARROW = 12  # columns of a table below this width are not wrapped
_OTHER_TOOL = "vssadmin"  # its output is read elsewhere
_BANNER_LINES = 25
_PAIR = re.compile(r"(\S.{0,100}?) +:(?: (.*)|$)")
_NAME = re.compile(r"[^\W\d][\w .()/#-]{0,60}? +:(?: |$)")
_DASHES = re.compile(r" *-+(?: +-+)+\s*$|-{2,}\s*$")
_GROUP = re.compile(r"   (\w[\w ]{0,60}): (\S.*)$")
_PROMPT = re.compile(r"(?:\[(?P<there>[^\]]{0,260})\]: )?(?:PS(?: [^>]{0,260})?>|[A-Za-z]:\\[^<>|?*\":]{0,260}>)|>> ")
_MACHINE = re.compile(r"[^:]{4,20}\s*: (\S+) \((?:Microsoft )?Windows NT ")
_CELL = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.\d]*|\S+")
_ELLIPSIS = ("...", "…")
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")  # of PowerShell 7


def looks_like(head: str) -> bool:
    """Whether the text is a list or a table as PowerShell prints it."""
    lines = [_COLOURS.sub("", line.rstrip("\r")) for line in head.split("\n")[:400]]
    pairs = sum(1 for line in lines if _NAME.match(line) and not _PROMPT.match(line))
    return pairs >= 2 or _header_at(lines) is not None


def is_session(head: str) -> bool:
    """Whether the text holds prompts of PowerShell, or the banner of a transcript."""
    return any(_PROMPT.match(line) or line.startswith("******") for line in head.split("\n")[:400])


def prompt(text: str) -> tuple[str, str | None] | None:
    """The command behind a prompt of PowerShell or cmd, and the computer that a remote prompt names; else None."""
    found = _PROMPT.match(text)
    if not found:
        return None
    return text[found.end() :].strip(), found["there"]


def plain(text: str) -> str:
    """The line without colours, embedded NULs and blanks at its end."""
    return _COLOURS.sub("", text.strip("\x00")).rstrip()


def read(lines: Iterator[Line]) -> Iterator[Item]:
    """The objects of printed lists and tables in order; values that were cut off are named in `Row.cut`."""
    page, number = _Page(), 0
    for line in lines:
        text = plain(line.text)
        if found := _MACHINE.match(text):
            yield About(computer=found[1])
        for item in page.take(text, line.number):
            number += 1
            yield _numbered(item, number)
        if line.cut:
            number += 1
            yield Damage(number, f"object {number} (line {line.number}): a line of more than 1 MiB")
    for item in page.flush():
        number += 1
        yield _numbered(item, number)
    if page.unread:
        yield About(_unread_note(page.unread))


def _unread_note(unread: list[tuple[int, int, str]]) -> str:
    """Where text stands that is no list and no table, with the first line of each piece."""
    count = sum(lines for _, lines, _ in unread)
    named = "; ".join(f"from line {first}: {text!r}" for first, _, text in unread[:_NAMED])
    more = f"; and {len(unread) - _NAMED} more places" if len(unread) > _NAMED else ""
    return f"{count} lines are no list and no table and were not read ({named}{more})"


def _numbered(row: Row, number: int) -> Row:
    row.number = number
    return row


@dataclass
class _Page:
    """The lines of the list or table that is being read."""

    held: list[str] = field(default_factory=list)
    blanks: int = 0
    banner: int = 0
    group: dict[str, str] = field(default_factory=dict)
    unread: list[tuple[int, int, str]] = field(default_factory=list)  # place of the first line, lines, the first line
    first: int = 0  # place of the first line that is held
    other_tool: bool = False

    def take(self, text: str, number: int) -> Iterator[Row]:
        """Take one line; yields what it completes. What stands between two lines of stars is a transcript's banner."""
        if text.startswith("****"):
            yield from self.flush()
            self.banner = 0 if self.banner else _BANNER_LINES
            return
        if self.banner:
            self.banner -= 1
            return
        if not text:
            self.blanks += bool(self.held)
            return
        if self.blanks and not self._continues(text):
            yield from self.flush()
        if self.blanks:
            self.held += [""] * min(self.blanks, 3)
            self.blanks = 0
        if _PROMPT.match(text) or COUNT.match(text):
            yield from self.flush()
            self.other_tool = _OTHER_TOOL in text
        elif (group := _GROUP.match(text)) and not self.held:
            self.group = {group[1]: group[2]}
        else:
            self.first = self.first if self.held else number
            self.held.append(text)
            if len(self.held) >= TABLE_BLOCK:
                yield from self._part()

    def _continues(self, text: str) -> bool:
        """A printed value goes on after an empty line of its own: only as far indented as the values are."""
        edge = _edge(self.held)
        return 0 < edge <= len(text) - len(text.lstrip()) and len(self.held) < LIST_LINES

    def _part(self) -> Iterator[Row]:
        """A long table is read in parts, each under the same heading."""
        place = _header_at(self.held)
        yield from self._rows()
        self.held = [] if place is None else self.held[place : place + 2]

    def flush(self) -> Iterator[Row]:
        """The objects of the lines so far."""
        found = list(self._rows())
        yield from found
        self.other_tool |= bool(self.held) and self.held[0].startswith(f"{_OTHER_TOOL} ")
        long = len(self.held) >= _UNREAD_LINES or sum(map(len, self.held)) >= _UNREAD_SIGNS
        if not found and not self.other_tool and long:
            self.unread.append((self.first, len(self.held), self.held[0].strip()[:80]))
        if _header_at(self.held) is not None:
            self.group = {}
        self.held, self.blanks = [], 0

    def _rows(self) -> Iterator[Row]:
        place = _header_at(self.held)
        if place is None:
            yield from _list(self.held)
        else:
            yield from _table(self.held[place:], self.group)


def _edge(held: list[str]) -> int:
    """The column where the values of a printed list begin; 0 where the lines are none."""
    found = next((match for line in held[:40] if (match := _PAIR.match(line))), None)
    return found.start(2) if found and found[2] is not None else found.end() + 1 if found else 0


def _list(held: list[str]) -> Iterator[Row]:
    """The object of one Format-List block: `name : value`, long values go on below the value."""
    properties: dict[str, list[str]] = {}
    edge, name = _edge(held), ""
    for line in held:
        if name and (not line or not line[:edge].strip()):
            properties[name].append(line[edge:])
        elif found := _PAIR.match(line):
            name = found[1]
            properties[name] = [found[2] or ""]
    if len(properties) > 1:
        width = max(map(len, held))
        yield _row({name: _joined(parts, width - edge) for name, parts in properties.items()})


def _joined(parts: list[str], width: int) -> str | None:
    """The value of several lines: a line that ends where the next word had no room was wrapped."""
    text, last = parts[0], parts[0]
    for part in parts[1:]:
        first = part.split(" ", 1)[0]
        wrapped = width >= 50 and bool(first) and len(last) + 1 + len(first) > width
        text, last = text + (" " if wrapped else "\n") + part, part
    return text.strip("\n") or None


def _row(properties: dict[str, Any]) -> Row:
    cut = (name.casefold() for name, value in properties.items() if value and value.rstrip("}").endswith(_ELLIPSIS))
    return Row(properties, 0, (), frozenset(cut))


def _header_at(held: list[str]) -> int | None:
    """Place of a heading with a line of dashes below it."""
    for place in range(min(len(held) - 1, 400)):
        if _DASHES.match(held[place + 1]) and _fits(held[place], held[place + 1]):
            return place
    return None


def _fits(header: str, dashes: str) -> bool:
    """Every run of dashes stands under a name: as long as the name (PowerShell), or as its column (sqlcmd)."""
    wide = _columns(header)
    spans = _spans(dashes)
    if bool(spans) and all(len(wide[a:b].strip(" ")) == b - a for a, b in spans):
        return True
    return len(spans) > 1 and _is_of_columns(wide, spans)


def _spans(dashes: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer("-+", dashes)]


def _is_of_columns(header: str, spans: list[tuple[int, int]]) -> bool:
    """The columns follow each other with one blank between them, and each name begins where its column does."""
    close = all(begin - end == 1 and header[end:begin] == " " for (_, end), (begin, _) in pairwise(spans))
    return close and all(header[a : a + 1].strip() and header[a:b].strip() for a, b in spans)


def _columns(line: str) -> str:
    """The line with a filler after each character that takes two columns of the console."""
    if line.isascii():
        return line
    return "".join(c + "\0" if unicodedata.east_asian_width(c) in "WF" else c for c in line)


def _table(held: list[str], group: dict[str, str]) -> Iterator[Row]:
    header, spans = _columns(held[0]), _spans(held[1])
    rows = [_columns(line) for line in held[2:]]
    edges = _edges(spans, rows)
    names = [header[a:b].replace("\0", "").strip() for a, b in spans]
    bounds = list(zip(edges, [*edges[1:], max(map(len, rows), default=0)], strict=True))
    cells = _words(rows, spans) or [[row[a:b].replace("\0", "").strip() for a, b in bounds] for row in rows]
    for values in _unwrapped(cells, [b - a - 1 for a, b in bounds]):
        yield _row({**group, **dict(zip(names, (value or None for value in values), strict=True))})


def _words(rows: list[str], spans: list[tuple[int, int]]) -> list[list[str]]:
    """The cells of rows whose columns are not aligned (`sqlcmd -W`): a word each, date and time one; else nothing."""
    close = all(begin - end == 1 for (_, end), (begin, _) in pairwise(spans))
    if not close or all(row[a - 1 : a].strip() == "" for row in rows for a, _ in spans[1:]):
        return []
    found = [[cell.replace("\0", "") for cell in _CELL.findall(row)] for row in rows]
    return found if all(len(cells) == len(spans) for cells in found) else []


def _unwrapped(lines: Iterable[list[str]], widths: list[int]) -> Iterator[list[str]]:
    """The rows of a table in which `-Wrap` goes on below: a line with an empty first cell, and nothing in it but what
    had no room in the line before."""
    row: list[str] = []
    before: list[str] = []
    for cells in lines:
        filled = [place for place, cell in enumerate(cells) if cell]
        wrapped = bool(row and row[0] and filled) and not cells[0] and len(filled) < sum(map(bool, row))
        if wrapped and all(_had_no_room(before[place], cells[place], widths[place]) for place in filled):
            for place in filled:
                inside = len(before[place]) >= widths[place] and " " not in before[place]  # a word too long for a line
                row[place] += ("" if inside else " ") + cells[place]
        else:
            if row:
                yield row
            row = list(cells)
        before = cells
    if row:
        yield row


def _had_no_room(before: str, cell: str, width: int) -> bool:
    """Whether a cell is what was left of the one before: narrow columns are never wrapped, and nothing repeats."""
    full = len(before) + 1 + len(cell.split(" ", 1)[0]) > width
    return width >= _NARROW and bool(before) and before != cell and full


def _edges(spans: list[tuple[int, int]], rows: list[str]) -> list[int]:
    """Where each column begins: a place between two headings that is blank in as many rows as possible.

    Where some row has a word at every such place, a place below the heading on the left that is blank in all rows: a
    word must not be cut into two.
    """
    edges = [0]
    for (first, end), (begin, _) in pairwise(spans):
        found = _blanks(range(begin, end, -1), rows)
        if found[1] < len(rows):
            below = _blanks(range(end, first + 1, -1), rows)
            found = below if below[1] == len(rows) else found
        edges.append(found[0])
    return edges


def _blanks(places: range, rows: list[str]) -> tuple[int, int]:
    """The place before which most rows are blank, the first of several, and how many rows are."""
    counts = [sum(not row[place - 1 : place].strip() for row in rows) for place in places]
    most = max(counts, default=-1)
    return (places[counts.index(most)] if counts else 0), most
