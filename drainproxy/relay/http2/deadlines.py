"""The deadlines of an HTTP/2 connection by name; the earliest is the deadline of the session."""

from collections.abc import Iterator
from enum import Enum
from math import inf
from typing import Protocol


class Deadline(Enum):
    """The deadlines, in the order in which `Deadlines.over` returns them."""

    HEAD = "a frame or a header block that has begun must be complete"
    CLIENT_END = "a client that has ended its side must have taken all"
    STREAM_AGE = "the oldest gRPC stream reaches its age"
    GOODBYES = "the goodbyes of streams have to be polled"
    PING = "the client must have answered our PING; or a pending GOAWAY has to be tried again"
    ANSWER = "the app must have begun its oldest answer"


class DeadlineOwner(Protocol):
    """The session, whose `on_deadline` is called at `deadline`."""

    deadline: float


class Deadlines:
    """Deadlines on the context's clock; inf for none. The earliest is set as the owner's. `head`:
    that of HEAD, a field of its own since every read looks at it."""

    __slots__ = ("_moments", "_owner", "head")

    def __init__(self, owner: DeadlineOwner) -> None:
        self.head = inf
        self._moments: dict[Deadline, float] = {}
        self._owner = owner

    def set(self, which: Deadline, moment: float) -> None:
        """Set this deadline to `moment`; inf removes it."""
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
        """The moment of this deadline; inf for none."""
        return self._moments.get(which, inf)

    def over(self, now: float) -> Iterator[Deadline]:
        """The deadlines that are over, in the order of `Deadline`. Each is compared only when its
        turn comes, since acting on one may move another."""
        return (which for which in Deadline if self.get(which) <= now)
