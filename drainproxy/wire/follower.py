"""Whoever reads what passes on one stream of HTTP/2."""

from typing import Protocol


class Follower(Protocol):
    """Is fed the DATA of a stream as it passes."""

    def feed(self, data: bytes, start: int, end: int) -> None:
        """The next bytes of the stream are those of `data` from `start` to `end`."""
