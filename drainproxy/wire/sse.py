"""Server-sent events (WHATWG HTML 9.2): where one ends and another may begin.

An event ends with an empty line; lines end with CRLF, LF or CR. Nothing of an event is kept.
"""

import re

# What an empty line is: the end of a line right behind another, of which the CR of a CRLF is only
# the beginning.
_EMPTY_LINE = re.compile(rb"(?:(?<=\n)|(?<=\r)(?!\n))(?:\r\n?|\n)")
# So many bytes tell whether an event ends with them: the LF of one line end and a CRLF.
_TAIL = 3


class EventTracker:
    """Follows one event stream through any cuts. Feed it all bytes of the stream, in order."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        # At its beginning a stream is between two events, too.
        self._tail = b"\n\n"

    @property
    def between_events(self) -> bool:
        """Whether what has passed ends with a whole event, or a whole comment."""
        tail = self._tail
        if tail.endswith(b"\r\n"):
            return tail[:-2].endswith((b"\n", b"\r"))
        return tail.endswith((b"\n\n", b"\n\r", b"\r\r"))

    def feed(self, data: bytes, start: int, end: int) -> None:
        """Take note of the next bytes of the stream: those of `data` from `start` to `end`."""
        if end - start >= _TAIL:
            self._tail = data[end - _TAIL : end]
        else:
            self._tail = (self._tail + data[start:end])[-_TAIL:]

    def end_in(self, data: bytes, start: int, end: int) -> int:
        """Where in these next bytes the first event ends; -1 if none does. This feeds nothing."""
        before = len(self._tail)
        found = _EMPTY_LINE.search(self._tail + data[start:end], before)
        return start + found.end() - before if found else -1


def retry(milliseconds: int) -> bytes:
    """A field that tells the client when to come again; it stands where an event may begin."""
    return b"retry: %d\n\n" % milliseconds
