"""The steps of a graceful GOAWAY (RFC 9113 6.8), as a table: GOAWAY, PING, GOAWAY.

The first GOAWAY still allows all streams, and a PING follows it. The client's answer to the PING
proves that it has read the GOAWAY, so no more streams can cross it: then a second GOAWAY names the
last stream that is served. `TABLE` has a row for every pair of state and input.
"""

from enum import Enum


class GoawayState(Enum):
    """How far it has come."""

    STAYING = "nobody has asked for a goodbye"
    WANTED = "it is said as soon as the connection is in use"
    ASKED = "the client was asked to open no more streams, but some may be on their way"
    TOLD = "the client knows the last stream that is served"


class GoawayInput(Enum):
    """What can happen."""

    WANT = "a goodbye is asked for"
    CANCEL = "it is taken back"
    READY = "the app's SETTINGS have passed, and the connection is in use"
    ANSWERED = "the client has answered our PING, or has not done so in time"
    END = "the connection has to end"


class GoawayEffect(Enum):
    """What the connection must say."""

    ASK = "GOAWAY 2**31-1, and PING"
    NAME_LAST = "GOAWAY with the last stream that is served"


_S, _I = GoawayState, GoawayInput
_ASK, _NAME = (GoawayEffect.ASK,), (GoawayEffect.NAME_LAST,)

TABLE: dict[tuple[GoawayState, GoawayInput], tuple[GoawayState, tuple[GoawayEffect, ...]]] = {
    (_S.STAYING, _I.WANT): (_S.WANTED, ()),
    (_S.STAYING, _I.CANCEL): (_S.STAYING, ()),
    (_S.STAYING, _I.READY): (_S.STAYING, ()),
    (_S.STAYING, _I.ANSWERED): (_S.STAYING, ()),
    (_S.STAYING, _I.END): (_S.TOLD, _NAME),
    (_S.WANTED, _I.WANT): (_S.WANTED, ()),
    (_S.WANTED, _I.CANCEL): (_S.STAYING, ()),
    (_S.WANTED, _I.READY): (_S.ASKED, _ASK),
    (_S.WANTED, _I.ANSWERED): (_S.WANTED, ()),
    (_S.WANTED, _I.END): (_S.TOLD, _NAME),
    # What was said cannot be taken back.
    (_S.ASKED, _I.WANT): (_S.ASKED, ()),
    (_S.ASKED, _I.CANCEL): (_S.ASKED, ()),
    (_S.ASKED, _I.READY): (_S.ASKED, ()),
    (_S.ASKED, _I.ANSWERED): (_S.TOLD, _NAME),
    (_S.ASKED, _I.END): (_S.TOLD, _NAME),
    (_S.TOLD, _I.WANT): (_S.TOLD, ()),
    (_S.TOLD, _I.CANCEL): (_S.TOLD, ()),
    (_S.TOLD, _I.READY): (_S.TOLD, ()),
    (_S.TOLD, _I.ANSWERED): (_S.TOLD, ()),
    (_S.TOLD, _I.END): (_S.TOLD, ()),
}


class Goaway:
    """One exchange. `begun`: a goodbye was asked for, however far it has come; `ping`: the eight
    bytes of the PING whose answer is waited for."""

    __slots__ = ("begun", "ping", "state")

    def __init__(self) -> None:
        self.state = GoawayState.STAYING
        self.begun = False
        self.ping = b""

    def handle(self, given: GoawayInput) -> tuple[GoawayEffect, ...]:
        """Take the step that the table has; returns what must be said."""
        self.state, effects = TABLE[self.state, given]
        self.begun = self.state is not GoawayState.STAYING
        return effects
