"""Files of manifests, YAML and JSON: texts to documents and back.

A document that is not changed keeps its text byte for byte. One that is changed keeps its comments,
quotes and the order of its keys. Documents that hold nothing are dropped, their comments stay.
"""

import json
import re
from collections.abc import Collection, Iterator
from io import StringIO
from typing import Any, Final

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from drainproxy.config.yaml_text import yaml_problem

from .podspec import Json

# YAML 1.2, sections 9.1.2 and 9.1.3: at the start of a line this is nothing else, not even in a
# block of text. Directives stand before it.
_MARKER = re.compile(r"^(?:%[^\n]*\n)*---(?=[ \t\r\n]|\Z)[ \t]*(?:#[^\n]*)?\r?\n?", re.MULTILINE)
# A key with a list, or a map, under it: the indents of both. The key may itself begin an item.
_KEY = r"^((?: |- )*)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n(?:[ \t]*(?:#[^\n]*)?\n)*"
_LIST = re.compile(_KEY + r"( *)- ", re.MULTILINE)
_MAP = re.compile(_KEY + r"( +)[^\s#-]", re.MULTILINE)

# Written without quotes, every YAML reader takes these as texts. The readers of version 1.1, which
# kubectl has, see more booleans and numbers than the one that writes here.
_PLAIN = re.compile(r"(?:--)?[A-Za-z/][\w./=:@-]*|[0-9]+(?:m|[KMGT]i)")
_WORDS: Final = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

_NO_WRAPPING: Final = 1 << 30


class Document(Struct):
    """One document. `data` may be changed; `changed` then says so."""

    marker: str
    text: str
    data: Any
    is_json: bool = False
    changed: bool = False

    def render(self) -> str:
        """Its text."""
        if self.data is None:
            return self.text
        return self.marker + (self._written() if self.changed else self.text)

    def _written(self) -> str:
        text = _as_json(self) if self.is_json else _as_yaml(self)
        return text.replace("\n", "\r\n") if "\r\n" in self.text else text


def parse(text: str) -> list[Document]:
    """The documents of a file; ValueError, with the line, if it is neither YAML nor JSON."""
    documents = []
    for line, marker, body in _pieces(text.removeprefix("\N{BYTE ORDER MARK}")):
        data, is_json = _read(body.replace("\r\n", "\n"), line)
        documents.append(Document(marker, body, data, is_json))
    return documents


def render(files: Collection[list[Document]]) -> str:
    """All files as one stream."""
    text = ""
    for documents in files:
        for document in documents:
            if text and not text.endswith("\n"):
                text += "\n"
            if text.strip() and document.data is not None and not document.marker:
                text += "---\n"
            text += document.render()
    return text


def restyle(pod: Json, annotations: Collection[str] = ()) -> None:
    """Make what was put into a pod from a YAML file look like the rest of it.

    The values of `annotations` are always quoted.
    """
    _adopt(pod)
    held = (pod.get("metadata") or {}).get("annotations") or {}
    if isinstance(held, CommentedMap) and set(held) <= set(annotations):
        held.fa.set_block_style()
    for key in annotations:
        held[key] = DoubleQuotedScalarString(held[key])


def _pieces(text: str) -> Iterator[tuple[int, str, str]]:
    """The line in which each document begins, its marker, and the rest of its text."""
    starts = [match.span() for match in _MARKER.finditer(text)]
    if not starts or starts[0][0] > 0:
        starts.insert(0, (0, 0))
    ends = [*(start for start, _ in starts[1:]), len(text)]
    for (start, body), end in zip(starts, ends, strict=True):
        yield text.count("\n", 0, body), text[start:body], text[body:end]


def _read(body: str, line: int) -> tuple[Any, bool]:
    if body.lstrip().startswith(("{", "[")):
        try:
            return json.loads(body), True
        except ValueError:
            pass  # YAML has braces too
    try:
        return _yaml(body).load(body), False
    except Exception as error:  # ruamel raises more than its own errors on hostile text
        mark = getattr(error, "problem_mark", None)
        at = line + 1 + (mark.line if mark else 0)
        raise ValueError(f"line {at}: {yaml_problem(error)}") from None


def _yaml(text: str) -> YAML:
    """A reader and writer that keeps what it reads, in the style of this text."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _NO_WRAPPING
    offset = _step(_LIST, text, 0)
    yaml.indent(mapping=_step(_MAP, text, 2), sequence=offset + 2, offset=offset)
    return yaml


def _step(pattern: re.Pattern[str], text: str, default: int) -> int:
    match = pattern.search(text)
    return max(len(match[2]) - len(match[1]), 0) if match else default


def _as_yaml(document: Document) -> str:
    out = StringIO()
    _yaml(document.text.replace("\r\n", "\n")).dump(document.data, out)
    return out.getvalue()


def _as_json(document: Document) -> str:
    match = re.search(r"\n([ \t]+)", document.text)
    indent = match[1] if match else None
    return json.dumps(document.data, indent=indent, ensure_ascii=False) + "\n"


def _adopt(node: Any) -> None:
    """Wherever a plain map or list stands, somebody has put it: it becomes one of the file's."""
    if isinstance(node, CommentedSeq) and node and all(type(item) is dict for item in node):
        node.fa.set_block_style()
    for key, value in list(_entries(node)):
        if type(value) in (dict, list):
            node[key] = _adopted(value)
        else:
            _adopt(value)


def _entries(node: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(node, CommentedMap):
        yield from node.items()
    elif isinstance(node, CommentedSeq):
        yield from enumerate(node)


def _adopted(value: Any) -> Any:
    if isinstance(value, dict):
        return CommentedMap((key, _adopted(item)) for key, item in value.items())
    if isinstance(value, list):
        return CommentedSeq(_adopted(item) for item in value)
    if isinstance(value, str) and not _is_plain(value):
        return DoubleQuotedScalarString(value)
    return value


def _is_plain(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text)) and text.lower() not in _WORDS
