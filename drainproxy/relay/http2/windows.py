"""The flow-control windows of an HTTP/2 client (RFC 9113 6.9), reduced by DATA of our own."""

from drainproxy.wire.http2 import window_update

# 6.9.2
USUAL_WINDOW = 65535
# In bytes: a Close (RFC 6455 5.5) with its head. A `retry` is shorter.
_LONGEST_WORD = 2 + 125


class ClientWindow:
    """`room`: what is left of the connection's window; `of_stream`: that of new streams; `debt`:
    how many bytes our own DATA has taken, of which the app does not know. Less than 0: so much is
    kept for DATA of ours."""

    __slots__ = ("debt", "in_force", "of_stream", "room")

    def __init__(self) -> None:
        # The app has acknowledged the one that is in force.
        self.room = self.of_stream = self.in_force = USUAL_WINDOW
        self.debt = 0

    def take(self, length: int) -> None:
        """DATA of ours goes to the client."""
        self.room -= length
        self.debt += length

    def opens(self, increment: int, words: int = 0) -> bytes | None:
        """The client opens the connection's window. What it gives back of our DATA is not for the
        app, nor is what so many `words` of ours wait for, which the app would take at once: what
        goes on instead, None for what came."""
        self.room += increment
        if not (self.debt or words):
            return None
        kept = min(words * _LONGEST_WORD, increment // 2)
        left = max(increment - self.debt - kept, 0)
        self.debt += left - increment
        return window_update(0, left) if left else b""

    def pay(self, increment: int) -> int:
        """The app is to get so much back: what is left of that once the debt is paid."""
        paid = min(max(self.debt, 0), increment)
        self.debt -= paid
        return increment - paid

    def change(self, announced: int | None) -> int:
        """By how much the windows of all streams change (6.9.2), now that this is the least that
        the client has announced and the app has not acknowledged, None for nothing; a larger one
        counts when it has."""
        window = self.in_force if announced is None else min(self.in_force, announced)
        change, self.of_stream = window - self.of_stream, window
        return change
