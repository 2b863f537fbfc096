"""Keeps the original spelling of edited files, so that `uninject` restores them byte for byte.

The record of an edit holds values. What they do not tell of the text they stood in goes into the
same annotation as `texts`, by pointers like those of the record, relative to the object that has
the annotation. A number before a pointer first leads that many levels up (a relative JSON pointer),
to an alias that stood for the whole object, or for an object around it.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

from msgspec import DecodeError, Struct, json
from msgspec.structs import replace

from drainproxy.manifests.documents import Document, edited, proven, reread
from drainproxy.manifests.nodes import aliases
from drainproxy.manifests.notes import Notes, Path
from drainproxy.manifests.podspec import Json
from drainproxy.manifests.values import same
from drainproxy.manifests.writing import Quoted

from .annotations import STATUS
from .editor import pointer_of, steps_of
from .list_index import ListIndex
from .status import restored, status_text

_RELATIVE = re.compile(r"([0-9]{0,3})((?:/.*)?)", re.DOTALL)


class _Texts(Struct):
    texts: dict[str, str | None] = {}


def settled(document: Document) -> Document:
    """A document with its data written into its text, if it was changed.

    What was edited before is first taken back, as the objects themselves are: the text depends on
    what the file was at first, and not on how often it was edited. ValueError, with the line, if
    the text is written in a form that cannot be edited.
    """
    if not document.changed or _is_unchanged(document):
        return replace(document, changed=False)
    before = _taken_back(document)
    if before is not document and same(before.data, document.data):
        return replace(before, root=None)  # nothing else is wanted of it
    first = replace(before, data=document.data)
    notes, edit = Notes(), edited(first)
    while not edit.notes.keys() <= notes.keys():
        # Two places that share an anchor part where only one of them has something to note.
        notes |= edit.notes
        _write_down(first, notes)
        edit = edited(first)
    # The nodes of a large text need not be there while those of another are made.
    document.root = first.root = None
    return proven(first, edit)


def _is_unchanged(document: Document) -> bool:
    """Whether the data is what the text says, but for what an edit of objects does not see."""
    if STATUS not in document.text:
        return False  # there is one in the data
    before = document.original()
    if STATUS in document.text:
        for path, body in _edited_objects(before, ()):
            now = _at(document.data, path)
            if isinstance(now, dict) and not _texts(now):
                _set_texts(body, {})
    return same(before, document.data)


def _taken_back(document: Document) -> Document:
    """As it was before the objects in it were edited at first."""
    if STATUS not in document.text:
        return document
    data, notes = document.original(), Notes()
    for path, body in [*_edited_objects(data, ())]:
        notes |= _notes(data, path, body)
        data = _with(data, path, restored(body))
    before = replace(document, data=data)
    try:
        return reread(before, edited(before, notes).text)
    except ValueError:
        return reread(before, edited(before, {}).text)


def _edited_objects(value: Any, path: Path) -> Iterator[tuple[Path, Json]]:
    """Every mapping that has the annotation, with its path."""
    if isinstance(value, list):
        for at, item in enumerate(value):
            yield from _edited_objects(item, (*path, at))
    elif isinstance(value, dict):
        if status_text(value) is not None:
            yield path, value
        for key, each in value.items():
            if isinstance(each, dict | list):
                yield from _edited_objects(each, (*path, key))


def _write_down(document: Document, notes: Notes) -> None:
    """Write notes into the annotations of the objects to which they belong, and of those that
    share their text."""
    data = document.data
    owners = dict(_edited_objects(data, ()))
    texts: dict[Path, dict[str, str | None]] = {}
    for path, text in notes.items():
        owner = _owner(path, owners)
        if owner is not None:
            texts.setdefault(owner, {})[_pointer(data, owner, path)] = text
    root = document.nodes()
    shared = aliases(root) if root and "*" in document.text else {}
    for owner, body in owners.items():
        found = texts.get(owner, {}) | texts.get(_written_at(owner, shared), {})
        if not found:
            continue
        _set_texts(body, found)


def _written_at(path: Path, shared: Mapping[Path, Path]) -> Path:
    """Where the text is to which aliases on the way lead."""
    for length in range(len(path) + 1):
        if path[:length] in shared:
            return _written_at((*shared[path[:length]], *path[length:]), shared)
    return path


def _owner(path: Path, owners: Mapping[Path, Json]) -> Path | None:
    """The innermost object around a place, else the first one inside, else the first of all."""
    for length in range(len(path), -1, -1):
        if path[:length] in owners:
            return path[:length]
    inside = (each for each in owners if each[: len(path)] == path)
    return next(inside, next(iter(owners), None))


def _pointer(data: Any, owner: Path, path: Path) -> str:
    """From an object to a place: up as far as they part, then down."""
    pairs = zip(owner, path, strict=False)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    node, steps = _at(data, path[:shared]), []
    for step in path[shared:]:
        steps.append(_name(node, step) if isinstance(step, int) else step)
        node = _at(node, (step,))
    up = len(owner) - shared
    return (str(up) if up else "") + pointer_of(tuple(steps))


def _name(items: Any, at: int) -> str:
    """An item by its name, if only it is called so: that stays right when others add items."""
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    name = names[at]
    return f"name={name}" if isinstance(name, str) and names.count(name) == 1 else str(at)


def _notes(data: Any, owner: Path, body: Json) -> Notes:
    """The notes in the annotation of an object."""
    notes, items = Notes(), ListIndex()
    for pointer, text in _texts(body).items():
        match = _RELATIVE.fullmatch(pointer)
        if match is None:
            continue
        start = owner[: max(len(owner) - int(match[1] or 0), 0)]
        path = _resolved(_at(data, start), steps_of(match[2]), items)
        if path is not None:
            notes[(*start, *path)] = text
    return notes


def _texts(body: Json) -> dict[str, str | None]:
    try:
        return json.decode(status_text(body) or "{}", type=_Texts).texts
    except DecodeError:
        return {}


def _set_texts(body: Json, texts: Mapping[str, str | None]) -> None:
    try:
        status = json.decode(status_text(body) or "{}", type=dict[str, Any])
    except DecodeError:
        return
    status.pop("texts", None)
    status |= {"texts": texts} if texts else {}
    body["metadata"]["annotations"][STATUS] = Quoted(json.encode(status).decode())


def _resolved(node: Any, steps: list[str], items: ListIndex) -> Path | None:
    path: Path = ()
    for step in steps:
        if isinstance(node, list):
            at = int(step) if step.isdigit() and len(step) < 7 else items.find(node, step)
            if at is None or at >= len(node):
                return None
            path, node = (*path, at), node[at]
        else:
            path, node = (*path, step), node.get(step) if isinstance(node, dict) else None
    return path


def _at(node: Any, path: Path) -> Any:
    for step in path:
        if isinstance(node, dict):
            node = node.get(step)
        elif isinstance(node, list) and isinstance(step, int) and step < len(node):
            node = node[step]
        else:
            return None
    return node


def _with(data: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    _at(data, path[:-1])[path[-1]] = value
    return data
