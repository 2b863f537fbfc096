"""Files of manifests, YAML and JSON: texts to documents and back.

A document that is not changed keeps its text byte for byte. Of one that is changed only the text of
what differs is written anew.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

from msgspec import Struct

from . import json_nodes, yaml_nodes
from .nodes import Node, Unreadable, value_of
from .notes import Notes, tree
from .podspec import Json
from .splice import Splice
from .values import same
from .writing import Block, Quoted, Style, json_style_of, style_of

# YAML 1.2, sections 9.1.2 and 9.1.3: at the start of a line this is nothing else, not even in a
# block of text. Directives stand before it.
_MARKER = re.compile(
    r"^(?:%[^\n]*\n){0,20}---(?=[ \t\r\n]|\Z)[ \t]*(?:#[^\n]*)?\r?\n?", re.MULTILINE
)
_NOTHING = re.compile(r"(?:\s|#[^\n]*(?:\n|\Z))*")
_BYTE_ORDER_MARK: Final = "\N{BYTE ORDER MARK}"


class Document(Struct):
    """One document. `data` may be changed; `changed` then says so.

    `line` is the one of its file after which its text begins, `root` what is written in it.
    """

    marker: str
    text: str
    data: Any
    is_json: bool = False
    changed: bool = False
    line: int = 0
    root: Node | None = None

    def render(self) -> str:
        """Its text; ValueError, with the line, if it is written too strangely to be changed."""
        return self.marker + (edited(self).text if self.changed else self.text)

    def original(self) -> Any:
        """What its text stands for."""
        return value_of(self.root) if self.root else None


def parse(text: str) -> list[Document]:
    """The documents of a file; ValueError, with the line, if it is neither YAML nor JSON."""
    mark = text[:1] if text.startswith(_BYTE_ORDER_MARK) else ""
    pieces = [*_pieces(text[len(mark) :])]
    documents = []
    for number, (line, marker, body) in enumerate(pieces, start=1):
        where = f" (document {number})" if len(pieces) > 1 else ""
        documents.append(_read(marker, body, line, where))
    documents[0].marker = mark + documents[0].marker
    return documents


def edited(document: Document, notes: Notes | None = None) -> "Edited":
    """The document with its data written into its text. With `notes` it is one that was edited
    before and is taken back to what it was.

    ValueError, with the line, if it is written too strangely for that.
    """
    if document.root is None:
        return Edited("\n".join(Block(Style()).content(document.data, 0)) + "\n", {})
    before = _directives(document.marker)
    splice = Splice(
        before + document.text,
        json_style_of(document.root, document.text)
        if document.is_json
        else style_of(document.root),
        yaml_nodes.compose,
        None if notes is None else tree(notes),
    )
    try:
        text = splice.run(document.root, document.data)[len(before) :]
    except Unreadable as error:
        line = document.line - before.count("\n") + error.line
        raise ValueError(f"line {line}: {error}") from None
    return Edited(text, splice.notes)


class Edited(Struct, frozen=True):
    """A text after an edit, and what of the text before it the values do not tell."""

    text: str
    notes: Notes


def reread(document: Document, text: str) -> Document:
    """A document with another text, which must stand for the same data; ValueError if not."""
    again = _read(document.marker, text, document.line, "")
    if not same(again.data, document.data):
        raise ValueError(f"line {document.line + 1}: it is written in a form that is not edited")
    return again


def render(files: Collection[list[Document]]) -> str:
    """All files as one stream."""
    parts: list[str] = []
    for documents in files:
        for at, document in enumerate(documents):
            text = document.render()
            if parts and at == 0:
                parts += _between(parts[-1], document)
                text = text.removeprefix(_BYTE_ORDER_MARK)
            if text:
                parts.append(text)
    return "".join(parts)


def restyle(pod: Json, annotations: Collection[str] = ()) -> None:
    """The values of these annotations are always written in quotes."""
    held = (pod.get("metadata") or {}).get("annotations") or {}
    for key in annotations:
        held[key] = Quoted(held[key])


def _pieces(text: str) -> Iterator[tuple[int, str, str]]:
    """The line in which each document begins, its marker, and the rest of its text."""
    starts = [match.span() for match in _MARKER.finditer(text)]
    if not starts or starts[0][0] > 0:
        starts.insert(0, (0, 0))
    ends = [*(start for start, _ in starts[1:]), len(text)]
    line = counted = 0
    for (start, body), end in zip(starts, ends, strict=True):
        line += text.count("\n", counted, body)
        counted = body
        yield line, text[start:body], text[body:end]


def _read(marker: str, body: str, line: int, where: str) -> Document:
    if _NOTHING.fullmatch(body):
        return Document(marker, body, None, line=line)
    before = _directives(marker)
    root, is_json = _json(body)
    try:
        root = root or yaml_nodes.compose(before + body)
    except Unreadable as error:
        at = line - before.count("\n") + error.line
        raise ValueError(f"line {at}{where}: {error}") from None
    data = value_of(root) if root else None
    return Document(marker, body, data, is_json, line=line, root=root)


def _json(body: str) -> tuple[Node | None, bool]:
    if not body.lstrip().startswith(("{", "[")):
        return None, False
    try:
        return json_nodes.scan(body), True
    except Unreadable:
        return None, False  # YAML has braces too


def _directives(marker: str) -> str:
    """What must be read before the document for its tags to be known."""
    return marker.removeprefix(_BYTE_ORDER_MARK) if "%" in marker else ""


def _between(before: str, document: Document) -> Iterator[str]:
    """What parts a file from the one before it."""
    if not before.endswith("\n"):
        yield "\n"
    marker = document.marker.removeprefix(_BYTE_ORDER_MARK)
    if marker.startswith("%"):
        yield "...\n"
    elif not marker and document.data is not None:
        yield "---\n"
