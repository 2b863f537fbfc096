"""The steps of a graceful GOAWAY (RFC 9113 6.8), as a table: GOAWAY, PING, GOAWAY.

The first GOAWAY still allows all streams, and a PING follows it. The client's answer to the PING
proves that it has read the GOAWAY, so no more streams can cross it: then a second GOAWAY names the
last stream that is served. `TABLE` has a row for every pair of state and input.
"""

from enum import Enum


class GoawayState(Enum):
    """How far the shutdown of a connection has come."""

    SERVING = "nobody has asked for a goodbye"
    PENDING = "it is said as soon as the connection is in use"
    GOAWAY_SENT = "the client was asked to open no more streams, but some may be on their way"
    LAST_STREAM_SENT = "the client knows the last stream that is served"


class GoawayInput(Enum):
    """The events of a shutdown."""

    WANT = "a goodbye is asked for"
    CANCEL = "it is taken back"
    READY = "the app's SETTINGS have passed, and the connection is in use"
    ANSWERED = "the client has answered our PING, or has not done so in time"
    END = "the connection has to end"


class GoawayEffect(Enum):
    """The frames that the connection must send."""

    SEND_GOAWAY = "GOAWAY 2**31-1, and PING"
    SEND_LAST_STREAM = "GOAWAY with the last stream that is served"


_S, _I = GoawayState, GoawayInput
_SEND_GOAWAY, _SEND_LAST = (GoawayEffect.SEND_GOAWAY,), (GoawayEffect.SEND_LAST_STREAM,)

TABLE: dict[tuple[GoawayState, GoawayInput], tuple[GoawayState, tuple[GoawayEffect, ...]]] = {
    (_S.SERVING, _I.WANT): (_S.PENDING, ()),
    (_S.SERVING, _I.CANCEL): (_S.SERVING, ()),
    (_S.SERVING, _I.READY): (_S.SERVING, ()),
    (_S.SERVING, _I.ANSWERED): (_S.SERVING, ()),
    (_S.SERVING, _I.END): (_S.LAST_STREAM_SENT, _SEND_LAST),
    (_S.PENDING, _I.WANT): (_S.PENDING, ()),
    (_S.PENDING, _I.CANCEL): (_S.SERVING, ()),
    (_S.PENDING, _I.READY): (_S.GOAWAY_SENT, _SEND_GOAWAY),
    (_S.PENDING, _I.ANSWERED): (_S.PENDING, ()),
    (_S.PENDING, _I.END): (_S.LAST_STREAM_SENT, _SEND_LAST),
    # GOAWAY cannot be taken back.
    (_S.GOAWAY_SENT, _I.WANT): (_S.GOAWAY_SENT, ()),
    (_S.GOAWAY_SENT, _I.CANCEL): (_S.GOAWAY_SENT, ()),
    (_S.GOAWAY_SENT, _I.READY): (_S.GOAWAY_SENT, ()),
    (_S.GOAWAY_SENT, _I.ANSWERED): (_S.LAST_STREAM_SENT, _SEND_LAST),
    (_S.GOAWAY_SENT, _I.END): (_S.LAST_STREAM_SENT, _SEND_LAST),
    (_S.LAST_STREAM_SENT, _I.WANT): (_S.LAST_STREAM_SENT, ()),
    (_S.LAST_STREAM_SENT, _I.CANCEL): (_S.LAST_STREAM_SENT, ()),
    (_S.LAST_STREAM_SENT, _I.READY): (_S.LAST_STREAM_SENT, ()),
    (_S.LAST_STREAM_SENT, _I.ANSWERED): (_S.LAST_STREAM_SENT, ()),
    (_S.LAST_STREAM_SENT, _I.END): (_S.LAST_STREAM_SENT, ()),
}


class Goaway:
    """The state of one shutdown. `begun`: a goodbye was asked for. `ping`: the eight bytes of our
    PING that the client has not answered; empty without one."""

    __slots__ = ("begun", "ping", "state")

    def __init__(self) -> None:
        self.state = GoawayState.SERVING
        self.begun = False
        self.ping = b""

    def handle(self, given: GoawayInput) -> tuple[GoawayEffect, ...]:
        """Take the step in `TABLE`; returns what must be sent."""
        self.state, effects = TABLE[self.state, given]
        self.begun = self.state is not GoawayState.SERVING
        return effects
