"""The positions of a collection's values in the text, in block style and in flow style."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from .edits import Edits
from .nodes import ALIAS, SCALAR, SEQUENCE, Node, value_of
from .writing import Block, JsonStyle, flow, inline, scalar

_COMMA = re.compile(r"\s*,\s*")
# Lines and characters of what is put in that are read again as they are; of more, a stub is read.
_FEW: Final = 2
_SHORT: Final = 80


class Slot(Struct, gc=False):
    """A node as a child: the value of `key`, or without one an item, in `parent`."""

    node: Node
    key: Node | None
    parent: Node


class BlockLayout:
    """One line for each child, or more. What is noted of a place is what stands behind the colon or
    the dash, up to the end of its last line if it has several."""

    def __init__(self, edits: Edits, block: Block) -> None:
        self._edits, self._block = edits, block

    def told(self, slot: Slot) -> bool:
        """Whether the text that is there is what `replace` would write for its value."""
        node = slot.node
        if node.kind == ALIAS or (node.kind != SCALAR and node.content):
            return False
        place = self._place(slot)
        return self._edits.text[place : self._end(slot, place)] == _inline(value_of(node), slot)

    def text_of(self, slot: Slot) -> str:
        """What is to be noted of a place, without the one blank that stands everywhere."""
        place = self._place(slot)
        text = self._edits.text[place : self._end(slot, place)]
        return text[1:] if text[:1] == " " and not text[1:2].isspace() and text[1:] else text

    def alone(self, slot: Slot, text: str) -> str:
        """A text that was noted as it can be read without what is around it, its lines below each
        other as they were."""
        rest = text.lstrip(" \t")
        if rest[:1] in ("\n", "\r", "#"):
            return rest
        place = self._place(slot)
        column = place - self._edits.line_start(place)
        return " " * (column + (len(text) - len(rest) or 1)) + rest

    def put_back(self, slot: Slot, text: str) -> None:
        """Put a text back that was noted."""
        self._put(slot, text if not text or text[0].isspace() else " " + text)

    def replace(self, slot: Slot, value: Any) -> None:
        """Write a value in the place of all that is there but its anchor."""
        anchor = f" &{slot.node.anchor}" if slot.node.anchor else ""
        if not (isinstance(value, dict | list) and value):
            self._put(slot, anchor + _inline(value, slot))
            return
        edits, node, place = self._edits, slot.node, self._place(slot)
        upto, end = self._end(slot, place), edits.line_end(node.end)
        alone = not (anchor or edits.text[node.end : end].strip(" \t"))
        if slot.key is not None:
            lines = self._block.children(value, slot.parent.column)
        else:
            lines = self._block.content(value, slot.parent.column + 2)
            if alone and not edits.has_break(place, node.end):
                edits.replace(place, upto, " " + edits.joined(lines).lstrip(" "))
                return
        edits.replace(place, upto, anchor)
        edits.insert_lines(end, lines)

    def remove(self, node: Node, spans: Sequence[tuple[int, int]], gone: set[int]) -> None:
        """Remove children, not all of them."""
        edits = self._edits
        first = next(at for at in range(len(spans)) if at not in gone)
        for at in gone:
            if at > first:
                edits.replace(edits.line_end(spans[at - 1][1]), edits.line_end(spans[at][1]), "")
        if first:
            self._remove_before(node, spans, first)

    def _remove_before(self, node: Node, spans: Sequence[tuple[int, int]], first: int) -> None:
        edits = self._edits
        behind = edits.line_end(spans[first - 1][1])
        is_list = node.kind == SEQUENCE
        start = edits.dash(spans[0][0], node.column) if is_list else spans[0][0]
        line = edits.line_start(start)
        if edits.text[line:start].strip(" "):
            end = edits.next_dash(behind) if is_list else spans[first][0]
            edits.replace(start, end, "")
        else:
            edits.replace(line, edits.next_line(behind), "")

    def add_entries(
        self, node: Node, spans: Sequence[tuple[int, int]], end: int, added: Mapping[str, Any]
    ) -> None:
        """Write entries behind the child that ends here."""
        lines: list[str] = []
        short: list[str] = []
        for name, value in added.items():
            own = self._block.entry(name, value, node.column)
            lines += own
            if self._edits.is_read:
                stub = None if len(own) <= _FEW else self._edits.stub(value)
                short += self._block.entry(name, stub, node.column) if stub else own
        self._edits.insert_lines(self._edits.line_end(end), lines, short)

    def add_item(self, node: Node, spans: Sequence[tuple[int, int]], end: int, value: Any) -> None:
        """Write an item behind the child that ends here."""
        width = spans[0][0] - self._edits.line_start(spans[0][0]) - node.column
        lines = self._block.item(value, node.column, max(width, 2))
        short = lines
        if self._edits.is_read and len(lines) > _FEW:
            short = self._block.item(self._edits.stub(value), node.column, max(width, 2))
        self._edits.insert_lines(self._edits.line_end(end), lines, short)

    def scalar(self, value: Any, quote: str) -> str:
        """A scalar in these quotes."""
        return scalar(value, quote)

    def _place(self, slot: Slot) -> int:
        if slot.key is not None:
            return self._edits.after_colon(slot.key)
        return self._edits.dash(slot.node.start, slot.parent.column) + 1

    def _end(self, slot: Slot, place: int) -> int:
        """Of the value, or of its last line: a comment there would stand behind other lines then,
        and one that touches a bracket may touch nothing else. Behind a dash that ends its line a
        tab is no separation: what follows might be indented by it (YAML 1.2, section 6.1)."""
        text, end = self._edits.text, slot.node.end
        line_end = self._edits.line_end(end)
        has_tab = slot.key is None and "\t" in text[end:line_end].split("#", 1)[0]
        if has_tab or text.startswith("#", end) or self._edits.has_break(place, end):
            return line_end
        return end

    def _put(self, slot: Slot, text: str) -> None:
        edits, node, place = self._edits, slot.node, self._place(slot)
        first, end = edits.line_end(place), edits.line_end(node.end)
        if _begins_after(node, first) and not ("\n" in text or "\r" in text):
            edits.replace(place, edits.after_properties(place), text)
            edits.replace(first, end, "")  # a comment behind the key stays
        elif "\n" in text or "\r" in text:
            edits.replace(place, end, text)
        else:
            is_block = node.column >= 0  # what stands behind its last line stays
            edits.replace(place, node.end if is_block else self._end(slot, place), text)


class FlowLayout:
    """Children between brackets, parted by commas: YAML's flow style, and JSON. What is noted of a
    place is the text of the value."""

    def __init__(self, edits: Edits, json: JsonStyle | None) -> None:
        self._edits, self._json = edits, json

    def told(self, slot: Slot) -> bool:
        """Whether the text that is there is what `replace` would write for its value."""
        node = slot.node
        if node.kind == ALIAS or (node.kind != SCALAR and node.content):
            return False
        return self.text_of(slot) == self._written(slot, value_of(node))

    def text_of(self, slot: Slot) -> str:
        """What is to be noted of a place."""
        return self._edits.text[slot.node.start : slot.node.end]

    def alone(self, slot: Slot, text: str) -> str:
        """A text that was noted as it can be read without what is around it."""
        return text

    def put_back(self, slot: Slot, text: str) -> None:
        """Put a text back that was noted."""
        start = slot.node.start
        if not text and slot.key is not None:
            start = self._edits.after_colon(slot.key)
        self._edits.replace(start, slot.node.end, text)

    def replace(self, slot: Slot, value: Any) -> None:
        """Write a value in the place of all that is there but its anchor."""
        node, text = slot.node, self._written(slot, value)
        if node.anchor:
            text = f"&{node.anchor} {text}"
        if node.start == node.end and slot.key is not None:
            place = self._edits.after_colon(slot.key)
            self._edits.replace(place, node.end, " " + text)
        else:
            self._edits.replace(node.start, node.end, text)

    def remove(self, node: Node, spans: Sequence[tuple[int, int]], gone: set[int]) -> None:
        """Remove children, not all of them."""
        first = next(at for at in range(len(spans)) if at not in gone)
        for at in gone:
            if at > first and at - 1 not in gone:
                last = next(each for each in range(at, len(spans)) if each + 1 not in gone)
                start, end = spans[at - 1][1], spans[last][1]
                is_parted = self._edits.text[end].isspace()
                self._edits.replace(start, end, "" if is_parted else self._blank(start))
        if first:
            self._edits.replace(spans[0][0], spans[first][0], "")

    def add_entries(
        self, node: Node, spans: Sequence[tuple[int, int]], end: int, added: Mapping[str, Any]
    ) -> None:
        """Write entries behind the child that ends here."""
        comma, margin, one_line = self._spacing(node, spans)
        for name, value in added.items():
            if self._json:
                key = self._json.write(name) + self._json.colon
                text = self._json.write(value, margin, one_line)
            else:
                key, text = f"{scalar(name, in_flow=True)}: ", flow(value)
            self._add(end, comma + key, text, value)

    def add_item(self, node: Node, spans: Sequence[tuple[int, int]], end: int, value: Any) -> None:
        """Write an item behind the child that ends here."""
        comma, margin, one_line = self._spacing(node, spans)
        text = self._json.write(value, margin, one_line) if self._json else flow(value)
        self._add(end, comma, text, value)

    def _add(self, end: int, before: str, text: str, value: Any) -> None:
        is_short = len(text) <= _SHORT or not isinstance(value, dict | list)
        short = text if is_short else self.scalar(self._edits.stub(value), "")
        before = self._blank(end) + before
        self._edits.replace(end, end, before + text, before + short)

    def _blank(self, end: int) -> str:
        """What a comma or a bracket needs before it here: behind the colon of an empty value there
        must be a blank (YAML 1.2, section 7.3.3)."""
        return " " if self._edits.text.endswith(":", 0, end) else ""

    def scalar(self, value: Any, quote: str) -> str:
        """A scalar in these quotes."""
        return self._json.write(value) if self._json else scalar(value, quote, in_flow=True)

    def _written(self, slot: Slot, value: Any) -> str:
        if not self._json:
            return flow(value)
        one_line = not self._edits.has_break(slot.parent.start, slot.node.start)
        return self._json.write(value, self._edits.margin(slot.node.start), one_line)

    def _spacing(self, node: Node, spans: Sequence[tuple[int, int]]) -> tuple[str, str, bool]:
        """What parts the children, the margin of their lines, and whether they share one line."""
        first, last = spans[0][0], spans[-1][0]
        one_line = not self._edits.has_break(node.start, last)
        if len(spans) > 1:
            between = self._edits.text[spans[-2][1] : last]
        else:
            between = "" if one_line else "," + self._edits.text[node.start + 1 : first]
        if not _COMMA.fullmatch(between):
            between = self._json.comma if self._json else ", "
        return between, self._edits.margin(last), one_line


def _begins_after(node: Node, at: int) -> bool:
    """Whether it is a block collection, and its first child stands behind a place."""
    if node.column < 0:
        return False
    first = node.content[0]
    return bool((first if node.kind == SEQUENCE else first[0]).start > at)


def _inline(value: Any, slot: Slot) -> str:
    """For null nothing, but behind a dash nothing would be seen."""
    return inline(value) or ("" if slot.key is not None else " null")
