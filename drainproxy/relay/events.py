"""An event stream in HTTP/1 as it passes, and the place where it may end."""

from drainproxy.wire import sse
from drainproxy.wire.chunked import ChunkedBody, Part

_LAST_CHUNK = b"0\r\n\r\n"
# The tracker knows a stream by its last three bytes.
_LAST_PARTS = 4


class Events:
    """The body of one answer: chunked if it has a `scan`, else it ends with the connection."""

    __slots__ = ("_parts", "_scan", "_tracker")

    def __init__(self, scan: ChunkedBody | None) -> None:
        self._tracker = sse.EventTracker()
        self._scan = scan
        self._parts: list[Part] = []
        if scan is not None:
            scan.parts = self._parts

    @property
    def may_end(self) -> bool:
        """Whether what has passed ends with a whole event, and a whole chunk."""
        whole = self._scan is None or self._scan.between_chunks
        return whole and self._tracker.between_events

    def passed(self, data: bytes, start: int) -> None:
        """`data` has gone on, in which the body stands from `start` on, and which has been fed to
        `scan`."""
        # What is before the last bytes does not matter, of which each part but the last has one.
        for _, begin, end in self._take_parts(data, start)[-_LAST_PARTS:]:
            self._tracker.feed(data, begin, end)

    def up_to_end(self, data: bytes, start: int) -> bytes | None:
        """The same, but what goes on ends with the first event that may be the last one; None if
        `data` has no end of such an event, and passes.

        A chunk whose head has gone on passes as a whole; any other can be made shorter.
        """
        for chunk, begin, end in self._take_parts(data, start):
            here = self._tracker.end_in(data, begin, end)
            if here >= 0 and self._scan is None:
                return data[:here]
            if here >= 0 and chunk >= 0:
                return data[:chunk] + _chunk(data[begin:here])
            self._tracker.feed(data, begin, end)
        return None

    def farewell(self, retry: int) -> bytes:
        """What ends the stream: when to come again, in milliseconds, and the end of the body."""
        words = sse.retry(retry)
        return words if self._scan is None else _chunk(words) + _LAST_CHUNK

    def _take_parts(self, data: bytes, start: int) -> list[Part]:
        if self._scan is None:
            return [(-1, start, len(data))]
        parts = self._parts.copy()
        self._parts.clear()
        return parts


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
