"""Clients that connect during a drain and have not had their goodbye yet; see
`drain.latecomers`."""

from collections.abc import Callable, Collection, Iterator
from math import inf
from typing import Protocol

from drainproxy.drain.goodbye import DRAIN
from drainproxy.drain.latecomers import told_at
from drainproxy.drain.ledger import Ledger
from drainproxy.relay.age import Age
from drainproxy.relay.slices import Slices

# Seconds. Who came in the last ones before the listeners closed, or was accepted only then, may be
# about to say what for.
_JUST_COME = 0.05


class Latecomer(Protocol):
    """A connection, or what is in flight on one."""

    def say_goodbye(self, why: str) -> None:
        """As soon as that loses nothing."""


class LatecomerRegistry(Protocol):
    """See `registry`."""

    @property
    def sessions(self) -> Collection[object]:
        """All that are connected."""


class LatecomerContext(Protocol):
    """What this needs of the context that owns it."""

    now: Callable[[], float]
    ledger: Ledger
    slices: Slices

    @property
    def registry(self) -> LatecomerRegistry:
        """The connected sessions."""


class Latecomers:
    """`leaving_since`, `closed_since`: when clients were told to go, and when the listeners closed;
    inf if that has not been."""

    __slots__ = ("_again", "_context", "_waiting", "closed_since", "leaving_since")

    def __init__(self, context: LatecomerContext) -> None:
        self._context = context
        self._waiting: dict[Latecomer, float] = {}
        self._again: list[Latecomer] = []
        self.leaving_since = self.closed_since = inf

    def __len__(self) -> int:
        return len(self._waiting) + len(self._again)

    # What the sidecar tells

    def begin(self) -> None:
        """From now on who comes is late."""
        self.leaving_since = self._context.now()

    def close(self) -> list[Latecomer]:
        """The listeners are closed: returns the latecomers that are still to be told."""
        self.closed_since = self._context.now()
        left = [each for each in self._waiting if self._is_there(each)]
        self._waiting.clear()
        return left

    def end(self) -> None:
        """The drain was taken back."""
        self.leaving_since = self.closed_since = inf
        self._waiting.clear()
        self._again.clear()

    # What sessions ask

    def told_since(self, came: float, sample: float) -> float:
        """The moment from which a client is to hear of the drain that `came` then; inf if it is not
        known yet."""
        if came <= self.leaving_since:
            return self.leaving_since
        return min(told_at(came, self.leaving_since, sample), self.closed_since)

    def tells(self, came: float, sample: float) -> bool:
        """Whether it is to hear of it now."""
        return self.told_since(came, sample) <= self._context.now()

    def tells_connection(self, age: Age) -> bool:
        """The same for a connection."""
        return self.tells(age.connected_at, age.jitter_sample)

    def refuses(self, came: float) -> bool:
        """Whether nothing that may last is begun on a connection that `came` then: its client can
        have it elsewhere."""
        closed = self.closed_since
        return closed < inf and came <= max(self.leaving_since, closed - _JUST_COME)

    def connected(self, connection: Latecomer, age: Age) -> None:
        """A connection has come; nothing if nobody is to hear of a drain."""
        if self.leaving_since < inf:
            self.add(connection, age.connected_at, age.jitter_sample)

    def add(self, late: Latecomer, came: float, sample: float) -> None:
        """Tell it in its time, which may be now."""
        moment = self.told_since(came, sample)
        if moment <= self._context.now():
            late.say_goodbye(DRAIN)
        else:
            self._waiting[late] = moment

    def tell_again(self, told: Latecomer) -> None:
        """Tell it once more with the next sweep, since this is not the moment for it."""
        self._again.append(told)

    def sweep(self) -> None:
        """Called with each sweep: tell those whose time has come."""
        again, self._again = self._again, []
        self._context.slices.each(again, self.tell)
        self._context.slices.each(self._due(self._context.now()), self.tell)

    def tell(self, late: Latecomer) -> None:
        """Tell it now, if it is still there and the drain was not taken back."""
        if self.leaving_since < inf and self._is_there(late):
            late.say_goodbye(DRAIN)

    def _due(self, now: float) -> Iterator[Latecomer]:
        """Those whose time has come, or who have gone; whoever was told otherwise is none."""
        for late in list(self._waiting):
            if (moment := self._waiting.get(late)) is None:
                continue
            if moment <= now or not self._is_there(late):
                del self._waiting[late]
                yield late

    def _is_there(self, late: Latecomer) -> bool:
        return late in self._context.registry.sessions or late in self._context.ledger.holds
