"""A copy of all objects of one kind in the cluster: one list, and then a watch.

While the API server cannot be reached the last copy stays in use: nothing can change meanwhile.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Final, Generic, NoReturn, TypeVar

from .cluster import Cluster, Gone, ObjectMeta, Unavailable

T = TypeVar("T")

# Seconds between two attempts, of which the later ones are further apart. An API server that ends
# watches at once is not asked more often than this either.
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0

log = logging.getLogger("drainproxy.mirror")


class Mirror(Generic[T]):
    """What is at `path`, as `kind`, by namespace and name. `what` names it for people.

    `synced` is set when all objects are known for the first time. `problem` says why the API server
    does not tell us more, and is empty while it does. `on_failure` is called for each failure.
    """

    def __init__(
        self,
        cluster: Cluster,
        path: str,
        kind: type[T],
        what: str,
        *,
        on_failure: Callable[[], object] = lambda: None,
        pause: float = _FIRST_PAUSE,
    ) -> None:
        self.what = what
        self.problem = ""
        self.synced = asyncio.Event()
        self._cluster = cluster
        self._path = path
        self._kind = kind
        self._on_failure = on_failure
        self._pause = pause
        self._objects: dict[str, dict[str, T]] = {}
        self._version = ""

    def inside(self, namespace: str) -> Iterable[T]:
        """Those of a namespace."""
        return self._objects.get(namespace, {}).values()

    def named(self, name: str, namespace: str = "") -> T | None:
        """One of them, if there is one of that name."""
        return self._objects.get(namespace, {}).get(name)

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(map(len, self._objects.values()))

    async def run(self) -> NoReturn:
        """Follow for ever."""
        failures = 0
        while True:
            begun = monotonic()
            try:
                await self._follow()
                failures = 0
            except Gone:
                self._version = ""
            except Unavailable as error:
                failures += 1
                self._failed(error)
            longest = min(self._pause * 2**failures, _LONGEST_PAUSE)
            # Many webhooks must not come back to an API server at the same moment.
            pause = longest * (1 - random.random() / 2) if failures else self._pause
            await asyncio.sleep(max(pause - (monotonic() - begun), 0))

    async def _follow(self) -> None:
        """List, if that is needed, and take over changes until the stream ends."""
        if not self._version:
            await self._list()
        changes = self._cluster.watch(self._path, self._kind, self._version)
        async for change in changes:
            self._recovered()
            self._version = change.metadata.resource_version or self._version
            if change.type != "BOOKMARK":
                self._take(change.metadata, None if change.type == "DELETED" else change.object)

    async def _list(self) -> None:
        listing = await self._cluster.list(self._path, self._kind)
        self._objects = {}
        for metadata, each in listing.objects:
            self._take(metadata, each)
        self._version = listing.version
        self._recovered()
        if not self.synced.is_set():
            self.synced.set()
            log.info("watching %s: %d found", self.what, self.count)

    def _take(self, metadata: ObjectMeta, each: T | None) -> None:
        inside = self._objects.setdefault(metadata.namespace, {})
        if each is not None:
            inside[metadata.name] = each
        else:
            inside.pop(metadata.name, None)
            if not inside:
                del self._objects[metadata.namespace]

    def _failed(self, error: Exception) -> None:
        self._on_failure()
        if self.problem != str(error):
            self.problem = str(error)
            log.warning("cannot watch %s: %s", self.what, error)

    def _recovered(self) -> None:
        if self.problem:
            self.problem = ""
            log.info("watching %s again", self.what)
