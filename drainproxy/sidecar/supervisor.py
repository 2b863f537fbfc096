"""The life of the process: start, serve, drain, flush, exit."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from drainproxy.config import Forward, Mistake, Settings, Sources
from drainproxy.drain.goodbye import DEADLINE, DRAIN, SIGNAL
from drainproxy.drain.machine import CUTTING_RESERVE, Effect, Input, Machine, Phase
from drainproxy.drain.origin import Origin, Purpose
from drainproxy.drain.report import Account, Report
from drainproxy.relay.detect import session_for
from drainproxy.sidecar import logs, reload, rlimits, signals, stop_timeout, wiring
from drainproxy.sidecar.after_reads import call_after_reads
from drainproxy.sidecar.bypass import Bypass
from drainproxy.sidecar.diary import Diary, told
from drainproxy.sidecar.final_flush import flush
from drainproxy.sidecar.grpc_health import GrpcHealth
from drainproxy.sidecar.import_guard import no_certificates
from drainproxy.sidecar.in_turn import InTurn
from drainproxy.sidecar.listener import HANDSHAKE, Listener
from drainproxy.sidecar.news import News
from drainproxy.sidecar.readiness import Readiness
from drainproxy.sidecar.rebalance import Rebalance
from drainproxy.sidecar.restart import Restart

if TYPE_CHECKING:
    from drainproxy.sidecar.child import Child

# How often overdue sessions are looked for, in seconds.
_SWEEP_EVERY = 0.25
# Who has connected so many seconds ago is about to say what for.
_JUST_COME = 0.05
# While cutting, a connection that was used so many seconds ago may still bring its request.
_JUST_USED = 0.25
# What the kubelet reads of a termination log, in bytes.
_TERMINATION_LOG = 4096
# How often, in seconds, a port is tried again that was taken while the drain was taken back.
_REOPEN_EVERY = 1.0

log = logging.getLogger("drainproxy")


class Sidecar:
    """One running sidecar. `run` is its life; the other methods are what admin calls do to it."""

    # Long, for a process has many parts; each is made once, and here.
    def __init__(
        self,
        sources: Sources,
        settings: Settings,
        forwards: tuple[Forward, ...],
        admin_token: str | None,
        app: Sequence[str] = (),
    ) -> None:
        self.sources = sources
        self.settings = settings
        # Those of the settings, with the whole addresses of their apps.
        self.forwards = forwards
        self.admin_token = admin_token
        self.context = wiring.context(settings)
        self.machine = Machine(wiring.timing(settings), self.now())
        self._diary = Diary(self.machine, self.context.ledger, self.now)
        self.readiness = Readiness(self)
        self.bypass = Bypass(self.context, forwards)
        self.restart = Restart(self)
        self.context.app_restarts = lambda: self.machine.purpose(self.now()) is Purpose.RESTART
        self.news = News(self.context)
        # How many calls of the sidecar's own preStop hook wait for their answer.
        self.own_hooks = 0
        self.report: Report | None = None
        self.rebalance: Rebalance | None = None
        self.annotation_mistakes: tuple[Mistake, ...] = ()
        self.routes = wiring.routes(
            forwards, lambda: self.settings, self.readiness.presence, lambda: self.app_may_return
        )
        self.listeners = [
            Listener(
                *(forward.listen, partial(session_for, self.context, route)),
                *(settings.tcp_keepalive, self.context.counters),
            )
            for forward, route in zip(forwards, self.routes, strict=True)
        ]
        self._child = self._child_for(app) if app else None
        self._account: Account | None = None
        self._drained: asyncio.Future[Report | None] | None = None
        self._over = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._goodbyes = InTurn()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._opening: asyncio.Task[Any] | None = None
        self._aborted = False
        self._cut_by = DEADLINE

    now = staticmethod(time.monotonic)

    async def run(self) -> int:
        """Live until a signal, or the end of the app, ends it; returns the exit code."""
        with no_certificates():
            from drainproxy.sidecar.admin import serve
        signals.handle(self._signalled, self._passed_on)
        admin, health = await serve(self), GrpcHealth(self.settings, self.readiness)
        log.info("probes, metrics and drain are on port %d", admin.port)
        try:
            await health.start()
            for listener, route in zip(self.listeners, self.routes, strict=True):
                await listener.open()
                log.info("forwarding %s to %s", listener.address, route.app)
            if self._child:
                # A signal may have come meanwhile: then nobody wants the app any more.
                if not self.machine.signalled:
                    self._child.start()
            else:
                self._start(self.restart.watch())
                if os.getpid() == 1:
                    from drainproxy.sidecar.child import reap_orphans

                    reap_orphans()
            self._bound()
            self._start(reload.watch(self))
            self._start(self.readiness.watch())
            self._start(self.bypass.watch())
            self._sweep()
            await self._over.wait()
            await self._flush()
            return await self._child.stop() if self._child else 0
        finally:
            for task in self._tasks:
                task.cancel()
            await health.stop()
            await admin.stop()

    def _child_for(self, app: Sequence[str]) -> "Child":
        # Most have none to start: its module, and what that needs, is not theirs to hold.
        from drainproxy.sidecar.child import Child

        return Child(app, self._app_exited)

    # What admin calls ask for

    def drain(self, origin: Origin) -> None:
        """Begin a drain that does not end the process; if one is under way, it is asked for too."""
        begins = self._account is None
        self._begin_account()
        self._perform(self.machine.drain(origin.why, self.now(), origin))
        if begins:
            log.info("draining: %s asked for it", origin.value)
        self.advance()

    def undrain(self) -> bool:
        """Take the drain back; False where that is not allowed."""
        if self.machine.phase is Phase.SERVING:
            return True
        effects = self.machine.undrain(self.now())
        if effects is None:
            return False
        self._account = None
        self.readiness.begin_anew()
        self._wake(None)
        self._perform(effects)
        self.advance()
        log.info("serving again: the drain was taken back")
        return True

    def rebalanced(self, share: float, over: float) -> bool:
        """Ask `share` of the connections to come again within `over` seconds; False if others are
        still being asked, or if all are about to be."""
        running = self.rebalance is not None and self.rebalance.running
        if running or self.machine.phase is not Phase.SERVING:
            return False
        self.rebalance = Rebalance(self.context, share, over)
        return True

    async def drained(self) -> Report | None:
        """Wait until the drain under way is over; its report, or None if it was taken back."""
        if self.machine.phase is Phase.DRAINED:
            return self.report
        if self._drained is None:
            self._drained = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._drained)

    def apply(self, settings: Settings) -> None:
        """Go on with other settings: those that may change while we run."""
        self.settings = settings
        self.context.apply_limits(wiring.limits(settings))
        self.context.access_log = wiring.access_log(settings)
        self.machine.timing = wiring.timing(settings)
        for listener in self.listeners:
            listener.keep_alive(settings.tcp_keepalive)
        logs.set_level(settings.log_level)
        if self.context.limits.max_connections < settings.max_connections:
            log.warning(
                "max-connections is %d, but with %d file descriptors there is room for %d",
                *(settings.max_connections, rlimits.limit(), self.context.limits.max_connections),
            )
        if problem := stop_timeout.problem(settings.drain_timeout, settings.stop_timeout):
            log.warning("%s", problem)
        if settings.drain_delay >= settings.drain_timeout:
            log.warning("drain-timeout ends a drain before drain-delay lets it begin: all are cut")
        if settings.max_connection_age_tcp and not settings.max_connection_age_grace:
            log.warning("max-connection-age-tcp does nothing without a max-connection-age-grace")
        self.advance()

    @property
    def listening(self) -> bool:
        """All listeners are bound: not so while an undrain waits for a port that was taken."""
        return all(listener.is_open for listener in self.listeners)

    @property
    def app_may_return(self) -> bool:
        """An app that is away may come back: another one is started in its place, but not by us."""
        return self._child is None or self._child.code is None

    # Inputs

    def _bound(self) -> None:
        self.apply(self.settings)
        self._perform(self.machine.handle(Input.BOUND, self.now()))

    def _signalled(self, number: int) -> None:
        name = signal.Signals(number).name
        log.info("%s received", name)
        if self._child and self._child.stopping:
            # The app has had its SIGTERM: nobody wants to wait for it any more.
            self._child.kill()
        else:
            # It comes when the hook has been answered, or when the grace period is over.
            hurried = self.own_hooks > 0
            if hurried:
                log.warning("the grace period is over, and the drain is not: SIGKILL is near")
            self._end(name, hurried=hurried)

    def _passed_on(self, number: int) -> None:
        """Nothing of what an operator signals ends us; some of it may be meant for the app."""
        if number == signal.SIGHUP:
            reload.anew(self)
        if self._child:
            self._child.tell(number)

    def _end(self, why: str, *, hurried: bool = False) -> None:
        self._begin_account()
        if self.machine.signalled or hurried:
            self._cut_by = SIGNAL
        self._perform(self.machine.signal(why, self.now(), hurried=hurried))
        self.advance()

    def _app_exited(self, code: int) -> None:
        """Without its app there is nothing to wait for but what it has said to its end."""
        self.machine.timing.delay = self.machine.timing.quiet = 0.0
        if self.machine.signalled:
            self.advance()
        else:
            self._end("the app has exited")

    def advance(self) -> None:
        """Let the machine look at the clock and the ledger, and call again when it wants to."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ledger, machine = self.context.ledger, self.machine
        awaited = not ledger.holds and self._awaited()
        in_flight = len(ledger.holds) or awaited
        forsaken = self.restart.forsaken and not self.context.registry.sessions
        newest = self.news.newest
        self._perform(machine.tick(self.now(), newest, in_flight, forsaken=forsaken))
        ledger.on_empty = self._emptied if machine.draining else None
        due = machine.due(newest)
        if due is not None and awaited and machine.phase in (Phase.CLOSED, Phase.CUTTING):
            due = min(due, self.now() + _JUST_COME)
        if due is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, due - self.now()), self.advance)

    def _awaited(self) -> bool:
        """Whether a request may be on its way: on a connection that was just accepted, or on one
        that was used not long ago, whose client has not heard yet that it should go."""
        if not self.machine.draining:
            return False
        if any(listener.accepting for listener in self.listeners):
            return True
        if self.now() - self.context.registry.newest < _JUST_COME:
            return True
        if not self.machine.timing.quiet:
            # Who calls no silence too short waits for nothing but the rest of what has begun.
            return self.context.registry.expects_request(-inf)
        cutting = self.machine.phase is Phase.CUTTING
        return self.context.registry.expects_request(
            _JUST_USED if cutting else self.settings.idle_close
        )

    def _emptied(self) -> None:
        # Not at once: the session that released the last hold is still at work.
        asyncio.get_running_loop().call_soon(self.advance)

    # Effects

    def _perform(self, effects: tuple[Effect, ...]) -> None:
        self._diary.look()
        for effect in effects:
            self._EFFECTS[effect](self)

    def _begin_account(self) -> None:
        if self._account is None:
            self._account = Account(self.context.ledger, self.now(), logs.utc(time.time()))
            self.report = None
            self.restart.begin()

    def _open(self) -> None:
        self._opening = self._start(self._reopen())

    async def _reopen(self) -> None:
        """Bind again; who took a port meanwhile is waited out, since we are said to serve."""
        for listener in self.listeners:
            while True:
                try:
                    await listener.open()
                    break
                except OSError as error:
                    log.error("%s", error.strerror)
                await asyncio.sleep(_REOPEN_EVERY)

    def _leave(self) -> None:
        """From here on every HTTP/1 answer ends its connection, and HTTP/2 clients open no more
        streams; what would go on for long hears it in turn, kind by kind."""
        self.context.begin_leaving()
        self.news.begin()
        if self.rebalance is not None:
            self.rebalance.stop()
        for session in self.context.registry.sessions:
            if session.kind == "http2":
                session.say_goodbye(DRAIN)
        window = self._spread_window()
        for kind in self.context.limits.ending:
            holds = (hold for hold in self.context.ledger.holds if hold.kind == kind)
            self._goodbyes.say(holds, window)
        self._goodbyes.say(self.context.endless(), window)

    def _spread_window(self) -> float:
        """drain-spread, or what is left until cutting if that is less."""
        deadline = self.machine.deadline
        assert deadline is not None
        left = deadline - CUTTING_RESERVE - self.now()
        return max(0.0, min(self.settings.drain_spread, left / 2))

    def _close(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
        if self._account:
            self._account.note_blockers(self.now())
        # Whoever is on the way gets in, but if nothing is waited for any more.
        waits = self.machine.timing.quiet and self.machine.phase is Phase.CLOSED
        for listener in self.listeners:
            listener.close(HANDSHAKE if waits else 0.0)
        # Where nothing is waited for, their last word follows.
        window = self._spread_window() if self.machine.phase is Phase.CLOSED else 0.0
        self._goodbyes.say_to_latecomers(self.context, window)
        if self.machine.phase is Phase.CLOSED:
            # Some of them may have begun since.
            self._goodbyes.say(self.context.endless(), window)

    def _cut(self) -> None:
        if self._account and self.context.ledger.holds:
            self._account.note_blockers(self.now())
        for session in list(self.context.registry.sessions):
            session.cut(self._cut_by)

    def _abort(self) -> None:
        self._aborted = True
        for session in list(self.context.registry.sessions):
            session.abort(self._cut_by)
        self.context.deliveries.abandon()

    def _finish(self) -> None:
        if self._account is not None and self.report is None:
            why = self.machine.why or ""
            self.report = self._account.close(why, self.machine.lengths, self.now())
            self._publish(self.report)
        self._wake(self.report)
        if self.machine.signalled:
            self._over.set()

    def _wake(self, report: Report | None) -> None:
        """Tell whoever waits for the drain."""
        waiting, self._drained = self._drained, None
        if waiting is not None:
            waiting.set_result(report)

    def _publish(self, report: Report) -> None:
        log.info(told(report), extra={"details": {"report": report.as_dict()}})
        if self.settings.report_file:
            try:
                Path(self.settings.report_file).write_text(report.as_json(_TERMINATION_LOG))
            except OSError as error:
                log.error(
                    "cannot write the report to %s: %s", self.settings.report_file, error.strerror
                )

    def _return(self) -> None:
        self.context.cancel_leaving()
        self.news.end()
        self._aborted = False
        for session in self.context.registry.sessions:
            session.cancel_goodbye()
        self._goodbyes.cancel()

    _EFFECTS: ClassVar = {
        Effect.OPEN: _open,
        Effect.LEAVE: _leave,
        Effect.CLOSE: _close,
        Effect.CUT: _cut,
        Effect.ABORT: _abort,
        Effect.FINISH: _finish,
        Effect.RETURN: _return,
    }

    # Housekeeping

    async def _flush(self) -> None:
        """Until the deadline; a signal that comes later than that still gets a little time, unless
        SIGKILL is near."""
        late = 0.0 if self.machine.hurried else self.now() + CUTTING_RESERVE
        end = 0.0 if self._aborted else max(self.machine.deadline or 0.0, late)
        cut = await flush(self.context, end)
        if cut:
            log.warning("cut %d that came after the drain", cut)

    def _sweep(self) -> None:
        # The next one first: whatever goes wrong with one session, the others keep their limits.
        loop = asyncio.get_running_loop()
        loop.call_later(_SWEEP_EVERY, self._sweep)
        call_after_reads(loop, self.context.registry.sweep)

    def _start(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
