"""What namespaces say, asked of the API server and remembered for some seconds."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

from .admission import Namespace

# In seconds: who changes the annotation of a namespace waits so long until it counts.
_FRESH = 10.0
# The API server waits for us while we wait for it.
_PATIENCE = 2.0
# Of more namespaces than this the old ones are forgotten.
_MANY = 1000

Fetch = Callable[[str], Awaitable[Namespace]]

log = logging.getLogger("drainproxy.namespaces")


class Namespaces:
    """Labels and annotations by name. `fetch` asks for those of one namespace."""

    def __init__(self, fetch: Fetch, now: Callable[[], float] = monotonic) -> None:
        self._fetch = fetch
        self._now = now
        self._known: dict[str, tuple[float, Namespace]] = {}

    async def get(self, name: str) -> Namespace | None:
        """What is known of it, even if it is old when nobody answers; None if nothing is."""
        until, known = self._known.get(name, (0.0, None))
        if known and self._now() < until:
            return known
        try:
            known = await self._fetch(name)
        except Exception as error:  # whatever it is: pods must not wait for it
            log.warning("namespace %s cannot be read: %s", name, error)
            return known
        self._remember(name, known)
        return known

    def _remember(self, name: str, namespace: Namespace) -> None:
        now = self._now()
        if len(self._known) >= _MANY:
            self._known = {key: each for key, each in self._known.items() if each[0] > now}
        self._known[name] = (now + _FRESH, namespace)


@asynccontextmanager
async def from_cluster() -> AsyncIterator[Namespaces]:
    """Those of the cluster that we run in, or that KUBECONFIG names (needs lightkube)."""
    from lightkube import AsyncClient
    from lightkube.resources.core_v1 import Namespace as Resource

    client = AsyncClient()

    async def fetch(name: str) -> Namespace:
        async with asyncio.timeout(_PATIENCE):
            metadata = (await client.get(Resource, name)).metadata
        if metadata is None:
            return Namespace()
        return Namespace(metadata.labels or {}, metadata.annotations or {})

    try:
        yield Namespaces(fetch)
    finally:
        await client.close()
