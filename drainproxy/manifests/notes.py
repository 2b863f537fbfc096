"""The spelling of values that the values alone do not tell, by their paths."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

Path = tuple[str | int, ...]
# None where a merge key gave the value and nothing was written.
Notes = dict[Path, str | None]
# A path from its end, cheap to make longer: its last step and what comes before.
Trail = tuple[Any, str | int] | None

NONE: Final = object()


class Noted(Struct, gc=False):
    """Notes as a tree: the text of a place, NONE if there is none, and what is below it."""

    text: Any = NONE
    below: dict[str | int, "Noted"] = {}

    def at(self, step: str | int) -> "Noted":
        """The notes of a child."""
        return self.below.get(step, NOTHING) if self.below else NOTHING


NOTHING: Final = Noted()


def tree(notes: Mapping[Path, str | None]) -> Noted:
    """These notes as a tree."""
    root = Noted()
    for path, text in notes.items():
        node = root
        for step in path:
            node = node.below.setdefault(step, Noted())
        node.text = text
    return root


def path_of(trail: Trail) -> Path:
    """The path that a trail has come."""
    steps: list[str | int] = []
    while trail is not None:
        trail, step = trail
        steps.append(step)
    return tuple(reversed(steps))
