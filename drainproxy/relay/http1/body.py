"""A body with Content-Length, with the interface of `wire.chunked.ChunkedBody`."""


class CountedBody:
    """`left`: its bytes that are still to come."""

    __slots__ = ("_left",)

    # Counting takes no time: all that was fed is read.
    stopped = 0

    def __init__(self, length: int) -> None:
        self._left = length

    def feed(self, data: bytes) -> int:
        """The offset just after the body's end; -1 if more must come."""
        left = self._left
        self._left = left - len(data)
        return left if len(data) >= left else -1
