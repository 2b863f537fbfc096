"""One replica: an app and its proxy, started and ended in the order of the kubelet.

A native sidecar starts first. When the pod is deleted, all preStop hooks begin at once; the app
gets SIGTERM when its hook has answered, a native sidecar when the app has ended; whoever is left at
the end of the grace period gets SIGKILL (KEP-753, "termination of containers").
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from drainproxy.rehearsal.balancer import Endpoint
from drainproxy.rehearsal.plan import OLD, RehearsalPlan
from drainproxy.rehearsal.ports import release
from drainproxy.rehearsal.processes import Process, Processes, StartFailed
from drainproxy.rehearsal.proxies import Proxy, Site, accepts, end

_READY_WITHIN = 20.0
_LOOK_EVERY = 0.05
# What the kubelet grants a native sidecar when nothing of the grace period is left, in seconds.
_LEAST = 2.0
# A container takes longer than this to be made again, in seconds.
_CREATION = 0.5


class Replica:
    """`state` is starting, ready, restarting, terminating, and then gone, killed or dead."""

    def __init__(self, site: Site, version: str, proxy: Proxy) -> None:
        self.name = site.name
        self.version = version
        self.proxy = proxy
        self.endpoint = Endpoint(site.name, proxy.addresses, version)
        self.state = "starting"
        self.phase = ""
        self.in_flight = 0
        # From the deletion to the end of its last process, in seconds.
        self.drain_seconds: float | None = None
        self.counts: Mapping[str, int] = {}
        self.report: dict[str, Any] | None = None
        self.mishaps: list[str] = []
        self.app: Process
        self._died = False
        self._site = site

    async def start(self, processes: Processes, plan: RehearsalPlan) -> None:
        """Return when it is ready; StartFailed if that does not come."""
        self.proxy.start()
        if plan.app:
            release(self._site.app_ports.values())
        self._start_app(processes, plan)
        await self._until(plan, self.proxy.ready)

    def _start_app(self, processes: Processes, plan: RehearsalPlan) -> None:
        ports = self._site.app_ports
        self.app = processes.start(
            f"app of {self.name}",
            *_command(plan, ports, self.version),
            env={"PORT": str(ports["http"]), "VERSION": self.version},
        )

    async def _until(self, plan: RehearsalPlan, ready: Callable[[], Awaitable[bool]]) -> None:
        try:
            async with asyncio.timeout(_READY_WITHIN):
                while not await ready():
                    for process in self._processes():
                        process.check()
                    await asyncio.sleep(_LOOK_EVERY)
        except StartFailed as error:
            # It may be the proxy that has ended.
            hint = "" if self.app.code is None else _port_of_its_own(plan)
            raise StartFailed(f"{error}{hint}") from None
        except TimeoutError:
            raise StartFailed(
                f"{self.name} was not ready within {_READY_WITHIN:g} s; its app said:\n"
                f"{self.app.last_words()}{await self._silent(plan)}"
            ) from None
        self.state = "ready"

    async def _silent(self, plan: RehearsalPlan) -> str:
        port = self._site.app_ports["http"]
        if await accepts(port):
            return ""
        return f"\nNothing listens on 127.0.0.1:{port}.{_port_of_its_own(plan)}"

    async def restart_app(self, processes: Processes, plan: RehearsalPlan) -> None:
        """What the kubelet does to a container whose liveness probe fails: nobody hears of it but
        the app, by its hook and by SIGTERM. StartFailed if it does not come back."""
        self.state = "restarting"
        try:
            async with asyncio.timeout(plan.grace_period):
                await self.proxy.prestop("app")
                await end(self.app, plan.grace_period)
        except TimeoutError:
            await self._kill(plan.grace_period, self.app)
        await self.come_back(processes, plan)

    async def kill_app(self) -> None:
        """The app dies, as of too much memory; return when it is gone."""
        self.state = "restarting"
        self.app.kill_all()
        await self.app.wait(_LEAST)

    async def come_back(self, processes: Processes, plan: RehearsalPlan) -> None:
        """The container of its app is made again. StartFailed if it does not come up."""
        await asyncio.sleep(_CREATION)
        self._start_app(processes, plan)
        await self._until(plan, self._is_back)

    async def _is_back(self) -> bool:
        """Its proxy may have been ready all the time."""
        there = all([await accepts(port) for port in self._site.app_ports.values()])
        return there and await self.proxy.ready()

    def look(self) -> bool:
        """Whether one of its processes has ended by itself; the first time only."""
        if self.state != "ready":
            return False
        ended = [process for process in self._processes() if process.code is not None]
        for process in ended:
            self.mishaps.append(f"the {process.name} {how_it_ended(process.code)} by itself")
            self.state, self._died = "dead", True
        return bool(ended)

    async def idle(self) -> bool:
        """Whether nothing is in flight, as its proxy says."""
        _, in_flight = await self.proxy.phase()
        return not in_flight

    async def terminate(self, grace_period: float) -> None:
        """What the kubelet does when the pod is deleted."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(grace_period):
                await self._end_in_order(grace_period)
            self.state = "gone"
        except TimeoutError:
            await self._kill(grace_period, *self._processes())
            self.state = "killed"
        self.drain_seconds = time.monotonic() - began
        self.report = self.proxy.report()

    async def _kill(self, grace_period: float, *processes: Process) -> None:
        """At the end of the grace period: SIGKILL to the app, and to a sidecar that does not go."""
        for process in processes:
            if process is not self.app and process.code is None:
                await end(process, _LEAST)
            if process.code is None:
                process.kill_all()
                await process.wait(_LEAST)
                self.mishaps.append(
                    f"the {process.name} did not end within the grace period of"
                    f" {grace_period:g} s: killed"
                )

    async def _end_in_order(self, grace_period: float) -> None:
        hooks = asyncio.ensure_future(self._hooks())
        gone = asyncio.ensure_future(self.app.wait(grace_period))
        try:
            await asyncio.wait((hooks, gone), return_when=asyncio.FIRST_COMPLETED)
            if not hooks.done() and not self._died:
                how = how_it_ended(self.app.code)
                self.mishaps.append(f"the {self.app.name} {how} before its preStop was done")
            await hooks
        finally:
            hooks.cancel()
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(gone, hooks, return_exceptions=True)
        await end(self.app, grace_period)
        self.counts = await self.proxy.counts()
        if self.proxy.process is not None:
            code = await end(self.proxy.process, grace_period)
            if code and not self._died:
                self.mishaps.append(f"the {self.proxy.process.name} {how_it_ended(code)}")

    async def _hooks(self) -> None:
        """That of the app's container and that of the sidecar's."""
        await asyncio.gather(self.proxy.prestop("app"), self.proxy.prestop("sidecar"))

    def _processes(self) -> Iterator[Process]:
        yield self.app
        if self.proxy.process is not None:
            yield self.proxy.process


def how_it_ended(code: int | None) -> str:
    """In words."""
    return f"was ended by signal {-code}" if code is not None and code < 0 else f"exited {code}"


def _port_of_its_own(plan: RehearsalPlan) -> str:
    """A line for the user of an app that may not know where it has to listen."""
    if not plan.app or any("{port}" in word for word in plan.app):
        return ""
    return (
        "\nEach replica needs a port of its own, and no argument of the app is {port}:"
        " it has to listen on $PORT."
    )


def _command(plan: RehearsalPlan, ports: Mapping[str, int], version: str) -> list[str]:
    if not plan.app:
        faults = plan.faults.flags() if version != OLD else ()
        return [
            sys.executable,
            "-m",
            "drainproxy.rehearsal.app",
            f"--port={ports['http']}",
            f"--grpc-port={ports['grpc']}",
            f"--app-version={version}",
            *faults,
        ]
    named = {"{port}": str(ports["http"]), "{version}": version}
    command = []
    for word in plan.app:
        for name, text in named.items():
            word = word.replace(name, text)
        command.append(word)
    return command
