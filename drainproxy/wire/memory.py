"""A memory of what was read already, bounded in bytes."""

from collections.abc import Hashable
from typing import TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Memory(dict[_Key, _Value]):
    """What was read already; forgotten altogether before it weighs more than `room` bytes."""

    __slots__ = ("_left", "_room")

    def __init__(self, room: int) -> None:
        self._room = self._left = room

    def keep(self, key: _Key, value: _Value, weight: int) -> None:
        """Remember this; not if it alone is too heavy. `weight`: in bytes."""
        if weight > self._room:
            return
        if weight > self._left:
            self.forget()
        self._left -= weight
        self[key] = value

    def forget(self) -> None:
        """Forget everything."""
        self.clear()
        self._left = self._room
