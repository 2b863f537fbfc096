"""The connected sessions: admission, deadlines and ages, and expected requests."""

from collections import deque
from collections.abc import Callable, Iterator
from operator import call
from typing import Protocol

from drainproxy.relay.age import Age
from drainproxy.relay.counters import Counters
from drainproxy.relay.delivery import Deliveries
from drainproxy.relay.latecomers import Latecomers
from drainproxy.relay.limits import Limits
from drainproxy.relay.route import Route
from drainproxy.relay.slices import Slices
from drainproxy.relay.transport import Transport

# At most one in so many of max-connections may be silent while the app waits too.
_SILENT_SHARE = 10
# How long freeing memory may take in one sweep, in seconds.
_SECONDS = 0.004


class Member(Protocol):
    """A session, as the registry and the sidecar see it; see `session.Session`."""

    active: bool
    age: Age
    client: Transport
    app: Transport | None
    deadline: float
    idle_since: float
    kind: str
    route: Route

    @property
    def peer(self) -> str:
        """The client's address."""

    @property
    def path(self) -> str:
        """The target of the request; empty without one."""

    @property
    def in_flight(self) -> int:
        """How many holds of the ledger run on this connection."""

    @property
    def connected_at(self) -> float:
        """When the client has connected."""

    @property
    def expired_by(self) -> str:
        """Why the client was asked to reconnect, an age or a rebalance; empty if it was not."""

    def say_goodbye(self, why: str) -> None:
        """Say goodbye at the next boundary."""

    def cancel_goodbye(self) -> None:
        """Take back a goodbye that was not sent: the drain was taken back."""

    def expire(self, why: str) -> None:
        """Ask the client to reconnect, because of an age or a rebalance."""

    def say_last_goodbye(self, why: str) -> None:
        """Say goodbye without waiting for a pause."""

    def may_receive_request(self, since: float) -> bool:
        """Whether a request may be on its way: the connection was used after `since`."""

    def has_delivered(self) -> bool:
        """Whether a slow reader has taken anything since the last call."""

    def on_max_age(self) -> None:
        """`age.expires_at` has come."""

    def on_deadline(self) -> None:
        """`deadline` has come."""

    def on_idle_timeout(self) -> None:
        """No byte has moved for idle-timeout."""

    def recompute_age(self) -> None:
        """The ages of the settings have changed."""

    def free_memory(self) -> None:
        """Free caches: no byte has moved for idle-close."""

    def close_if_unused(self) -> None:
        """Close the connection if it carries nothing."""

    def abort(self, why: str) -> None:
        """End both connections now."""


class RegistryContext(Protocol):
    """The parts of the context that the registry needs."""

    limits: Limits
    counters: Counters
    deliveries: Deliveries
    slices: Slices
    notice: Callable[[str, str, int, str], None]

    @property
    def refusal(self) -> Callable[[str, str, str], None]:
        """Called when a client is rejected."""

    latecomers: Latecomers
    now: Callable[[], float]
    undelivered: Callable[[Transport], int]


