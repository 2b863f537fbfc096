"""SETTINGS that one side has announced and the other has not acknowledged (RFC 9113 6.5.3)."""

from collections import deque

from drainproxy.wire.http2 import (
    ENHANCE_YOUR_CALM,
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    Http2Error,
    Setting,
)

# Each waits in memory. Whoever says so many without hearing a word is not negotiating.
_MOST = 1000

# The size of the table, of frames and of windows, as far as one frame of SETTINGS names them.
Announcement = tuple[int | None, int | None, int | None]


class Announced:
    """A queue, the oldest first: they are acknowledged in their order."""

    __slots__ = ("_waiting", "_windows")

    def __init__(self) -> None:
        self._waiting: deque[Announcement] = deque()
        # Of the windows those that no later one is smaller than, so the first is the smallest.
        self._windows: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def least_window(self) -> int | None:
        """The smallest window among them, None if none is named."""
        return self._windows[0] if self._windows else None

    def add(self, values: list[Setting]) -> None:
        """One more; Http2Error if too many wait."""
        if len(self._waiting) >= _MOST:
            raise Http2Error(ENHANCE_YOUR_CALM, f"over {_MOST} SETTINGS wait to be acknowledged")
        said = dict(values)
        window = said.get(INITIAL_WINDOW_SIZE)
        if window is not None:
            windows = self._windows
            while windows and windows[-1] > window:
                windows.pop()
            windows.append(window)
        self._waiting.append((said.get(HEADER_TABLE_SIZE), said.get(MAX_FRAME_SIZE), window))

    def acknowledged(self) -> Announcement:
        """The oldest, which waits no more; all None if none waits."""
        if not self._waiting:
            return None, None, None
        oldest = self._waiting.popleft()
        if oldest[2] is not None and oldest[2] == self._windows[0]:
            self._windows.popleft()
        return oldest
