"""The files of an input: their documents, and the objects in these, each with its position."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from drainproxy.manifests.documents import Document, each_document
from drainproxy.manifests.misfits import Path
from drainproxy.manifests.nodes import Budget
from drainproxy.manifests.podspec import Json, placed_objects, workload
from drainproxy.manifests.positions import Lines
from drainproxy.manifests.templates import bare_list, half_named, makes_pods

from .density import Room

# What only a Helm template says. Where a text can be read all the same, that is not enough: there
# are alerts and dashboards with braces of their own.
_TEMPLATE: Final = re.compile(
    r"\{\{-?\s*(?:\.|\$|/\*|(?:if|range|with|end|else|include|template|define|toYaml|tpl)\b)"
)
_VALUES: Final = re.compile(r"\{\{-?\s*(?:\.(?:Values|Release|Chart)\b|(?:include|template)\s)")
_RENDER: Final = (
    "it is a Helm template: render it first, as in `helm template NAME CHART | drainproxy inject -`"
)
_PLACE: Final = re.compile(r"line ([0-9]+)(?: \(document ([0-9]+)\))?: (.*)", re.DOTALL)


class Found(Struct):
    """An object, and where it stands: file, line, number of its document, both from 1, and its path
    in that.

    `namespace` is its own, or else the only one that workloads, Services and policies of the input
    name: who applies it can put them into no other. Beside several, none is one of its own.
    """

    file: str
    line: int
    number: int
    document: Document
    body: Json
    namespace: str
    path: Path
    lines: Lines

    def line_of(self, path: Path) -> int:
        """The line of something in it, or of the nearest above that is there."""
        return self.lines.line((*self.path, *path))


class Broken(Struct, frozen=True):
    """A file that cannot be read, and why."""

    file: str
    line: int | None
    number: int | None
    problem: str


class ManifestInput(Struct, frozen=True):
    """The documents by file, the objects in them, and the files that cannot be read; `left` is what
    there is to spend on more than reading, as characters."""

    files: Mapping[str, list[Document]]
    objects: Sequence[Found]
    broken: Sequence[Broken]
    left: int = 0


class _Crowded(ValueError):
    """There is no room for an object, and so for none after it."""

    def __init__(self, broken: Broken) -> None:
        super().__init__(broken.problem)
        self.broken = broken


def read_input(texts: Mapping[str, str]) -> ManifestInput:
    """The files by name."""
    files: dict[str, list[Document]] = {}
    found: list[Found] = []
    broken: list[Broken] = []
    room = Room(texts.values())
    budget = Budget(sum(map(len, texts.values())))
    for name, text in texts.items():
        documents: list[Document] = []
        try:
            here = [*_objects(name, _kept(each_document(text, budget), documents), room)]
        except _Crowded as error:
            return ManifestInput(files, (), [*broken, error.broken])
        except ValueError as error:
            broken.append(_broken(name, text, str(error)))
            continue
        files[name] = documents
        broken += _bare_lists(name, files[name])
        unrendered = [*_templates(here)]
        broken += (Broken(name, each.line, each.number, _RENDER) for each in unrendered)
        broken += (
            Broken(name, each.line, each.number, problem)
            for each in here
            if (problem := half_named(each.body))
        )
        left_out = {*map(id, unrendered)}
        found += (each for each in here if id(each) not in left_out)
    return ManifestInput(files, _at_home(found), broken, room.left)


def _bare_lists(name: str, documents: Sequence[Document]) -> Iterator[Broken]:
    for number, document in enumerate(documents, start=1):
        if problem := bare_list(document.data):
            yield Broken(name, Lines(document).line(()), number, problem)


def _templates(found: Sequence[Found]) -> Iterator[Found]:
    """What makes pods, or leads clients to them, and is to be rendered first, although it can be
    read. A document is looked through once, however many objects are in it."""
    documents = {id(each.document): each.document for each in found}
    unrendered = {key for key, each in documents.items() if _VALUES.search(each.text)}
    for each in found:
        if id(each.document) in unrendered and (_matters(each.body) or makes_pods(each.body)):
            yield each


def _at_home(found: list[Found]) -> list[Found]:
    named = {each.namespace for each in found if each.namespace and _matters(each.body)}
    for each in found if len(named) == 1 else ():
        each.namespace = each.namespace or next(iter(named))
    return found


def _matters(body: Json) -> bool:
    """Whether it makes pods, or leads clients to them."""
    return body.get("kind") in ("Service", "NetworkPolicy") or workload(body) is not None


def _kept(documents: Iterator[Document], into: list[Document]) -> Iterator[Document]:
    for each in documents:
        into.append(each)
        yield each


def _objects(name: str, documents: Iterator[Document], room: Room) -> Iterator[Found]:
    for number, document in enumerate(documents, start=1):
        if document.nodes() is None:
            continue
        lines = Lines(document)
        for path, each in placed_objects(document.data):
            place = name, lines.line(path), number
            if problem := room.take(each):
                raise _Crowded(Broken(*place, problem))
            yield Found(*place, document, each, _namespace(each), path, lines)


def _namespace(body: Json) -> str:
    metadata = body.get("metadata")
    return str(metadata.get("namespace") or "") if isinstance(metadata, dict) else ""


def _broken(name: str, text: str, problem: str) -> Broken:
    match = _PLACE.fullmatch(problem)
    line = int(match[1]) if match else None
    number = int(match[2]) if match and match[2] else None
    if _TEMPLATE.search(text):
        return Broken(name, line, number, _RENDER)
    return Broken(name, line, number, match[3] if match else problem)
