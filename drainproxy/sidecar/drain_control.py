"""Runs the drain: steps `drain.machine`, and carries out the effects that it returns."""

import asyncio
import gc
import logging
import time
from collections.abc import Coroutine
from math import inf
from pathlib import Path
from typing import Any, ClassVar, Protocol

from drainproxy.config import Settings
from drainproxy.drain.goodbye import DEADLINE, SIGNAL
from drainproxy.drain.machine import CUTTING_RESERVE, Effect, Input, Machine, Phase
from drainproxy.drain.origin import Origin
from drainproxy.drain.report import Account, DrainReport
from drainproxy.relay.context import Context
from drainproxy.sidecar import logs
from drainproxy.sidecar.after_reads import call_after_reads
from drainproxy.sidecar.drain_log import DrainLog, told
from drainproxy.sidecar.listener import HANDSHAKE, Listener
from drainproxy.sidecar.new_clients import NewClients
from drainproxy.sidecar.readiness import Readiness
from drainproxy.sidecar.rebalance import Rebalance
from drainproxy.sidecar.restart import Restart
from drainproxy.sidecar.spread_goodbyes import SpreadGoodbyes

# A connection younger than this, in seconds, is about to send its request.
_JUST_COME = 0.05
# While cutting, a connection that was used so many seconds ago may still bring its request.
_JUST_USED = 0.25
# In bytes: the kubelet reads no more of a termination log.
_TERMINATION_LOG = 4096
# In seconds: how often binding is tried again after an undrain, while another process has the port.
_REOPEN_EVERY = 1.0

log = logging.getLogger("drainproxy")


