"""The goodbye of a gRPC stream: trailers with UNAVAILABLE, as a server sends them that shuts down.

The status, and what clients make of it: gRPC over HTTP/2, "Responses" and "Errors".
"""

from drainproxy.drain.goodbye import DRAIN, MAX_STREAM_AGE
from drainproxy.drain.interruption import (
    GRPC,
    GRPC_UNANSWERED,
    QUIET,
    RULES,
    Pending,
    Place,
    may_stand,
    new_pending,
    pause_begins,
)
from drainproxy.drain.ledger import GOODBYE
from drainproxy.relay.goodbye.carrier import Carrier

_REASONS = {
    DRAIN: "leaving: the stream may begin again elsewhere",
    MAX_STREAM_AGE: "the stream has reached its age",
}


class GrpcGoodbye:
    """Ends one call. Nothing has to be followed for it: it stands between any two frames, and what
    a pause is can be told by when DATA has moved last."""

    __slots__ = ("pending",)

    def __init__(self) -> None:
        self.pending: Pending | None = None

    @property
    def reason(self) -> str:
        """What the client is told, in plain words."""
        why = self.pending.why if self.pending is not None else ""
        return _REASONS.get(why, why)

    def say(self, why: str, now: float) -> None:
        """End the call as soon as that loses nothing; the first reason counts."""
        if self.pending is None:
            self.pending = new_pending(why, now)

    def cancel(self) -> None:
        """Go on, unless it is the stream itself that is too old."""
        if self.pending is not None and self.pending.why != MAX_STREAM_AGE:
            self.pending = None

    def poll(self, now: float, carrier: Carrier, *, answered: bool) -> float:
        """End the call if this is the moment; returns when to ask again. `answered`: the app has
        begun its answer."""
        goodbye = self.pending
        assert goodbye is not None
        if not carrier.at_boundary:
            return now + QUIET
        rule = RULES[GRPC if answered else GRPC_UNANSWERED, goodbye.urgency]
        here = may_stand(rule, goodbye, Place.FRAME, now, question=0)
        if here or pause_begins(rule, goodbye, question=0) <= now:
            carrier.told(goodbye.why)
            carrier.finish(GOODBYE)
        return now + QUIET
