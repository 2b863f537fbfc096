"""max-streams: how many streams a client may open; the app's SETTINGS tell the client."""


class StreamLimit:
    """`most`: the limit; `lowered`: it is less than the app would take; `known`: the client has
    acknowledged it, so it can keep to it; `logged`: that it was reached stands in the log."""

    __slots__ = ("known", "logged", "lowered", "most", "most_before")

    def __init__(self, most: int) -> None:
        self.most = most
        # So many before a further one, and it has to be asked whether that is too many, or the last
        # that there may be.
        self.most_before = most - 1
        self.known = self.logged = False
        self.lowered = True