class DrainedSidecar(Protocol):
    """The parts of a sidecar that a drain acts on."""

    settings: Settings
    context: Context
    machine: Machine
    listeners: list[Listener]
    readiness: Readiness
    restart: Restart
    rebalance: Rebalance | None

    def now(self) -> float:
        """The clock, in seconds."""

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` as long as the process lives."""


class DrainControl:
    """Steps the machine of one sidecar. `report`: that of the last drain. `over`: set once a drain
    that ends the process is over. `aborted`: the effect ABORT was carried out."""

    def __init__(self, sidecar: DrainedSidecar) -> None:
        self._sidecar = sidecar
        self._context = sidecar.context
        self._machine = sidecar.machine
        self.report: DrainReport | None = None
        self.over = asyncio.Event()
        self.aborted = False
        self._log = DrainLog(self._machine, self._context.ledger, sidecar.now)
        self._new_clients = NewClients(self._context)
        self._account: Account | None = None
        self._drained: asyncio.Future[DrainReport | None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._goodbyes = SpreadGoodbyes(self._context)
        self._opening: asyncio.Task[Any] | None = None
        self._cut_why = DEADLINE

    # What begins and ends a drain

    def drain(self, origin: Origin) -> None:
        """Begin a drain that does not end the process; if one is under way, note this origin."""
        begins = self._account is None
        self._begin_account()
        self._perform(self._machine.drain(origin.why, self._sidecar.now(), origin))
        if begins:
            log.info("draining: requested by %s", origin.value)
        self.advance()

    def undrain(self) -> bool:
        """Take the drain back; False where that is not allowed."""
        if self._machine.phase is Phase.SERVING:
            return True
        cutting = self._machine.phase is Phase.DRAINED and self.report is None
        effects = None if cutting else self._machine.undrain(self._sidecar.now())
        if effects is None:
            return False
        self._account = None
        gc.unfreeze()
        self._sidecar.readiness.forget_failures()
        self._wake(None)
        self._perform(effects)
        self.advance()
        log.info("serving again: the drain was cancelled")
        return True

    async def drained(self) -> DrainReport | None:
        """Wait for the end of the current drain; returns its report, None if it was taken back."""
        if self._machine.phase is Phase.DRAINED and self.report is not None:
            return self.report
        if self._drained is None:
            self._drained = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._drained)

    def drain_and_exit(self, why: str, *, sigkill_near: bool = False) -> None:
        """Drain, then end the process. Cut at once if a signal has come before; with `sigkill_near`
        cut within TIME_BEFORE_SIGKILL."""
        begins = self._account is None
        self._begin_account()
        if begins:
            log.info("draining: %s", why)
        if self._machine.signalled or sigkill_near:
            self._cut_why = SIGNAL
        self._perform(self._machine.signal(why, self._sidecar.now(), sigkill_near=sigkill_near))
        self.advance()

    def bound(self) -> None:
        """The listeners are open."""
        self._perform(self._machine.handle(Input.BOUND, self._sidecar.now()))

    # The clock and the ledger

    def advance(self) -> None:
        """Let the machine take the steps that are due, and set the timer for the next ones."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ledger, machine = self._context.ledger, self._machine
        expected = not ledger.holds and self._expects_request()
        in_flight = len(ledger.holds) or expected
        app_gone = self._sidecar.restart.app_gone_for_good and not self._context.registry.sessions
        newest = self._new_clients.newest
        self._perform(machine.tick(self._sidecar.now(), newest, in_flight, app_gone=app_gone))
        ledger.on_empty = emptied = self._emptied if machine.draining else None
        if not self.over.is_set():
            # Once over, `final_flush` waits for the last session.
            self._context.registry.on_empty = emptied
        due = machine.due(newest)
        # Whether a request is still expected on a connection depends on time, and on no event.
        if due is not None and expected and machine.phase in (Phase.CLOSED, Phase.CUTTING):
            due = min(due, self._sidecar.now() + _JUST_COME)
        if due is not None:
            loop = asyncio.get_running_loop()
            # After SIGSTOP, data that came in time is read before this acts on the clock.
            left = max(0.0, due - self._sidecar.now())
            self._timer = loop.call_later(left, call_after_reads, loop, self.advance)

    def _expects_request(self) -> bool:
        """Whether a request may be on its way, on a connection that was just accepted, or on one
        that was used lately and whose client was not told to go."""
        if not self._machine.draining:
            return False
        if any(listener.accepting for listener in self._sidecar.listeners):
            return True
        if self._sidecar.now() - self._context.registry.newest < _JUST_COME:
            return True
        if not self._machine.timing.quiet:
            # With a drain-quiet of 0 only the rest of a request that has begun is waited for.
            return self._context.registry.expects_request(-inf)
        cutting = self._machine.phase is Phase.CUTTING
        return self._context.registry.expects_request(
            _JUST_USED if cutting else self._sidecar.settings.idle_close
        )

    def _emptied(self) -> None:
        # Not at once: the session that calls this has not finished yet.
        asyncio.get_running_loop().call_soon(self.advance)

    # Effects. Work on all sessions is done in slices, in the order of the effects.

    def _perform(self, effects: tuple[Effect, ...]) -> None:
        self._log.look()
        for effect in effects:
            self._EFFECTS[effect](self)

    def _begin_account(self) -> None:
        if self._account is None:
            self._account = Account(
                self._context.ledger, self._sidecar.now(), logs.utc(time.time())
            )
            self.report = None
            self._sidecar.restart.begin()

    def _open(self) -> None:
        """Effect OPEN, after an undrain: bind the listeners again."""
        self._opening = self._sidecar.start(self._reopen())

    async def _reopen(self) -> None:
        """Bind all listeners; while another process has a port, try again."""
        for listener in self._sidecar.listeners:
            while True:
                try:
                    await listener.open()
                    break
                except OSError as error:
                    log.error("%s", error.strerror)
                await asyncio.sleep(_REOPEN_EVERY)

    def _leave(self) -> None:
        """Effect LEAVE. From here on HTTP/1 answers have `Connection: close`, but those to
        latecomers, and HTTP/2 clients get GOAWAY. The goodbyes of streams without an end are spread
        over `_spread_window`, those of all kinds at the same time."""
        self._context.begin_leaving()
        _spare_collections()
        self._new_clients.begin()
        if self._sidecar.rebalance is not None:
            self._sidecar.rebalance.stop()
        told = [s for s in self._context.registry.sessions if s.kind == "http2"]
        self._context.slices.each(told, self._context.latecomers.tell)
        window = self._spread_window()
        for kind in self._context.limits.kinds_ended_by_drain:
            holds = (hold for hold in self._context.ledger.holds if hold.kind == kind)
            self._goodbyes.say(holds, window)
        self._goodbyes.say(self._context.endless_holds(), window)

    def _spread_window(self) -> float:
        """drain-spread, or half of the time until cutting if that is less; in seconds."""
        deadline = self._machine.deadline
        assert deadline is not None
        left = deadline - CUTTING_RESERVE - self._sidecar.now()
        return max(0.0, min(self._sidecar.settings.drain_spread, left / 2))

    def _close(self) -> None:
        """Effect CLOSE: close the listeners, and say goodbye to latecomers too."""
        if self._opening is not None:
            self._opening.cancel()
        if self._account:
            self._account.note_blockers(self._sidecar.now())
        # Wait for TCP handshakes in progress, unless drain-quiet is 0 or no time is left.
        waits = self._machine.timing.quiet and self._machine.phase is Phase.CLOSED
        for listener in self._sidecar.listeners:
            listener.close(HANDSHAKE if waits else 0.0)
        # With no time left, all goodbyes are said at once.
        window = self._spread_window() if self._machine.phase is Phase.CLOSED else 0.0
        self._goodbyes.say_to_latecomers(window)
        if self._machine.phase is Phase.CLOSED:
            # Such answers may have begun since LEAVE.
            self._goodbyes.say(self._context.endless_holds(), window)

    def _last_goodbye(self) -> None:
        """Effect LAST_GOODBYE, CUTTING_RESERVE before the deadline: goodbyes without a pause. Over
        HTTP/1 a plain request goes on until ABORT, over HTTP/2 it is cut here."""
        _spare_collections()
        if self._account and self._context.ledger.holds:
            self._account.note_blockers(self._sidecar.now())
        self._context.slices.each(
            self._context.registry.all_connected(),
            lambda session: session.say_last_goodbye(self._cut_why),
        )

    def _abort(self) -> None:
        """Effect ABORT, at the deadline: end all that is in flight, with 503 where no answer has
        begun (`Session.abort`)."""
        self.aborted = True
        context = self._context
        # A report that comes behind SIGKILL is none, and who is not served is not served any more.
        context.slices.unbounded = self._machine.sigkill_near
        # What has arrived until now was not cut; whoever is ended may be gone at the next look.
        context.deliveries.sweep()
        context.slices.each(
            context.registry.all_connected(), lambda session: session.abort(self._cut_why)
        )
        context.deliveries.abandon()

    def _finish(self) -> None:
        """Effect FINISH: report once the effects before it are done."""
        self._context.slices.then(self._report)

    def _report(self) -> None:
        """Make the report, and give it to those who wait for the drain. Nothing if the drain was
        taken back while this waited for its turn."""
        if self._machine.phase is not Phase.DRAINED:
            return
        if self._account is not None and self.report is None:
            why = self._machine.why or ""
            self.report = self._account.close(why, self._machine.lengths, self._sidecar.now())
            self._publish(self.report)
        self._wake(self.report)
        if self._machine.signalled:
            self.over.set()

    def _wake(self, report: DrainReport | None) -> None:
        """Give the report to those who wait for the drain; None: it was taken back."""
        waiting, self._drained = self._drained, None
        if waiting is not None:
            waiting.set_result(report)

    def _publish(self, report: DrainReport) -> None:
        log.info(told(report), extra={"details": {"report": report.as_dict()}})
        if self._sidecar.settings.report_file:
            try:
                Path(self._sidecar.settings.report_file).write_text(
                    report.as_json(_TERMINATION_LOG)
                )
            except OSError as error:
                log.error(
                    "cannot write the report to %s: %s",
                    self._sidecar.settings.report_file,
                    error.strerror,
                )

    def _cancel_goodbyes(self) -> None:
        """Effect CANCEL_GOODBYES, of an undrain: cancel goodbyes that were not sent."""
        self._context.cancel_leaving()
        self._new_clients.end()
        self.aborted = False
        self._goodbyes.cancel()
        self._context.slices.each(
            self._context.registry.connected(), lambda session: session.cancel_goodbye()
        )

    _EFFECTS: ClassVar = {
        Effect.OPEN: _open,
        Effect.LEAVE: _leave,
        Effect.CLOSE: _close,
        Effect.LAST_GOODBYE: _last_goodbye,
        Effect.ABORT: _abort,
        Effect.FINISH: _finish,
        Effect.CANCEL_GOODBYES: _cancel_goodbyes,
    }


def _spare_collections() -> None:
    """Exempt the objects that exist now from garbage collection: the sessions among them end before
    the process, or with it. A collection would take half a second for 10,000 of them, during the
    drain and again at the exit. The memory that is not freed is what they had already."""
    gc.freeze()
