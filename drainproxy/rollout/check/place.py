"""Objects with their file and position, and a cursor over their contents that never raises."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

from msgspec import Struct

from drainproxy.manifests.positions import Map, Mark, Seq, mark_of, read_positions
from drainproxy.manifests.templates import bare_list, half_named

# A List of lists, or aliases, could make many objects of a small file.
_MOST_OBJECTS: Final = 50_000
# Twice as long as a name may be.
_LONGEST_TITLE: Final = 500


class Object(Struct, frozen=True, eq=False, dict=True):
    """A Kubernetes object, the document that it stands in, and its path there.

    `group` is `apps` of `apps/v1`, empty for the core group. `name` is the beginning of one where
    the API server completes it. `namespace` is empty where it is that of whoever applies it.
    """

    file: str
    document: Any
    path: tuple[str | int, ...]
    body: Map
    kind: str
    group: str
    name: str
    namespace: str

    @property
    def root(self) -> "FieldPlace":
        """The cursor at the object itself."""
        return FieldPlace(self, (), self.body)

    @property
    def title(self) -> str:
        """As kubectl names it: `deployment/web`."""
        return printable(f"{self.kind.lower()}/{self.name}", _LONGEST_TITLE)

    @property
    def folder(self) -> str:
        """Where its file is; empty for standard input."""
        return self.file.rpartition("/")[0]

    def annotation(self, key: str) -> "FieldPlace":
        """An annotation, or a label of that name, of the object or else of its pod template."""
        found = self.annotations(key)
        return found[0] if found else self.root.at("metadata", "annotations", key)

    def annotations(self, key: str) -> "list[FieldPlace]":
        """All of that name: of the object and of its pod template."""
        return self._notes.get(key, [])

    @cached_property
    def _notes(self) -> "dict[str, list[FieldPlace]]":
        root = self.root
        found: dict[str, list[FieldPlace]] = {}
        for metadata in (
            root.at("metadata"),
            root.at("spec", "template", "metadata"),
            root.at("spec", "jobTemplate", "metadata"),
            root.at("spec", "jobTemplate", "spec", "template", "metadata"),
        ):
            for where in ("annotations", "labels"):
                for key, place in metadata.at(where).entries.items():
                    if place.exists:
                        found.setdefault(key, []).append(place)
        return found

    def shares_namespace(self, other: "Object") -> bool:
        """Whether both are, or may be, in one namespace."""
        return self.namespace == other.namespace or not (self.namespace and other.namespace)


class FieldPlace(Struct, frozen=True, eq=False):
    """A place in an object: its path, and what is there (None if nothing is)."""

    object: Object
    path: tuple[str | int, ...]
    value: Any

    def at(self, *keys: str | int) -> "FieldPlace":
        """The place further in; it may be empty."""
        value = self.value
        for key in keys:
            if type(value) is Map:
                value = value.get(key if type(key) is str else str(key))
            elif value is None:
                break
            elif isinstance(value, Seq) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                value = None
        return FieldPlace(self.object, (*self.path, *keys), value)

    @property
    def exists(self) -> bool:
        """An empty key is none."""
        return self.value is not None

    @property
    def mark(self) -> Mark:
        """Where it stands, or would stand."""
        return mark_of(self.object.document, (*self.object.path, *self.path))

    @property
    def items(self) -> "list[FieldPlace]":
        """The entries of a list."""
        count = len(self.value) if isinstance(self.value, Seq) else 0
        return [self.at(index) for index in range(count)]

    @property
    def entries(self) -> "dict[str, FieldPlace]":
        """The entries of a mapping."""
        keys = self.value if isinstance(self.value, Map) else ()
        return {key: self.at(key) for key in keys}

    @property
    def text(self) -> str:
        """A scalar as text; empty if there is none."""
        value = self.value
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return str(value).lower()
        return str(value) if isinstance(value, int | float) else ""

    @property
    def number(self) -> int | None:
        """A whole number; None if it is none."""
        value = self.value
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    @property
    def texts(self) -> dict[str, str]:
        """A mapping of scalars, as labels are."""
        return {key: place.text for key, place in self.entries.items()}

    def every_text(self) -> "Iterator[FieldPlace]":
        """Every scalar in it, each once however often an alias names it."""
        seen: set[int] = set()
        waiting = [self]
        while waiting:
            place = waiting.pop()
            if isinstance(place.value, Map | Seq):
                if id(place.value) not in seen:
                    seen.add(id(place.value))
                    waiting += reversed([*place.items, *place.entries.values()])
            elif place.exists:
                yield place


def printable(text: str, longest: int = 1000) -> str:
    """What a manifest says goes to terminals and logs: no control character does, nor a novel."""
    short = text if len(text) <= longest else text[:longest] + "..."
    if short.isprintable():
        return short
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in short)


def read_objects(file: str, text: str) -> list[Object]:
    """The Kubernetes objects of a file, those in Lists too; ValueError if it cannot be read."""
    found: list[Object] = []
    for document in read_positions(text):
        problem = half_named(document) if isinstance(document, Map) else bare_list(document)
        if problem:
            raise ValueError(f"line {document.start.line}: {problem}")
        for path, body in _bodies(document, ()):
            found.append(_object(file, document, path, body))
            if len(found) > _MOST_OBJECTS:
                raise ValueError(f"holds more than {_MOST_OBJECTS} objects")
    return found


def _bodies(body: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Map]]:
    """The objects in a document: itself, or the items of a List, and of Lists in that."""
    if not isinstance(body, Map) or not isinstance(body.get("kind"), str):
        return
    items = body.get("items")
    if body["kind"].endswith("List") and isinstance(items, Seq):
        for index, item in enumerate(items):
            yield from _bodies(item, (*path, "items", index))
    elif isinstance(body.get("apiVersion"), str):
        yield path, body


def _object(file: str, document: Any, path: tuple[str | int, ...], body: Map) -> Object:
    metadata = body.get("metadata")
    given = metadata if isinstance(metadata, Map) else {}
    name = given.get("name") or given.get("generateName") or "?"
    group = body["apiVersion"].rpartition("/")[0]
    namespace = str(given.get("namespace") or "")
    return Object(file, document, path, body, body["kind"], group, str(name), namespace)
