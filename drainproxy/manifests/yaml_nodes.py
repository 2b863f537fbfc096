"""Parses YAML into nodes. libyaml scans and parses. The tree is built here because a loader forgets
where aliases stand, and to bound what a text can expand to."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple, NoReturn

from .nodes import (
    ALIAS,
    DEEPEST,
    MAPPING,
    SCALAR,
    SEQUENCE,
    Budget,
    Kind,
    Node,
    Unreadable,
    is_merge,
    merge_sources,
    too_many,
)
from .scalars import MERGE, key_text, resolve, tagged

# What may stand before a block scalar, and how it says what becomes of its ends of lines.
HEADER = re.compile(r"(?:[&!]\S*\s+)*[|>]([-+0-9]*)")
_COLON = re.compile(r"[ \t]*:")
# Characters for each value. What people and programs write in blocks has nine and more.
_DENSEST: Final = 7
_BYTE_ORDER_MARK: Final = "\N{BYTE ORDER MARK}"
_INVALID: Final = "is not valid YAML: "
_MARKED: Final = _INVALID + "a byte order mark stands inside of it"


def compose(text: str, budget: Budget | None = None) -> Node | None:
    """The document in a text; None if there is nothing in it. Raises Unreadable. `budget`: of the
    input that it is a part of; without one it is all of it."""
    if text.startswith(_BYTE_ORDER_MARK):
        # libyaml would skip it, and all that we know of places would be one off.
        raise Unreadable(_MARKED, 1)
    import yaml  # heavy for commands that read no manifest

    try:
        root = _Composer(text, budget or Budget(len(text))).compose()
        if root and _BYTE_ORDER_MARK in text:
            _refuse_marks(root, text)
        return root
    except yaml.MarkedYAMLError as error:
        raise _unreadable(error, text) from None
    except yaml.reader.ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        raise Unreadable(_INVALID + "it holds a character that YAML forbids", line) from None


def _refuse_marks(root: Node, text: str) -> None:
    """A byte order mark may stand in quotes, and before a document (YAML 1.2, section 5.2).
    libyaml takes one that stands before a key, a value or a bracket for the beginning of a text,
    quotes and all, which nobody has meant."""
    pending = [root]
    while pending:
        node = pending.pop()
        if node.kind == SEQUENCE:
            pending += node.content
        elif node.kind == MAPPING:
            pending += [each for pair in node.content for each in pair]
        elif not node.style and text.startswith(_BYTE_ORDER_MARK, node.start):
            raise Unreadable(_MARKED, text.count("\n", 0, node.start) + 1)


class _Words(NamedTuple):
    """What libyaml says, as types; slow to look up for thousands of small documents."""

    loader: Any
    scalar: type
    begin: Mapping[type, Kind]
    end: tuple[type, type]
    alias: type
    document: type


@cache
def _words() -> _Words:
    import yaml

    return _Words(
        # The reader and parser alone: what would be made of nodes is not asked.
        yaml.cyaml.CParser if yaml.__with_libyaml__ else yaml.SafeLoader,
        yaml.ScalarEvent,
        {yaml.MappingStartEvent: MAPPING, yaml.SequenceStartEvent: SEQUENCE},
        (yaml.MappingEndEvent, yaml.SequenceEndEvent),
        yaml.AliasEvent,
        yaml.DocumentStartEvent,
    )


class _Composer:
    """The nodes that are open, innermost last, each with the key that waits for its value."""

    def __init__(self, text: str, budget: Budget) -> None:
        self._text = text
        self._budget = budget
        self._anchors: dict[str, Node] = {}
        self._open: list[Node] = []
        self._keys: list[Node | None] = []
        self._root: Node | None = None
        self._written = 0
        self._most = budget.most(_DENSEST)

    def compose(self) -> Node | None:
        words = _words()
        loader = words.loader(self._text)
        try:
            self._compose(iter(loader.get_event, None), words)
        finally:
            loader.dispose()
        self._budget.spend(self._written, _DENSEST)
        root = self._root
        return None if root and _is_empty(root) else root

    def _compose(self, events: Iterator[Any], words: "_Words") -> None:
        scalar, begin, end = words.scalar, words.begin, words.end
        for event in events:
            kind = type(event)
            if kind is scalar:
                if event.anchor is event.tag is None and event.style not in ("|", ">"):
                    node = Node(
                        SCALAR,
                        event.start_mark.index,
                        event.end_mark.index,
                        resolve(event.value) if event.implicit[0] else event.value,
                        event.style or "",
                    )
                else:
                    node = self._scalar(event)
                self._add(node, event)
            elif kind in begin:
                self._begin(begin[kind], event)
            elif kind in end:
                self._finish(event)
            elif kind is words.alias:
                self._add(self._alias(event), event)
            elif kind is words.document and self._root:
                _refuse("a second document begins: put --- before it", event)

    def _scalar(self, event: Any) -> Node:
        """One that may have an anchor or a tag, or lines of its own: that takes twice as long."""
        self._written += 1
        text, tag, style = event.value, event.tag, event.style or ""
        value = resolve(text) if event.implicit[0] else tagged(text, tag) if tag else text
        start, end = event.start_mark.index, event.end_mark.index
        if style in ("|", ">"):
            end = self._end_of_block(start, end)
        node = Node(SCALAR, start, end, value, style, -1, event.anchor, tag)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _end_of_block(self, start: int, end: int) -> int:
        """Before the break that ends a block scalar; `+` makes empty lines at its end a part of it
        (YAML 1.2, section 8.1.1.2)."""
        header = HEADER.match(self._text, start)
        keeps = header is not None and "+" in header[1]
        breaks = 0
        while end > start and self._text[end - 1] in "\r\n":
            breaks += self._text[end - 1] == "\n"
            if keeps and breaks > 1:
                break
            end -= 1
        return end

    def _alias(self, event: Any) -> Node:
        target = self._anchors.get(event.anchor)
        if target is None:
            _refuse("an alias (*) has no anchor (&) before it", event)
        if any(target is node for node in self._open):
            _refuse("an alias stands inside what its anchor (&) names", event)
        start, end = event.start_mark.index, event.end_mark.index
        return Node(ALIAS, start, end, target, event.anchor, size=target.size)

    def _begin(self, kind: Kind, event: Any) -> None:
        if len(self._open) >= DEEPEST:
            _refuse(f"it is nested too deeply: more than {DEEPEST} levels", event)
        column = -1 if event.flow_style else self._column(kind, event)
        node = Node(kind, event.start_mark.index, 0, [], "", column, event.anchor, event.tag)
        if node.anchor:
            self._anchors[node.anchor] = node
        self._open.append(node)
        self._keys.append(None)

    def _column(self, kind: Kind, event: Any) -> int:
        """That of the first key or dash, which an anchor or a tag may stand before."""
        if event.anchor is None and event.tag is None:
            return int(event.start_mark.column)
        mark = event.end_mark
        after_dash = kind == SEQUENCE and self._text[mark.index : mark.index + 1] != "-"
        return int(mark.column) - after_dash

    def _finish(self, event: Any) -> None:
        node = self._open.pop()
        self._keys.pop()
        node.end = event.end_mark.index if node.column < 0 else _last(node).end
        if node.kind == MAPPING:
            self._check_keys(node)
        self._add(node, event)

    def _check_keys(self, node: Node) -> None:
        found = {key.content for key, _ in node.content}
        if len(found) == len(node.content) and MERGE not in found:
            return
        names: set[str] = set()
        for key, value in node.content:
            if key.content in names:
                problem = f"the key {key.content[:80]!r} stands twice in one mapping"
                raise Unreadable(_INVALID + problem, self._line(key))
            names.add(key.content)
            if is_merge(key) and not _can_be_merged(value):
                problem = "a merge key (<<) must have a mapping, or a list of them"
                raise Unreadable(_INVALID + problem, self._line(key))

    def _line(self, node: Node) -> int:
        return self._text.count("\n", 0, node.start) + 1

    def _add(self, node: Node, event: Any) -> None:
        self._written += 1
        if self._written > self._most:
            _refuse("it holds more values than any manifest of its length", event)
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        parent.size += node.size
        if parent.size > self._written and too_many(parent.size, self._written):
            _refuse("its aliases (*) repeat what they stand for too often", event)
        if parent.kind == SEQUENCE:
            parent.content.append(node)
        elif (key := self._keys[-1]) is None:
            self._keys[-1] = node if type(node.content) is str else _key(node, event)
        else:
            if node.start == node.end:
                self._place_empty(key, node)
            parent.content.append((key, node))
            self._keys[-1] = None

    def _place_empty(self, key: Node, node: Node) -> None:
        """Behind the colon; for libyaml a value that has none, as in `? key`, stands where the next
        thing begins."""
        if colon := _COLON.match(self._text, key.end):
            node.start = node.end = colon.end()
        elif self._text[node.start - 1 : node.start] != ":":
            node.start = node.end = key.end


def _unreadable(error: Any, text: str) -> Unreadable:
    """libyaml's words hold nothing of the text. At its end it counts a line that is not there."""
    problem = error.problem or error.context or "it cannot be read"
    mark, begins = error.problem_mark or error.context_mark, error.context_mark
    last = text.rstrip("\n").count("\n") + 1
    line = min(mark.line + 1, last) if mark else 1
    above = line - begins.line - 1 if error.context and begins else 0
    if above > 0:
        problem += f", {error.context} that begins {above} line{'s' * (above > 1)} above"
    return Unreadable(_INVALID + problem, line)


def _is_empty(node: Node) -> bool:
    return node.start == node.end and node.kind == SCALAR


def _last(node: Node) -> Node:
    last = node.content[-1]
    found: Node = last if node.kind == SEQUENCE else last[1]
    return found


def _key(node: Node, event: Any) -> Node:
    """A key with its text as content."""
    scalar = node.content if node.kind == ALIAS else node
    if scalar.kind != SCALAR:
        _refuse("a key is a list or a mapping, not a text", event)
    node.kind, node.content = SCALAR, key_text(scalar.content)
    return node


def _can_be_merged(value: Node) -> bool:
    for source in merge_sources(value):
        target = source.content if source.kind == ALIAS else source
        if target.kind != MAPPING:
            return False
    return True


def _refuse(problem: str, event: Any) -> NoReturn:
    raise Unreadable(_INVALID + problem, event.start_mark.line + 1)
