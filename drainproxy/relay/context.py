"""What all sessions of a process share: limits, counters, the ledger, the registry.

The clock, randomness and socket operations are passed in as functions, so that a session runs in a
test without any of them.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from drainproxy.drain.ledger import Hold, Ledger
from drainproxy.relay.counters import Counters
from drainproxy.relay.delivery import Deliveries
from drainproxy.relay.latecomers import Latecomers
from drainproxy.relay.limits import Limits
from drainproxy.relay.registry import Registry
from drainproxy.relay.route import Route
from drainproxy.relay.slices import Slices
from drainproxy.relay.transport import Transport
from drainproxy.relay.turns import Turns
from drainproxy.wire.logged import NO_FACTS, Facts

# Clients that are refused or told to go get a Retry-After of 1 to this many seconds.
RETRY_WITHIN = 5


class Access(NamedTuple):
    """An exchange that has ended, for the access log: `seconds` from its request on, `received`
    bytes of an answer from the app (over HTTP/1 with its head, over HTTP/2 in DATA frames);
    `facts`: what its fields tell."""

    kind: str
    peer: str
    method: str
    target: str
    status: int
    seconds: float
    received: int
    facts: Facts


# Called when an exchange ends.
AccessLog = Callable[[Access], None]

# Called when a client has passed a budget: which one, the peer, how much it was, what comes of it.
Notice = Callable[[str, str, int, str], None]


class OnRefusal(Protocol):
    """Called when we reject a client ourselves: the counted reason (or "app", if the app cannot be
    reached), the client's address, the reason in words, and what is known of the request if a
    request was rejected."""

    def __call__(self, reason: str, peer: str, words: str, facts: Facts = NO_FACTS) -> None: ...


def _no_refusal(reason: str, peer: str, words: str, facts: Facts = NO_FACTS) -> None:
    """Discard it."""


# What the settings of a forward may be wrong about: a client that says nothing, and one that says
# it in a relative of HTTP.
SILENCE, NOT_HTTP = "silence", "not-http"

# Called with one of these when it shows on a connection of this forward.
Hint = Callable[[str, Route], None]


def _no_notice(budget: str, peer: str, number: int, outcome: str) -> None:
    """Discard it."""


class Context:
    """The one object that every session of a process knows. Seconds and bytes.

    `reset` ends a connection so that its peer cannot take what it got for the whole (TCP RST).
    `take_unread`: what a connection that broke had received and nobody has read yet; `has_unread`:
    whether there is any; `undelivered`: bytes that were written and have not reached the other end.
    `mask`: four fresh bytes that mask a WebSocket frame towards the app. `retry_after`: seconds,
    jittered, after which a refused client may try again. `uniform`: a fresh number in [0, 1).
    """

    __slots__ = (
        "access_log",
        "app_restarts",
        "counters",
        "deliveries",
        "has_unread",
        "hint",
        "latecomers",
        "leaving",
        "ledger",
        "limits",
        "mask",
        "notice",
        "now",
        "refusal",
        "registry",
        "reset",
        "retry_after",
        "slices",
        "take_unread",
        "turns",
        "undelivered",
        "uniform",
    )

    def __init__(
        self,
        limits: Limits,
        now: Callable[[], float],
        *,
        reset: Callable[[Transport], None],
        take_unread: Callable[[Transport], bytes],
        has_unread: Callable[[Transport], bool],
        undelivered: Callable[[Transport], int],
        mask: Callable[[], bytes],
        retry_after: Callable[[], int],
        uniform: Callable[[], float],
        soon: Callable[[Callable[[], None]], object],
    ) -> None:
        self.limits = limits
        self.now = now
        self.reset = reset
        self.take_unread = take_unread
        self.has_unread = has_unread
        self.undelivered = undelivered
        self.mask = mask
        self.retry_after = retry_after
        self.uniform = uniform
        # What is to be read on in a later turn of the loop, in which `soon` calls something.
        self.turns = Turns(soon, now)
        # What concerns all of them at once.
        self.slices = Slices(soon, now)
        self.ledger = Ledger()
        self.counters = Counters()
        self.registry = Registry(self)
        # Goodbyes that are not there yet.
        self.deliveries = Deliveries(self)
        self.leaving = False
        self.latecomers = Latecomers(self)
        self.access_log: AccessLog | None = None
        self.notice: Notice = _no_notice
        # Whether an app that goes away is known to come back.
        self.app_restarts: Callable[[], bool] = lambda: False
        self.refusal: OnRefusal = _no_refusal
        self.hint: Hint = lambda topic, route: None

    def left_unanswered(self, hold: Hold, why: str) -> None:
        """A client got a goodbye, for this reason, before its last message was answered."""
        self.counters.unanswered[hold.kind, why] += 1
        self.ledger.leave_unanswered(hold, self.now())

    def begin_leaving(self) -> None:
        """From now on each client that is here is to go."""
        self.leaving = True
        self.latecomers.begin()

    def cancel_leaving(self) -> None:
        """The drain was taken back."""
        self.leaving = False
        self.latecomers.end()

    def endless_holds(self) -> list[Hold]:
        """The holds without an end of their own that the settings name."""
        streams = self.limits.stream_drain
        if not streams:
            return []

        def ends(hold: Hold) -> bool:
            # Only answers have one.
            media_type: bytes = getattr(hold, "media_type", b"")
            return streams.ends(hold.kind, hold.path, media_type)

        return [*filter(ends, self.ledger.holds)]

    def apply_limits(self, limits: Limits) -> None:
        """Use other limits from now on; changed ages apply to connected clients too."""
        aging, self.limits = self.limits.aging, limits
        if limits.aging != aging:
            self.registry.recompute_ages()
