"""The deadlines of an HTTP/2 connection by name; the earliest is the deadline of the session."""

from collections.abc import Iterator
from enum import Enum
from math import inf
from typing import Protocol


class Deadline(Enum):
    """What is over when its moment has come; see `Deadlines.first_over` for their order."""

    HEAD = "a frame or a header block that has begun must be whole"
    CLIENT_END = "a client that sends no more must have taken all"
    STREAM_AGE = "the oldest gRPC stream reaches its age"
    GOODBYES = "a goodbye to a stream may have its place"
    PING = "the client must have answered our PING; or a goodbye that was too early is said"
    ANSWER = "the app must have begun its oldest answer"


class DeadlineOwner(Protocol):
    """The session that is called at `deadline`."""

    deadline: float


class Deadlines:
    """Moments; inf for none. Sets the earliest of them as the deadline of its owner. `head` is
    looked at with every read, so it has a field of its own."""

    __slots__ = ("_moments", "_owner", "head")

    def __init__(self, owner: DeadlineOwner) -> None:
        self.head = inf
        self._moments: dict[Deadline, float] = {}
        self._owner = owner

    def set(self, which: Deadline, moment: float) -> None:
        """From now on this one is at `moment`."""
        if which is Deadline.HEAD:
            self.head = moment
        if moment < inf:
            self._moments[which] = moment
        else:
            self._moments.pop(which, None)
        self._owner.deadline = min(self._moments.values(), default=inf)

    def no_later(self, which: Deadline, moment: float) -> None:
        """Move this deadline to `moment`, unless it is earlier already."""
        if moment < self.get(which):
            self.set(which, moment)

    def get(self, which: Deadline) -> float:
        """When it is."""
        return self._moments.get(which, inf)

    def over(self, now: float) -> Iterator[Deadline]:
        """Those that are over, in the order of `Deadline`. Each is looked at when its turn comes:
        whoever acts on one may move another."""
        return (which for which in Deadline if self.get(which) <= now)
