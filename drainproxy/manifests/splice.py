"""Edits a text so that it stands for another value, and leaves the rest as it is.

The nodes of the document are compared with the new value, in the order of the text. What differs is
replaced, inserted or removed in place: whole lines in block style, parts of a line in flow style
and JSON. An insertion begins where its predecessor ends, or its line does, and a removal takes away
exactly that, so that one undoes the other.

What a value does not tell of its text, such as `~` for null, an alias, or a comment inside, is
returned as notes. Given back with the reverse edit, they restore it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .alignment import align
from .edits import Edits
from .json_nodes import scan
from .layouts import BlockLayout, FlowLayout, Slot
from .nodes import (
    ALIAS,
    MAPPING,
    SCALAR,
    SEQUENCE,
    Node,
    Unreadable,
    is_merge,
    merge_sources,
    value_of,
)
from .notes import NONE, NOTHING, Noted, Notes, Trail, path_of
from .scalars import MERGE
from .values import same
from .writing import Block, JsonStyle, Style
from .yaml_nodes import HEADER, compose

# What may stand before a node: an anchor, a tag.
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_ALIAS = re.compile(r"\s*\*(\S+)")


class Splice:
    """The edits of one document.

    With `back` the text is taken back to what it was: nothing is noted, and paths are those of the
    text as it is. Without it they are those of the value. `is_read` as in `Edits`.
    """

    def __init__(
        self,
        text: str,
        style: Style | JsonStyle,
        back: Noted | None = None,
        is_read: bool = True,
    ) -> None:
        self.notes: Notes = {}
        self._edits = Edits(text, is_read)
        json, yaml = (style, Style()) if isinstance(style, JsonStyle) else (None, style)
        self._flow = FlowLayout(self._edits, json)
        self._block = BlockLayout(self._edits, Block(yaml))
        self._back = back
        self._read: Callable[[str], Node | None] = scan if json else compose
        # What the anchors stand for, as far as the text is done.
        self._anchors: dict[str, Any] = {}

    @property
    def stubs(self) -> Mapping[str, Any]:
        """What the stubs in the short text stand for."""
        return self._edits.stubs

    @property
    def is_whole(self) -> bool:
        """Whether nothing but whole lines and scalars was put in."""
        return self._edits.are_whole

    def run(self, root: Node, value: Any) -> tuple[str, str]:
        """The text, standing for this value, and the same with stubs for what was put in;
        Unreadable if it is written in a form too strange."""
        if root.kind == MAPPING and root.content and isinstance(value, dict) and value:
            self._change_content(Slot(root, None, root), value, None, self._back or NOTHING)
        elif not same(value_of(root), value):
            raise Unreadable("is no mapping that could be edited", 1)
        self._close(Slot(root, None, root), None)
        text = self._edits.result()
        return text, self._edits.short() if self._edits.is_read else text

    def _close(self, slot: Slot, trail: Trail) -> None:
        """A block scalar at the end of a text without a last line break has none either. When lines
        come to stand behind it, it must say so: `|-`."""
        node = slot.node
        while node.kind in (SEQUENCE, MAPPING) and node.content:
            last = len(node.content) - 1
            key, child = node.content[last] if node.kind == MAPPING else (None, node.content[last])
            slot, trail = Slot(child, key, node), (trail, key.content if key else last)
            node = child
        header = HEADER.match(self._edits.text, node.start)
        if header is None or node.style not in ("|", ">") or "-" in header[1]:
            return
        ends = node.end == len(self._edits.text)
        if ends and self._edits.append() and self._edits.leave(node.start, node.end):
            self._edits.replace(*header.span(1), header[1].replace("+", "") + "-")
            self._note_text(slot, trail)

    def _layout(self, parent: Node) -> BlockLayout | FlowLayout:
        return self._flow if parent.column < 0 else self._block

    def _change(self, slot: Slot, new: Any, trail: Trail, noted: Noted) -> None:
        """Make a node stand for a value."""
        node = slot.node
        if isinstance(noted.text, str) and self._stands_for(slot, noted.text, new):
            self._layout(slot.parent).put_back(slot, noted.text)
        elif node.kind == ALIAS:
            if not same(self._anchors.get(node.style, NONE), new):
                self._replace(slot, new, trail)
        else:
            if node.anchor:
                self._anchors[node.anchor] = new
            self._change_content(slot, new, trail, noted)

    def _change_content(self, slot: Slot, new: Any, trail: Trail, noted: Noted) -> None:
        node = slot.node
        if node.kind == SCALAR:
            if not same(node.content, new):
                self._change_scalar(slot, new, trail)
        elif node.kind == MAPPING and isinstance(new, dict) and node.content and new:
            self._change_mapping(slot, new, trail, noted)
        elif node.kind == SEQUENCE and isinstance(new, list) and node.content and new:
            self._change_sequence(slot, new, trail, noted)
        elif node.content or not same(value_of(node), new):
            self._replace(slot, new, trail)

    def _change_scalar(self, slot: Slot, new: Any, trail: Trail) -> None:
        """Where it stands, in its own quotes and behind its anchor, if it is in one line."""
        node, text, layout = slot.node, self._edits.text, self._layout(slot.parent)
        several = node.style in ("|", ">") or self._edits.has_break(node.start, node.end)
        is_scalar = not (node.content is None or new is None or isinstance(new, dict | list))
        if several or not is_scalar or node.tag is not None:
            self._replace(slot, new, trail)
            return
        match = _PROPERTIES.match(text, node.start)
        start = match.end() if match and node.anchor else node.start
        written = layout.scalar(new, node.style)
        quote = written[0] if written[0] in "'\"" else ""
        if layout.scalar(node.content, quote) != text[start : node.end]:
            self._note_text(slot, trail)
        edit = self._edits.replace if slot.parent.column < 0 else self._edits.replace_scalar
        edit(start, node.end, written)

    def _change_mapping(self, slot: Slot, new: dict[str, Any], trail: Trail, noted: Noted) -> None:
        own: set[str] = set()
        merged: dict[str, Any] = {}
        gone: set[int] = set()
        node = slot.node
        for at, (key, value) in enumerate(node.content):
            name = key.content
            if name == MERGE and is_merge(key):
                merged = self._merged(value, (trail, MERGE), noted.at(MERGE))
                if not merged.keys() <= new.keys():
                    gone.add(at)
                    merged = {}
                continue
            below = NOTHING if noted is NOTHING else noted.at(name)
            own.add(name)
            if name not in new or (
                merged and below.text is None and same(merged.get(name, NONE), new[name])
            ):
                gone.add(at)
            elif value.kind != SCALAR or value.anchor or below is not NOTHING:
                self._change(Slot(value, key, node), new[name], (trail, name), below)
            elif not (value.content is new[name] or same(value.content, new[name])):
                self._change_scalar(Slot(value, key, node), new[name], (trail, name))
        added: dict[str, Any] = {}
        if gone or merged or len(new) > len(own):
            added = {
                name: value
                for name, value in new.items()
                if name not in own and not same(merged.get(name, NONE), value)
            }
        for name in added.keys() & merged.keys():
            self._note((trail, name), None)
        if gone or added:
            self._edit_children(slot, new, trail, gone, added)

    def _edit_children(
        self,
        slot: Slot,
        new: dict[str, Any],
        trail: Trail,
        gone: set[int],
        added: Mapping[str, Any],
    ) -> None:
        node, layout = slot.node, self._layout(slot.node)
        if len(gone) == len(node.content):
            self._replace(slot, new, trail)
            return
        spans = [(key.start, value.end) for key, value in node.content]
        if gone:
            self._note_text(slot, trail)
            layout.remove(node, spans, gone)
        if added:
            end = max(end for at, (_, end) in enumerate(spans) if at not in gone)
            layout.add_entries(node, spans, end, added)

    def _merged(self, value: Node, trail: Trail, noted: Noted) -> dict[str, Any]:
        """What a merge key gives, now that the anchors may stand for something else."""
        found: list[Any] = []
        for source in merge_sources(value) if value.kind != ALIAS else [value]:
            if source.kind == ALIAS:
                final = self._anchors.get(source.style)
                found += final if isinstance(final, list) else [final]
            else:
                found.append(value_of(source))
                self._change(Slot(source, None, value), found[-1], trail, noted)
        merged: dict[str, Any] = {}
        for each in found:
            merged = (each if isinstance(each, dict) else {}) | merged
        return merged

    def _change_sequence(self, slot: Slot, new: list[Any], trail: Trail, noted: Noted) -> None:
        node, layout = slot.node, self._layout(slot.node)
        if noted is NOTHING and _are_scalars(node, new):
            return
        pairs = align(node.content, new)
        gone = {at for at, other in pairs if at is not None and other is None}
        if pairs[0][0] is None or len(gone) == len(node.content):
            self._replace(slot, new, trail)
            return
        spans = [(item.start, item.end) for item in node.content]
        if gone:
            self._note_text(slot, trail)
            layout.remove(node, spans, gone)
        last = 0
        for at, other in pairs:
            if other is None:
                continue
            if at is None:
                layout.add_item(node, spans, spans[last][1], new[other])
                continue
            last, item = at, node.content[at]
            step = other if self._back is None else at
            if item.kind != SCALAR or item.anchor or noted is not NOTHING:
                self._change(Slot(item, None, node), new[other], (trail, step), noted.at(step))
            elif not same(item.content, new[other]):
                self._change_scalar(Slot(item, None, node), new[other], (trail, step))

    def _replace(self, slot: Slot, new: Any, trail: Trail) -> None:
        if slot.node is slot.parent:
            raise Unreadable("has nothing left of the document", 1)
        layout = self._layout(slot.parent)
        if not layout.told(slot):
            self._note_text(slot, trail)
        layout.replace(slot, new)

    def _note_text(self, slot: Slot, trail: Trail) -> None:
        if self._back is None and slot.node is not slot.parent:
            self._note(trail, self._layout(slot.parent).text_of(slot))

    def _note(self, trail: Trail, text: str | None) -> None:
        if self._back is None:
            self.notes.setdefault(path_of(trail), text)

    def _stands_for(self, slot: Slot, text: str, value: Any) -> bool:
        """Whether a text that stood here once still stands for this value."""
        if match := _ALIAS.fullmatch(text):
            return same(self._anchors.get(match[1], NONE), value)
        header = HEADER.match(text.lstrip())
        if header and header[1].strip("+-"):
            return (
                True  # its indent is counted from where it stands; the result is read in any case
            )
        try:
            root = self._read(self._layout(slot.parent).alone(slot, text))
        except Unreadable:
            return "*" in text  # an alias of what is above; the result is read in any case
        if not same(value_of(root) if root else None, value):
            return False
        for each in _walk(root):
            if each.anchor:
                self._anchors[each.anchor] = value_of(each)
        return True


def _are_scalars(node: Node, values: list[Any]) -> bool:
    """Whether the items are these, and nothing but scalars without anchors."""
    if node.size != len(node.content) + 1 or len(values) != len(node.content):
        return False
    return all(
        item.kind == SCALAR and not item.anchor and same(item.content, value)
        for item, value in zip(node.content, values, strict=True)
    )


def _walk(node: Node | None) -> Iterator[Node]:
    if node is None:
        return
    yield node
    if node.kind == SEQUENCE:
        for item in node.content:
            yield from _walk(item)
    elif node.kind == MAPPING:
        for _, value in node.content:
            yield from _walk(value)
