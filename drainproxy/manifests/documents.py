"""Files of manifests, YAML and JSON: text to documents and back.

A document that is not changed keeps its text byte for byte. In a changed one only the text of what
differs is rewritten.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice, pairwise
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from . import json_nodes, yaml_nodes
from .nodes import Budget, Node, Unreadable, stands_for, value_of
from .notes import Notes, tree
from .plain import is_plain, without_blocks
from .podspec import Json
from .scalars import number_of
from .splice import Splice
from .values import same
from .writing import Block, Quoted, Style, json_style_of, style_of

# YAML 1.2, sections 9.1.2 and 9.1.3: at the start of a line this is nothing else, not even in a
# block of text. Directives stand before it, and after it a byte order mark may (5.2), as in files
# that were joined.
_MARKER = re.compile(
    r"^(?:%[^\n]*\n){0,20}---(?=[ \t\r\n]|\Z)[ \t]*(?:#[^\n]*)?(?:\r?\n\ufeff?|\r?)",
    re.MULTILINE,
)
# Blanks and comments, which the end of a document may follow (section 9.1.2 too).
_NOTHING = re.compile(r"\s*+(?:(?:#[^\n]*(?:\n|\Z)|^\.\.\.(?=\s|\Z))\s*+)*", re.MULTILINE)
_CLOSED = re.compile(r"(?:\s*+(?:#[^\n]*\n\s*+)*^\.\.\.[ \t]*(?:#[^\n]*)?\r?\n)+", re.MULTILINE)
_ENDS = re.compile(r"^(?:\.\.\.[ \t]*(?:#[^\n]*)?\r?(?:\n\s*|\Z))+", re.MULTILINE)
_BLANKS = re.compile(r"[ \t\r\n]*")
# Characters of a document with an object in it, and of one in which there may be none, beyond a
# first lot of documents.
_SHORTEST: Final = 80
_EMPTY: Final = 16
_MANY: Final = 10_000
# The line in which a document begins, its marker, and the rest of its text.
_Piece = tuple[int, str, str]
_BYTE_ORDER_MARK: Final = "\N{BYTE ORDER MARK}"


class Document(Struct):
    """One document. `data` may be changed; `changed` then says so.

    `line` is the one of its file after which its text begins, `number` its place among several from
    1, `root` what is written in it, if that is known already.
    """

    marker: str
    text: str
    data: Any
    is_json: bool = False
    changed: bool = False
    line: int = 0
    number: int = 0
    root: Node | None = None

    def render(self) -> str:
        """Its text; ValueError, with the line, if it is written too strangely to be changed."""
        return self.marker + (edited(self).text if self.changed else self.text)

    def nodes(self) -> Node | None:
        """What is written in its text; None if it has none."""
        if self.root is None and self.text and self.data is not None:
            self.root = _compose(self)
        return self.root

    def original(self) -> Any:
        """What its text stands for."""
        root = self.nodes()
        return value_of(root) if root else None


def parse(text: str) -> list[Document]:
    """The documents of a file; ValueError, with the line, if it is neither YAML nor JSON."""
    return [*each_document(text, Budget(len(text)))]


def each_document(text: str, budget: Budget) -> Iterator[Document]:
    """The same one by one, so that who finds that they are too many reads no more of them.
    `budget`: of the input that the file is a part of."""
    mark = text[:1] if text.startswith(_BYTE_ORDER_MARK) else ""
    pieces = _no_more_than(len(text) // _EMPTY + _MANY, _pieces(text[len(mark) :]))
    left = max(len(text) // _SHORTEST, _MANY)
    for number, (line, marker, body) in enumerate(pieces, start=1):
        number = number if len(pieces) > 1 else 0
        document = _read(Document(mark + marker, body, None, line=line, number=number), budget)
        mark = ""
        left -= document.data is not None
        if left < 0:
            raise _too_many(line)
        yield document


def _no_more_than(most: int, pieces: Iterator[_Piece]) -> list[_Piece]:
    found = [*islice(pieces, most + 1)]
    if len(found) > most:
        raise _too_many(found[-1][0])
    return found


def _too_many(line: int) -> ValueError:
    return ValueError(f"line {line + 1}: it holds more documents than any of its length")


def edited(document: Document, notes: Notes | None = None) -> "Edited":
    """The document with its data written into its text. With `notes` it is one that was edited
    before and is taken back to what it was.

    ValueError, with the line, if it is written too strangely for that.
    """
    root = document.nodes()
    if root is None:
        text = "\n".join(Block(Style()).content(document.data, 0)) + "\n"
        return Edited(text, {}, text)
    before = _before(document)
    style = json_style_of(root, document.text) if document.is_json else style_of(root)
    back = None if notes is None else tree(notes)
    # Without brackets it is block style, where most edits put in whole lines, and nothing is read.
    has_flow = not document.is_json and ("{" in document.text or "[" in document.text)
    splice, text, short = _spliced(document, Splice(before + document.text, style, back, has_flow))
    is_whole = splice.is_whole and not before
    if document.is_json or (is_whole and is_plain(without_blocks(document.text, root))):
        return Edited(text, splice.notes)
    if not has_flow:
        splice, text, short = _spliced(document, Splice(before + document.text, style, back))
    return Edited(text[len(before) :], splice.notes, short[len(before) :], splice.stubs)


def _spliced(document: Document, splice: Splice) -> tuple[Splice, str, str]:
    root = document.nodes()
    assert root is not None, "there is something to edit"
    try:
        return splice, *splice.run(root, document.data)
    except Unreadable as error:
        raise _at_line(document, error) from None


class Edited(Struct, frozen=True):
    """A text after an edit, and what of the text before it the values do not tell; the same text
    with `stubs` for what was put in, which is long.

    There is no such text for JSON, which is read fast, nor where nothing is to be proven: whole
    lines came to stand between lines of which each stands for itself.
    """

    text: str
    notes: Notes
    short: str | None = None
    stubs: Mapping[str, Any] = {}


def proven(document: Document, edit: Edited) -> Document:
    """A document with the text of its edit, which must stand for its data; ValueError if not.

    What was put in stands for itself: it is written by rule. What the text around makes of it is
    read again, where that is not sure.
    """
    if document.is_json:
        read = json.loads(edit.text, parse_float=number_of)
        if _sorted(read) != _sorted(document.data):
            raise _strange(document)
    if edit.short is None:
        return replace(document, text=edit.text, changed=False, root=None)
    short = replace(document, text=edit.short, root=None)
    root = None if _NOTHING.fullmatch(edit.short) else _compose(short)
    if root is None or not stands_for(root, document.data, edit.stubs):
        raise _strange(document)
    return replace(document, text=edit.text, changed=False, root=None)


def _sorted(value: Any) -> str:
    """The same for what is the same in JSON."""
    return json_nodes.whole(json.dumps(value, sort_keys=True, ensure_ascii=False))


def reread(document: Document, text: str) -> Document:
    """A document with another text, which must stand for the same data; ValueError if not."""
    again = Document(document.marker, text, None, line=document.line, number=document.number)
    again = _read(again, Budget(len(text)))
    if not same(again.data, document.data):
        raise _strange(document)
    return again


def render(files: Collection[list[Document]]) -> str:
    """All files as one stream."""
    return "".join(rendered(files))


def rendered(files: Collection[list[Document]]) -> list[str]:
    """The same in pieces, which together may take more memory: one character of a script that
    needs four bytes makes all others need as many."""
    parts: list[str] = []
    is_open = False
    for documents in files:
        is_behind = bool(parts)
        for at, document in enumerate(documents):
            text = document.render()
            if is_behind and at == 1 and _is_bare(documents):
                parts.append("---\n")
            if is_behind and at == 0:
                parts += _between(parts[-1], document, is_open)
                text = text.removeprefix(_BYTE_ORDER_MARK)
            if text:
                parts.append(text)
                is_open = bool(document.marker) and document.data is None and not _is_closed(text)
    return parts


def _is_bare(documents: list[Document]) -> bool:
    """Whether a file begins with the end of a document (`...`), and then with one that has no
    marker: libyaml takes that at the beginning of a text, and nowhere else."""
    markers = documents[0].marker.removeprefix(_BYTE_ORDER_MARK) + documents[1].marker
    return documents[0].data is None and not markers


def _is_closed(text: str) -> bool:
    return re.search(r"^\.\.\.", text, re.MULTILINE) is not None


def restyle(pod: Json, annotations: Collection[str] = ()) -> None:
    """The values of these annotations are always written in quotes."""
    held = (pod.get("metadata") or {}).get("annotations") or {}
    for key in annotations:
        held[key] = Quoted(held[key])


def _pieces(text: str) -> Iterator[_Piece]:
    """The documents as they stand in a file."""
    starts = [match.span() for match in _MARKER.finditer(text)]
    if not starts or starts[0][0] > 0:
        starts.insert(0, (0, 0))
    ends = [*(start for start, _ in starts[1:]), len(text)]
    line = counted = 0
    for (start, body), end in zip(starts, ends, strict=True):
        marker = text[start:body]
        for each in _without_markers(text[body:end]):
            line += text.count("\n", counted, body)
            counted = body
            yield line, marker, each
            body += len(each)
            marker = ""


def _without_markers(body: str) -> list[str]:
    """The texts of documents that no marker parts; most often it is one."""
    closed = _CLOSED.match(body)
    if closed and not _NOTHING.fullmatch(body, closed.end()):
        return [closed[0], *_objects_in_a_row(body[closed.end() :])]
    return _objects_in_a_row(body)


def _objects_in_a_row(body: str) -> list[str]:
    """Objects of JSON as jq prints them and kubectl reads them; anything else is one text."""
    if not body.lstrip().startswith("{"):
        return [body]
    decoder, ends, at = json.JSONDecoder(), [0], 0
    try:
        while at < len(body):
            if at and _ENDS.fullmatch(body, at):  # the end of a stream of JSON, which has no sign
                ends.append(len(body))
                break
            _, at = decoder.raw_decode(body, _after_blanks(body, at))
            at = _after_blanks(body, at)
            ends.append(at)
    except (ValueError, RecursionError):
        return [body]
    return [body[start:end] for start, end in pairwise(ends)]


def _after_blanks(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match else at


def _read(document: Document, budget: Budget) -> Document:
    if not _NOTHING.fullmatch(document.text):
        document.is_json = _is_json(document.text)
        document.root = _compose(document, budget)
        document.data = value_of(document.root) if document.root else None
    return document


def _compose(document: Document, budget: Budget | None = None) -> Node | None:
    try:
        if document.is_json:
            return json_nodes.scan(document.text, budget)
        return yaml_nodes.compose(_before(document) + document.text, budget)
    except Unreadable as error:
        raise _at_line(document, error) from None


def _at_line(document: Document, error: Unreadable) -> ValueError:
    line = document.line - _before(document).count("\n") + error.line
    number = f" (document {document.number})" if document.number else ""
    return ValueError(f"line {line}{number}: {error}")


def _strange(document: Document) -> ValueError:
    problem = "it is written in a form that is not edited: write it in block style, or as JSON"
    return ValueError(f"line {document.line + 1}: {problem}")


def _is_json(body: str) -> bool:
    if not body.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False  # YAML has braces too
    return True


def _before(document: Document) -> str:
    """The directives without which a document's tags are not known."""
    has_some = "%" in document.marker and not document.is_json
    return document.marker.replace(_BYTE_ORDER_MARK, "") if has_some else ""


def _between(before: str, document: Document, is_open: bool) -> Iterator[str]:
    """What parts a file from the one before it, whose last document may have begun already."""
    if not before.endswith("\n"):
        yield "\n"
    marker = document.marker.removeprefix(_BYTE_ORDER_MARK)
    if marker.startswith("%"):
        yield "...\n"
    elif not (marker or is_open) and document.data is not None:
        yield "---\n"
