"""The goodbye of a gRPC stream: trailers with UNAVAILABLE, as a server sends them that shuts down.

The status, and what clients make of it: gRPC over HTTP/2, "Responses" and "Errors".
"""

from math import inf
from typing import Protocol

from drainproxy.drain.goodbye import DRAIN, MAX_STREAM_AGE
from drainproxy.drain.interruption import (
    GRPC,
    GRPC_UNANSWERED,
    QUIET,
    RULES,
    Pending,
    new_pending,
)
from drainproxy.drain.ledger import GOODBYE
from drainproxy.relay.goodbye.carrier import Carrier
from drainproxy.relay.goodbye.pause import may_be_said

_REASONS = {
    DRAIN: "leaving: the stream may begin again elsewhere",
    MAX_STREAM_AGE: "the stream has reached its age",
}


class GrpcCarrier(Carrier, Protocol):
    """A carrier that has seen the head of the answer, or not yet."""

    @property
    def answered(self) -> bool:
        """The app has begun its answer."""


class GrpcGoodbye:
    """Ends one call. Nothing has to be read for it: it stands between any two frames, and what a
    pause is can be told by when a byte of its DATA has moved last."""

    __slots__ = ("pending",)

    def __init__(self) -> None:
        self.pending: Pending | None = None

    @property
    def waits(self) -> bool:
        """Trailers wait for their moment."""
        return self.pending is not None

    @property
    def reason(self) -> str:
        """What the client is told, in plain words."""
        why = self.pending.why if self.pending is not None else ""
        return _REASONS.get(why, why)

    def say(self, why: str, now: float) -> None:
        """End the call as soon as that loses nothing; the first reason counts."""
        if self.pending is None:
            self.pending = new_pending(why, now)

    def hasten(self, why: str, now: float) -> None:
        """Nothing is waited for: a cut sends trailers itself."""

    def move(self, now: float) -> None:
        """DATA has passed: a pause begins anew."""
        if self.pending is not None:
            self.pending.moved = now

    def cancel(self, remaining: str, now: float) -> None:
        """Go on, unless it is the stream itself that is too old."""
        if self.pending is not None and self.pending.why != MAX_STREAM_AGE:
            self.pending = None

    def poll(self, now: float, carrier: GrpcCarrier) -> float:
        """End the call if this is the moment; returns when to ask again."""
        goodbye = self.pending
        if goodbye is None:
            return inf
        rule = RULES[GRPC if carrier.answered else GRPC_UNANSWERED, goodbye.urgency]
        if may_be_said(rule, goodbye, now, carrier):
            carrier.count_goodbye(goodbye.why)
            carrier.finish(GOODBYE)
        return now + QUIET
