"""The flow-control windows of an HTTP/2 client (RFC 9113 6.9), reduced by DATA of our own."""

from drainproxy.wire.http2 import window_update

# 6.9.2: the initial window.
USUAL_WINDOW = 65535
# In bytes: the longest goodbye, a Close (RFC 6455 5.5) with its header. A `retry` is shorter.
_LONGEST_GOODBYE = 2 + 125


class ClientWindow:
    """The windows of one client, in bytes.

    `room`: what is left of the connection's window. `of_stream`: the initial window of new streams;
    `in_force`: the one that the app has acknowledged. `debt`: what DATA of our own has used of the
    connection's window, of which the app does not know; below 0, what is reserved for such DATA.
    """

    __slots__ = ("debt", "in_force", "of_stream", "room")

    def __init__(self) -> None:
        self.room = self.of_stream = self.in_force = USUAL_WINDOW
        self.debt = 0

    def take(self, length: int) -> None:
        """Account for DATA of ours of this length that goes to the client."""
        self.room -= length
        self.debt += length

    def opens(self, increment: int, goodbyes: int = 0) -> bytes | None:
        """The client's WINDOW_UPDATE of the connection. Not for the app is what repays our DATA,
        and a reserve for so many `goodbyes` that wait for window, which the app would use at once.
        Returns the frame to forward in its place, maybe empty; None to forward it as it came."""
        self.room += increment
        if not (self.debt or goodbyes):
            return None
        kept = min(goodbyes * _LONGEST_GOODBYE, increment // 2)
        left = max(increment - self.debt - kept, 0)
        self.debt += left - increment
        return window_update(0, left) if left else b""

    def pay(self, increment: int) -> int:
        """Pay the debt out of what the app is to get back; returns the rest."""
        paid = min(max(self.debt, 0), increment)
        self.debt -= paid
        return increment - paid

    def change(self, announced: int | None) -> int:
        """Set the initial window to the smaller of the one in force and `announced`, the smallest
        that the app has not acknowledged, None without one. Returns by how much the windows of all
        streams change (6.9.2)."""
        window = self.in_force if announced is None else min(self.in_force, announced)
        change, self.of_stream = window - self.of_stream, window
        return change
