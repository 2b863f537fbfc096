"""The files of an input: their documents, and the objects in these, each with where it stands."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from drainproxy.manifests.documents import Document, parse
from drainproxy.manifests.podspec import Json, objects

# What only a Helm template says; other tools have braces too.
_TEMPLATE: Final = re.compile(
    r"\{\{-?\s*(?:\.|\$|/\*|(?:if|range|with|end|else|include|template|define|toYaml|tpl)\b)"
)
_RENDER: Final = (
    "it is a Helm template: render it first, as in `helm template NAME CHART | drainproxy inject -`"
)
_LINE: Final = re.compile(r"line ([0-9]+): (.*)", re.DOTALL)
_MARKER: Final = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)


class Found(Struct, frozen=True):
    """An object, and where it stands: file, line and number of its document, both from 1."""

    file: str
    line: int
    number: int
    document: Document
    body: Json

    @property
    def namespace(self) -> str:
        """What it says; none is one of its own."""
        metadata = self.body.get("metadata")
        return str(metadata.get("namespace") or "") if isinstance(metadata, dict) else ""


class Broken(Struct, frozen=True):
    """A file that cannot be read, and why."""

    file: str
    line: int | None
    problem: str


class Input(Struct, frozen=True):
    """The documents by file, the objects in them, and the files that cannot be read."""

    files: Mapping[str, list[Document]]
    objects: Sequence[Found]
    broken: Sequence[Broken]


def read_input(texts: Mapping[str, str]) -> Input:
    """The files by name."""
    files: dict[str, list[Document]] = {}
    found: list[Found] = []
    broken: list[Broken] = []
    for name, text in texts.items():
        try:
            files[name] = parse(text)
        except ValueError as error:
            broken.append(_broken(name, text, str(error)))
            continue
        found += _objects(name, files[name])
    return Input(files, found, broken)


def _objects(name: str, documents: Sequence[Document]) -> Iterator[Found]:
    line = 1
    for number, document in enumerate(documents, start=1):
        whole = document.marker + document.text
        first = line + _lines_before(whole)
        yield from (Found(name, first, number, document, each) for each in objects(document.data))
        line += whole.count("\n")


def _lines_before(text: str) -> int:
    """Of markers, comments and blanks, before anything is said."""
    lines = text.splitlines()
    return next((at for at, each in enumerate(lines) if each and each[0] not in "#-% \t"), 0)


def _broken(name: str, text: str, problem: str) -> Broken:
    match = _LINE.match(problem)
    line = int(match[1]) if match else None
    if _TEMPLATE.search(text):
        return Broken(name, line, _RENDER)
    if match is None or line is None:
        return Broken(name, None, problem)
    before = "\n".join(text.splitlines()[: line - 1])
    number = len(_MARKER.findall(before)) + (not _MARKER.match(before.lstrip()))
    return Broken(name, line, f"{match[2]} (document {max(number, 1)})")
