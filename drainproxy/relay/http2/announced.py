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

# Unacknowledged SETTINGS take memory; no honest peer sends so many without an acknowledgement.
_MOST = 1000

# HEADER_TABLE_SIZE, MAX_FRAME_SIZE and INITIAL_WINDOW_SIZE of one frame; None where it has none.
Announcement = tuple[int | None, int | None, int | None]


class Announced:
    """A queue of announced SETTINGS, which are acknowledged in their order."""

    __slots__ = ("_waiting", "_windows")

    def __init__(self) -> None:
        self._waiting: deque[Announcement] = deque()
        # The windows that no later one is below, so the first is the smallest of all.
        self._windows: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def least_window(self) -> int | None:
        """The smallest window that is announced; None without one."""
        return self._windows[0] if self._windows else None

    def add(self, values: list[Setting]) -> None:
        """Add the settings of one frame; Http2Error if too many wait."""
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
        """Take out the oldest announcement; all None if none waits."""
        if not self._waiting:
            return None, None, None
        oldest = self._waiting.popleft()
        if oldest[2] is not None and oldest[2] == self._windows[0]:
            self._windows.popleft()
        return oldest
