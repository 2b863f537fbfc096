"""Writes values as text, in the style of the surrounding document."""

import json
import re
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from .nodes import MAPPING, SEQUENCE, Node
from .scalars import quoted, written
from .values import Blank, Constant, Filled

_INDENT = re.compile(r"\n([ \t]+)")
# Of texts of up to so many characters it is kept how they are written: of many pods they are the
# same.
_SHORT: Final = 200


class Quoted(str):
    """A text that is always written in quotes."""

    __slots__ = ()


class Style(Struct, frozen=True):
    """How block collections are indented: keys in a mapping under a key, and dashes under a key."""

    mapping: int = 2
    sequence: int = 0


def style_of(root: Node | None) -> Style:
    """The style of a document: that of the first of its collections."""
    mapping = sequence = None
    pending = [root] if root else []
    while pending and None in (mapping, sequence):
        node = pending.pop()
        if node.column < 0:
            continue
        if node.kind == SEQUENCE:
            pending += reversed(node.content)
        elif node.kind == MAPPING:
            children = [value for _, value in node.content if value.column >= 0]
            for child in children:
                if child.kind == MAPPING and mapping is None:
                    mapping = child.column - node.column
                elif child.kind == SEQUENCE and sequence is None:
                    sequence = child.column - node.column
            pending += reversed(children)
    return Style(mapping or 2, sequence or 0)


class Block:
    """Writes block collections, one line after the other."""

    def __init__(self, style: Style) -> None:
        self._style = style

    def entry(self, key: str, value: Any, column: int) -> list[str]:
        """The lines of a key and its value, the key in this column."""
        head = f"{' ' * column}{_text(key)}:"
        if _is_inline(value):
            return [head + inline(value)]
        return [head, *self.children(value, column)]

    def children(self, value: Any, column: int) -> list[str]:
        """The lines of a collection under a key or a dash in this column."""
        style = self._style
        return self.content(
            value, column + (style.mapping if isinstance(value, dict) else style.sequence)
        )

    def item(self, value: Any, column: int, width: int = 2) -> list[str]:
        """The lines of an item of a list, its dash in this column, its value `width` after it."""
        dash = " " * column + "-".ljust(width)
        if _is_inline(value):
            return [dash.rstrip() + (inline(value) or " null")]
        lines = self.content(value, column + width)
        lines[0] = dash + lines[0][column + width :]
        return lines

    def content(self, value: Any, column: int) -> list[str]:
        """The lines of a collection whose first key or dash is in this column."""
        if type(value) is Constant:
            return [*_lines(value, column, self._style)]
        if type(value) is Filled:
            return self._filled(value, column)
        lines: list[str] = []
        if isinstance(value, dict):
            margin = " " * column
            for key, each in value.items():
                if type(each) is str:
                    lines.append(f"{margin}{_text(key)}: {_text(each)}")
                elif type(each) is Quoted:
                    lines.append(f"{margin}{_text(key)}: {_quoted(each)}")
                else:
                    lines += self.entry(key, each, column)
        else:
            for each in value:
                lines += self.item(each, column)
        return lines

    def _filled(self, value: Filled, column: int) -> list[str]:
        lines = [*_lines(value.form, column, self._style)]
        text = _text(value.text)
        for at in _blanks(value.form, column, self._style):
            lines[at] += text
        return lines


@lru_cache(1 << 10)
def _lines(constant: Constant, column: int, style: Style) -> list[str]:
    return Block(style).content({**constant}, column)


@lru_cache(1 << 10)
def _blanks(form: Constant, column: int, style: Style) -> list[int]:
    """The lines at whose ends a form has its blanks; no other ends with a blank character."""
    return [at for at, line in enumerate(_lines(form, column, style)) if line.endswith(" ")]


def _is_inline(value: Any) -> bool:
    return not (isinstance(value, dict | list) and value)


def inline(value: Any) -> str:
    """What follows a colon or a dash on its line: a scalar or an empty collection; for null
    nothing."""
    if type(value) is str:
        return " " + _text(value)
    if type(value) is Blank:
        return " "
    return "" if value is None else " " + scalar(value)


@lru_cache(1 << 12)
def _text(value: str) -> str:
    return written(value)


def _quoted(value: str) -> str:
    return _short_quoted(value) if len(value) < _SHORT else quoted(value)


@lru_cache(1 << 12)
def _short_quoted(value: str) -> str:
    return quoted(value)


def scalar(value: Any, quote: str = "", in_flow: bool = False) -> str:
    """A scalar or an empty collection."""
    return written(value, '"' if isinstance(value, Quoted) else quote, in_flow)


def flow(value: Any) -> str:
    """Any value in one line of YAML."""
    if type(value) is Constant:
        return _in_one_line(value)
    if isinstance(value, dict):
        pairs = [f"{_flow_text(key)}: {flow(each)}" for key, each in value.items()]
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join([flow(each) for each in value]) + "]"
    return _flow_text(value) if type(value) is str else scalar(value, in_flow=True)


@lru_cache(1 << 10)
def _in_one_line(constant: Constant) -> str:
    return flow({**constant})


@lru_cache(1 << 12)
def _flow_text(value: str) -> str:
    return written(value, in_flow=True)


class JsonStyle(Struct, frozen=True):
    """How a JSON document is spaced; without `indent` it is one line."""

    indent: str | None
    comma: str
    colon: str

    def write(self, value: Any, margin: str = "", one_line: bool = False) -> str:
        """Any value; its lines after the first one have this margin."""
        if isinstance(value, str):
            return quoted(value)
        indent = None if one_line else self.indent
        separators = ("," if indent is not None else self.comma, self.colon)
        text = json.dumps(value, indent=indent, ensure_ascii=False, separators=separators)
        return text.replace("\n", "\n" + margin)


def json_style_of(root: Node, text: str) -> JsonStyle:
    """The style of a JSON document: that of its first entry."""
    indent = _INDENT.search(text, root.start)
    colon = ": "
    if root.kind == MAPPING and root.content:
        key, value = root.content[0]
        colon = text[key.end : value.start]
    return JsonStyle(indent[1] if indent else None, ", " if colon.endswith(" ") else ",", colon)