class Registry:
    """All sessions of a process.

    `sessions`: those that are connected. `refused`: those over max-connections while their refusal
    is sent; they do not count. `silent`: those on which neither side has sent a byte for
    header-timeout, the oldest first. `newest`: when the newest has connected. `left_undelivered`:
    the unacknowledged bytes at the last look. `on_empty` is called when the last session is gone.
    """

    __slots__ = (
        "_context",
        "_fallen_idle",
        "_unused_since",
        "left_undelivered",
        "newest",
        "on_empty",
        "refused",
        "sessions",
        "silent",
    )

    def __init__(self, context: RegistryContext) -> None:
        self._context = context
        self.sessions: set[Member] = set()
        self.refused: set[Member] = set()
        self.silent: dict[Member, None] = {}
        self.newest = 0.0
        self.left_undelivered: dict[Member, int] = {}
        self.on_empty: Callable[[], None] | None = None
        # The last sweep's threshold of idle-close: a session that moved later was not idle then.
        self._unused_since = 0.0
        # Idle sessions whose memory is to be freed.
        self._fallen_idle: deque[Member] = deque()

    # Admission and removal

    def admit(self, session: Member) -> bool:
        """Register a new connection; False if it is over the limit and must be refused."""
        context = self._context
        most = context.limits.max_connections
        self.newest = context.now()
        self.sessions.add(session)
        if len(self.sessions) - len(self.refused) <= most:
            return True
        if self.silent:
            self._close_silent()
            return True
        self.refused.add(session)
        context.counters.rejected["max-connections"] += 1
        context.notice("max-connections", session.peer, most, "it is refused")
        return False

    def crowded(self) -> bool:
        """Whether so many refusals are under way that further connections are just closed."""
        return len(self.refused) > self._context.limits.max_refused

    def remove(self, session: Member) -> None:
        """Remove a session whose connection is gone."""
        self.sessions.discard(session)
        self.refused.discard(session)
        self.left_undelivered.pop(session, None)
        if self.on_empty is not None and not self.sessions:
            self.on_empty()

    def replace(self, old: Member, new: Member) -> None:
        """Replace a session by another one on the same connection."""
        if old in self.refused:
            self.refused.add(new)
        self.sessions.add(new)
        self.remove(old)

    def wait_for_either(self, session: Member) -> None:
        """Register a silent session. If there are too many, the oldest is closed, since each has a
        connection to the app."""
        if len(self.silent) * _SILENT_SHARE >= self._context.limits.max_connections:
            self._close_silent()
        self.silent[session] = None

    def _close_silent(self) -> None:
        """Close the session that has been silent for the longest."""
        session = next(iter(self.silent))
        context = self._context
        context.counters.rejected["silent"] += 1
        context.refusal("silent", session.peer, "neither it nor the app has sent a byte")
        del self.silent[session]
        self.remove(session)
        session.abort("")

    # Work on all sessions

    def connected(self) -> Iterator[Member]:
        """The sessions that are connected now, each if it still is when its turn comes."""
        return (session for session in list(self.sessions) if session in self.sessions)

    def all_connected(self) -> Iterator[Member]:
        """Like `connected`, with those that are added meanwhile; each once."""
        seen: set[Member] = set()
        while new := self.sessions - seen:
            seen |= new
            yield from (session for session in new if session in self.sessions)

    def expects_request(self, patience: float) -> bool:
        """Whether a request may be on its way on a connection that was used less than `patience`
        seconds ago."""
        since = self._context.now() - patience
        return any(session.may_receive_request(since) for session in self.sessions)

    def recompute_ages(self) -> None:
        """Apply changed ages of the settings to all sessions."""
        self._context.slices.each(self.connected(), lambda session: session.recompute_age())

    def sweep(self) -> None:
        """Act on sessions that are overdue. Called each 0.25 s, so that no session needs a timer.
        Skipped while other work on all sessions is under way, such as the last sweep."""
        context = self._context
        if context.slices.working:
            return
        if context.deliveries:
            context.deliveries.sweep()
        if context.latecomers:
            context.latecomers.sweep()
        context.slices.each(self._due(context.now()), call)

    def _due(self, now: float) -> Iterator[Callable[[], None]]:
        """The method to call of each session that is overdue. All are compared with one `now`, the
        beginning of the sweep: if the process is stopped meanwhile, what has arrived is read before
        anyone is found late.
        """
        limits = self._context.limits
        unused_since, sessions = now - limits.idle_close, self.sessions
        for session in list(sessions):
            if session not in sessions:
                continue
            if session.age.expires_at <= now:
                yield session.on_max_age
                # Its turn may have been the last one of a slice, and it gone before the next.
                if session not in sessions:
                    continue
            if session.active:
                session.active = False
                session.idle_since = now
            elif now - session.idle_since >= limits.idle_timeout:
                if session.has_delivered():
                    session.idle_since = now
                else:
                    yield session.on_idle_timeout
            elif session.idle_since <= unused_since and self._is_to_close(session, unused_since):
                yield session.close_if_unused
            # Not `elif`: while a goodbye waits it may come in each sweep, and must not hide others.
            if session.deadline <= now and session in sessions:
                yield session.on_deadline
        self._unused_since = unused_since
        self._free_memory()

    def _is_to_close(self, session: Member, unused_since: float) -> bool:
        """Whether to close a session that has been idle for idle-close: its goodbye has waited as
        long for an answer that would carry it. The first time its memory is put up for freeing."""
        if session.idle_since > self._unused_since:
            self._fallen_idle.append(session)
        age = session.age
        told_since = self._context.latecomers.told_since(age.connected_at, age.jitter_sample)
        return min(told_since, age.told_at) <= unused_since

    def _free_memory(self) -> None:
        """Free memory of some sessions, the others' in the next sweeps: all may become idle at
        once, and the loop does nothing else meanwhile."""
        fallen_idle = self._fallen_idle
        if fallen_idle:
            now = self._context.now
            end = now() + _SECONDS
            while fallen_idle and now() < end:
                fallen_idle.popleft().free_memory()
