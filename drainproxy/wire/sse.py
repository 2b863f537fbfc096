"""Server-sent events (WHATWG HTML 9.2): where a stream may end, and whether it can be resumed.

Lines end with CRLF, LF or CR, and an event with an empty line (9.2.6). A comment or a `retry` field
says nothing of an event, so behind such lines a stream may end as well. Nothing of an event is kept
but the beginning of the line that is under way.
"""

import re
from copy import copy

# What a stream may begin with, and what is no part of its first line (9.2.5).
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# So much of a line tells what it is, and of an id whether there is any.
_TELLS = 8
# 9.2.6: an id with a NUL in it is ignored.
_IGNORED_ID = b"id:\0"
_DATA, _COMMENT, _CR, _LINE_ENDS = ord("d"), ord(":"), ord("\r"), b"\r\n"
_NOTHING = (b"", b" ")
# Of more bytes or lines than these no line is looked at by itself: each byte may be one.
_MUCH, _MANY = 2048, 16

# In lines that all end with LF and stand behind one: a line that belongs to an event, and the last
# id.
_OF_EVENT = re.compile(rb"\n(?!retry[:\n])[^:\n]")
_LAST_ID = re.compile(rb"(?s:.*)\nid(?::([^\0\n]*))?\n")
_NO_ID = (None, *_NOTHING)

# In a stream as it is: the first line end, what stands at the end of an empty line, and the last id
# of an event, if it has a value, to the end of the event. Atomic groups, so that no CRLF is torn.
_LINE_END = re.compile(rb"[\r\n]")
_EMPTY_LINE = (b"\n\n", b"\n\r", b"\r\r")
_EVENT_WITH_ID = re.compile(
    rb"id:(?<![^\r\n]id:)(?! ?[\r\n])[^\0\r\n]*%(end)b"
    rb"(?>(?:(?!id(?::[^\0\r\n]*)?[\r\n])[^\r\n]+%(end)b)*)%(end)b" % {b"end": rb"(?>\r\n?|\n)"}
)


class EventTracker:
    """Follows one event stream through any cuts. Feed it all bytes of the stream, in order.

    `resumable`: the client has the id of an event, by which it asks for those that follow when it
    comes again (9.2.4, Last-Event-ID). `has_last_event_id`: it has come with one; that counts until
    the app says an event and has never said an id.
    """

    __slots__ = ("_after_cr", "_at_start", "_begun", "_id", "_line", "_names_ids", "resumable")

    def __init__(self, *, has_last_event_id: bool = False) -> None:
        self.resumable = has_last_event_id
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
        lines = text[:_MUCH].splitlines(keepends=True)
        if len(lines) > _MANY or len(text) > _MUCH:
            lines = self._pass_much(text).splitlines()
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
        before = end - len(text)
        first = _LINE_END.search(text)
        if first is None:
            return -1
        line = text[: first.start()]
        place = first.end() + (text[first.start() : first.end() + 1] == b"\r\n")
        may_end = probe.resumable or not resumable
        if may_end and not probe._begun and not _says_event(b"\n%b\n" % line):
            # Between two events it may end behind any line that belongs to none.
            return before + place
        if line:
            place = _end_of_empty_line(text)
        if place < 0:
            return -1
        probe._pass_much(text[:place])
        if resumable and not probe.resumable:
            found = _EVENT_WITH_ID.search(text, place)
            return -1 if found is None else before + found.end()
        return before + place

    def _text(self, piece: bytes) -> bytes:
        """The next bytes from the beginning of a line on."""
        if self._after_cr and piece[:1] == b"\n":
            piece = piece[1:]
        text = self._line + piece
        if self._at_start:
            self._at_start = _BYTE_ORDER_MARK[: len(text)] == text != _BYTE_ORDER_MARK
            text = text.removeprefix(_BYTE_ORDER_MARK)
        return text

    def _pass_much(self, text: bytes) -> bytes:
        """All its lines at once; returns what is behind the last of them."""
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines, end, rest = text.rpartition(b"\n")
        if not end:
            return rest
        lines = b"\n" + lines + b"\n"
        behind = lines.rfind(b"\n\n") + 1
        if behind:
            self._end_events(lines[:behind])
        self._go_on_with(lines[behind:])
        return rest

    def _end_events(self, lines: bytes) -> None:
        """Up to an empty line: of the events that end in them only the last id counts."""
        self._id = _last_id(lines, self._id)
        # Whether there are others matters only to whoever has come with an id.
        self._begun = self._begun or (self.resumable > self._names_ids and _says_event(lines))
        self._end_event()

    def _go_on_with(self, lines: bytes) -> None:
        """No empty line among them."""
        self._id = _last_id(lines, self._id)
        self._begun = self._begun or _says_event(lines)

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


def _end_of_empty_line(text: bytes) -> int:
    """Where the first one ends that stands behind another line; -1 if there is none."""
    places = [place for pair in _EMPTY_LINE if (place := text.find(pair)) >= 0]
    if not places:
        return -1
    end = min(places) + 2
    return end + (text[end - 1 : end + 1] == b"\r\n")


def _says_event(lines: bytes) -> bool:
    """Whether one of these lines belongs to an event."""
    if lines.startswith(b"\ndata"):
        # As most begin.
        return True
    # Empty lines and comments alone need no search.
    return bool(lines.translate(None, b"\n:")) and _OF_EVENT.search(lines) is not None


def _last_id(lines: bytes, before: bool | None) -> bool | None:
    """Whether the last id among these lines is one; what was known `before` if there is none."""
    found = _LAST_ID.match(lines) if lines.rfind(b"\nid") >= 0 else None
    return before if found is None else found[1] not in _NO_ID


def _is_id_with_nul(line: bytes) -> bool:
    return line.startswith(b"id:") and b"\0" in line


def retry(milliseconds: int) -> bytes:
    """A field that tells the client when to come again; it stands where an event may begin."""
    return b"retry: %d\n\n" % milliseconds
