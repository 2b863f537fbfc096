"""Latecomers: connections, WebSockets and long answers that begin while leaving, until they get
their goodbye. When they get it: see `drain.latecomers`."""

from collections.abc import Callable, Collection, Iterator
from math import inf
from typing import Protocol

from drainproxy.drain.goodbye import DRAIN
from drainproxy.drain.latecomers import told_at
from drainproxy.drain.ledger import Ledger
from drainproxy.relay.age import Age
from drainproxy.relay.slices import Slices

# In seconds. A connection that was younger than this when the listeners closed may still upgrade:
# its first request may be on its way.
_JUST_COME = 0.05


class Latecomer(Protocol):
    """A connection, or a hold that is in flight on one."""

    def say_goodbye(self, why: str) -> None:
        """Say goodbye as soon as that loses nothing."""


class LatecomerRegistry(Protocol):
    """See `registry`."""

    @property
    def sessions(self) -> Collection[object]:
        """The sessions that are connected."""


class LatecomerContext(Protocol):
    """The parts of the context that latecomers need."""

    now: Callable[[], float]
    ledger: Ledger
    slices: Slices

    @property
    def registry(self) -> LatecomerRegistry:
        """The connected sessions."""


class Latecomers:
    """All latecomers of a process. `leaving_since`, `closed_since`: when the effects LEAVE and
    CLOSE were carried out; inf before."""

    __slots__ = ("_again", "_context", "_waiting", "closed_since", "leaving_since")

    def __init__(self, context: LatecomerContext) -> None:
        self._context = context
        self._waiting: dict[Latecomer, float] = {}
        self._again: list[Latecomer] = []
        self.leaving_since = self.closed_since = inf

    def __len__(self) -> int:
        return len(self._waiting) + len(self._again)

    # Called by the sidecar

    def begin(self) -> None:
        """Whoever comes from now on is a latecomer (effect LEAVE)."""
        self.leaving_since = self._context.now()

    def close(self) -> list[Latecomer]:
        """The listeners are closed: return the latecomers that have not been told yet."""
        self.closed_since = self._context.now()
        left = [each for each in self._waiting if self._is_there(each)]
        self._waiting.clear()
        return left

    def end(self) -> None:
        """The drain was taken back."""
        self.leaving_since = self.closed_since = inf
        self._waiting.clear()
        self._again.clear()

    # Called by sessions

    def told_since(self, came: float, sample: float) -> float:
        """When a client is told that came at `came`; inf while that is not known. `sample`: its
        jitter sample."""
        if came <= self.leaving_since:
            return self.leaving_since
        return min(told_at(came, self.leaving_since, sample), self.closed_since)

    def tells(self, came: float, sample: float) -> bool:
        """Whether the client that came at `came` is to be told by now."""
        return self.told_since(came, sample) <= self._context.now()

    def tells_connection(self, age: Age) -> bool:
        """Whether the client of this connection is to be told by now."""
        return self.tells(age.connected_at, age.jitter_sample)

    def refuses(self, came: float) -> bool:
        """Whether a new WebSocket is refused on a connection that came at `came`: the listeners are
        closed, so its client finds another replica."""
        closed = self.closed_since
        return closed < inf and came <= max(self.leaving_since, closed - _JUST_COME)

    def connected(self, connection: Latecomer, age: Age) -> None:
        """A connection has come: it is a latecomer if a drain is leaving."""
        if self.leaving_since < inf:
            self.add(connection, age.connected_at, age.jitter_sample)

    def add(self, late: Latecomer, came: float, sample: float) -> None:
        """Tell this latecomer when its time has come, which may be now."""
        moment = self.told_since(came, sample)
        if moment <= self._context.now():
            late.say_goodbye(DRAIN)
        else:
            self._waiting[late] = moment

    def tell_again(self, told: Latecomer) -> None:
        """Say goodbye once more with the next sweep: its goodbye still waits for a pause."""
        self._again.append(told)

    def sweep(self) -> None:
        """Called with each sweep: tell those whose time has come."""
        again, self._again = self._again, []
        self._context.slices.each(again, self.tell)
        self._context.slices.each(self._due(self._context.now()), self.tell)

    def tell(self, late: Latecomer) -> None:
        """Say goodbye now, if it is still there and the drain was not taken back."""
        if self.leaving_since < inf and self._is_there(late):
            late.say_goodbye(DRAIN)

    def _due(self, now: float) -> Iterator[Latecomer]:
        """Take out the latecomers that are due or gone, one by one; those that `close` or `end` has
        taken out meanwhile are left out."""
        for late in list(self._waiting):
            if (moment := self._waiting.get(late)) is None:
                continue
            if moment <= now or not self._is_there(late):
                del self._waiting[late]
                yield late

    def _is_there(self, late: Latecomer) -> bool:
        return late in self._context.registry.sessions or late in self._context.ledger.holds
