"""Goodbyes in transit: one counts only once it has been delivered.

A client that has become unreachable gets nothing, and what is written to a socket is not delivered
yet. So what ends with a goodbye stays in the ledger until the client's TCP has acknowledged
everything written, and counts as cut if it never does.
"""

import errno
from collections.abc import Callable, Iterator
from typing import Protocol

from drainproxy.drain.goodbye import DEADLINE
from drainproxy.drain.ledger import CUT, GOODBYE, Hold, Ledger
from drainproxy.relay.slices import Slices
from drainproxy.relay.transport import Transport

# Errors of a connection that tell that nobody could be reached; any other comes from the client.
_UNREACHABLE = (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH)


class Delivery:
    """Holds the place of one that has ended with a goodbye until that has been delivered."""

    __slots__ = ("kind", "opened", "path", "peer", "why")

    def __init__(self, hold: Hold, why: str) -> None:
        self.kind, self.opened = hold.kind, hold.opened
        self.peer, self.path = hold.peer, hold.path
        self.why = why

    def say_goodbye(self, why: str) -> None:
        """Nothing: it has been said."""


class DeliverySession(Protocol):
    """A session that has said a goodbye to its client."""

    client: Transport
    client_ended: bool


class DeliveryContext(Protocol):
    """What this needs of the context that owns it."""

    ledger: Ledger
    slices: Slices
    undelivered: Callable[[Transport], int]


class Deliveries:
    """All goodbyes that are on their way, by the session that has said them."""

    __slots__ = ("_awaited", "_context", "_left", "_under_way")

    def __init__(self, context: DeliveryContext) -> None:
        self._context = context
        self._under_way: dict[DeliverySession, list[Delivery]] = {}
        # Bytes unconfirmed at the last look, and how many of those up to the last goodbye may be.
        # More may be written behind it.
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
        """Called with each sweep: whatever less is on its way was confirmed."""
        self._context.slices.each(self._awaiting(), self._look)

    def _awaiting(self) -> Iterator[DeliverySession]:
        """Asked when their turn comes: who was ended just before may be one of them."""
        yield from (session for session in list(self._under_way) if session in self._under_way)

    def _look(self, session: DeliverySession) -> None:
        left = self._context.undelivered(session.client)
        self._awaited[session] -= max(self._left[session] - left, 0)
        self._left[session] = left
        if not left or self._awaited[session] <= 0:
            self._end(session, GOODBYE)

    def lost(self, session: DeliverySession, error: Exception | None) -> None:
        """The client's connection is gone: by the client, unless it had not confirmed all when we
        ended it, or the system has given it up."""
        if session in self._under_way:
            given_up = isinstance(error, OSError) and error.errno in _UNREACHABLE
            by_us = error is None and not session.client_ended
            self._end(session, CUT if given_up or by_us else GOODBYE)

    def abandon(self) -> None:
        """Stop waiting: what is not delivered counts as cut."""
        self.sweep()
        self._context.slices.each(self._awaiting(), lambda session: self._end(session, CUT))

    def _end(self, session: DeliverySession, ending: int) -> None:
        del self._left[session], self._awaited[session]
        for delivery in self._under_way.pop(session):
            self._context.ledger.close(delivery, ending, delivery.why)
