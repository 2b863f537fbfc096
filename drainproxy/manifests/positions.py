"""Manifests with the line and column of everything in them: what is read, never written.

Documents become plain maps and lists that remember where each entry stands. The texts come from
anybody: nesting is bounded, and an alias is the thing itself, never a copy.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from drainproxy.config.yaml_text import yaml_problem

# Nothing in the API of Kubernetes comes near; parsers that recurse end here or in a crash.
_DEEPEST: Final = 100
# As many digits as any number of the API has.
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,18}\.[0-9]{0,18}|\.[0-9]{1,18})(?:[eE][-+]?[0-9]{1,3})?")
# YAML 1.1, as the readers of kubectl and Helm have it.
_WORDS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_MERGE: Final = "<<"
# RFC 8259, section 7: escapes that YAML does not have. One beyond the BMP is written as two.
_SLASH = re.compile(r"(?<!\\)((?:\\\\)*)\\/")
_PAIR = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


class Mark(NamedTuple):
    """A place in a text: line and column, both from one."""

    line: int
    column: int


class Map(dict[str, Any]):
    """A mapping that knows where it begins and where each of its keys stands."""

    __slots__ = ("marks", "start")

    def __init__(self, start: Mark) -> None:
        super().__init__()
        self.start = start
        self.marks: dict[str, Mark] = {}


class Seq(list[Any]):
    """A list that knows where it begins and where each of its items stands."""

    __slots__ = ("marks", "start")

    def __init__(self, start: Mark) -> None:
        super().__init__()
        self.start = start
        self.marks: list[Mark] = []


def read_positions(text: str) -> list[Any]:
    """The documents of a file, YAML or JSON, each with its positions.

    Raises ValueError, with the line, if it is neither.
    """
    import yaml  # who runs a sidecar reads no manifests

    try:
        return list(_documents(yaml.parse(text, Loader=_loader())))
    except yaml.YAMLError as error:
        if text.lstrip().startswith(("{", "[")) and (plain := _without_json_escapes(text)) != text:
            return read_positions(plain)
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(where + yaml_problem(error)) from None


def mark_of(root: Any, path: tuple[str | int, ...]) -> Mark:
    """Where the entry at this path stands, or the nearest one above it that is there."""
    node, found = root, getattr(root, "start", Mark(1, 1))
    for key in path:
        if isinstance(node, Map) and key in node:
            found, node = node.marks[str(key)], node[str(key)]
        elif isinstance(node, Seq) and isinstance(key, int) and key < len(node):
            found, node = node.marks[key], node[key]
        else:
            break
    return found


def _loader() -> Any:
    """libyaml's parser where PyYAML was built with it: ten times faster, the same events."""
    import yaml

    return getattr(yaml, "CLoader", yaml.Loader)


def _without_json_escapes(text: str) -> str:
    def joined(match: re.Match[str]) -> str:
        high, low = (int(half, 16) for half in match.groups())
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))

    return _PAIR.sub(joined, _SLASH.sub(r"\1/", text)).replace("\t", " ")


def _documents(events: Iterator[Any]) -> Iterator[Any]:
    import yaml

    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            yield _Composer(events).document()


class _Open(NamedTuple):
    """A collection that is being read, and the key that waits for its value."""

    node: Map | Seq
    keys: list[tuple[str, Mark]]
    merged: list[Any]


class _Composer:
    """Puts one document together from its events, without recursion."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._open: list[_Open] = []
        self._anchors: dict[str, Any] = {}
        self._root: Any = None

    def document(self) -> Any:
        import yaml

        for event in self._events:
            match event:
                case yaml.DocumentEndEvent():
                    break
                case yaml.ScalarEvent():
                    self._put(event, _scalar(event))
                case yaml.AliasEvent():
                    self._put(event, self._alias(event))
                case yaml.MappingStartEvent():
                    self._begin(event, Map(_mark(event)))
                case yaml.SequenceStartEvent():
                    self._begin(event, Seq(_mark(event)))
                case _:  # the end of a collection
                    self._end()
        return self._root

    def _begin(self, event: Any, node: Map | Seq) -> None:
        if len(self._open) >= _DEEPEST:
            raise ValueError(f"line {_mark(event).line}: is nested too deeply")
        self._put(event, node)
        self._open.append(_Open(node, [], []))

    def _end(self) -> None:
        closed = self._open.pop()
        for each in closed.merged:
            _merge(closed.node, each)

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise ValueError(f"line {_mark(event).line}: is an alias of nothing")
        value = self._anchors[event.anchor]
        if any(value is each.node for each in self._open):
            raise ValueError(f"line {_mark(event).line}: is an alias of what it stands in")
        return value

    def _put(self, event: Any, value: Any) -> None:
        """The value goes where the collection that is open wants it."""
        mark = _mark(event)
        if getattr(event, "anchor", None) and type(event).__name__ != "AliasEvent":
            self._anchors[event.anchor] = value
        if not self._open:
            self._root = value
            return
        node, keys, merged = self._open[-1]
        if isinstance(node, Seq):
            node.append(value)
            node.marks.append(mark)
        elif not keys:
            if isinstance(value, Map | Seq):
                raise ValueError(f"line {mark.line}: a key must be a text")
            keys.append((_key(event, value), mark))
        else:
            key, place = keys.pop()
            if key == _MERGE and isinstance(value, Map | Seq):
                merged.append(value)
            else:
                node[key], node.marks[key] = value, place


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _key(event: Any, value: Any) -> str:
    """A key as it is written: `on` is no boolean there."""
    return str(getattr(event, "value", value))


def _scalar(event: Any) -> Any:
    text = event.value
    if event.implicit[0]:
        return _resolved(text)
    return text if event.implicit[1] else _tagged(event.tag or "", text)


def _resolved(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _tagged(tag: str, text: str) -> Any:
    """Only the tags of numbers, booleans and null make something else of a text."""
    return _resolved(text) if tag.rpartition(":")[2] in ("int", "float", "bool", "null") else text


def _merge(node: Any, other: Any) -> None:
    """YAML's merge key: what is there already stays."""
    if isinstance(other, Seq):
        for each in other:
            _merge(node, each)
    elif isinstance(other, Map):
        for key in other.keys() - node.keys():
            node[key], node.marks[key] = other[key], other.marks[key]
