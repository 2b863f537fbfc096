"""Server-sent events (WHATWG HTML 9.2): where a stream may end, and whether it can be resumed.

Lines end with CRLF, LF or CR, and an event with an empty line (9.2.6). A comment or a `retry` field
says nothing of an event, so behind such lines a stream may end as well. Nothing of an event is kept
but the beginning of the line that is under way.
"""

from copy import copy

# What a stream may begin with, and what is no part of its first line (9.2.5).
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# So much of a line tells what it is, and of an id whether there is any.
_TELLS = 8
# 9.2.6: an id with a NUL in it is ignored.
_IGNORED_ID = b"id:\0"
_DATA, _COMMENT, _CR, _LINE_ENDS = ord("d"), ord(":"), ord("\r"), b"\r\n"
_NOTHING = (b"", b" ")
# Of so many bytes not each line is looked at.
_MUCH = 2048


class EventTracker:
    """Follows one event stream through any cuts. Feed it all bytes of the stream, in order.

    `resumable`: the client has the id of an event, by which it asks for those that follow when it
    comes again (9.2.4, Last-Event-ID). `asked_by_id`: it has come with one; that counts until the
    app says an event and has never said an id.
    """

    __slots__ = ("_after_cr", "_at_start", "_begun", "_id", "_line", "_names_ids", "resumable")

    def __init__(self, *, asked_by_id: bool = False) -> None:
        self.resumable = asked_by_id
        self._line = b""
        # A LF that follows belongs to the line end before it.
        self._after_cr = False
        self._at_start = True
        # A line of an event has passed, and not yet the empty one that ends it.
        self._begun = False
        # Whether that event has an id; None if it says nothing of it.
        self._id: bool | None = None
        self._names_ids = False

    @property
    def between_events(self) -> bool:
        """Whether all that has passed is whole events, comments and fields that belong to none."""
        return not (self._begun or self._line)

    def feed(self, data: bytes, start: int, end: int) -> None:
        """Take note of the next bytes of the stream: those of `data` from `start` to `end`."""
        if start >= end:
            return
        text = self._text(data[start:end])
        if len(text) >= _MUCH:
            text = text[self._pass_at_a_glance(text) :]
        lines = text.splitlines(keepends=True)
        self._after_cr = data[end - 1] == _CR
        self._line = b""
        if lines and lines[-1][-1] not in _LINE_ENDS:
            rest = lines.pop()
            self._line = _IGNORED_ID if _is_id_with_nul(rest) else rest[:_TELLS]
        for line in lines:
            self._pass(line)

    def end_in(self, data: bytes, start: int, end: int, *, resumable: bool = False) -> int:
        """Where in these next bytes the stream may end first; -1 if nowhere. This feeds nothing.
        With `resumable` it may end only where its client can ask for the rest."""
        probe = copy(self)
        text = probe._text(data[start:end])
        place = end - len(text)
        for line in text.splitlines(keepends=True):
            place += len(line)
            if line[-1] not in _LINE_ENDS:
                break
            probe._pass(line)
            if not probe._begun and (probe.resumable or not resumable):
                return place
        return -1

    def _text(self, piece: bytes) -> bytes:
        """The next bytes from the beginning of a line on."""
        if self._after_cr and piece[:1] == b"\n":
            piece = piece[1:]
        text = self._line + piece
        if self._at_start:
            self._at_start = _BYTE_ORDER_MARK[: len(text)] == text != _BYTE_ORDER_MARK
            text = text.removeprefix(_BYTE_ORDER_MARK)
        return text

    def _pass_at_a_glance(self, text: bytes) -> int:
        """So much is passed, up to the last empty line, of which only the last id counts. 0 where
        that is not as plain."""
        end = text.rfind(b"\n\n") + 2
        if end < 2 or b"\r" in text:
            return 0
        at = text.rfind(b"\nid", 0, end) + 1
        if at:
            name, _, value = text[at : text.find(b"\n", at)].partition(b":")
            if name != b"id" or b"\0" in value:
                return 0
            self.resumable, self._names_ids = value not in _NOTHING, True
        elif text.startswith(b"id") or self._id is not None or self.resumable > self._names_ids:
            return 0
        self._id, self._begun = None, False
        return end

    def _pass(self, line: bytes) -> None:
        first = line[0]
        if first == _DATA:
            # As most lines begin; what else begins so means no more than a field that is unknown.
            self._begun = True
        elif first in _LINE_ENDS:
            self._end_event()
        elif first != _COMMENT:
            name, _, value = line.rstrip(_LINE_ENDS).partition(b":")
            self._begun = self._begun or name != b"retry"
            if name == b"id" and b"\0" not in value:
                self._id = value not in _NOTHING

    def _end_event(self) -> None:
        if self._id is not None:
            self.resumable, self._names_ids = self._id, True
        elif self._begun and not self._names_ids:
            self.resumable = False
        self._id, self._begun = None, False


def _is_id_with_nul(line: bytes) -> bool:
    return line.startswith(b"id:") and b"\0" in line


def retry(milliseconds: int) -> bytes:
    """A field that tells the client when to come again; it stands where an event may begin."""
    return b"retry: %d\n\n" % milliseconds
