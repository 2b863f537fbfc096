"""How far a conversation has come, so that a timeout can say what was missing."""


class Failed(Exception):
    """There is no answer to be checked; the text says why, in one line."""


class Stage:
    """`waiting_for` is what has not come yet, as in "no connection", to which a timeout adds
    "within 5 s"."""

    def __init__(self) -> None:
        self.waiting_for = "no connection"
