"""Replacements in a text, and the positions of its lines, colons and dashes."""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Final

from .nodes import Node, Unreadable

# What readers of YAML 1.1, of which kubectl has one, take for the end of a line.
_BREAK = re.compile("[\n\r\x85\u2028\u2029]")
_COLON = re.compile(r"[ \t]*:")
_PROPERTIES = re.compile(r"(?:[ \t]*[&!]\S*)*")
_BLANKS = re.compile(r"[ \t]*")
# Up to the next dash, over comments and empty lines.
_TO_DASH = re.compile("(?:[ \t]*(?:#[^\n\r\x85\u2028\u2029]*)?[\n\r\x85\u2028\u2029])*[ \t]*(?=-)")
_LINE_FEED: Final = "\n"


class Edits:
    """Replacements that do not overlap; those at the same place keep their order.

    A replacement may have a `short` form, in which what is put in is a stub, a text that stands for
    it: `stubs` says for what. That is for a reader who wants to know only where it stands; where
    there is none (`is_read` is false), no stubs are made.
    """

    def __init__(self, text: str, is_read: bool = True) -> None:
        self.text = text
        self.is_read = is_read
        self.stubs: dict[str, Any] = {}
        # Whether all of them put in whole lines, or scalars in the place of others.
        self.are_whole = True
        self._done: list[tuple[int, int, str, str]] = []
        first = _BREAK.search(text)
        self._newline = self._break_at(first.start()) if first else _LINE_FEED
        # A search backwards for what is nowhere would go through all of the text each time.
        self._breaks = [mark for mark in "\n\r\x85\u2028\u2029" if mark in text]

    def replace(self, start: int, end: int, text: str, short: str | None = None) -> None:
        """Put a text in the place of another."""
        if start < end or text:
            self.are_whole = False
            self._done.append((start, end, text, text if short is None else short))

    def replace_scalar(self, start: int, end: int, text: str) -> None:
        """Put a scalar in the place of another; each ends on its line."""
        self._done.append((start, end, text, text))

    def insert_lines(
        self, at: int, lines: Sequence[str], short: Sequence[str] | None = None
    ) -> None:
        """Put lines behind the one that ends here."""
        newline = self._break_at(at) or self._newline
        text = newline + newline.join(lines)
        self._done.append((at, at, text, newline + newline.join(short) if short else text))

    def stub(self, value: Any) -> str:
        """A text, which is nowhere else, for a value that is put in."""
        text = f"{self._stub}{len(self.stubs)}"
        self.stubs[text] = value
        return text

    def joined(self, lines: Iterable[str]) -> str:
        """Lines as they are written in this text."""
        return self._newline.join(lines)

    @cached_property
    def _stub(self) -> str:
        stub = "stub"
        while stub in self.text:
            stub += "b"
        return stub

    def leave(self, start: int, end: int) -> bool:
        """Whether none of them is about this piece."""
        return all(to <= start or at >= end for at, to, *_ in self._done)

    def append(self) -> bool:
        """Whether one of them puts something behind all of the text."""
        return any(at == len(self.text) and text for at, _, text, _ in self._done)

    def result(self) -> str:
        """The text with all of them made."""
        return self._made(2)

    def short(self) -> str:
        """The same with the short form of each."""
        return self._made(3)

    def _made(self, form: int) -> str:
        parts: list[str] = []
        at = 0
        for each in sorted(self._done, key=_place):
            parts += (self.text[at : each[0]], str(each[form]))
            at = max(at, each[1])
        return "".join((*parts, self.text[at:]))

    def line_end(self, at: int) -> int:
        """Where the line ends in which this is."""
        match = _BREAK.search(self.text, at)
        return match.start() if match else len(self.text)

    def line_start(self, at: int) -> int:
        """Where it begins."""
        return max((self.text.rfind(mark, 0, at) for mark in self._breaks), default=-1) + 1

    def next_line(self, end: int) -> int:
        """Where the line begins that comes after the one that ends here."""
        return end + len(self._break_at(end) or self.text[end : end + 1])

    def margin(self, at: int) -> str:
        """The blanks at its beginning."""
        match = _BLANKS.match(self.text, self.line_start(at))
        return match[0] if match else ""

    def has_break(self, start: int, end: int) -> bool:
        """Whether a line ends between the two."""
        return _BREAK.search(self.text, start, end) is not None

    def after_colon(self, key: Node) -> int:
        """Where the value of a key may begin."""
        match = _COLON.match(self.text, key.end)
        if match is None:
            problem = "is written in a form that is not edited: write the key as `key: value`"
            raise Unreadable(problem, self.line(key.start))
        return match.end()

    def after_properties(self, at: int) -> int:
        """Where the anchor and the tag end that stand here."""
        match = _PROPERTIES.match(self.text, at)
        return match.end() if match else at

    def dash(self, item: int, column: int) -> int:
        """The dash, in this column, of the item that begins here: on its line, or above comments
        and empty lines."""
        line = self.line_start(item)
        while True:
            if self.text[line + column : line + column + 1] == "-":
                return line + column
            before = self.text[line:item].strip()
            if line == 0 or (before and not before.startswith("#")):
                problem = "is written in a form that is not edited: write the item behind its dash"
                raise Unreadable(problem, self.line(item))
            item = line - 1
            line = self.line_start(item)

    def next_dash(self, at: int) -> int:
        """The dash of the item that comes after the line that ends here."""
        match = _TO_DASH.match(self.text, at)
        return match.end() if match else at

    def line(self, at: int) -> int:
        """The number of a line, the first being 1."""
        return self.text.count("\n", 0, at) + 1

    def _break_at(self, at: int) -> str:
        if self.text.startswith("\r\n", at):
            return "\r\n"
        return self.text[at : at + 1] if self.text[at : at + 1] in ("\n", "\r") else ""


def _place(edit: tuple[int, int, str, str]) -> tuple[int, int]:
    return edit[:2]
