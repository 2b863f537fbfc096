"""A sidecar without listeners, on real parts: context, ledger, machine, account and report."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from drainproxy.config import Address, AppHealth, Forward, Mistake, Settings, UnixSocket
from drainproxy.drain.machine import Effect, Input, Machine, Timing
from drainproxy.drain.origin import Origin
from drainproxy.drain.report import Account, DrainReport
from drainproxy.relay.context import Context
from drainproxy.relay.limits import Limits
from drainproxy.relay.route import Route
from drainproxy.relay.session import Session
from drainproxy.sidecar.admin import AdminServer, serve
from drainproxy.sidecar.bypass import Bypass
from drainproxy.sidecar.readiness import Readiness
from drainproxy.sidecar.rebalance import Rebalance
from drainproxy.sidecar.restart import Restart

LOOPBACK = Address("127.0.0.1", 0)
# The discard port, on which nothing listens.
NOBODY = Address("127.0.0.1", 9)
TCP = AppHealth("tcp")
# Whole, so that what is added to it is found again.
BEGAN = 1000.0


class FakeSidecar:
    """Serving, with nothing connected. Its clock goes on by what is added to `ahead` alone, in
    seconds: nothing grows old because the machine is busy."""

    def __init__(
        self,
        app: Address | UnixSocket = NOBODY,
        health: AppHealth = TCP,
        timing: Timing | None = None,
        *,
        others: Sequence[Address | UnixSocket] = (),
        ready_ports: tuple[int, ...] | None = None,
    ) -> None:
        self.forwards = tuple(Forward(LOOPBACK, each) for each in (app, *others))
        self.settings = Settings(
            forward=self.forwards, admin=LOOPBACK, app_health=health, ready_ports=ready_ports
        )
        self.ahead = 0.0
        self.listening = True
        self.context = Context(
            Limits(),
            self.now,
            reset=lambda transport: transport.abort(),
            take_unread=lambda transport: b"",
            has_unread=lambda transport: False,
            undelivered=lambda transport: 0,
            mask=lambda: b"mask",
            retry_after=lambda: 1,
            uniform=lambda: 0.5,
            soon=lambda step: asyncio.get_running_loop().call_soon(step),
        )
        self.machine = Machine(timing or Timing(0.0, 0.0, 25.0), self.now())
        self.machine.handle(Input.BOUND, self.now())
        self.readiness = Readiness(self)
        self.bypass = Bypass(self.context, self.forwards)
        self.routes = (Route("auto", str(app), lambda side: None),)
        self.restart = Restart(self)
        self.own_hooks = 0
        self.report: DrainReport | None = None
        self.rebalance: Rebalance | None = None
        self.annotation_mistakes: tuple[Mistake, ...] = ()
        self.admin_token: str | None = None
        self.whys: list[str] = []
        self._account: Account | None = None
        self._over = asyncio.Event()

    def now(self) -> float:
        return BEGAN + self.ahead

    def drain(self, origin: Origin) -> None:
        self.whys.append(origin.why)
        if self._account is None:
            self._account = Account(self.context.ledger, self.now())
            self.restart.begin()
        self._perform(self.machine.drain(origin.why, self.now(), origin))

    def undrain(self) -> bool:
        self._account = None
        self.readiness.forget_failures()
        return self.machine.undrain(self.now()) is not None

    def start_rebalance(self, share: float, over: float) -> bool:
        """Nobody is asked to come again."""
        return False

    async def drained(self) -> DrainReport:
        await self._over.wait()
        assert self.report is not None
        return self.report

    def advance(self) -> None:
        """Take the steps that are due, as the supervisor does by its timer."""
        in_flight, gone = len(self.context.ledger.holds), self.restart.app_gone_for_good
        self._perform(self.machine.tick(self.now(), 0.0, in_flight, app_gone=gone))

    def _perform(self, effects: tuple[Effect, ...]) -> None:
        if Effect.FINISH in effects and self._account is not None and self.report is None:
            why = self.machine.why or ""
            self.report = self._account.close(why, self.machine.lengths, self.now())
            self._over.set()


class Client:
    """As much of a transport as a session asks for."""

    def __init__(self, peer: tuple[str, int]) -> None:
        self._peer = peer

    def get_extra_info(self, name: str) -> Any:
        return {"peername": self._peer}[name]

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def connect(
    sidecar: FakeSidecar, session: Session, peer: tuple[str, int] = ("10.1.2.3", 4567)
) -> None:
    """A client of `sidecar` has come."""
    session.connection_made(Client(peer))


@asynccontextmanager
async def served(sidecar: FakeSidecar) -> AsyncIterator[AdminServer]:
    """The admin endpoints of `sidecar` on a port of their own."""
    server = await serve(sidecar)
    try:
        yield server
    finally:
        await server.stop()
