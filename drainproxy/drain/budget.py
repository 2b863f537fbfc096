"""How much of something one client may do: so many in so many seconds."""


class Budget:
    """`most` in each `window` seconds, the first of which begins with the first that is spent; the
    present one `ends` at that moment."""

    __slots__ = ("_left", "ends", "most", "window")

    def __init__(self, most: int, window: float) -> None:
        self.most = most
        self.window = window
        self._left = most
        self.ends = 0.0

    def spend(self, now: float) -> bool:
        """Take one; False if none is left in this window."""
        if now >= self.ends:
            self.ends = now + self.window
            self._left = self.most
        self._left -= 1
        return self._left >= 0
