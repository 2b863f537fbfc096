"""The life of the process: start, serve, drain, flush, exit."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drainproxy.config import Forward, Mistake, Settings, Sources
from drainproxy.drain.machine import CUTTING_RESERVE, Machine, Phase
from drainproxy.drain.origin import Origin, Purpose
from drainproxy.drain.report import DrainReport
from drainproxy.relay.detect import session_for
from drainproxy.sidecar import logs, reload, rlimits, signals, stop_timeout, wiring
from drainproxy.sidecar.after_reads import call_after_reads
from drainproxy.sidecar.bypass import Bypass
from drainproxy.sidecar.drain_control import DrainControl
from drainproxy.sidecar.final_flush import flush
from drainproxy.sidecar.grpc_health import GrpcHealth
from drainproxy.sidecar.import_guard import no_certificates
from drainproxy.sidecar.listener import Listener
from drainproxy.sidecar.readiness import Readiness
from drainproxy.sidecar.rebalance import Rebalance
from drainproxy.sidecar.restart import Restart

if TYPE_CHECKING:
    from drainproxy.sidecar.child import Child

# In seconds: how often the registry looks for overdue sessions.
_SWEEP_EVERY = 0.25

log = logging.getLogger("drainproxy")


class Sidecar:
    """One running sidecar. `run` is its life; most other methods are called by admin requests."""

    # Long, since each of the many parts is made here, once.
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
        # The forwards of the settings, with complete addresses of their apps.
        self.forwards = forwards
        self.admin_token = admin_token
        self.context = wiring.context(settings)
        self.machine = Machine(wiring.timing(settings), self.now())
        self.readiness = Readiness(self)
        self.bypass = Bypass(self.context, forwards)
        self.restart = Restart(self)
        self.context.app_restarts = lambda: self.machine.purpose(self.now()) is Purpose.RESTART
        # How many calls of the sidecar's own preStop hook are unanswered.
        self.own_hooks = 0
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
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = DrainControl(self)

    now = staticmethod(time.monotonic)

    async def run(self) -> int:
        """Serve until a signal, or the app's exit, and drain; returns the exit code."""
        with no_certificates():
            from drainproxy.sidecar.admin import serve
        signals.handle(self._signalled, self._passed_on)
        admin, health = await serve(self), GrpcHealth(self.settings, self.readiness)
        log.info("admin endpoints (probes, metrics, drain) on port %d", admin.port)
        try:
            await health.start()
            for listener, route in zip(self.listeners, self.routes, strict=True):
                await listener.open()
                log.info("forwarding %s to %s", listener.address, route.app)
            if self._child:
                # If a signal has come already, the app is not started.
                if not self.machine.signalled:
                    self._child.start()
            else:
                self.start(self.restart.watch())
                if os.getpid() == 1:
                    from drainproxy.sidecar.child import reap_orphans

                    reap_orphans()
            self._bound()
            self.start(reload.watch(self))
            self.start(self.readiness.watch())
            self.start(self.bypass.watch())
            self._sweep()
            await self._draining.over.wait()
            await self._flush()
            return await self._child.stop() if self._child else 0
        finally:
            for task in self._tasks:
                task.cancel()
            await health.stop()
            await admin.stop()

    def _child_for(self, app: Sequence[str]) -> "Child":
        # Imported only if there is an app to start, to save memory.
        from drainproxy.sidecar.child import Child

        return Child(app, self._app_exited)

    # Called by admin requests

    def drain(self, origin: Origin) -> None:
        """Begin a drain that does not end the process; if one is under way, note this origin."""
        self._draining.drain(origin)

    def undrain(self) -> bool:
        """Take the drain back; False where that is not allowed."""
        return self._draining.undrain()

    async def drained(self) -> DrainReport | None:
        """Wait for the end of the current drain; returns its report, None if it was taken back."""
        return await self._draining.drained()

    @property
    def report(self) -> DrainReport | None:
        """The report of the last drain; None before the first."""
        return self._draining.report

    def advance(self) -> None:
        """Let the machine take the steps that are due."""
        self._draining.advance()

    def start_rebalance(self, share: float, over: float) -> bool:
        """Ask a `share` of the clients to reconnect, spread over `over` seconds. False if a
        rebalance or a drain is under way."""
        running = self.rebalance is not None and self.rebalance.running
        if running or self.machine.phase is not Phase.SERVING:
            return False
        self.rebalance = Rebalance(self.context, share, over)
        return True

    def apply(self, settings: Settings) -> None:
        """Apply settings, those that may change at run time."""
        self.settings = settings
        self.context.apply_limits(wiring.limits(settings))
        self.context.access_log = wiring.access_log(settings)
        self.machine.timing = wiring.timing(settings)
        for listener in self.listeners:
            listener.keep_alive(settings.tcp_keepalive)
        logs.set_level(settings.log_level)
        if self.context.limits.max_connections < settings.max_connections:
            log.warning(
                "max-connections is %d, but %d file descriptors allow only %d",
                *(settings.max_connections, rlimits.limit(), self.context.limits.max_connections),
            )
        if problem := stop_timeout.problem(settings.drain_timeout, settings.stop_timeout):
            log.warning("%s", problem)
        # Checked now: writing the report would fail only when it is lost.
        if settings.report_file and not Path(settings.report_file).parent.is_dir():
            log.warning("report-file: there is no folder for %s", settings.report_file)
        if settings.drain_delay >= settings.drain_timeout:
            log.warning(
                "drain-timeout is not longer than drain-delay: a drain cuts whatever is in flight"
            )
        if settings.max_connection_age_tcp and not settings.max_connection_age_grace:
            log.warning("max-connection-age-tcp does nothing without a max-connection-age-grace")
        self.advance()

    @property
    def listening(self) -> bool:
        """Whether all listeners are bound; after an undrain another process may have a port."""
        return all(listener.is_open for listener in self.listeners)

    @property
    def app_may_return(self) -> bool:
        """Whether an app that is away may come back. Our own child does not: we start it once."""
        return self._child is None or self._child.code is None

    # Inputs

    def _bound(self) -> None:
        self.apply(self.settings)
        self._draining.bound()

    def _signalled(self, number: int) -> None:
        """SIGTERM, SIGINT or SIGQUIT: the first one drains, the second cuts at once."""
        name = signal.Signals(number).name
        log.info("%s received", name)
        if self._child and self._child.stopping:
            # The app has got its SIGTERM already: a further signal kills it.
            self._child.kill()
        else:
            # The kubelet sends SIGTERM once the hook is answered; before, only if the grace period
            # is over.
            sigkill_near = self.own_hooks > 0
            if sigkill_near:
                log.warning("the grace period ended before the drain: SIGKILL follows in seconds")
            self._draining.drain_and_exit(name, sigkill_near=sigkill_near)

    def _passed_on(self, number: int) -> None:
        """A signal that does not end this process: SIGHUP reloads, and the app gets all of them."""
        if number == signal.SIGHUP:
            reload.reload_all(self)
        if self._child:
            self._child.tell(number)

    def _app_exited(self, code: int) -> None:
        """Our child has exited: drain, without drain-delay and drain-quiet, so that clients still
        get its last bytes."""
        self.machine.timing.delay = self.machine.timing.quiet = 0.0
        if self.machine.signalled:
            self.advance()
        else:
            self._draining.drain_and_exit("the app has exited")

    # Housekeeping

    async def _flush(self) -> None:
        """Flush last bytes until the deadline, or for CUTTING_RESERVE if that is later and SIGKILL
        is not near; after ABORT there is no time for it."""
        late = 0.0 if self.machine.sigkill_near else self.now() + CUTTING_RESERVE
        end = 0.0 if self._draining.aborted else max(self.machine.deadline or 0.0, late)
        cut = await flush(self.context, end)
        if cut:
            log.warning("cut %d in flight that arrived after the drain", cut)

    def _sweep(self) -> None:
        # The timer first: if the sweep raises, the next one comes all the same.
        loop = asyncio.get_running_loop()
        loop.call_later(_SWEEP_EVERY, self._sweep)
        call_after_reads(loop, self.context.registry.sweep)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` as long as the process lives."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
