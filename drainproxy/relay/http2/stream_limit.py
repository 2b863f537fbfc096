"""max-streams: how many streams a client may open; the app's SETTINGS tell the client."""


class StreamLimit:
    """The limit of one connection. `most`: max-streams. `lowered`: the app would take more.
    `known`: the client has acknowledged it. `logged`: that it was reached was logged."""

    __slots__ = ("known", "logged", "lowered", "most", "most_before")

    def __init__(self, most: int) -> None:
        self.most = most
        # With so many streams open, a further one is the last that is allowed, or one too many.
        self.most_before = most - 1
        self.known = self.logged = False
        self.lowered = True
