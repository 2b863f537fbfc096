"""Recognises YAML of which every line stands for itself, so that lines can be inserted between any
two without changing either.

Most manifests are written like that: keys, dashes, and values that end on their line, without
anchors, tags or tabs. A block scalar ends before the first line that is not indented as far, and so
does no harm to those around it.
"""

import re
import sys
from collections.abc import Iterator
from typing import Final

from .nodes import MAPPING, SCALAR, SEQUENCE, Node

_WORD: Final = r"[\w/.~$(<=+^;\\]"
_QUOTED: Final = r"""(?:"(?:[^"\\\s]|[ ]|\\[^\s])*+"|'(?:[^'\s]|[ ]|'')*+')"""
_NAME: Final = r"[\w.][\w./-]*+"
_KEY: Final = rf"{_NAME}:(?=[ \r\n]|\Z)"
# In brackets there is no quote but around the whole, so that none can begin inside.
_WORDS: Final = rf"""(?:{_WORD}|-[\w-])(?:[^\s,\[\]{{}}"'#:]|:(?=[\w/])|[ ](?=[\w/.$(-]))*+"""


def _flow(levels: int) -> str:
    """What stands in brackets or braces, which may hold others. It is YAML: they fit each other."""
    inner = rf"(?:{_QUOTED}|{_WORDS}" + (rf"|{_flow(levels - 1)})" if levels else ")")
    return rf"[\[{{][ ]*+(?:(?:{_NAME}:[ ]+)?{inner}[ ]*+(?:,[ ]*+|(?=[\]}}])))*+[\]}}]"


_PLAIN: Final = rf"(?:{_WORD}|-(?=[^\s]))(?:[^\s:]|:(?=[^\s])|[ ]++(?=[^\s#]))*+"
_VALUE: Final = rf"(?:{_QUOTED}|{_flow(4)}|{_PLAIN})"
_ENTRY: Final = rf"{_KEY}(?:[ ]++{_VALUE})?+"
_COMMENT: Final = "(?<![^\\s])#[^\n\r\x85\u2028\u2029]*+"
_DASHES: Final = rf"(?:-[ ]++)++(?:{_ENTRY}|{_VALUE})"
_LINE: Final = rf"[ ]*+(?:{_DASHES}|{_ENTRY}|-(?=[\r\n]|\Z))?+[ ]*+(?:{_COMMENT})?+"
_TEXT = re.compile(rf"(?:{_LINE}\r?\n)*+{_LINE}")


_BLOCK = re.compile(r"[|>]-?[ ]*\r?\n")

# Before, `*+` goes on in the middle of what has failed (python/cpython#100061).
POSSESSIVE_WORKS: Final = sys.version_info >= (3, 11, 5)


def is_plain(text: str) -> bool:
    """Whether each of its lines stands for itself, given that it is YAML. False may be said of any
    text: it is only looked at more closely then."""
    return POSSESSIVE_WORKS and _TEXT.fullmatch(text) is not None


def without_blocks(text: str, root: Node) -> str:
    """A text with a word in the place of every block scalar that ends with its last line, and is
    indented as that says itself (YAML 1.2, section 8.1.1)."""
    if not _BLOCK.search(text):
        return text
    parts, at = list[str](), 0
    for start, end in _blocks(root):
        if _BLOCK.match(text, start):
            parts += (text[at:start], "x")
            at = end
    return "".join((*parts, text[at:]))


def _blocks(node: Node) -> Iterator[tuple[int, int]]:
    """The places of the block scalars, in the order of the text."""
    if node.kind == SCALAR and node.style in ("|", ">"):
        yield node.start, node.end
    elif node.kind == SEQUENCE:
        for item in node.content:
            yield from _blocks(item)
    elif node.kind == MAPPING:
        for _, value in node.content:
            yield from _blocks(value)
