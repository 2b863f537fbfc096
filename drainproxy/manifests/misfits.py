"""Objects that are not what Kubernetes takes: what is wrong, and where in the object."""

import re
from typing import Annotated, Any, Final, TypeVar

from msgspec import Meta, ValidationError, convert

T = TypeVar("T")
Path = tuple[str | int, ...]

# What the API takes for a port that is named by its number.
Number = Annotated[int, Meta(ge=1, le=65_535)]
# IANA_SVC_NAME of the API: such a name holds a letter, so digits in quotes are no port at all.
Name = Annotated[str, Meta(pattern=r"^$|[A-Za-z]")]

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
    """What is wrong with an object, and the path to it."""

    def __init__(self, problem: str, path: Path = ()) -> None:
        super().__init__(problem)
        self.path = path


def fitted(body: Any, kind: type[T], what: str) -> T:
    """The object as this type; Misfit if Kubernetes would not take it for `what`."""
    try:
        return convert(body, kind)
    except ValidationError as error:
        raise Misfit(*_problem(body, str(error), what)) from None


def _problem(body: Any, text: str, what: str) -> tuple[str, Path]:
    told, _, place = text.partition(" - at `$")
    path, value = _followed(body, place)
    entry = _ENTRIES.get(str(path[-2])) if len(path) > 1 else None
    if entry and not isinstance(value, str):
        return f"is no {what}: {entry} {path[-1]} {_not_a_text(value)}", path
    if told.startswith(_PATTERN):
        return (
            f"is no {what}: digits in quotes name no port: take the quotes away{_at(place)}",
            path,
        )
    return f"is no {what}: {told}{_at(place)}", path


def _at(place: str) -> str:
    return f" - at `${place}" if place else ""


def _followed(body: Any, place: str) -> tuple[Path, Any]:
    """Where a message of msgspec points, and what is there. It names no keys of maps of texts:
    the first value that is none is meant."""
    path: Path = ()
    for match in _STEP.finditer(place):
        step: str | int | None = int(match[2]) if match[2] else match[1]
        if step is None and isinstance(body, dict):
            step = next((key for key, value in body.items() if not isinstance(value, str)), None)
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            break
        assert step is not None, "nothing is called so"
        path = (*path, step)
    return path, body


def _not_a_text(value: Any) -> str:
    """What is wrong with a value that is no text; never the value, which may be a token."""
    what = next(name for kind, name in _KINDS.items() if isinstance(value, kind))
    return f"is {what}: " + ("put it in quotes" if what in _PLAIN else "it must be a text")
