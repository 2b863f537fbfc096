"""The base of all sessions: a client connection and its app connection, with back-pressure,
half-close, and the end of both."""

from math import inf
from typing import Any

from drainproxy.drain.goodbye import DEADLINE, IDLE, MAX_AGE
from drainproxy.drain.ledger import CUT
from drainproxy.relay.address import address_text
from drainproxy.relay.age import Age
from drainproxy.relay.context import Context
from drainproxy.relay.route import Route
from drainproxy.relay.small_reads import BACKLOG, SmallReads, hand_over
from drainproxy.relay.transport import CLOSED, ClosedTransport, Transport
from drainproxy.relay.turns import (
    APP_IS_FULL,
    CLIENT_DOES_NOT_READ,
    CONNECTING,
    FULL_READ,
    NEXT_TURN,
    SMALL_READS,
    STOPS,
)
from drainproxy.relay.upstream import UpstreamProtocol

# Reading from the client stops once so many bytes are held that cannot be forwarded yet.
MOST_HELD = 65536
# In seconds. So long we read on behind the last answer, which a reset could destroy (RFC 9112 9.6).
LINGER = 5.0


class Session:
    """Base of every session: the asyncio protocol of a client connection, and its app connection.

    `active` is set with every byte and cleared by the sweep of the registry, which keeps
    `idle_since`: so idleness costs no clock reading per chunk. `deadline`: when the sweep calls
    `on_deadline`, inf for never. `why`: the reason of the last goodbye or cut. `opened`: when the
    current exchange began; before the first one, when the connection or its detection began.
    """

    __slots__ = (
        "active",
        "age",
        "app",
        "app_rest",
        "client",
        "client_ended",
        "client_rest",
        "context",
        "deadline",
        "idle_since",
        "kind",
        "opened",
        "route",
        "stops",
        "upstream",
        "why",
    )

    def __init__(self, context: Context, route: Route, kind: str) -> None:
        self.context = context
        self.route = route
        self.kind = kind
        self.client: Transport = CLOSED
        self.app: Transport | None = None
        self.upstream: UpstreamProtocol | None = None
        self.client_ended = False
        # Bytes that are read in the next turn of the loop. Reading from the client is paused for it
        # while NEXT_TURN is in `stops`, reading from the app while `app_rest` is not None.
        self.client_rest = b""
        self.app_rest: bytes | None = None
        self.idle_since = self.opened = now = context.now()
        self.age = Age(now, context.uniform())
        self.deadline = inf
        self.why = ""
        self.active = False
        # Why reading from the client is paused, and two more bits: see `turns`.
        self.stops = 0

    @property
    def peername(self) -> Any:
        """The client's socket address. Read from the transport: a copy would take 160 bytes."""
        return self.client.get_extra_info("peername")

    @property
    def peer(self) -> str:
        """The client's address."""
        return address_text(self.peername)

    @property
    def path(self) -> str:
        """The target of the request; empty without one."""
        return ""

    @property
    def in_flight(self) -> int:
        """How many holds of the ledger run on this connection."""
        return int(self in self.context.ledger.holds)

    @property
    def since(self) -> float:
        """The moment from which the age counts."""
        return self.age.connected_at

    @property
    def connected_at(self) -> float:
        """When the client has connected."""
        return self.age.connected_at

    @property
    def expired_by(self) -> str:
        """Why the client was asked to reconnect, an age or a rebalance; empty if it was not."""
        return self.age.goodbye_why

    # Called by the client's connection

    def connection_made(self, transport: Any) -> None:
        """A client has connected."""
        self.client = transport
        if self.context.registry.admit(self):
            self.begin()
        elif self.context.registry.crowded():
            transport.abort()
        else:
            self.over_limit()

    def take_over(self, old: "Session") -> None:
        """Take the client connection of `old`, with the state of its turns; `old` is done."""
        old.start_client(NEXT_TURN)
        self.client = old.client
        self.age.connected_at = old.age.connected_at
        self.stops |= old.stops & CLIENT_DOES_NOT_READ
        if old.stops & SMALL_READS:
            hand_over(self.client, self, paused=bool(old.stops & STOPS))
        else:
            self.client.set_protocol(self)
        self.context.registry.replace(old, self)

    def begin(self) -> None:
        """The connection is admitted."""

    def over_limit(self) -> None:
        """The connection is over max-connections: refuse it."""
        self.client.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        raise NotImplementedError

    def eof_received(self) -> bool:
        """The client has ended its sending side; True keeps ours open."""
        raise NotImplementedError

    def connection_lost(self, error: Exception | None) -> None:
        """The client's connection is gone."""
        if self.context.deliveries:
            self.context.deliveries.lost(self, error)
        self.client = ClosedTransport(self.peername)
        self.client_rest = b""
        self.deadline = inf
        self.context.registry.remove(self)
        self.context.counters.ages.observe(self.context.now() - self.age.connected_at)
        self.client_lost(error)

    def client_lost(self, error: Exception | None) -> None:
        """The client is gone: close the app's connection too."""
        self.drop_app()

    def pause_writing(self) -> None:
        """The client does not read: stop reading from the app."""
        self.stops |= CLIENT_DOES_NOT_READ
        if self.app is not None:
            self.app.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self.stops &= ~CLIENT_DOES_NOT_READ
        if self.app is not None and self.app_rest is None:
            self.app.resume_reading()

    # Called by the app's connection

    def app_data(self, data: bytes) -> None:
        """Bytes from the app."""
        raise NotImplementedError

    def app_connected(self, transport: Transport) -> None:
        """The app has accepted: send it what was held."""
        self.app = transport
        if self.stops & SMALL_READS:
            transport.set_write_buffer_limits(high=BACKLOG)
        if self.stops & CLIENT_DOES_NOT_READ:
            transport.pause_reading()
        self.start_client(CONNECTING)
        upstream = self.upstream
        if upstream is not None and upstream.outbox:
            transport.write(b"".join(upstream.outbox))
            upstream.outbox = ()

    def take_unread(self) -> bytes:
        """The unread bytes of an app's connection that broke."""
        return self.context.take_unread(self.app) if self.app is not None else b""

    def app_refused(self, reason: str) -> None:
        """The app could not be reached."""
        raise NotImplementedError

    def app_eof(self) -> bool:
        """The app has ended its sending side; True keeps ours open."""
        raise NotImplementedError

    def app_lost(self, error: Exception | None) -> None:
        """The app's connection is gone."""
        raise NotImplementedError

    # Called by the sidecar and the registry

    def recompute_age(self) -> None:
        """The ages of the settings have changed: cancel a goodbye that is too early by them."""
        context = self.context
        early = self.age.recount(context.limits.aging, self.kind, self.since, context.now())
        if early and not context.leaving:
            self.cancel_goodbye()

    def on_max_age(self) -> None:
        """The age has come: say goodbye. Called again at the end of the grace, if one is set."""
        self.age.expires_at = self.context.limits.aging.grace_ends_at(self.context.now())
        if self.age.goodbye_why == MAX_AGE:
            self.on_grace_over()
        else:
            self.expire(MAX_AGE)

    def expire(self, why: str) -> None:
        """Ask the client to reconnect, because of an age or a rebalance."""
        self.age.tell(why, self.context.now())
        self.say_goodbye(why)

    def on_grace_over(self) -> None:
        """The grace is over: end what is left. Called again after each further grace."""
        self.abort(MAX_AGE)

    def say_goodbye(self, why: str) -> None:
        """Say goodbye at the next boundary; do nothing where the next answer carries it."""

    def has_delivered(self) -> bool:
        """Whether a slow client or app has taken anything since the last call: the kernel sends
        what its buffer holds while we neither read nor write."""
        context = self.context
        left = context.undelivered(self.client)
        left += context.undelivered(self.app) if self.app is not None else 0
        before = context.registry.left_undelivered.get(self, 0)
        context.registry.left_undelivered[self] = left
        return left > 0 and left != before

    def may_receive_request(self, since: float) -> bool:
        """Whether a request may be on its way: the connection was used after `since`."""
        return False

    def free_memory(self) -> None:
        """Free caches: no byte has moved for idle-close."""

    def close_if_unused(self) -> None:
        """Close the connection if it carries nothing at the moment."""

    def cancel_goodbye(self) -> None:
        """The drain was taken back: cancel a goodbye that was not sent, if no age asks for it."""

    def say_last_goodbye(self, why: str) -> None:
        """Say goodbye without waiting for a pause. In a drain `abort` follows within 2 s."""

    def abort(self, why: str) -> None:
        """End both connections now, with RST if the client has not got all that was written, so
        that it does not take that for complete."""
        if self in self.context.ledger.holds:
            self.context.ledger.close(self, CUT, why)
        self.drop_app()
        if self.client.get_write_buffer_size():
            self.context.reset(self.client)
        else:
            self.client.abort()

    def on_deadline(self) -> None:
        """`deadline` has come: end both connections."""
        self.abort(DEADLINE)

    def on_idle_timeout(self) -> None:
        """No byte has moved for idle-timeout: end both connections."""
        self.abort(IDLE)

    # Doing

    def count_age(self) -> None:
        """Compute when the connection expires; call this whenever its kind changes."""
        self.age.count(self.context.limits.aging, self.kind, self.since)

    def reach_app(self, *first: bytes) -> None:
        """Connect to the app, which gets `first` once it has accepted; `app_connected` or
        `app_refused` will be called."""
        self.upstream = UpstreamProtocol(self, first)
        self.route.connect(self.upstream)

    def hold_for_app(self, data: bytes, read_on: bool = False) -> None:
        """Hold bytes until the app has accepted; drop them if we do not connect to it. Reading from
        the client pauses, with `read_on` only once more than BACKLOG bytes are held."""
        if self.upstream is not None and self.upstream.hold(data) > BACKLOG * read_on:
            self.stop_client(CONNECTING)

    def drop_app(self) -> None:
        """Abort the app's connection and drop what was not read of it."""
        self.app_rest = None
        if (app := self.detach_app()) is not None:
            app.abort()
        self.start_client(APP_IS_FULL | CONNECTING)

    def detach_app(self) -> Transport | None:
        """Return the app's connection, no longer this session's; give up one in the making."""
        app, side, self.app, self.upstream = self.app, self.upstream, None, None
        if app is None and side is not None:
            self.route.give_up(side)
        return app

    def stop_client(self, why: int) -> None:
        """Stop reading from the client for this reason."""
        if not self.stops & STOPS:
            self.client.pause_reading()
        self.stops |= why

    def start_client(self, why: int) -> None:
        """Remove this reason to pause; read on if no other is left."""
        if self.stops & why:
            self.stops &= ~why
            if not self.stops & STOPS:
                self.client.resume_reading()

    def expect_much_of_client(self) -> None:
        """Read the client in small pieces from now on (`small_reads`)."""
        if not self.stops & SMALL_READS:
            self.stops |= SMALL_READS
            hand_over(self.client, SmallReads(self), paused=bool(self.stops & STOPS))
            if self.app is not None:
                self.app.set_write_buffer_limits(high=BACKLOG)

    # Turns of the loop

    def client_must_wait(self, data: bytes) -> bool:
        """Whether a large read has to wait for a later turn, since others wait already. A read that
        has filled the loop's buffer is processed, and then reading pauses until the next turn."""
        if self.context.turns.crowded:
            self.context.counters.bytes_from_clients += len(data)
            self.client_in_next_turn(data)
            return True
        if len(data) >= FULL_READ:
            self.client_in_next_turn(b"")
        return False

    def client_in_next_turn(self, rest: bytes) -> None:
        """Read on from the client in the next turn of the loop, beginning with `rest`."""
        self.client_rest = rest
        if not self.stops & NEXT_TURN:
            self.stop_client(NEXT_TURN)
            self.context.turns.later(self._next_client_turn)

    def _next_client_turn(self) -> None:
        rest, self.client_rest = self.client_rest, b""
        self.start_client(NEXT_TURN)
        if rest:
            # Counted when it came.
            self.context.counters.bytes_from_clients -= len(rest)
            self.data_received(rest)

    def app_must_wait(self, data: bytes) -> bool:
        """Like `client_must_wait`, for a large read from the app."""
        if self.context.turns.crowded:
            self.context.counters.bytes_from_app += len(data)
            self.app_in_next_turn(data)
            return True
        if len(data) >= FULL_READ:
            self.app_in_next_turn(b"")
        return False

    def app_in_next_turn(self, rest: bytes) -> None:
        """Read on from the app in the next turn of the loop, beginning with `rest`."""
        if self.app is None:
            # These very bytes have made us drop the app's connection.
            return
        if self.app_rest is None:
            self.app.pause_reading()
            self.context.turns.later(self.next_app_turn)
        self.app_rest = rest

    def next_app_turn(self) -> None:
        """Read on from the app, unless its connection was dropped meanwhile."""
        rest, self.app_rest = self.app_rest, None
        if self.app is None:
            return
        if not self.stops & CLIENT_DOES_NOT_READ:
            self.app.resume_reading()
        if rest:
            self.context.counters.bytes_from_app -= len(rest)
            self.app_data(rest)
