"""One client connection paired with one app connection: back-pressure, half-close, the ends."""

from math import inf
from typing import Any

from drainproxy.drain.goodbye import DEADLINE, IDLE, MAX_AGE
from drainproxy.drain.ledger import CUT
from drainproxy.relay.app_side import AppSide
from drainproxy.relay.hub import GONE, Gone, Hub, Route, Sink
from drainproxy.relay.small_reads import BACKLOG, SmallReads, hand_over
from drainproxy.relay.turns import APP_IS_FULL, CONNECTING, FULL_READ, NEXT_TURN

# How much of what cannot be forwarded yet is kept before the client's reading stops.
MOST_HELD = 65536
# After the last answer the client's reading side stays open this long, so that what it was still
# sending does not reset the connection before it has read the answer (RFC 9112 9.6).
LINGER = 5.0


def address_text(address: Any) -> str:
    """A socket address as a person writes it; empty for an unnamed Unix socket."""
    if not isinstance(address, tuple):
        return str(address) if address else "unix"
    host, port = client_ip(address), address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def client_ip(address: Any) -> str:
    """The client's IP; an IPv4 client of a dual-stack listener in its own spelling."""
    if not isinstance(address, tuple):
        return "unknown"
    host: str = address[0]
    return host[7:] if host.startswith("::ffff:") and "." in host else host


