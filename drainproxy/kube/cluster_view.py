"""What the webhook reads of the cluster (namespaces, Services) and writes to it (Events)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from drainproxy.manifests.services import Service

from .admission import AdmissionRequest, AdmissionVerdict, Seen
from .cluster import Cluster, Unavailable, connected
from .cluster_version import ClusterVersion
from .events import EventRecorder
from .mirror import Mirror
from .namespace import ENFORCED
from .namespaces import PATH as NAMESPACES
from .namespaces import Namespaces, Resource, fetching
from .webhook import WebhookHealth

SERVICES: Final = "/api/v1/services"
# Seconds that the first list may take before reviews are answered without it.
_FIRST_LIST: Final = 3.0

# Called with what could not be read or written: `services`, `namespaces` or `events`.
OnFailure = Callable[[str], object]

log = logging.getLogger("drainproxy.cluster")


class ClusterAccess(Struct, frozen=True):
    """What the webhook may do: read `annotations` of namespaces as defaults for their pods, watch
    `services` (and namespaces, for their Pod Security level), write `events`.

    `pod_security` is the level of namespaces without a label that names one: the API server's
    configuration says it, which nobody can read.
    """

    annotations: bool = False
    services: bool = False
    events: bool = False
    pod_security: str = "privileged"

    @property
    def needs_cluster(self) -> bool:
        """Whether the API server is asked for anything."""
        return self.annotations or self.services or self.events


class ClusterView:
    """Answers from memory where a watch has filled it; `run` keeps it filled."""

    def __init__(self, cluster: Cluster, asked: ClusterAccess, on_failure: OnFailure) -> None:
        def failed(what: str) -> Callable[[], object]:
            return lambda: on_failure(what)

        self._asked = asked
        self._services: Mirror[Service] | None = None
        self._namespaces: Mirror[Resource] | None = None
        if asked.services:
            self._services = Mirror(
                cluster, SERVICES, Service, "Services", on_failure=failed("services")
            )
            self._namespaces = Mirror(
                cluster, NAMESPACES, Resource, "Namespaces", on_failure=failed("namespaces")
            )
        self._asking = Namespaces(
            fetching(cluster), self._namespaces, on_failure=failed("namespaces")
        )
        self._events = EventRecorder(cluster, on_failure) if asked.events else None
        self._version = ClusterVersion(cluster)

    async def look(self, namespace: str) -> Seen:
        """What is around the pods of a namespace."""
        services, annotations = self._known_services(namespace), self._asked.annotations
        # Where Services decide nothing, the Pod Security level does not matter either.
        needed = annotations or services is not None
        found = await self._asking.get(namespace) if needed else None
        seen = Seen(
            namespace=found if annotations else None,
            unread=annotations and found is None,
            services=services,
            finds_names_at_sidecars=self._version.finds_names_at_sidecars,
        )
        if services is None or found is None:
            return seen
        labels = {ENFORCED: self._asked.pod_security, **found.labels}
        return replace(seen, labels=labels, annotations=found.annotations)

    def tell(self, request: AdmissionRequest, verdict: AdmissionVerdict) -> None:
        """Say to others what a verdict warns of."""
        if self._events:
            self._events.tell(request, verdict)

    def health(self) -> WebhookHealth:
        """Not ready is who cannot read what it was told to: pods would start without their
        defaults. Without Services there still are the names of ports."""
        problem = self._asking.problem if self._asked.annotations else ""
        return WebhookHealth(problem, "; ".join(self._weaker()))

    async def run(self) -> None:
        """Follow the cluster for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._version.learn())
            for mirror in self._mirrors():
                group.create_task(mirror.run())
            if self._asked.annotations:
                group.create_task(self._asking.watch())
            if self._events:
                group.create_task(self._events.run())

    async def first_list(self) -> None:
        """Wait until everything is known that is watched, but not for long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_LIST):
                for mirror in self._mirrors():
                    await mirror.synced.wait()
                await self._version.known.wait()

    def _known_services(self, namespace: str) -> list[Service] | None:
        if not self._services or not self._services.synced.is_set():
            return None
        return [*self._services.inside(namespace)]

    def _mirrors(self) -> list[Mirror[Any]]:
        return [each for each in (self._services, self._namespaces) if each]

    def _weaker(self) -> list[str]:
        told = []
        for mirror in self._mirrors():
            known = mirror.synced.is_set()
            since = "those last seen stay in use" if known else "ports are captured by their names"
            if mirror.problem or not known:
                why = mirror.problem or "no answer yet"
                told.append(f"cannot watch {mirror.what} ({why}): {since}")
        if self._version.problem:
            told.append(
                f"cannot read the version of the cluster ({self._version.problem}): it is taken for"
                " 1.33 or newer"
            )
        return told


class NoClusterView:
    """A view where there is no cluster to look at; `remark` says why, if there should be."""

    def __init__(self, remark: str = "") -> None:
        self._remark = remark

    async def look(self, _: str) -> Seen:
        """Nothing is known."""
        return Seen()

    def tell(self, _: AdmissionRequest, __: AdmissionVerdict) -> None:
        """Nobody listens."""

    def health(self) -> WebhookHealth:
        """Ready, and weaker than it was asked to be."""
        return WebhookHealth(remark=self._remark)


@asynccontextmanager
async def open_cluster_view(
    asked: ClusterAccess, on_failure: OnFailure
) -> AsyncIterator[ClusterView | NoClusterView]:
    """A view of the cluster, kept up to date during the block. Unavailable if no API server is
    known and annotations of namespaces are asked for; without the rest the webhook can work."""
    if not asked.needs_cluster:
        yield NoClusterView()
        return
    async with AsyncExitStack() as stack:
        try:
            cluster = await stack.enter_async_context(connected())
        except Unavailable as error:
            if asked.annotations:
                raise
            log.warning("ports are captured by their names: %s", error)
            yield NoClusterView(f"ports are captured by their names: {error}")
            return
        out = ClusterView(cluster, asked, on_failure)
        running = asyncio.create_task(out.run())
        stack.callback(running.cancel)
        await out.first_list()
        yield out
