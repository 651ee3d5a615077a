"""Binary XML without a template, straight into the fields of a record.

Collected (forwarded) events and some providers write every element out. This walk reads one such fragment; it follows a
tree of the elements met so far, in which the meaning of each leaf is already worked out. Many at once: lockstep.py.
"""

from __future__ import annotations

from kit.errors import Unreadable
from kit.evtx import fields
from kit.evtx import format as layout
from kit.evtx.binxml import ENTITIES, MAX_DEPTH, Chunk
from kit.evtx.fields import Meaning
from kit.evtx.values import NOTHING, Kind, Value

_MORE = layout.MORE
Found = tuple[Meaning, Value]


class Tree:
    """The elements met so far, up to a number that no real log reaches."""

    def __init__(self) -> None:
        self.room = 1 << 17
        self._roots: dict[tuple[str, ...], Node] = {}

    def root(self, path: tuple[str, ...]) -> Node:
        """The element at a path."""
        if path not in self._roots:
            self._roots[path] = Node(path, self)
        return self._roots[path]


class Node:
    """An element at its place: the elements below it and the meaning of what stands in it."""

    __slots__ = ("children", "labelled", "path", "plain", "quiet", "tree")

    def __init__(self, path: tuple[str, ...], tree: Tree) -> None:
        self.path = path
        self.tree = tree
        self.children: dict[str, Node] = {}
        self.plain = fields.meaning(path, None)
        self.labelled = bool(path) and path[-1] in fields.LABELLED
        self.quiet = fields.is_wrapper(path) or self.plain.part == "nothing"

    def child(self, name: str) -> Node:
        """The element of this name below."""
        found = self.children.get(name)
        if found is None:
            found = Node((*self.path, name), self.tree)
            if self.tree.room > 0:
                self.tree.room -= 1
                self.children[name] = found
        return found

    def meaning(self, label: str | None) -> Meaning:
        """What the text of the element means; `label` is the Name attribute of a Data element."""
        return self.plain if label is None else fields.meaning(self.path, label)

    def attribute(self, name: str, label: str | None) -> Meaning | None:
        """What an attribute means; None for those that say nothing."""
        if name == "xmlns" or name.startswith("xmlns:"):
            return None
        found = fields.meaning((*self.path, "@" + name), label)
        return None if found.part == "nothing" else found._replace(inserted=False)


class _Open:
    """An element that is being read."""

    __slots__ = ("attributes", "branched", "label", "node", "text")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.text: str | None = None
        self.label: str | None = None
        self.branched = False
        self.attributes: list[tuple[str, str]] | None = None


def read(chunk: Chunk, at: int, end: int, root: Node, found: list[Found]) -> None:
    """Adds the leaves of a fragment below a node. Raises Unreadable where the tokens make no sense."""
    try:
        _Reading(chunk, min(end, chunk.end), root, found).run(at)
    except IndexError:
        raise Unreadable("binary XML ends inside a token") from None


class _Reading:
    def __init__(self, chunk: Chunk, end: int, root: Node, found: list[Found]) -> None:
        self.chunk = chunk
        self.data = chunk.data
        self.end = end
        self.found = found
        self.stack = [_Open(root)]
        self.attribute: str | None = None

    def run(self, at: int) -> None:
        data, end, stack = self.data, self.end, self.stack
        while at < end:
            token = data[at] & ~_MORE
            if token == layout.TEXT:
                stop = at + 4 + 2 * (data[at + 2] | data[at + 3] << 8)
                self._text(data[at + 4 : stop].decode("utf-16-le", "replace").rstrip("\0"))
                at = stop
            elif token == layout.OPEN_ELEMENT:
                at = self._element(at)
            elif token == layout.END_ELEMENT or token == layout.CLOSE_EMPTY:
                at += 1
                self._finish()
            elif token == layout.CLOSE_START:
                at += 1
                self._settle(stack[-1])
            elif token == layout.ATTRIBUTE:
                self.attribute, at = self._name(at + 1)
                self._text("")
            elif token == layout.END_OF_FRAGMENT:
                break
            else:
                at = self._rare(token, at)
        if len(stack) != 1 or at > end:
            raise Unreadable("binary XML ends inside an element")

    def _name(self, at: int) -> tuple[str, int]:
        offset = int.from_bytes(self.data[at : at + 4], "little")
        at += 4
        name = self.chunk.names.get(offset)
        if name is None:
            name = self.chunk.name(offset)
        if offset == at - self.chunk.start:
            at += 10 + 2 * (self.data[at + 6] | self.data[at + 7] << 8)
        return name, at

    def _element(self, at: int) -> int:
        attributes = self.data[at] & _MORE
        name, at = self._name(at + 5)
        stack = self.stack
        if len(stack) > MAX_DEPTH:
            raise Unreadable("elements are nested too deeply")
        above = stack[-1]
        above.branched = True
        stack.append(_Open(above.node.child(name)))
        self.attribute = None
        return at + 4 if attributes else at

    def _text(self, text: str) -> None:
        element = self.stack[-1]
        if self.attribute is None:
            element.text = text if element.text is None else element.text + text
            return
        if element.attributes is None:
            element.attributes = []
        kept = element.attributes
        if kept and kept[-1][0] == self.attribute:
            kept[-1] = (self.attribute, kept[-1][1] + text)
        else:
            kept.append((self.attribute, text))

    def _settle(self, element: _Open) -> None:
        """The start of an element is over: its attributes are known."""
        self.attribute = None
        if element.attributes is None:
            return
        if element.node.labelled:
            element.label = next((text for name, text in element.attributes if name == "Name"), None)
        for name, text in element.attributes:
            if not (element.node.labelled and name == "Name"):
                meaning = element.node.attribute(name, element.label)
                if meaning is not None:
                    self.found.append((meaning, (Kind.TEXT, text)))
        element.attributes = None

    def _finish(self) -> None:
        element = self.stack[-1]
        if len(self.stack) == 1:
            raise Unreadable("a token stands outside any element")
        self._settle(element)
        self.stack.pop()
        if element.text is not None:
            meaning = element.node.meaning(element.label)
            if meaning.part != "nothing":
                self.found.append((meaning, (Kind.TEXT, element.text)))
        elif not element.branched and not element.node.quiet:
            self.found.append((element.node.meaning(element.label), NOTHING))

    def _rare(self, token: int, at: int) -> int:
        data = self.data
        if token == layout.FRAGMENT:
            return at + 4
        if token == layout.CHARACTER:
            self._text(chr(data[at + 1] | data[at + 2] << 8))
            return at + 3
        if token == layout.ENTITY:
            name, at = self._name(at + 1)
            self._text(ENTITIES.get(name, f"&{name};"))
            return at
        if token == layout.CDATA:
            stop = at + 3 + 2 * (data[at + 1] | data[at + 2] << 8)
            self._text(data[at + 3 : stop].decode("utf-16-le", "replace").rstrip("\0"))
            return stop
        if token == layout.INSTRUCTION_TARGET:
            return self._name(at + 1)[1]
        if token == layout.INSTRUCTION_DATA:
            return at + 3 + 2 * (data[at + 1] | data[at + 2] << 8)
        raise Unreadable(f"unknown token {token:#04x}")
