"""The interface of stores: a writer names the version that it has read, so that of two writers one
fails."""

from typing import Any, Protocol

from msgspec import Struct

from .state import Damaged, State


class Loaded(Struct, frozen=True):
    """A record (None: there is none) and what the store tells by that it is still the same.

    `doubt` says what is amiss beside a record that is true; the next write mends it.
    """

    state: State | Damaged | None
    stamp: Any = None
    doubt: str = ""


class StoreError(Exception):
    """The record could not be written, or nobody can say whether it was. The text says why."""


class Conflict(StoreError):
    """Somebody else has written since it was read."""


class Store(Protocol):
    """A place for the records of apps."""

    def load(self, app: str) -> Loaded:
        """The record of `app`. What cannot be read is `Damaged`, nothing is raised."""

    def save(self, app: str, loaded: Loaded, state: State) -> None:
        """Put `state` in the place of `loaded`; StoreError if that is not surely done."""

    def close(self) -> None:
        """End what is connected."""
