"""One rehearsal from its first process to its last."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from drainproxy.rehearsal import beforehand, prometheus, result
from drainproxy.rehearsal.asking import PATIENCE
from drainproxy.rehearsal.balancer import AnyBalancer, Balancer
from drainproxy.rehearsal.clients import (
    GOODBYES,
    GOODBYES_OF_THE_DEAD,
    Client,
    Events,
    Questions,
    Requests,
    Target,
)
from drainproxy.rehearsal.deployment import Deployment
from drainproxy.rehearsal.gate_result import GateResult
from drainproxy.rehearsal.gated import SCRAPE_EVERY, gated_canary, load
from drainproxy.rehearsal.haproxy import HAProxy
from drainproxy.rehearsal.plan import INSTEAD, NEW, OLD, RehearsalPlan
from drainproxy.rehearsal.ports import free_ports
from drainproxy.rehearsal.processes import Processes, StartFailed
from drainproxy.rehearsal.replicas import Replica
from drainproxy.rehearsal.result import RehearsalResult, ReplicaResult
from drainproxy.rehearsal.rollout import ROLLOUTS
from drainproxy.rehearsal.scores import Clock, Score

_SAMPLE_EVERY = 0.25
_IDLE_WITHIN, _LOOK_EVERY = 2.0, 0.05
# Clients wait this long for what is under way when they are asked to stop, in seconds.
_STOP_WITHIN = 12.0
# By then every client has been answered, or has given up.
_DECIDED_WITHIN = PATIENCE + 1.0


class Rehearsal:
    """A plan under way: what it has come to can be looked at from outside at any time."""

    def __init__(self, plan: RehearsalPlan) -> None:
        self.plan = plan
        self.clock = Clock()
        self.scores = {kind: Score(self.clock) for kind in plan.clients}
        self.connections: list[tuple[float, Mapping[str, int]]] = []
        self.stage = "starting"
        self._deployment: Deployment | None = None
        self._mishaps: list[str] = []
        self._prometheus = ""
        self._gate: GateResult | None = None
        self.balancer: AnyBalancer = Balancer()
        self.service = Target(plan.http_port, plan.grpc_port)

    @property
    def deployment(self) -> Deployment:
        """Its replicas, once it is set up."""
        assert self._deployment is not None, "it is not set up"
        return self._deployment

    @property
    def marks(self) -> Sequence[tuple[float, str]]:
        """What was done so far, and when."""
        return self._deployment.marks if self._deployment else ()

    @property
    def replicas(self) -> Sequence[Replica]:
        """All that there were so far."""
        return self._deployment.replicas if self._deployment else ()

    @asynccontextmanager
    async def set_up(self) -> AsyncIterator["Rehearsal"]:
        """The replicas and the balancer until the block is left; nothing outlives it.

        StartFailed if something does not come up.
        """
        plan = self.plan
        program = prometheus.binary(plan.prometheus) if plan.gate else ""
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="drainproxy-")))
            processes = await stack.enter_async_context(Processes(folder))
            probe = await stack.enter_async_context(aiohttp.ClientSession())
            if plan.balancer == "haproxy":
                self.balancer = HAProxy(processes, folder)
            self.service = await self._listen()
            stack.push_async_callback(self.balancer.close)
            self._deployment = Deployment(plan, self.balancer, processes, probe, folder, self.clock)
            stack.callback(self.deployment.stop)
            if program:
                self._prometheus = await prometheus.started(
                    processes, probe, program, folder, self._targets(), SCRAPE_EVERY
                )
            await self.deployment.add(await self.deployment.start(OLD, plan.replicas))
            self.deployment.mark(f"{plan.replicas} of {OLD} ready")
            watching = asyncio.get_running_loop().create_task(self._watch())
            stack.callback(watching.cancel)
            yield self

    async def run(self) -> RehearsalResult:
        """Load, rollout, and the load alone once more."""
        async with self.set_up():
            stop = asyncio.Event()
            tasks = [asyncio.ensure_future(client.run()) for client in self._clients(stop)]
            try:
                self.stage = "load before the rollout"
                await asyncio.sleep(self.plan.before)
                await self._answers_come()
                began, ended = await self.rollout(OLD, NEW)
                self.stage = "load after the rollout"
                await asyncio.sleep(self.plan.after)
                last = await self.balancer.connections()
                self.stage = "stopping"
                stop.set()
                await self._stopped(tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            return await self.result((began, ended), last)

    async def _answers_come(self) -> None:
        """StartFailed if there is a kind of which everything fails."""
        await happens_soon(self._decided, _DECIDED_WITHIN)
        if failures := list(beforehand.failures(self.scores, self.service)):
            raise StartFailed("\n".join(failures))

    async def _decided(self) -> bool:
        return not beforehand.undecided(self.scores, self.plan.clients)

    async def serve(self, every: float, stop: asyncio.Event) -> RehearsalResult:
        """No clients of ours: somebody else's, until `stop`; with a rollout every so many seconds,
        which is not left in its middle. 0 is none."""
        async with self.set_up():
            service = self.service
            self.deployment.mark(f"serving on {service.url('')}, gRPC on port {service.grpc_port}")
            self.stage = "serving"
            rollout, number = (0.0, 0.0), 1
            while not await happens(stop, every or None):
                rollout = await self.rollout(f"v{number}", f"v{number + 1}")
                self.stage, number = "serving", number + 1
            return await self.result(rollout, await self.balancer.connections())

    async def rollout(self, old: str, new: str) -> tuple[float, float]:
        """From one version to the other; when it began and ended."""
        self.stage, self.clock.stage = "rollout", "during"
        began = self.clock.now()
        what = INSTEAD.get(self.plan.strategy)
        self.deployment.mark(f"{what} begin" if what else "rollout begins")
        if self.plan.gate:
            gated = gated_canary(
                self.deployment,
                self._prometheus,
                lambda: load(self.scores.values(), self.clock),
            )
            self._gate = await gated.roll_out(old, new)
        else:
            await ROLLOUTS[self.plan.strategy](self.deployment, old, new)
        self.deployment.mark(f"{what} are over" if what else "rollout is over")
        self.clock.stage = "after"
        return began, self.clock.now()

    # Long, for a result has many fields; each is one expression.
    async def result(
        self, rollout: tuple[float, float], last: Mapping[str, int]
    ) -> RehearsalResult:
        """What it has come to; `last` are the connections per replica in the end."""
        deployment = self.deployment
        for replica in deployment.ready:
            # The sidecar has to hear first that a client has left.
            await happens_soon(replica.idle, _IDLE_WITHIN)
            replica.counts = await replica.proxy.counts()
        counted = sum((Counter(replica.counts) for replica in deployment.replicas), Counter())
        return RehearsalResult(
            proxy=self.plan.proxy,
            balancer=self.plan.balancer,
            strategy=self.plan.strategy,
            seconds=self.clock.now(),
            rollout=rollout,
            kinds={
                kind: result.kind_result(score, self.plan.clients[kind], counted.get(kind))
                for kind, score in self.scores.items()
            },
            replicas=[
                ReplicaResult(
                    replica.name,
                    replica.version,
                    replica.state,
                    replica.drain_seconds,
                    replica.report["verdict"] if replica.report else None,
                    sum(result.ended(replica.report, "cut").values()),
                    result.ended(replica.report, "goodbye"),
                    last.get(replica.name, 0),
                    replica.report.get("unanswered", 0) if replica.report else 0,
                )
                for replica in deployment.replicas
            ],
            refused_by_replicas=self.balancer.refused - self.balancer.unplaced,
            unplaced=self.balancer.unplaced,
            imbalance=result.imbalance([last.get(r.name, 0) for r in deployment.ready]),
            marks=deployment.marks,
            timeline={kind: result.timeline(score) for kind, score in self.scores.items()},
            connections=self.connections,
            left=deployment.left,
            gate=self._gate,
            prestop_sleep=self.plan.prestop_sleep if self.plan.proxy == "none" else 0.0,
            mishaps=self._mishaps
            + [
                f"{replica.name}: {mishap}"
                for replica in deployment.replicas
                for mishap in replica.mishaps
            ],
        )

    def _targets(self) -> prometheus.Targets:
        """Of both versions, also of replicas that are still to come."""
        count = self.plan.replicas
        versions = [OLD] * count + [NEW] * count
        return {
            self.deployment.admin_address(number): {"version": version}
            for number, version in enumerate(versions, 1)
        }

    async def _listen(self) -> Target:
        plan = self.plan
        free = free_ports(2)
        service = Target(
            http_port=plan.http_port or free[0],
            grpc_port=plan.grpc_port or free[1],
            built_in=not plan.app,
            path=plan.path,
            websocket_path=plan.websocket_path,
            events_path=plan.events_path,
            version_at=self.balancer.version_at,
            goodbyes=GOODBYES_OF_THE_DEAD if plan.strategy in INSTEAD else GOODBYES,
            stays=plan.stays,
        )
        ports = {"http": service.http_port}
        if not plan.app:
            ports["grpc"] = service.grpc_port
        try:
            await self.balancer.listen(ports)
        except OSError as error:
            where = " and ".join(f"--{name}-port {port}" for name, port in ports.items())
            raise StartFailed(
                f"the balancer cannot listen on 127.0.0.1, {where}: {error.strerror or error}"
            ) from None
        return service

    async def _stopped(self, tasks: Sequence[asyncio.Future[None]]) -> None:
        if not tasks:
            return
        done, stuck = await asyncio.wait(tasks, timeout=_STOP_WITHIN)
        for task in done:
            task.result()
        if stuck:
            self._mishaps.append(f"{len(stuck)} clients never came to an end")

    async def _watch(self) -> None:
        watching = asyncio.ensure_future(self.deployment.watch())
        try:
            while True:
                self.connections.append((self.clock.now(), await self.balancer.connections()))
                await asyncio.sleep(_SAMPLE_EVERY)
        finally:
            watching.cancel()

    def _clients(self, stop: asyncio.Event) -> list[Client]:
        return [
            make(number)(self.service, self.scores[kind], stop)
            for kind, make in _makers(self.plan.gate).items()
            for number in range(self.plan.clients.get(kind, 0))
        ]


async def happens_soon(condition: Callable[[], Awaitable[bool]], within: float) -> None:
    """Wait for it, but no longer than so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            while True:
                if await condition():
                    return
                await asyncio.sleep(_LOOK_EVERY)


async def happens(event: asyncio.Event, within: float | None) -> bool:
    """Whether it happens within so many seconds; None waits for it."""
    try:
        async with asyncio.timeout(within):
            return await event.wait()
    except TimeoutError:
        return False


def _makers(come_and_go: bool) -> Mapping[str, Callable[[int], type[Client]]]:
    """The class of the client of this number, by kind; gRPC takes a while to import."""
    from drainproxy.rehearsal import visitors
    from drainproxy.rehearsal.grpc_clients import Calls, Numbers

    if come_and_go:
        return {
            "http": lambda _: visitors.RequestVisitor,
            "websocket": lambda _: visitors.WebSocketVisitor,
            "sse": lambda _: visitors.EventsVisitor,
            "grpc": lambda _: visitors.CallVisitor,
        }
    return {
        "http": lambda _: Requests,
        "websocket": lambda _: Questions,
        "sse": lambda _: Events,
        "grpc": lambda number: Numbers if number % 2 else Calls,
    }
