"""What the sessions of one process share: limits, counts, the ledger, and who is connected."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from drainproxy.drain.aging import Aging
from drainproxy.drain.ledger import Ledger
from drainproxy.relay.counters import Counters
from drainproxy.relay.delivery import Deliveries
from drainproxy.relay.turns import Turns
from drainproxy.wire.logged import NO_FACTS, Facts

if TYPE_CHECKING:
    from drainproxy.relay.app_side import AppSide
    from drainproxy.relay.pair import Pair


class Sink(Protocol):
    """The writing side of a connection; in production an asyncio transport."""

    def write(self, data: bytes) -> None:
        """Send `data` after all that was written before."""

    def write_eof(self) -> None:
        """Half-close, after what was written is out."""

    def close(self) -> None:
        """Close, after what was written is out."""

    def abort(self) -> None:
        """Close now and drop what was not sent."""

    def pause_reading(self) -> None:
        """Stop reading from the other end."""

    def resume_reading(self) -> None:
        """Read on."""

    def is_closing(self) -> bool:
        """Closed, or about to be."""

    def get_write_buffer_size(self) -> int:
        """Bytes that were written and are not in the kernel yet."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When `pause_writing` and `resume_writing` are called."""

    def set_protocol(self, protocol: object) -> None:
        """From now on `protocol` hears of what is read."""

    def get_extra_info(self, name: str) -> Any:
        """`peername` or `socket`."""


