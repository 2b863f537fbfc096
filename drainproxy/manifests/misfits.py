"""Objects of the wrong shape for Kubernetes: what is wrong, and where in the object."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar

from msgspec import Meta, ValidationError, convert

T = TypeVar("T")
Path = tuple[str | int, ...]

# What the API takes for a port that is named by its number.
Number = Annotated[int, Meta(ge=1, le=65_535)]
# IANA_SVC_NAME of the API: such a name holds a letter, so digits in quotes are no port at all.
Name = Annotated[str, Meta(pattern=r"^$|[A-Za-z]")]

# A map of texts as people write it: without a value, as in `tier:`, there is null.
Texts = Mapping[str, str | None]

# How values are called in messages; a bool is an int too, so it comes first.
_KINDS: Final[dict[type, str]] = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
    dict: "a mapping",
    list: "a list",
    object: "no text",
}
# What people write without quotes although a text is meant.
_PLAIN: Final = ("a boolean", "a number")
# How the entries of a map of texts are called, by what the map is called.
_ENTRIES: Final = {
    "annotations": "annotation",
    "labels": "label",
    "matchLabels": "label",
    "selector": "label",
}
# As msgspec writes them: a field, an item, an entry of a map.
_STEP: Final = re.compile(r"\.([^.\[\]`]+)|\[(\d+)\]|\[\.\.\.\]")
_PATTERN: Final = "Expected `str` matching regex"


class Misfit(ValueError):
    """What is wrong with an object, and the path to it; `place` is the path in words, if the
    problem does not name the thing itself."""

    def __init__(self, problem: str, path: Path = (), place: str = "") -> None:
        super().__init__(f"{problem} - at `${place}`" if place else problem)
        self.problem = problem
        self.path = path
        self.place = place

    def within(self, path: Sequence[str]) -> "Misfit":
        """The same of an object of which that one is a part."""
        place = "".join(f".{step}" for step in path) + self.place if self.place else ""
        return Misfit(self.problem, (*path, *self.path), place)


def fitted(body: Any, kind: type[T], what: str) -> T:
    """The object as this type; Misfit if Kubernetes would not take it for `what`."""
    try:
        return convert(body, kind)
    except ValidationError as error:
        raise Misfit(*_problem(body, str(error), what)) from None


def filled(texts: Texts | None) -> Mapping[str, str]:
    """A map of texts as the API server reads it: null is the empty text (encoding/json of Go leaves
    what null stands for as it was)."""
    return {key: text or "" for key, text in (texts or {}).items()}


def wrong_kind(what: str, value: Any, path: Path) -> Misfit:
    """Where a mapping is wanted and something else stands."""
    problem = f"is no {what}: a mapping must stand there, not {_kind(value)}"
    return Misfit(problem, path, "".join(f".{step}" for step in path))


def _problem(body: Any, text: str, what: str) -> tuple[str, Path, str]:
    told, _, place = text.partition(" - at `$")
    place = place.rstrip("`")
    path, value = _followed(body, place)
    entry = _ENTRIES.get(str(path[-2])) if len(path) > 1 else None
    if entry and not _is_text(value):
        return f"is no {what}: {entry} {path[-1]} {_not_a_text(value)}", path, ""
    if told.startswith(_PATTERN):
        told = "digits in quotes name no port: take the quotes away"
    return f"is no {what}: {told}", path, place


def _followed(body: Any, place: str) -> tuple[Path, Any]:
    """Where a message of msgspec points, and what is there. It names no keys of maps of texts:
    the first value that is none is meant."""
    path: Path = ()
    for match in _STEP.finditer(place):
        step: str | int | None = int(match[2]) if match[2] else match[1]
        if step is None and isinstance(body, dict):
            step = next((key for key, each in body.items() if not _is_text(each)), None)
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            break
        assert step is not None, "nothing is called so"
        path = (*path, step)
    return path, body


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _not_a_text(value: Any) -> str:
    """What is wrong with a value that is no text; never the value, which may be a token."""
    what = _kind(value)
    return f"is {what}: " + ("put it in quotes" if what in _PLAIN else "it must be a text")


def _kind(value: Any) -> str:
    return next(name for kind, name in _KINDS.items() if isinstance(value, kind))
