"""A document as a tree of nodes with their positions in the text."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from .scalars import MERGE
from .values import same

Kind = Literal["scalar", "sequence", "mapping", "alias"]
SCALAR: Final = "scalar"
SEQUENCE: Final = "sequence"
MAPPING: Final = "mapping"
ALIAS: Final = "alias"

# Deeper than any object of Kubernetes, far from the depth at which Python gives up.
DEEPEST: Final = 200
# Values that aliases may add to those that are written: a few lines can stand for billions.
_REPEATED: Final = 50_000
# Characters that an input may have fewer than its values need. Shorter ones may be of any kind.
_FIRST: Final = 90_000


class Node(Struct, gc=False):
    """A node and its content: the value of a scalar, the nodes of a sequence, the pairs of a
    mapping, or what an alias stands for.

    `start` and `end` are offsets in the text, without what follows the last value in it. `column`
    is that of a block collection's first key or dash, -1 in flow style. `size` counts values,
    those of aliases as often as they are used.
    """

    kind: Kind
    start: int
    end: int
    content: Any
    style: str = ""
    column: int = -1
    anchor: str | None = None
    tag: str | None = None
    size: int = 1


class Unreadable(ValueError):
    """A text that is no document: what is wrong, at which line of it (the first is 1)."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line


def too_many(size: int, written: int) -> bool:
    """Whether so many values are more than a document may make of what is written in it."""
    return size > 2 * written + _REPEATED


class Budget:
    """How many values an input may still hold, keys among them, as characters of its length. What
    has more is made to cost time and memory."""

    def __init__(self, length: int) -> None:
        self._left = length + _FIRST

    def most(self, densest: float) -> int:
        """How many of them, each of which needs so many characters."""
        return int(self._left / densest)

    def spend(self, values: int, densest: float) -> None:
        """Take so many out of it."""
        self._left -= int(values * densest)


def value_of(node: Node) -> Any:
    """What a node stands for, as JSON has it; places that share an anchor share nothing."""
    if node.kind == SCALAR:
        return node.content
    if node.kind == SEQUENCE:
        return [each.content if each.kind == SCALAR else value_of(each) for each in node.content]
    if node.kind == ALIAS:
        return value_of(node.content)
    return _mapping(node)


def _mapping(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {}
    merged: Node | None = None
    for key, value in node.content:
        if is_merge(key):
            merged = value
        else:
            found[key.content] = value.content if value.kind == SCALAR else value_of(value)
    if merged:
        for source in merge_sources(merged):
            for name, value in value_of(source).items():
                found.setdefault(name, value)
    return found


def stands_for(node: Node, value: Any, stubs: Mapping[str, Any]) -> bool:
    """Whether this is what a node stands for. A text among the stubs stands for its value."""
    if node.kind == SCALAR:
        content = node.content
        if type(content) is str and content in stubs:
            content = stubs[content]
        return content is value or same(content, value)
    if node.kind == ALIAS:
        return stands_for(node.content, value, stubs)
    if node.kind == SEQUENCE:
        return (
            isinstance(value, list)
            and len(value) == len(node.content)
            and all(stands_for(*each, stubs) for each in zip(node.content, value, strict=True))
        )
    entries = _entries(node)
    return (
        isinstance(value, dict)
        and value.keys() == entries.keys()
        and all(stands_for(each, value[name], stubs) for name, each in entries.items())
    )


def _entries(node: Node) -> dict[str, Node]:
    """The values of a mapping and of those that it merges, by their keys."""
    node = node.content if node.kind == ALIAS else node
    found: dict[str, Node] = {key.content: value for key, value in node.content}
    if MERGE in found:
        merged = [value for key, value in node.content if is_merge(key)]
        found = {key.content: value for key, value in node.content if not is_merge(key)}
        for source in merge_sources(merged[-1]) if merged else ():
            found = _entries(source) | found
    return found


def is_merge(key: Node) -> bool:
    """Whether this key takes over what is in other mappings."""
    return key.content == MERGE and not key.style and key.tag is None


def merge_sources(value: Node) -> Iterator[Node]:
    """The mappings under a merge key; those that come first win."""
    target = value.content if value.kind == ALIAS else value
    if target.kind == SEQUENCE:
        yield from target.content
    else:
        yield value


def aliases(root: Node) -> dict[tuple[str | int, ...], tuple[str | int, ...]]:
    """The path of each alias, and of what it stands for."""
    targets: dict[int, tuple[str | int, ...]] = {}
    found: dict[tuple[str | int, ...], tuple[str | int, ...]] = {}
    pending: list[tuple[Node, tuple[str | int, ...]]] = [(root, ())]
    while pending:
        node, path = pending.pop()
        if node.anchor:
            targets[id(node)] = path
        if node.kind == ALIAS:
            found[path] = targets[id(node.content)]
        elif node.kind == SEQUENCE:
            pending += reversed([(item, (*path, at)) for at, item in enumerate(node.content)])
        elif node.kind == MAPPING:
            pending += reversed([(value, (*path, key.content)) for key, value in node.content])
    return found
