"""Edits of a pod that can be undone: the record holds what was added and what was there before.

A path is a tuple of keys; an item of a list is chosen by one of its own values, `name=web`, or by
its index if no value identifies it. In the record a path is a JSON pointer (RFC 6901):
`/spec/containers/name=web/lifecycle`. It stays valid when others add items to the same lists.
"""

from functools import lru_cache
from typing import Any, Final, NamedTuple

from msgspec import Struct

from drainproxy.manifests.podspec import Json
from drainproxy.manifests.values import copied

from .list_index import ListIndex

Path = tuple[str, ...]

_KINDS: Final[dict[type, str]] = {dict: "a mapping", list: "a list"}
# In the place of an item that is taken out of a list, until the others have been found.
_GONE: Final = object()


class UndoRecord(Struct, omit_defaults=True):
    """What `undo` needs: pointers to what is new, to lists and maps that were made for it where
    there was nothing or null, and to what was changed, with what it was."""

    added: list[str] = []
    created: list[str] = []
    filled: list[str] = []
    changed: dict[str, Any] = {}


class Editor:
    """A copy of a pod, changed step by step.

    `pod` is the copy, `record` what undoes the steps, `patch` the steps as a JSON patch (RFC 6902).
    What is put in belongs to both: it is not changed afterwards.
    Every step raises ValueError if what is on its way is no mapping and no list.
    """

    def __init__(self, pod: Json) -> None:
        self.pod = copied(pod)
        self.record = UndoRecord([], [], [], {})
        self.patch: list[Json] = []
        self._items = ListIndex()

    def put(self, path: Path, value: Any) -> None:
        """Set the value at a path; the maps on the way are made if they are missing."""
        parent, real = self._open(path[:-1], {})
        key = path[-1]
        if key in parent:
            self.record.changed.setdefault(pointer_of(path), parent[key])
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
        index = self._find(items, f"name={old}", path)
        self.record.changed[pointer_of((*path, f"name={new}", "name"))] = old
        self._items.changed(items, index, "name", old, new)
        self._write(items[index], "name", (*real, str(index), "name"), new)

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
                index = self._find(node, step, path[: depth - 1])
                node, real = node[index], (*real, str(index))
                continue
            _expect(dict, node, path[: depth - 1])
            if node.get(step) is None:
                self._create(node, path[:depth], real, {} if depth < len(path) else empty)
            node, real = node[step], (*real, step)
        _expect(type(empty), node, path)
        return node, real

    def _find(self, items: list[Any], step: str, path: Path) -> int:
        index = self._items.find(items, step)
        if index is None:
            raise ValueError(f"is no pod: {pointer_of(path)} has no item with {step}")
        return index

    def _create(self, parent: Json, path: Path, real: Path, empty: Any) -> None:
        made = self.record.filled if path[-1] in parent else self.record.created
        made.append(pointer_of(path))
        self._write(parent, path[-1], (*real, path[-1]), type(empty)())
        self.patch[-1]["value"] = type(empty)()  # the other is filled

    def _write(self, parent: Json, key: str, real: Path, value: Any) -> None:
        operation = "replace" if key in parent else "add"
        parent[key] = value
        self._note(operation, real, value)

    def _note(self, operation: str, real: Path, value: Any) -> None:
        self.patch.append({"op": operation, "path": pointer_of(real), "value": value})


def undo(pod: Json, record: UndoRecord) -> Json:
    """A copy of the pod as it was before. What somebody has removed since then hinders nothing, and
    what others have put into a list that we made stays."""
    undoing = _Undoing(copied(pod))
    for pointer in reversed(record.added):
        undoing.remove(pointer)
    undoing.sweep()
    for pointer in reversed(record.created):
        undoing.remove(pointer, only_if_empty=True)
    undoing.sweep()
    for pointer in record.filled:
        undoing.empty(pointer)
    for pointer, was in reversed(record.changed.items()):
        undoing.restore(pointer, was)
    return undoing.pod


class _Place(NamedTuple):
    """A key in a map, or an index in a list; `item` is the map's own place if it is an item."""

    parent: Any
    key: Any
    item: tuple[list[Any], int] | None


class _Undoing:
    """Steps back. Lists keep their length until `sweep`, so that their items stay found."""

    def __init__(self, pod: Json) -> None:
        self.pod = pod
        self._items = ListIndex()
        self._holed: dict[int, list[Any]] = {}

    def remove(self, pointer: str, only_if_empty: bool = False) -> None:
        place = self._look_up(pointer)
        if place is None or (only_if_empty and place.parent[place.key]):
            return
        if isinstance(place.parent, list):
            place.parent[place.key] = _GONE
            self._holed[id(place.parent)] = place.parent
        else:
            del place.parent[place.key]

    def sweep(self) -> None:
        for items in self._holed.values():
            items[:] = [item for item in items if item is not _GONE]
        self._holed.clear()
        self._items = ListIndex()

    def empty(self, pointer: str) -> None:
        if place := self._look_up(pointer):
            place.parent[place.key] = place.parent[place.key] or None

    def restore(self, pointer: str, was: Any) -> None:
        if place := self._look_up(pointer):
            if place.item:
                items, index = place.item
                now = place.parent[place.key]
                self._items.changed(items, index, place.key, now, was)
            place.parent[place.key] = was

    def _look_up(self, pointer: str) -> _Place | None:
        """The place to which a pointer leads, if it is there."""
        place = _Place({"": self.pod}, "", None)
        for step in steps_of(pointer):
            node = place.parent[place.key]
            if isinstance(node, list):
                index = self._items.find(node, step)
                if index is None or node[index] is _GONE:
                    return None
                place = _Place(node, index, None)
            elif isinstance(node, dict) and step in node:
                in_list = isinstance(place.parent, list)
                place = _Place(node, step, (place.parent, place.key) if in_list else None)
            else:
                return None
        return place if place.parent is not None and steps_of(pointer) else None


def _expect(kind: type, value: Any, path: Path) -> None:
    if not isinstance(value, kind):
        what = pointer_of(path) or "the whole"
        raise ValueError(f"is no pod: {what} must be {_KINDS[kind]}")  # the value may be secret


@lru_cache(1 << 12)
def pointer_of(path: Path) -> str:
    """A path as a JSON pointer (RFC 6901)."""
    whole = "/".join(path)
    if "~" not in whole and whole.count("/") == len(path) - 1:
        return "/" + whole
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)


def steps_of(pointer: str) -> list[str]:
    """The steps of a pointer."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