class Gone:
    """The sink of a client that is gone: whatever is still said to it falls away."""

    def __init__(self, peername: Any = None) -> None:
        self._peername = peername

    def write(self, data: bytes) -> None:
        """Nobody hears it."""

    def _nothing(self) -> None:
        """There is nothing to act on."""

    write_eof = close = abort = pause_reading = resume_reading = _nothing

    def is_closing(self) -> bool:
        """Long since."""
        return True

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is ever written."""

    def set_protocol(self, protocol: object) -> None:
        """Nothing is ever read."""

    def get_extra_info(self, name: str) -> Any:
        """There is no socket; who it was is still known."""
        return self._peername if name == "peername" else None


GONE = Gone()


@dataclass(slots=True)
class Limits:
    """What sessions are held to; seconds and bytes. A `request_timeout` of 0 is none."""

    max_connections: int = 10000
    # So many beyond may wait for their 503; further ones are just closed.
    max_refused: int = 1000
    max_header_bytes: int = 65536
    max_fields: int = 100
    header_timeout: float = 10.0
    idle_timeout: float = 3600.0
    request_timeout: float = 0.0
    idle_close: float = 5.0
    websocket_close_code: int = 1001
    websocket_close_reason: str = "going away"
    # The kinds that are asked to end at leaving; others are waited for.
    ending: frozenset[str] = frozenset({"websocket", "sse"})
    forwarded: bool = True
    aging: Aging = field(default_factory=Aging)
    max_streams: int = 256
    max_resets: int = 500
    connect_timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class Route:
    """One `--forward`: how its connections are read, a name for the app behind it, how it is
    reached, and how that is given up."""

    protocol: str
    app: str
    connect: Callable[["AppSide"], None]
    give_up: Callable[["AppSide"], None] = lambda side: None


# Who is refused, or told to go, is asked to come again after 1 to this many seconds.
RETRY_WITHIN = 5


class Access(NamedTuple):
    """An exchange that has ended, for the access log: `seconds` from its request on, `received`
    bytes of an answer from the app; `facts`: what its fields tell."""

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


class Refusal(Protocol):
    """Called when we turn somebody away ourselves: for which of the reasons that are counted (or
    "app", if it is the app that cannot be had), whom, why in words, and what is known of the
    request if it is one that is turned away."""

    def __call__(self, reason: str, peer: str, words: str, facts: Facts = NO_FACTS) -> None: ...


def _not_told(reason: str, peer: str, words: str, facts: Facts = NO_FACTS) -> None:
    """Nobody wants to read of it."""


def _unsaid(budget: str, peer: str, number: int, outcome: str) -> None:
    """Nobody wants to read of it."""


# What the settings of a forward may be wrong about: a client that says nothing, and one that says
# it in a relative of HTTP.
SILENCE, NOT_HTTP = "silence", "not-http"

# At most one in so many of max-connections may be silent while the app waits too.
SILENT_SHARE = 10

# Called with one of these when it shows on a connection of this forward.
Hint = Callable[[str, Route], None]


class Hub:
    """The one object that every session of a process knows."""

    __slots__ = (
        "access_log",
        "app_restarts",
        "counters",
        "deliveries",
        "has_unread",
        "hint",
        "last_words",
        "leaving",
        "leaving_since",
        "ledger",
        "limits",
        "mask",
        "newest",
        "notice",
        "now",
        "refusal",
        "refused",
        "reset",
        "retry_after",
        "sessions",
        "silent",
        "turns",
        "undelivered",
        "uniform",
    )

    def __init__(
        self,
        limits: Limits,
        now: Callable[[], float],
        *,
        reset: Callable[[Sink], None],
        last_words: Callable[[Sink], bytes],
        has_unread: Callable[[Sink], bool],
        undelivered: Callable[[Sink], int],
        mask: Callable[[], bytes],
        retry_after: Callable[[], int],
        uniform: Callable[[], float],
        soon: Callable[[Callable[[], None]], object],
    ) -> None:
        self.limits = limits
        self.now = now
        # Ends a connection so that its peer cannot take what it got for the whole (TCP RST).
        self.reset = reset
        # What a connection that broke had received and nobody has read yet.
        self.last_words = last_words
        # Whether bytes have arrived on a connection that nobody has read yet.
        self.has_unread = has_unread
        # Bytes that were written and have not reached the other end.
        self.undelivered = undelivered
        # Four fresh bytes that mask a WebSocket frame towards the app.
        self.mask = mask
        # Seconds, jittered, after which a refused client may try again.
        self.retry_after = retry_after
        # A fresh number in [0, 1): the luck of a connection.
        self.uniform = uniform
        # What is to be read on in a later turn of the loop, in which `soon` calls something.
        self.turns = Turns(soon, now)
        self.ledger = Ledger()
        self.counters = Counters()
        # Goodbyes that are not there yet.
        self.deliveries = Deliveries(self)
        self.sessions: set[Pair] = set()
        # Those among them that are over the limit: while they hear it they take nobody's place.
        self.refused: set[Pair] = set()
        # Those on which neither side has said a word for long, the oldest first.
        self.silent: dict[Pair, None] = {}
        # inf while it is not.
        self.leaving = False
        self.leaving_since = inf
        # When the newest connection came: the quiet rule looks at it.
        self.newest = 0.0
        self.access_log: AccessLog | None = None
        self.notice: Notice = _unsaid
        # Whether an app that goes away is known to come back.
        self.app_restarts: Callable[[], bool] = lambda: False
        self.refusal: Refusal = _not_told
        self.hint: Hint = lambda topic, route: None

    def retry_milliseconds(self) -> int:
        """After what time, jittered, whoever listens to events should come again."""
        return int(1000 * (1 + self.uniform() * (RETRY_WITHIN - 1)))

    def leave_all(self) -> None:
        """From now on each client is to go."""
        self.leaving, self.leaving_since = True, self.now()

    def stay(self) -> None:
        """The drain was taken back."""
        self.leaving, self.leaving_since = False, inf

    def admit(self, session: "Pair") -> bool:
        """Register a new connection; False if it is over the limit and must be refused."""
        self.newest = self.now()
        self.sessions.add(session)
        if len(self.sessions) - len(self.refused) <= self.limits.max_connections:
            return True
        if self.silent:
            self._close_silent()
            return True
        self.refused.add(session)
        self.counters.rejected["max-connections"] += 1
        self.notice("max-connections", session.peer, self.limits.max_connections, "it is refused")
        return False

    def wait_for_either(self, session: "Pair") -> None:
        """Neither side has said a word for long. Of many such the oldest goes: a crowd of clients
        that say nothing must not be one at the app."""
        if len(self.silent) * SILENT_SHARE >= self.limits.max_connections:
            self._close_silent()
        self.silent[session] = None

    def _close_silent(self) -> None:
        """Give the place of the one that has been silent for the longest to somebody else."""
        session = next(iter(self.silent))
        self.counters.rejected["silent"] += 1
        self.refusal("silent", session.peer, "neither it nor the app has said a word")
        del self.silent[session]
        self.leave(session)
        session.abort("")

    def crowded(self) -> bool:
        """So far over the limit that not even refusals are spoken any more."""
        return len(self.refused) > self.limits.max_refused

    def leave(self, session: "Pair") -> None:
        """A connection is gone."""
        self.sessions.discard(session)
        self.refused.discard(session)

    def undelivered_bytes(self) -> int:
        """What is on its way to all clients."""
        return sum(self.undelivered(session.client) for session in self.sessions)

    def awaits(self, patience: float) -> bool:
        """Whether a request may come on a connection that was used `patience` seconds ago."""
        since = self.now() - patience
        return any(session.awaited(since) for session in self.sessions)

    def replace(self, old: "Pair", new: "Pair") -> None:
        """One session goes on as another, on the same connection."""
        if old in self.refused:
            self.refused.add(new)
        self.leave(old)
        self.sessions.add(new)

    def go_by(self, limits: Limits) -> None:
        """Go on with other limits; ages that have changed hold for those who are connected too."""
        aging, self.limits = self.limits.aging, limits
        if limits.aging != aging:
            for session in self.sessions:
                session.age_anew()

    def sweep(self) -> None:
        """End what is overdue: called a few times a second, so that no session needs a timer."""
        if self.deliveries:
            self.deliveries.look()
        now = self.now()
        idle_timeout = self.limits.idle_timeout
        unused_since = now - self.limits.idle_close
        for session in list(self.sessions):
            if session.retires <= now:
                session.grow_old()
            if session.deadline <= now:
                session.expired()
            elif session.active:
                session.active = False
                session.idle_since = now
            elif now - session.idle_since >= idle_timeout:
                if session.has_delivered():
                    session.idle_since = now
                else:
                    session.idled()
            elif (
                session.idle_since <= unused_since
                and min(self.leaving_since, session.retired) <= unused_since
            ):
                # It has been unused for idle-close since it was to go: the next request would have
                # heard so.
                session.close_if_unused()
