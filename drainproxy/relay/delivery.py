"""Goodbyes in transit: a goodbye counts only once it was delivered.

Bytes that are written to a socket may never reach the client. So a hold that ends with a goodbye
stays in the ledger until the client's TCP has acknowledged all that was written, and counts as cut
if it never does.
"""

import errno
from collections.abc import Callable, Iterator
from typing import Protocol

from drainproxy.drain.goodbye import DEADLINE
from drainproxy.drain.ledger import CUT, GOODBYE, Hold, Ledger
from drainproxy.relay.slices import Slices
from drainproxy.relay.transport import Transport

# Errors of a connection that mean that the client could not be reached; any other is its doing.
_UNREACHABLE = (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH)


class Delivery:
    """Replaces a hold that ended with a goodbye in the ledger until the goodbye is delivered."""

    __slots__ = ("kind", "opened", "path", "peer", "why")

    def __init__(self, hold: Hold, why: str) -> None:
        self.kind, self.opened = hold.kind, hold.opened
        self.peer, self.path = hold.peer, hold.path
        self.why = why

    def say_goodbye(self, why: str) -> None:
        """Do nothing: the goodbye was sent."""


class DeliverySession(Protocol):
    """A session that has sent a goodbye to its client."""

    client: Transport
    client_ended: bool


class DeliveryContext(Protocol):
    """The parts of the context that deliveries need."""

    ledger: Ledger
    slices: Slices
    undelivered: Callable[[Transport], int]


class Deliveries:
    """All goodbyes in transit, by the session that has sent them."""

    __slots__ = ("_awaited", "_context", "_left", "_under_way")

    def __init__(self, context: DeliveryContext) -> None:
        self._context = context
        self._under_way: dict[DeliverySession, list[Delivery]] = {}
        # The unacknowledged bytes at the last look; and how many of them may belong to the last
        # goodbye or to what was written before it. More may be written behind it.
        self._left: dict[DeliverySession, int] = {}
        self._awaited: dict[DeliverySession, int] = {}

    def __bool__(self) -> bool:
        return bool(self._under_way)

    def begin(self, hold: Hold, session: DeliverySession, why: str) -> None:
        """`hold` has ended with a goodbye, which was just written to the client of `session`."""
        left = self._context.undelivered(session.client)
        if not left:
            self._context.ledger.close(hold, GOODBYE)
            return
        delivery = Delivery(hold, why or DEADLINE)
        self._context.ledger.hand_over(hold, delivery)
        self._under_way.setdefault(session, []).append(delivery)
        self._left[session] = self._awaited[session] = left

    def sweep(self) -> None:
        """Called with each sweep: as many bytes were acknowledged as are missing since the last."""
        self._context.slices.each(self._awaiting(), self._look)

    def _awaiting(self) -> Iterator[DeliverySession]:
        """The sessions, each if it still waits when its turn comes."""
        yield from (session for session in list(self._under_way) if session in self._under_way)

    def _look(self, session: DeliverySession) -> None:
        left = self._context.undelivered(session.client)
        self._awaited[session] -= max(self._left[session] - left, 0)
        self._left[session] = left
        if not left or self._awaited[session] <= 0:
            self._end(session, GOODBYE)

    def lost(self, session: DeliverySession, error: Exception | None) -> None:
        """The client's connection is lost. That is the client's doing, unless we have ended it
        before all was acknowledged, or the system has given it up."""
        if session in self._under_way:
            given_up = isinstance(error, OSError) and error.errno in _UNREACHABLE
            by_us = error is None and not session.client_ended
            self._end(session, CUT if given_up or by_us else GOODBYE)

    def abandon(self) -> None:
        """Stop waiting: goodbyes that are not delivered count as cut."""
        self.sweep()
        self._context.slices.each(self._awaiting(), lambda session: self._end(session, CUT))

    def _end(self, session: DeliverySession, ending: int) -> None:
        del self._left[session], self._awaited[session]
        for delivery in self._under_way.pop(session):
            self._context.ledger.close(delivery, ending, delivery.why)
