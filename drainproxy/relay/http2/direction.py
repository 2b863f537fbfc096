"""What both directions of an HTTP/2 connection have in common: header compression and SETTINGS.

A header block that is dropped or inserted breaks the compression of its direction (RFC 7541 2.2).
From then on every block of that direction is encoded again, without the dynamic table.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from drainproxy.relay.http2.announced import Announced
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.http2.stream_table import StreamTable
from drainproxy.wire import hpack
from drainproxy.wire.frames import FrameScanner
from drainproxy.wire.hpack import Fields
from drainproxy.wire.hpack_cache import CachingReader
from drainproxy.wire.http2 import (
    HEADER_TABLE_SIZE,
    MAX_FRAME_SIZE,
    Setting,
    clamped,
    read_settings,
    settings,
    window_update,
)
from drainproxy.wire.http2_head import matters

Head = TypeVar("Head")

# The most, in bytes, that either side may have its table grow to: we keep a copy of it.
_MOST_TABLE = 65536
# RFC 9113 8.1.1
NOT_ITS_LENGTH = "DATA that does not add up to its content-length"


class Direction(FrameScanner[Stream], Generic[Head]):
    """One direction. `too_long`: in place of a head over max-header-bytes. `other` is set once both
    are made. `announced`: what the receiver has said and the sender has not acknowledged.
    `data_frames`: how many frames of DATA have passed; a large one counts as those that it could
    have been."""

    __slots__ = ("announced", "data_frames", "other", "reader", "stateless", "table")

    def __init__(
        self, table: StreamTable, understand: Callable[[Fields], Head], too_long: Head
    ) -> None:
        limits = table.context.limits
        most = limits.max_header_bytes
        super().__init__(hpack.READ_FOR_AN_ANSWER * most)
        self.table = table
        self.other: Direction[Any]
        self.reader = CachingReader(most, understand, matters, limits.max_fields, too_long)
        # From now on header blocks must be encoded anew.
        self.stateless = False
        self.announced = Announced()
        self.data_frames = 0

    def tell_sender(self, frame: bytes) -> None:
        """Say something to whom we hear here, which goes the other way."""
        raise NotImplementedError

    def take_own_frames(self) -> bytes:
        """What waits for its place, to stand where the frame was that has just been read."""
        words = b"".join(self._own_frames)
        self._own_frames.clear()
        self.waiting = 0
        return words

    # Header compression

    def drop_block(self) -> bytes:
        """The block that was just read does not go on."""
        self._become_stateless()
        return b""

    def forget_block(self) -> None:
        """Nobody asks for its fields any more."""
        self.reader.forget()

    def _become_stateless(self) -> None:
        if not self.stateless:
            self.stateless = True
            self.reader.keep_fields()

    def reencoded_block(self) -> bytes:
        """The block that was just read, written without a table."""
        return self.own_block(self.reader.fields)

    def own_block(self, fields: Fields) -> bytes:
        """A block of ours. Each empties the receiver's table, since nobody knows which of them is
        the first to get there: so no limit on it asks for another word of ours (RFC 7541 4.2)."""
        self._become_stateless()
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
        self.other.announce(agreed)
        return None if agreed == values else settings(*agreed)

    def agree(self, values: list[Setting]) -> list[Setting]:
        """What of the sender's settings the receiver is told."""
        return clamped(values, {HEADER_TABLE_SIZE: _MOST_TABLE})

    def announce(self, values: list[Setting]) -> None:
        """What the receiver of this direction wants; it counts once the sender has said so."""
        self.announced.add(values)
        for key, value in values:
            if key == MAX_FRAME_SIZE:
                self.max_frame = max(self.max_frame, value)

    def settings_acknowledged(self) -> bytes | None:
        """The sender keeps to what was announced."""
        table, frame, window = self.announced.acknowledged()
        if table is not None:
            self.reader.allow(table)
        if frame is not None:
            self.max_frame = frame
        if window is not None:
            self.window_acknowledged(window)
        return None

    def window_acknowledged(self, window: int) -> None:
        """The sender keeps to this window of the receiver's streams."""
