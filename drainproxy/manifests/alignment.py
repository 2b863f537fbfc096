"""Matches the items of two lists: which stay, which are removed, which are new."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, Final

from .nodes import ALIAS, MAPPING, SCALAR, Node

# What tells the items of Kubernetes' lists apart, the first that an item has.
_NAMES: Final = ("name", "containerPort", "port", "mountPath", "key", "ip")
_MIDDLE: Final = 500

Pair = tuple[int | None, int | None]


def align(nodes: Sequence[Node], values: Sequence[Any]) -> list[Pair]:
    """Pairs of positions in the order of the lists, None where the other has no such item."""
    start, shorter = 0, min(len(nodes), len(values))
    while start < shorter and _names_node(nodes[start]) == _names_value(values[start]):
        start += 1
    head: list[Pair] = [(at, at) for at in range(start)]
    if start == len(nodes) == len(values):
        return head
    return [*head, *_rest(start, shorter, nodes, values)]


def _rest(start: int, shorter: int, nodes: Sequence[Node], values: Sequence[Any]) -> Iterator[Pair]:
    tail = 0
    while tail < shorter - start and (
        _names_node(nodes[-1 - tail]) == _names_value(values[-1 - tail])
    ):
        tail += 1
    old, new = range(start, len(nodes) - tail), range(start, len(values) - tail)
    yield from _middle(old, new, nodes, values)
    yield from zip(
        range(len(nodes) - tail, len(nodes)), range(len(values) - tail, len(values)), strict=True
    )


def _middle(old: range, new: range, nodes: Sequence[Node], values: Sequence[Any]) -> Iterator[Pair]:
    if len(old) == len(new) or max(len(old), len(new)) > _MIDDLE:
        yield from _side_by_side(old, new)
        return
    names = [_names_node(nodes[at]) for at in old], [_names_value(values[at]) for at in new]
    matcher = SequenceMatcher(None, *names, autojunk=False)
    for _, from_, to, other_from, other_to in matcher.get_opcodes():
        yield from _side_by_side(old[from_:to], new[other_from:other_to])


def _side_by_side(old: range, new: range) -> Iterator[Pair]:
    both = min(len(old), len(new))
    yield from zip(old[:both], new[:both], strict=True)
    yield from ((at, None) for at in old[both:])
    yield from ((None, at) for at in new[both:])


def _names_node(node: Node) -> Any:
    node = node.content if node.kind == ALIAS else node
    if node.kind == SCALAR:
        return type(node.content), node.content
    if node.kind != MAPPING:
        return None
    if node.content and node.content[0][0].content == _NAMES[0]:
        name = node.content[0][1]
        if name.kind == SCALAR:
            return _NAMES[0], name.content
    found = {key.content: value.content for key, value in node.content if value.kind == SCALAR}
    return _names(found)


def _names_value(value: Any) -> Any:
    if isinstance(value, dict):
        return _names(value)
    return (
        None if isinstance(value, list) else (str if isinstance(value, str) else type(value), value)
    )


def _names(entries: dict[str, Any]) -> Any:
    for name in _NAMES:
        if name in entries and not isinstance(entries[name], dict | list):
            return name, entries[name]
    return "a mapping"
