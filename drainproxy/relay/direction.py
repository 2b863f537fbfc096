"""What both directions of an HTTP/2 connection have in common: header compression, and limits.

A header block that is left out, or put in, breaks the compression of its direction (RFC 7541 2.2).
From then on every block of it is written anew, without a table.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from drainproxy.relay.stream import Stream
from drainproxy.wire import hpack
from drainproxy.wire.frames import FrameScanner
from drainproxy.wire.hpack import Fields
from drainproxy.wire.hpack_quick import QuickReader
from drainproxy.wire.http2 import (
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    Setting,
    clamped,
    read_settings,
    settings,
    window_update,
)
from drainproxy.wire.http2_head import matters

if TYPE_CHECKING:
    from drainproxy.relay.streams import Streams

Head = TypeVar("Head")

# The most, in bytes, that either side may have its table grow to: we keep a copy of it.
_MOST_TABLE = 65536
# 6.9.2
_USUAL_WINDOW = 65535
# Of so many streams that ended before their time the frames that still come are told apart.
MOST_REMEMBERED = 1000


class Direction(FrameScanner[Stream], Generic[Head]):
    """One direction. `other` is set once both are made."""

    __slots__ = (
        *("_agreed", "data_frames", "debt", "other", "reader", "room"),
        *("_window_in_force", "session", "stateless", "stream_window"),
    )

    def __init__(self, session: "Streams", understand: Callable[[Fields], Head]) -> None:
        limits = session.hub.limits
        most = limits.max_header_bytes
        super().__init__(most)
        self.session = session
        self.other: Direction[Any]
        self.reader = QuickReader(most, understand, matters, limits.max_fields)
        # Blocks cannot go on as they come any more.
        self.stateless = False
        # What the receiver has announced and the sender has not acknowledged: the size of the
        # table, of frames and of windows, for each of its SETTINGS.
        self._agreed: deque[tuple[int | None, int | None, int | None]] = deque()
        # Frames of DATA that passed; a large one counts as those that it could have been.
        self.data_frames = 0
        # Of the receiver's windows (RFC 9113 6.9): what is left of that of the connection, how much
        # of it our own DATA has taken, which its sender does not know of, and that of new streams.
        self.room = self.stream_window = self._window_in_force = _USUAL_WINDOW
        self.debt = 0

    def tell_sender(self, frame: bytes) -> None:
        """Say something to whom we hear here, which goes the other way."""
        raise NotImplementedError

    def words_here(self) -> bytes:
        """What waits for its place, to stand where the frame was that has just been read."""
        words = b"".join(self._words)
        self._words.clear()
        return words

    # Header compression

    def leave_out_block(self) -> bytes:
        """The block that was just read does not go on."""
        self._lose_state()
        return b""

    def _lose_state(self) -> None:
        if not self.stateless:
            self.stateless = True
            self.reader.keep_fields()

    def block_anew(self) -> bytes:
        """The block that was just read, written without a table."""
        return self.own_block(self.reader.fields)

    def own_block(self, fields: Fields) -> bytes:
        """A block of ours. Each empties the receiver's table, since nobody knows which of them is
        the first to get there: so no limit on it asks for another word of ours (RFC 7541 4.2)."""
        self._lose_state()
        return hpack.block(fields, 0)

    # DATA that is left out

    def give_back(self, length: int) -> bool:
        """DATA of this length, padding included, does not go on: always False. Its sender gets the
        connection's window for it back (6.9)."""
        if length:
            self.tell_sender(window_update(0, length))
        return False

    # SETTINGS

    def settings(self, payload: bytes) -> bytes | None:
        """The sender's limits on the other direction; its table must not outgrow our copy."""
        values = read_settings(payload)
        agreed = self.agree(values)
        self.other.announced(agreed)
        return None if agreed == values else settings(*agreed)

    def agree(self, values: list[Setting]) -> list[Setting]:
        """What of the sender's settings the receiver is told."""
        return clamped(values, {HEADER_TABLE_SIZE: _MOST_TABLE})

    def announced(self, values: list[Setting]) -> None:
        """What the receiver of this direction wants; it counts once the sender has said so."""
        said = dict(values)
        table, frame = said.get(HEADER_TABLE_SIZE), said.get(MAX_FRAME_SIZE)
        if frame is not None:
            self.max_frame = max(self.max_frame, frame)
        self._agreed.append((table, frame, said.get(INITIAL_WINDOW_SIZE)))
        self._set_stream_window()

    def _set_stream_window(self) -> None:
        """6.9.2: it changes those of all streams; a larger one once that was acknowledged."""
        announced = [window for _, _, window in self._agreed if window is not None]
        window = min(self._window_in_force, *announced) if announced else self._window_in_force
        for tracked in self.session.tracked.values():
            tracked.window += window - self.stream_window
        self.stream_window = window

    def opens(self, increment: int) -> bytes | None:
        """The receiver opens the connection's window; what we owe is not for the sender."""
        self.room += increment
        if not self.debt:
            return None
        paid = min(self.debt, increment)
        self.debt -= paid
        return window_update(0, increment - paid) if increment > paid else b""

    def settings_acknowledged(self) -> bytes | None:
        """The sender keeps to what was announced."""
        if self._agreed:
            table, frame, window = self._agreed.popleft()
            if table is not None:
                self.reader.allow(table)
            if frame is not None:
                self.max_frame = frame
            if window is not None:
                self._window_in_force = window
                self._set_stream_window()
        return None

    @property
    def unacknowledged(self) -> int:
        """How many SETTINGS the sender has not acknowledged."""
        return len(self._agreed)