class Pair:
    """Base of every session: the protocol of a client connection, and its app connection.

    `active` is set with every byte and cleared by the hub's sweep, which keeps `idle_since`:
    so idleness costs no clock reading per chunk. `deadline` is a moment, inf for none; so are
    `retires`, at which the sweep calls `grow_old`, and `retired`, at which the client was to be
    asked to come again, for the reason `retired_by`. `why`: the reason of the last goodbye or cut.
    `opened` is when what it is at began, at first the connection, or the end of a long silence.
    """

    __slots__ = (
        "active",
        "app",
        "app_rest",
        "app_side",
        "client",
        "client_ended",
        "client_is_full",
        "client_rest",
        "client_small_reads",
        "connected_at",
        "counters",
        "deadline",
        "hub",
        "idle_since",
        "kind",
        "luck",
        "opened",
        "retired",
        "retired_by",
        "retires",
        "route",
        "stops",
        "unread",
        "why",
    )

    def __init__(self, hub: Hub, route: Route, kind: str) -> None:
        self.hub = hub
        self.counters = hub.counters
        self.route = route
        self.kind = kind
        self.client: Sink = GONE
        self.app: Sink | None = None
        self.app_side: AppSide | None = None
        self.client_ended = False
        # What the client has sent and is read in the next turn of the loop; its reading waits for
        # that if NEXT_TURN is in `stops`. The app's does unless `app_rest` is None.
        self.client_rest = b""
        self.app_rest: bytes | None = None
        self.client_small_reads = False
        # Remembered, since the app's connection may be made, or made anew, while it holds.
        self.client_is_full = False
        self.connected_at = self.idle_since = self.opened = hub.now()
        self.deadline = self.retires = self.retired = inf
        self.retired_by = self.why = ""
        # Where its age lies among those of the others; see `Aging`.
        self.luck = hub.uniform()
        self.active = False
        self.stops = 0
        # What had not reached its readers when that was last looked at, in bytes.
        self.unread = 0

    @property
    def peername(self) -> Any:
        """The client's socket address. The transport knows it: a copy is 160 bytes a client."""
        return self.client.get_extra_info("peername")

    @property
    def peer(self) -> str:
        """The client's address."""
        return address_text(self.peername)

    @property
    def path(self) -> str:
        """What the client asked for."""
        return ""

    @property
    def in_flight(self) -> int:
        """How much of what the ledger holds runs on this connection."""
        return int(self in self.hub.ledger.holds)

    @property
    def since(self) -> float:
        """The moment from which its age counts."""
        return self.connected_at

    # What the client's connection tells

    def connection_made(self, transport: Any) -> None:
        """A client has come."""
        self.client = transport
        if self.hub.admit(self):
            self.begin()
        elif self.hub.crowded():
            transport.abort()
        else:
            self.over_limit()

    def take_over(self, old: "Pair") -> None:
        """Go on with the client connection of `old`, which is done with it, turns included."""
        old.start_client(NEXT_TURN)
        self.client = old.client
        self.connected_at, self.client_is_full = old.connected_at, old.client_is_full
        if old.client_small_reads:
            hand_over(self.client, self, paused=bool(old.stops))
        else:
            self.client.set_protocol(self)
        self.hub.replace(old, self)

    def begin(self) -> None:
        """The connection is admitted."""

    def over_limit(self) -> None:
        """The connection is one too many."""
        self.client.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        raise NotImplementedError

    def eof_received(self) -> bool:
        """The client has ended its sending side; True keeps ours open."""
        raise NotImplementedError

    def connection_lost(self, error: Exception | None) -> None:
        """The client's connection is gone."""
        if self.hub.deliveries:
            self.hub.deliveries.lost(self, error)
        self.client = Gone(self.peername)
        self.client_rest = b""
        self.deadline = inf
        self.hub.leave(self)
        self.counters.ages.observe(self.hub.now() - self.connected_at)
        self.client_lost(error)

    def client_lost(self, error: Exception | None) -> None:
        """The client is gone: let the app go too."""
        self.drop_app()

    def pause_writing(self) -> None:
        """The client does not read: stop reading from the app."""
        self.client_is_full = True
        if self.app is not None:
            self.app.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self.client_is_full = False
        if self.app is not None and self.app_rest is None:
            self.app.resume_reading()

    # What the app's connection tells

    def app_data(self, data: bytes) -> None:
        """Bytes from the app."""
        raise NotImplementedError

    def app_connected(self, transport: Sink) -> None:
        """The app has accepted."""
        self.app = transport
        if self.client_small_reads:
            transport.set_write_buffer_limits(high=BACKLOG)
        if self.client_is_full:
            transport.pause_reading()
        self.start_client(CONNECTING)

    def app_refused(self, reason: str) -> None:
        """The app could not be reached."""
        raise NotImplementedError

    def app_eof(self) -> bool:
        """The app has ended its sending side; True keeps ours open."""
        raise NotImplementedError

    def app_lost(self, error: Exception | None) -> None:
        """The app's connection is gone."""
        raise NotImplementedError

    # What the sidecar tells

    def age_anew(self) -> None:
        """The ages of the settings have changed: a goodbye that is early now is not said."""
        retired, by, now, aging = (
            self.retired,
            self.retired_by,
            self.hub.now(),
            self.hub.limits.aging,
        )
        self.count_age()
        if by and by != MAX_AGE:
            self.retired, self.retired_by = retired, by
        elif self.retires > now:
            if by and not self.hub.leaving:
                self.stay()
        elif by:
            self.retired, self.retired_by, self.retires = retired, by, aging.cuts(now)
        else:
            self.retires = aging.catches_up(self.kind, now, self.luck)

    def grow_old(self) -> None:
        """The age has come: a goodbye; and later, if a grace is set, the end."""
        self.retires = self.hub.limits.aging.cuts(self.hub.now())
        if self.retired_by == MAX_AGE:
            self.outlived()
        else:
            self.retire(MAX_AGE)

    def retire(self, why: str) -> None:
        """The client should come again, on another connection."""
        self.retired, self.retired_by = self.hub.now(), why
        self.say_goodbye(why)

    def outlived(self) -> None:
        """The grace is over; called again after each further one, should anything be left."""
        self.abort(MAX_AGE)

    def say_goodbye(self, why: str) -> None:
        """Say goodbye at the next boundary; nothing where a later answer will carry it."""

    def has_delivered(self) -> bool:
        """Whether anything has reached a slow reader since this was last asked: what a large
        buffer in the system holds moves without our reading or writing anything."""
        undelivered = self.hub.undelivered
        left = undelivered(self.client) + (undelivered(self.app) if self.app is not None else 0)
        before, self.unread = self.unread, left
        return left > 0 and left != before

    def awaited(self, since: float) -> bool:
        """Whether a request may be on its way, which it may if the connection was used `since`."""
        return False

    def close_if_unused(self) -> None:
        """Close if the connection carries nothing at the moment."""

    def stay(self) -> None:
        """The drain was taken back: a goodbye that has not been said is not said, but for one
        that is due to age."""

    def cut(self, why: str) -> None:
        """Say the last words: waiting is over."""

    def abort(self, why: str) -> None:
        """End now; a client that has not got all that was written to it can tell."""
        if self in self.hub.ledger.holds:
            self.hub.ledger.close(self, CUT, why)
        self.drop_app()
        if self.client.get_write_buffer_size():
            self.hub.reset(self.client)
        else:
            self.client.abort()

    def expired(self) -> None:
        """The deadline is over."""
        self.abort(DEADLINE)

    def idled(self) -> None:
        """Nothing has moved for idle-timeout."""
        self.abort(IDLE)

    # Doing

    def count_age(self) -> None:
        """When it retires, by what it is at the moment; called whenever it has become that."""
        self.retired, self.retired_by = inf, ""
        self.retires = self.hub.limits.aging.retires(self.kind, self.since, self.luck)

    def reach_app(self) -> None:
        """Connect to the app; `app_connected` or `app_refused` will be called."""
        self.app_side = AppSide(self)
        self.route.connect(self.app_side)

    @property
    def connecting(self) -> bool:
        """The app's answer to our knock is awaited."""
        return self.app_side is not None and self.app is None

    def drop_app(self) -> None:
        """Let the app's connection go at once, and hear nothing of it any more."""
        self.app_rest = None
        if (app := self.leave_app()) is not None:
            app.abort()
        self.start_client(APP_IS_FULL | CONNECTING)

    def leave_app(self) -> Sink | None:
        """Hear nothing more of the app's connection; one that is not made yet need not be."""
        app, side, self.app, self.app_side = self.app, self.app_side, None, None
        if app is None and side is not None:
            self.route.give_up(side)
        return app

    def stop_client(self, why: int) -> None:
        """Stop reading from the client for this reason."""
        if not self.stops:
            self.client.pause_reading()
        self.stops |= why

    def start_client(self, why: int) -> None:
        """This reason is over; read on if no other is left."""
        if self.stops & why:
            self.stops &= ~why
            if not self.stops:
                self.client.resume_reading()

    # Small reads

    def expect_much_of_client(self) -> None:
        """It is read in small pieces from now on."""
        if not self.client_small_reads:
            self.client_small_reads = True
            hand_over(self.client, SmallReads(self), paused=bool(self.stops))
            if self.app is not None:
                self.app.set_write_buffer_limits(high=BACKLOG)

    # Turns of the loop

    def client_must_wait(self, data: bytes) -> bool:
        """Called with a large read: whether it is read later, since others wait; behind one that
        has filled the loop's buffer they have their turn in any case."""
        if self.hub.turns.crowded:
            self.counters.bytes_from_clients += len(data)
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
            self.hub.turns.later(self._next_client_turn)

    def _next_client_turn(self) -> None:
        rest, self.client_rest = self.client_rest, b""
        self.start_client(NEXT_TURN)
        if rest:
            # Counted when it came.
            self.counters.bytes_from_clients -= len(rest)
            self.data_received(rest)

    def app_must_wait(self, data: bytes) -> bool:
        """The same for a large read from the app."""
        if self.hub.turns.crowded:
            self.counters.bytes_from_app += len(data)
            self.app_in_next_turn(data)
            return True
        if len(data) >= FULL_READ:
            self.app_in_next_turn(b"")
        return False

    def app_in_next_turn(self, rest: bytes) -> None:
        """Read on from the app in the next turn of the loop, beginning with `rest`."""
        if self.app is None:
            # It was let go because of what it has said.
            return
        if self.app_rest is None:
            self.app.pause_reading()
            self.hub.turns.later(self.next_app_turn)
        self.app_rest = rest

    def next_app_turn(self) -> None:
        """It has come; nothing if the app was let go since."""
        rest, self.app_rest = self.app_rest, None
        if self.app is None:
            return
        if not self.client_is_full:
            self.app.resume_reading()
        if rest:
            self.counters.bytes_from_app -= len(rest)
            self.app_data(rest)
