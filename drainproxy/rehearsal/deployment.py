"""The replicas of one app: started, deleted, and known to the balancer after its delay."""

import asyncio
import random
from collections.abc import Awaitable, Iterable, Sequence
from math import inf
from pathlib import Path

import aiohttp

from drainproxy.rehearsal.ages import Ages
from drainproxy.rehearsal.balancer import AnyBalancer
from drainproxy.rehearsal.envoy import Envoy
from drainproxy.rehearsal.plan import RehearsalPlan
from drainproxy.rehearsal.ports import free_ports
from drainproxy.rehearsal.processes import Processes, StartFailed, first
from drainproxy.rehearsal.proxies import Direct, Drainproxy, Proxy, Site
from drainproxy.rehearsal.replicas import Replica
from drainproxy.rehearsal.scores import Clock

_LOOK_EVERY = 0.1
# The readiness probe of an injected pod, of which the first failure counts, in seconds.
_PROBE_EVERY = 1.0


class Deployment:
    """`replicas` are all that there ever were; `marks` what was done with them, and when."""

    def __init__(
        self,
        plan: RehearsalPlan,
        balancer: AnyBalancer,
        processes: Processes,
        probe: aiohttp.ClientSession,
        folder: Path,
        clock: Clock,
    ) -> None:
        self.plan = plan
        self.replicas: list[Replica] = []
        self.marks: list[tuple[float, str]] = []
        self._balancer = balancer
        self._processes = processes
        self._probe = probe
        self._folder = folder
        self._clock = clock
        # Connections that stood on the old replicas when their time was over.
        self.left: int | None = None
        self._ending: list[asyncio.Task[None]] = []
        # What the balancer is still to hear.
        self._following: list[asyncio.Task[None]] = []
        self._services = ("http", "grpc") if not plan.app else ("http",)
        *ports, self._admin_port = free_ports(len(self._services) + 1)
        self._ports = dict(zip(self._services, ports, strict=True))
        # A network of loopback of our own: two rehearsals at once do not meet.
        self._network = f"127.{random.randint(10, 250)}.{random.randint(0, 255)}"

    def mark(self, text: str) -> None:
        """Something is done now."""
        self.marks.append((self._clock.now(), text))

    @property
    def ready(self) -> list[Replica]:
        """Those that serve and are not asked to go."""
        return [replica for replica in self.replicas if replica.state == "ready"]

    def of(self, version: str) -> list[Replica]:
        """Those of a version that are ready."""
        return [replica for replica in self.ready if replica.version == version]

    async def start(self, version: str, count: int) -> Sequence[Replica]:
        """Start so many, and return when all are ready; the balancer does not know them yet.

        StartFailed if one does not come up.
        """
        started = [self._make(version) for _ in range(count)]
        try:
            async with asyncio.TaskGroup() as tasks:
                for replica in started:
                    tasks.create_task(replica.start(self._processes, self.plan))
        except* StartFailed as group:
            # One is enough: they fail alike.
            raise first(group) from None
        return started

    async def add(self, replicas: Iterable[Replica], weight: float = 1.0) -> None:
        """Let the balancer send them connections, or give them another weight."""
        for replica in replicas:
            await self._balancer.put(replica.endpoint, weight)

    async def remove(self, replicas: Iterable[Replica]) -> None:
        """Let the balancer forget them: it is told of it as late as kube-proxy is."""
        await asyncio.sleep(self.plan.propagation_delay)
        for replica in replicas:
            await self._balancer.remove(replica.endpoint)

    def delete(self, replica: Replica) -> None:
        """Delete it: the kubelet and the balancer hear of it side by side."""
        self.mark(f"{replica.name} is deleted")
        replica.state = "terminating"
        loop = asyncio.get_running_loop()
        self._ending.append(loop.create_task(self._retire(replica)))
        self._ending.append(loop.create_task(replica.terminate(self.plan.grace_period)))

    async def _retire(self, replica: Replica) -> None:
        await asyncio.sleep(self.plan.propagation_delay)
        await self._balancer.retire(replica.endpoint)
        self._following.append(asyncio.get_running_loop().create_task(self._forget(replica)))

    async def _forget(self, replica: Replica) -> None:
        """As soon as it is not ready any more, by the probe and the delay later."""
        while True:
            if replica.state != "terminating" or not await replica.proxy.ready():
                return await self.remove([replica])
            await asyncio.sleep(_PROBE_EVERY)

    async def restart_app(self, replica: Replica) -> None:
        """Restart the container of its app alone; return when the balancer knows it again."""
        self.mark(f"the app of {replica.name} is restarted")
        await self._while_followed(replica, replica.restart_app(self._processes, self.plan))

    async def kill_app(self, replica: Replica) -> None:
        """The same after its app was killed."""
        self.mark(f"the app of {replica.name} is killed")
        await self._while_followed(replica, self._kill(replica))

    async def _kill(self, replica: Replica) -> None:
        self._clock.last_kill = inf
        await replica.kill_app()
        self._clock.last_kill = self._clock.now()
        await replica.come_back(self._processes, self.plan)

    async def _while_followed(self, replica: Replica, working: Awaitable[None]) -> None:
        following = asyncio.get_running_loop().create_task(self._follow(replica))
        self._following.append(following)
        await working
        self.mark(f"{replica.name} ready")
        await following

    async def _follow(self, replica: Replica) -> None:
        """Tell the balancer what the readiness probe finds, as late as kube-proxy hears of it,
        until what restarts is back."""
        known = True
        while not known or replica.state == "restarting":
            await asyncio.sleep(_PROBE_EVERY)
            if await replica.proxy.ready() != known:
                known = not known
                await (self._back([replica]) if known else self.remove([replica]))

    async def _back(self, replicas: Sequence[Replica]) -> None:
        await asyncio.sleep(self.plan.propagation_delay)
        await self.add(replicas)

    async def all_deleted(self) -> None:
        """Return when whoever was deleted is gone."""
        await asyncio.gather(*self._ending)

    async def scale_down(self, replicas: Sequence[Replica]) -> None:
        """Delete those of the old version, after their connections have aged if they are to."""
        if self.plan.ages and replicas:
            await self._age_out(replicas, self.plan.ages)
        for replica in replicas:
            self.delete(replica)
        await self.all_deleted()

    async def _age_out(self, replicas: Sequence[Replica], ages: Ages) -> None:
        await asyncio.sleep(ages.refresh)
        self.mark(f"the ages of {replicas[0].version} fall to {ages.age:g} s")
        for replica in replicas:
            replica.proxy.annotate(ages.annotations(serving=False))
        await asyncio.sleep(ages.delay - ages.refresh)
        standing = await self._balancer.connections()
        self.left = sum(standing.get(replica.name, 0) for replica in replicas)
        self.mark(f"{self.left} connections are left on {replicas[0].version}")

    def stop(self) -> None:
        """Wait for nobody any more."""
        for task in (*self._ending, *self._following):
            task.cancel()

    async def rebalance(self, replicas: Iterable[Replica], share: float, over: float) -> None:
        """Send this share of their connections elsewhere, where the proxy can."""
        for replica in replicas:
            await replica.proxy.rebalance(100 * share, over)

    async def watch(self) -> None:
        """Look after the replicas until cancelled; who ends by itself is soon no endpoint."""
        while True:
            for replica in self.replicas:
                if replica.look():
                    self.mark(f"{replica.name} has died")
                    task = asyncio.get_running_loop().create_task(self.remove([replica]))
                    self._ending.append(task)
                if replica.state in {"ready", "restarting", "terminating"}:
                    replica.phase, replica.in_flight = await replica.proxy.phase()
            await asyncio.sleep(_LOOK_EVERY)

    def admin_address(self, number: int) -> str:
        """Where the sidecar of the replica with this number answers, also before there is one."""
        return f"{self._host(number)}:{self._admin_port}"

    def _host(self, number: int) -> str:
        return f"{self._network}.{number}"

    def _make(self, version: str) -> Replica:
        number = len(self.replicas) + 1
        app_ports = dict(zip(self._services, free_ports(len(self._services)), strict=True))
        site = Site(
            name=f"{version}-{number}",
            host=self._host(number),
            ports=self._ports,
            admin_port=self._admin_port,
            app_ports=app_ports,
            folder=self._folder,
        )
        replica = Replica(site, version, self._proxy(site))
        self.replicas.append(replica)
        return replica

    def _proxy(self, site: Site) -> Proxy:
        if self.plan.proxy == "none":
            return Direct(site, self.plan.prestop_sleep)
        if self.plan.proxy == "envoy":
            return Envoy(self._processes, self._probe, site, self.plan.grace_period)
        flags = self.plan.sidecar_flags
        annotations = self.plan.ages.annotations(serving=True) if self.plan.ages else ""
        return Drainproxy(self._processes, self._probe, site, flags, annotations)
