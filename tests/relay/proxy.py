"""The process around the sessions of a test: its limits, counters and books, and the only clock."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from drainproxy.drain.ledger import ENDINGS, FINISHED, Hold, Ledger
from drainproxy.relay.context import Context
from drainproxy.relay.limits import Limits
from drainproxy.relay.transport import Transport

# The proxy adds nothing of its own: what is told of forwarded fields has tests of its own.
# Where a stream may end is one thing, and which streams a drain may end is another.
LIMITS = Limits(forwarded=False, sse_drain="end")
MASK = b"\x01\x02\x03\x04"
RETRY_AFTER = 3


class Books(Ledger):
    """A ledger that remembers how everything ended, and that nothing is opened twice."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = 0
        self.endings: list[tuple[str, str]] = []
        self.open = self._open

    def _open(self, hold: Hold) -> None:
        assert hold not in self.holds, "held twice"
        self.opened += 1
        self.holds.add(hold)

    def close(self, hold: Hold, ending: int, why: str = "") -> None:
        super().close(hold, ending, why)
        self.endings.append((hold.kind, ENDINGS[ending]))

    def finish(self, holds: Sequence[Hold]) -> None:
        super().finish(holds)
        self.endings += [(hold.kind, ENDINGS[FINISHED]) for hold in holds]


def _undelivered(transport: Transport) -> int:
    """What an end that reads has got, it has got at once."""
    return 0 if getattr(transport, "other_end_reads", True) else transport.get_write_buffer_size()


class Proxy:
    """What a sidecar does for its sessions, on a clock that stands still."""

    def __init__(self, uniform: Callable[[], float] = lambda: 0.5, **limits: Any) -> None:
        self.time = 1000.0
        self.soon: deque[Callable[[], None]] = deque()
        self.books = Books()
        self.context = Context(
            replace(LIMITS, **limits),
            lambda: self.time,
            # Transports of these tests have more than the protocol says.
            reset=lambda transport: transport.reset(),  # type: ignore[attr-defined]
            take_unread=lambda transport: transport.take_unread(),  # type: ignore[attr-defined]
            has_unread=lambda transport: bool(transport.waiting),  # type: ignore[attr-defined]
            undelivered=_undelivered,
            mask=lambda: MASK,
            retry_after=lambda: RETRY_AFTER,
            uniform=uniform,
            soon=self.soon.append,
        )
        self.context.ledger = self.books

    def settle(self) -> None:
        """Work off what the loop would do next."""
        while self.soon:
            self.soon.popleft()()

    def wait(self, seconds: float) -> None:
        """Let time pass, with a sweep four times a second."""
        until = self.time + seconds
        while self.time < until:
            self.time = min(until, self.time + 0.25)
            self.context.registry.sweep()
            self.settle()

    def leaves(self) -> None:
        """The drain's goodbyes, all at once."""
        self.context.begin_leaving()
        for session in list(self.context.registry.sessions):
            if session.kind == "http2":
                session.say_goodbye("drain")
        for hold in [
            hold
            for hold in self.books.holds
            if hold.kind in self.context.limits.kinds_ended_by_drain
        ]:
            hold.say_goodbye("drain")
        for hold in self.context.endless_holds():
            hold.say_goodbye("drain")
        self.settle()

    def closes(self) -> None:
        """The listeners close: who came late hears it too."""
        if not self.context.leaving:
            self.leaves()
        for late in self.context.latecomers.close():
            late.say_goodbye("drain")
        for hold in self.context.endless_holds():
            hold.say_goodbye("drain")
        self.settle()

    def stays(self) -> None:
        """The drain was taken back."""
        self.context.cancel_leaving()
        self._tell_all(lambda session: session.cancel_goodbye())

    def says_last_goodbyes(self) -> None:
        """The deadline is near."""
        self._tell_all(lambda session: session.say_last_goodbye("deadline"))

    def aborts(self) -> None:
        """The deadline is over."""
        self._tell_all(lambda session: session.abort("deadline"))

    def _tell_all(self, tell: Callable[[Any], None]) -> None:
        for session in list(self.context.registry.sessions):
            tell(session)
        self.settle()

    @property
    def in_flight(self) -> dict[str, int]:
        """What the ledger holds, kinds with none left out."""
        return {kind: count for kind, count in self.books.in_flight().items() if count}

    @property
    def endings(self) -> list[tuple[str, str]]:
        """(kind, how it ended) of everything that ended, in order."""
        return self.books.endings
