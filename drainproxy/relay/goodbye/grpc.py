"""The goodbye of a gRPC call: trailers with UNAVAILABLE, as a gRPC server sends when it shuts down.

See gRPC over HTTP/2, "Responses" and "Errors".
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
    """A carrier that knows whether the app has begun its answer."""

    @property
    def answered(self) -> bool:
        """The app has begun its answer."""


class GrpcGoodbye:
    """The goodbye of one call. No message is parsed: trailers may stand between any two frames, and
    a pause is the time since a byte of the call's DATA moved last."""

    __slots__ = ("pending",)

    def __init__(self) -> None:
        self.pending: Pending | None = None

    @property
    def waits(self) -> bool:
        """Trailers wait for their moment."""
        return self.pending is not None

    @property
    def reason(self) -> str:
        """The text of grpc-message."""
        why = self.pending.why if self.pending is not None else ""
        return _REASONS.get(why, why)

    def say(self, why: str, now: float) -> None:
        """End the call as soon as that loses nothing; the first reason counts."""
        if self.pending is None:
            self.pending = new_pending(why, now)

    def hasten(self, why: str, now: float) -> None:
        """Do nothing: at the deadline `StreamTable.end_early` sends the trailers."""

    def move(self, now: float) -> None:
        """DATA has passed: a pause begins anew."""
        if self.pending is not None:
            self.pending.moved = now

    def cancel(self, remaining: str, now: float) -> None:
        """Let the call go on, unless it has reached max-stream-age."""
        if self.pending is not None and self.pending.why != MAX_STREAM_AGE:
            self.pending = None

    def poll(self, now: float, carrier: GrpcCarrier) -> float:
        """End the call if the rule allows it now; returns when to call again."""
        pending = self.pending
        if pending is None:
            return inf
        rule = RULES[GRPC if carrier.answered else GRPC_UNANSWERED, pending.urgency]
        if may_be_said(rule, pending, now, carrier):
            carrier.count_goodbye(pending.why)
            carrier.finish(GOODBYE)
        return now + QUIET
