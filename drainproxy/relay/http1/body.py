"""A body with Content-Length, with the interface of `wire.chunked.ChunkedBody`."""


class CountedBody:
    """Counts the bytes of one body."""

    __slots__ = ("_left",)

    # Always 0: counting is cheap, so no byte is deferred.
    stopped = 0

    def __init__(self, length: int) -> None:
        self._left = length

    def feed(self, data: bytes) -> int:
        """The offset just after the body's end; -1 if more must come."""
        left = self._left
        self._left = left - len(data)
        return left if len(data) >= left else -1
