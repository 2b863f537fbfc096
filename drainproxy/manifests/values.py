"""Values of JSON: dicts, lists and scalars, without cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

Value = TypeVar("Value")


class Constant(dict[str, Any]):
    """A mapping that is put into many documents and never changed, so that what was made of it can
    be kept."""

    __hash__ = object.__hash__  # type: ignore[assignment]  # each is itself alone


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same in JSON: 1, 1.0 and true are not."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and len(one) == len(other)
            and all(key in other and same(value, other[key]) for key, value in one.items())
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    alike = type(one) is type(other) or (isinstance(one, str) and isinstance(other, str))
    return alike and bool(one == other)


def copied(value: Value) -> Value:
    """A copy that shares no dict and no list; `deepcopy` would look for cycles."""
    if isinstance(value, dict):
        return {key: copied(each) for key, each in value.items()}  # type: ignore[return-value]
    if isinstance(value, list):
        return [copied(each) for each in value]  # type: ignore[return-value]
    return value


class Blank(str):
    """The place in a form where a text is filled in."""

    __slots__ = ()


BLANK: Final = Blank()


class Filled(dict[str, Any]):
    """A mapping that is like a form, but for the text in the place of its blanks. It is not changed
    while it may be written."""

    __slots__ = ("form", "text")

    def __init__(self, value: dict[str, Any], form: Constant, text: str) -> None:
        super().__init__(value)
        self.form = form
        self.text = text


@contextmanager
def without_collector() -> Iterator[None]:
    """Where many values are made that hold no cycles, a collector would walk through all of them
    again and again, for a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
