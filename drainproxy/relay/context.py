"""The context of all sessions of a process: limits, counters, the ledger, the registry.

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
    """An exchange that has ended, for the access log. `seconds`: from the head of its request on.
    `received`: bytes of the app's answer (over HTTP/1 with its head, over HTTP/2 in DATA frames).
    `facts`: the request's fields that are logged."""

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

# Called when a client has exceeded a budget: its name, the peer, the number, the consequence.
Notice = Callable[[str, str, int, str], None]


class OnRefusal(Protocol):
    """Called when we reject a client ourselves. `reason`: as it is counted, or "app" if the app
    cannot be reached. `peer`: the client's address. `words`: the reason as text. `facts`: the
    fields of a rejected request that are logged."""

    def __call__(self, reason: str, peer: str, words: str, facts: Facts = NO_FACTS) -> None: ...


def _no_refusal(reason: str, peer: str, words: str, facts: Facts = NO_FACTS) -> None:
    """Discard the refusal."""


# Topics of a `Hint` that the settings of a forward may be wrong: a client was silent, or its
# protocol resembles HTTP (RTSP, ICE).
SILENCE, NOT_HTTP = "silence", "not-http"

# Called with one of these topics when a connection of this forward shows it.
Hint = Callable[[str, Route], None]


def _no_notice(budget: str, peer: str, number: int, outcome: str) -> None:
    """Discard the notice."""


class Context:
    """Shared by all sessions of a process. Times in seconds, sizes in bytes.

    `reset` ends a connection with RST, so that its peer does not take what it got for complete.
    `take_unread`: the unread bytes in the receive buffer of a connection that broke; `has_unread`:
    whether a connection has any; `undelivered`: the bytes written that the peer's TCP has not
    acknowledged. `mask`: four random bytes, the mask of a WebSocket frame to the app.
    `retry_after`: seconds, jittered, after which a refused client may try again. `uniform`: a
    random number in [0, 1). `leaving`: true from the effect LEAVE on, until an undrain.
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
        # Sessions that go on reading in a later turn of the loop.
        self.turns = Turns(soon, now)
        # Work on all sessions, such as a sweep.
        self.slices = Slices(soon, now)
        self.ledger = Ledger()
        self.counters = Counters()
        self.registry = Registry(self)
        # Goodbyes that are written and not acknowledged yet.
        self.deliveries = Deliveries(self)
        self.leaving = False
        self.latecomers = Latecomers(self)
        self.access_log: AccessLog | None = None
        self.notice: Notice = _no_notice
        # Whether the app is known to restart.
        self.app_restarts: Callable[[], bool] = lambda: False
        self.refusal: OnRefusal = _no_refusal
        self.hint: Hint = lambda topic, route: None

    def left_unanswered(self, hold: Hold, why: str) -> None:
        """Count and book a goodbye, for this reason, before the client's last message was
        answered."""
        self.counters.unanswered[hold.kind, why] += 1
        self.ledger.leave_unanswered(hold, self.now())

    def begin_leaving(self) -> None:
        """The drain is leaving: clients are asked to reconnect from now on."""
        self.leaving = True
        self.latecomers.begin()

    def cancel_leaving(self) -> None:
        """The drain was taken back."""
        self.leaving = False
        self.latecomers.end()

    def endless_holds(self) -> list[Hold]:
        """The holds that `stream-drain` ends."""
        streams = self.limits.stream_drain
        if not streams:
            return []

        def ends(hold: Hold) -> bool:
            # Sessions of TCP and WebSocket have no media type.
            media_type: bytes = getattr(hold, "media_type", b"")
            return streams.ends(hold.kind, hold.path, media_type)

        return [*filter(ends, self.ledger.holds)]

    def apply_limits(self, limits: Limits) -> None:
        """Use these limits from now on; changed ages hold for connected clients too."""
        aging, self.limits = self.limits.aging, limits
        if limits.aging != aging:
            self.registry.recompute_ages()
