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

    __slots__ = ("marks", "start")

    def __init__(self, start: Mark) -> None:
        super().__init__()
        self.start = start
        self.marks: dict[str, Mark] = {}


class Seq(list[Any]):
    """A list that knows where it begins and where each of its items stands."""

    __slots__ = ("marks", "start")

    def __init__(self, start: Mark) -> None:
        super().__init__()
        self.start = start
        self.marks: list[Mark] = []


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
            found, node = node.marks[str(key)], node[str(key)]
        elif isinstance(node, Seq) and isinstance(key, int) and key < len(node):
            found, node = node.marks[key], node[key]
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
        line = bisect_left(self._breaks, node.start)
        column = node.start - (self._breaks[line - 1] if line else -1)
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
        self._mark = Lines(document).mark
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
        found = Seq(self._mark(node))
        for item in node.content:
            found.append(self._value(item))
            found.marks.append(self._mark(item))
        return found

    def _map(self, node: Node) -> Map:
        found, merged = Map(self._mark(node)), []
        for key, value in node.content:
            if is_merge(key):
                merged += [self._value(each) for each in merge_sources(value)]
            else:
                found[key.content] = self._value(value)
                found.marks[key.content] = self._mark(key)
        for source in merged:
            for name in source.keys() - found.keys():
                found[name], found.marks[name] = source[name], source.marks[name]
        return found
