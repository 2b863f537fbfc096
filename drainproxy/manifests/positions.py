"""Manifests with the line and column of everything in them, for reading only.

Documents become plain maps and lists that remember where each entry stands. An alias is the node
itself, never a copy, so that a small text cannot become a large object.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

from .documents import Document, parse
from .nodes import ALIAS, MAPPING, SCALAR, SEQUENCE, Node, is_merge, merge_sources

_BREAK = re.compile("\n")


class Mark(NamedTuple):
    """A place in a text: line and column, both from one."""

    line: int
    column: int


class Map(dict[str, Any]):
    """A mapping that knows where it begins and where each of its keys stands."""

    __slots__ = ("_begin", "_lines", "places")

    def __init__(self, begin: int, lines: "Lines") -> None:
        super().__init__()
        self._begin = begin
        self._lines = lines
        # As offsets: of most places nobody asks for the line.
        self.places: dict[str, int] = {}

    @property
    def start(self) -> Mark:
        """Where it begins."""
        return self._lines.at(self._begin)

    def mark(self, key: str) -> Mark:
        """Where a key of it stands."""
        return self._lines.at(self.places[key])


class Seq(list[Any]):
    """A list that knows where it begins and where each of its items stands."""

    __slots__ = ("_begin", "_lines", "places")

    def __init__(self, begin: int, lines: "Lines") -> None:
        super().__init__()
        self._begin = begin
        self._lines = lines
        self.places: list[int] = []

    @property
    def start(self) -> Mark:
        """Where it begins."""
        return self._lines.at(self._begin)

    def mark(self, index: int) -> Mark:
        """Where an item of it stands."""
        return self._lines.at(self.places[index])


def read_positions(text: str) -> list[Any]:
    """The documents of a file, YAML or JSON, each with its positions.

    Raises ValueError, with the line, if it is neither.
    """
    return [_Placing(each).placed() for each in parse(text) if each.data is not None]


def mark_of(root: Any, path: tuple[str | int, ...]) -> Mark:
    """Where the entry at this path stands, or the nearest one above it that is there."""
    node, found = root, getattr(root, "start", Mark(1, 1))
    for key in path:
        if isinstance(node, Map) and key in node:
            found, node = node.mark(str(key)), node[str(key)]
        elif isinstance(node, Seq) and isinstance(key, int) and key < len(node):
            found, node = node.mark(key), node[key]
        else:
            break
    return found


class Lines:
    """Where the nodes of a document stand in its file."""

    def __init__(self, document: Document) -> None:
        self._document = document
        # Directives belong to the text of which the nodes were made.
        has_some = "%" in document.marker and not document.is_json
        before = document.marker if has_some else ""
        self._line = document.line - before.count("\n") + 1
        self._breaks = [match.start() for match in _BREAK.finditer(before + document.text)]

    def mark(self, node: Node) -> Mark:
        """Where a node begins."""
        return self.at(node.start)

    def at(self, place: int) -> Mark:
        """Line and column of a place in the text."""
        line = bisect_left(self._breaks, place)
        column = place - (self._breaks[line - 1] if line else -1)
        return Mark(self._line + line, column)

    def line(self, path: Sequence[str | int]) -> int:
        """The line of the entry at this path, or of the nearest one above it that is there."""
        node = self._document.nodes()
        assert node is not None, "there is something in the document"
        found = node
        for step in path:
            node = node.content if node.kind == ALIAS else node
            entry = _entry(node, step)
            if entry is None:
                break
            found, node = entry
        return self.mark(found).line


def _entry(node: Node, step: str | int) -> tuple[Node, Node] | None:
    """The key or item that a step names, and the value that stands there."""
    if node.kind == MAPPING:
        return next((pair for pair in node.content if pair[0].content == step), None)
    if node.kind == SEQUENCE and isinstance(step, int) and step < len(node.content):
        return node.content[step], node.content[step]
    return None


class _Placing:
    """The nodes of a document as maps and lists with marks."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._lines = Lines(document)
        self._made: dict[int, Any] = {}

    def placed(self) -> Any:
        root = self._document.nodes()
        return None if root is None else self._value(root)

    def _value(self, node: Node) -> Any:
        if node.kind == SCALAR:
            return node.content
        if node.kind == ALIAS:
            return self._value(node.content)
        if id(node) not in self._made:
            self._made[id(node)] = self._map(node) if node.kind == MAPPING else self._seq(node)
        return self._made[id(node)]

    def _seq(self, node: Node) -> Seq:
        found = Seq(node.start, self._lines)
        found += [self._value(item) for item in node.content]
        found.places = [item.start for item in node.content]
        return found

    def _map(self, node: Node) -> Map:
        found, merged = Map(node.start, self._lines), []
        places = found.places
        for key, value in node.content:
            if is_merge(key):
                merged += [self._value(each) for each in merge_sources(value)]
            else:
                name = key.content
                found[name] = value.content if value.kind == SCALAR else self._value(value)
                places[name] = key.start
        for source in merged:
            for name in source.keys() - found.keys():
                found[name], places[name] = source[name], source.places[name]
        return found
