"""Edits of a pod that can be undone: what was added and what was there before is written down.

A path is a tuple of keys; an item of a list is chosen by one of its own values, `name=web`, or by
its place if it has none that is its own. In the record it is written as a JSON pointer (RFC 6901):
`/spec/containers/name=web/lifecycle`. It stays right when others add items to the same lists.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from msgspec import Struct

from drainproxy.manifests.podspec import Json

Path = tuple[str, ...]


class Record(Struct, omit_defaults=True):
    """What `undo` needs: pointers to what is new, to lists and maps that were made for it where
    there was nothing or null, and to what was changed, with what it was."""

    added: list[str] = []
    created: list[str] = []
    filled: list[str] = []
    changed: dict[str, Any] = {}


class Editor:
    """A copy of a pod, changed step by step.

    `pod` is the copy, `record` what undoes the steps, `patch` the steps as a JSON patch (RFC 6902).
    """

    def __init__(self, pod: Json) -> None:
        self.pod = deepcopy(pod)
        self.record = Record([], [], [], {})
        self.patch: list[Json] = []

    def put(self, path: Path, value: Any) -> None:
        """Set the value at a path; the maps on the way are made if they are missing."""
        parent, real = self._open(path[:-1], {})
        key = path[-1]
        if key in parent:
            self.record.changed.setdefault(pointer_of(path), _plain(parent[key]))
            value = _styled_as(parent[key], value)
        else:
            self.record.added.append(pointer_of(path))
        self._write(parent, key, (*real, key), value)

    def append(self, path: Path, item: Json, by: str = "name") -> None:
        """Add an item, which is known by one of its values, to the list at a path."""
        items, real = self._open(path, [])
        self.record.added.append(pointer_of((*path, f"{by}={item[by]}")))
        items.append(item)
        self._note("add", (*real, "-"), item)

    def rename(self, path: Path, old: str, new: str) -> None:
        """Give an item of the list at a path another name."""
        items, real = self._open(path, [])
        index = _find(items, f"name={old}")
        self.record.changed[pointer_of((*path, f"name={new}", "name"))] = _plain(old)
        name = _styled_as(items[index]["name"], new)
        self._write(items[index], "name", (*real, str(index), "name"), name)

    def put_unrecorded(self, path: Path, value: Any) -> None:
        """Set a value that is no part of the record: the record itself."""
        parent, real = self._open(path[:-1], {})
        self._write(parent, path[-1], (*real, path[-1]), value)

    def open(self, path: Path) -> None:
        """Make the map at a path if it is missing."""
        self._open(path, {})

    def _open(self, path: Path, empty: Any) -> tuple[Any, Path]:
        """What is at a path, and the path in numbers. `empty` is made of what is missing there."""
        node: Any = self.pod
        real: Path = ()
        for depth, step in enumerate(path, start=1):
            if isinstance(node, list):
                index = _find(node, step)
                node, real = node[index], (*real, str(index))
                continue
            if node.get(step) is None:
                self._create(node, path[:depth], real, {} if depth < len(path) else empty)
            node, real = node[step], (*real, step)
        return node, real

    def _create(self, parent: Json, path: Path, real: Path, empty: Any) -> None:
        made = self.record.filled if path[-1] in parent else self.record.created
        made.append(pointer_of(path))
        self._write(parent, path[-1], (*real, path[-1]), type(empty)())

    def _write(self, parent: Json, key: str, real: Path, value: Any) -> None:
        operation = "replace" if key in parent else "add"
        parent[key] = value
        self._note(operation, real, value)

    def _note(self, operation: str, real: Path, value: Any) -> None:
        self.patch.append({"op": operation, "path": pointer_of(real), "value": deepcopy(value)})


def undo(pod: Json, record: Record) -> Json:
    """A copy of the pod as it was before. What somebody has removed since then is not missed, and
    what others have put into a list that we made stays."""
    pod = deepcopy(pod)
    for pointer in reversed(record.added):
        for parent, key in _look_up(pod, pointer):
            del parent[key]
    for pointer in reversed(record.created):
        for parent, key in _look_up(pod, pointer):
            if not parent[key]:
                del parent[key]
    for pointer in record.filled:
        for parent, key in _look_up(pod, pointer):
            parent[key] = parent[key] or None
    # Backwards: by an anchor in YAML two paths may lead to the same place.
    for pointer, was in reversed(record.changed.items()):
        for parent, key in _look_up(pod, pointer):
            parent[key] = _styled_as(parent[key], was)
    return pod


def _look_up(pod: Json, pointer: str) -> Iterator[tuple[Any, Any]]:
    """The parent and the key of what a pointer leads to, if it is there."""
    node: Any = pod
    parent: Any = None
    key: Any = None
    for step in steps_of(pointer):
        parent, key = node, step
        if isinstance(node, list):
            key = next((at for at, item in enumerate(node) if _is(at, item, step)), None)
            if key is None:
                return
        elif not isinstance(node, dict) or step not in node:
            return
        node = node[key]
    if parent is not None:
        yield parent, key


def _find(items: list[Any], step: str) -> int:
    return next(at for at, item in enumerate(items) if _is(at, item, step))


def _is(at: int, item: Any, step: str) -> bool:
    key, equals, text = step.partition("=")
    if not equals:
        return step == str(at)
    return isinstance(item, dict) and str(item.get(key)) == text


def pointer_of(path: Path) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)


def steps_of(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _plain(value: Any) -> Any:
    """A value without the way it was written in a file."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    return int(value) if type(value) is not bool and isinstance(value, int) else value


def _styled_as(old: Any, value: Any) -> Any:
    """A text, quoted as the one in whose place it comes."""
    both_texts = isinstance(old, str) and isinstance(value, str)
    return type(old)(value) if both_texts and type(value) is str else value
