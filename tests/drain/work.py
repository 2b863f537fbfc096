"""Something in flight that is nothing but a hold."""


class Work:
    """A hold for tests."""

    def __init__(self, kind: str = "http1", opened: float = 0.0, path: str = "/") -> None:
        self.kind = kind
        self.opened = opened
        self._path = path

    def say_goodbye(self, why: str) -> None:
        """It cannot be told anything."""

    @property
    def peer(self) -> str:
        return "192.0.2.1:5000"

    @property
    def path(self) -> str:
        return self._path
