"""The base of both directions of an HTTP/2 connection: header compression and SETTINGS.

A header block that is dropped or inserted breaks the compression of its direction (RFC 7541 2.2).
From then on every block of that direction is re-encoded, without the dynamic table.
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

# In bytes: the largest dynamic table that either side may ask for, since we keep a copy of it.
_MOST_TABLE = 65536
# RFC 9113 8.1.1
NOT_ITS_LENGTH = "DATA that does not add up to its content-length"


class Direction(FrameScanner[Stream], Generic[Head]):
    """One direction. `understand` makes a head of fields; `too_long` stands for a head over
    max-header-bytes. `other`: the opposite direction, set once both are made. `announced`: SETTINGS
    of the receiver that the sender has not acknowledged. `data_frames`: how many DATA frames have
    passed, a large one counted as several of the usual size."""

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
        # Whether header blocks must be re-encoded without the dynamic table.
        self.stateless = False
        self.announced = Announced()
        self.data_frames = 0

    def tell_sender(self, frame: bytes) -> None:
        """Send a frame to the sender of this direction."""
        raise NotImplementedError

    def take_own_frames(self) -> bytes:
        """Take out our waiting frames, to stand in place of the frame that was just read."""
        frames = b"".join(self._own_frames)
        self._own_frames.clear()
        self.waiting = 0
        return frames

    # Header compression

    def drop_block(self) -> bytes:
        """Drop the block that was just read; returns what is forwarded, nothing."""
        self._become_stateless()
        return b""

    def forget_block(self) -> None:
        """Free the fields of the block that was read last."""
        self.reader.forget()

    def _become_stateless(self) -> None:
        if not self.stateless:
            self.stateless = True
            self.reader.keep_fields()

    def reencoded_block(self) -> bytes:
        """The block that was just read, encoded without the dynamic table."""
        return self.own_block(self.reader.fields)

    def own_block(self, fields: Fields) -> bytes:
        """A header block of ours. Each begins with a table size update to 0, which is valid under
        any limit that the receiver may have lowered meanwhile (RFC 7541 4.2)."""
        self._become_stateless()
        return hpack.block(fields, 0)

    # DATA that is left out

    def give_back(self, length: int) -> bool:
        """Give the sender the connection's window back for DATA that is dropped (6.9); `length`
        includes padding. Returns False, for `data` to return."""
        if length:
            self.tell_sender(window_update(0, length))
        return False

    # SETTINGS

    def settings(self, payload: bytes) -> bytes | None:
        """SETTINGS of the sender, which limit the other direction; what the receiver is told may be
        lowered by `agree`."""
        values = read_settings(payload)
        agreed = self.agree(values)
        self.other.announce(agreed)
        return None if agreed == values else settings(*agreed)

    def agree(self, values: list[Setting]) -> list[Setting]:
        """The sender's settings as the receiver is told them: with a table that we can copy."""
        return clamped(values, {HEADER_TABLE_SIZE: _MOST_TABLE})

    def announce(self, values: list[Setting]) -> None:
        """SETTINGS of the receiver, which are in force once the sender has acknowledged them."""
        self.announced.add(values)
        for key, value in values:
            if key == MAX_FRAME_SIZE:
                self.max_frame = max(self.max_frame, value)

    def settings_acknowledged(self) -> bytes | None:
        """The sender has acknowledged the oldest announced SETTINGS: they are in force."""
        table, frame, window = self.announced.acknowledged()
        if table is not None:
            self.reader.allow(table)
        if frame is not None:
            self.max_frame = frame
        if window is not None:
            self.window_acknowledged(window)
        return None

    def window_acknowledged(self, window: int) -> None:
        """The sender has acknowledged this initial window of the receiver's streams."""
