"""Annotations of namespaces, read from the API server and cached for some seconds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final, NoReturn
from urllib.parse import quote

from msgspec import Struct

from .cluster import Cluster, Missing
from .mirror import Mirror
from .namespace import Namespace

PATH: Final = "/api/v1/namespaces"
# In seconds: who changes the annotation of a namespace waits so long until it counts.
_FRESH: Final = 10.0
# The API server waits for us while we wait for it.
_PATIENCE: Final = 2.0
# Of more namespaces than this the old ones are forgotten.
_MANY: Final = 1000
# RFC 1123: there is none of a longer name, which only who forges a review asks for.
_LONGEST_NAME: Final = 63
# Every cluster has it: to read it is to know that we may read.
_PROBE: Final = "default"

Fetch = Callable[[str], Awaitable[Namespace]]

log = logging.getLogger("drainproxy.namespaces")


class Resource(Struct, frozen=True):
    """A namespace as the API server writes it."""

    metadata: Namespace = Namespace()


class Namespaces:
    """Labels and annotations by name.

    `fetch` asks for those of one namespace; a `mirror` that has it spares the question. `problem`
    says why the API server cannot be read, and is empty while it can; `on_failure` is called for
    each failure.
    """

    def __init__(
        self,
        fetch: Fetch,
        mirror: Mirror[Resource] | None = None,
        *,
        on_failure: Callable[[], object] = lambda: None,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self.problem = ""
        self._fetch = fetch
        self._mirror = mirror
        self._on_failure = on_failure
        self._now = now
        self._known: dict[str, tuple[float, Namespace]] = {}

    async def get(self, name: str) -> Namespace | None:
        """What is known of it, even if it is old when nobody answers; None if nothing is."""
        if self._mirror and (mirrored := self._mirror.named(name)):
            return mirrored.metadata
        if len(name) > _LONGEST_NAME:
            return None
        until, known = self._known.get(name, (0.0, None))
        if known and self._now() < until:
            return known
        return await self._ask(name) or known

    async def watch(self, every: float = _FRESH) -> NoReturn:
        """Try for ever whether namespaces can be read, so that `problem` is true also while no pod
        comes: to a webhook that is not ready none does."""
        while True:
            if not (self._mirror and self._mirror.synced.is_set()):
                await self._ask(_PROBE)
            else:
                self.problem = ""
            await asyncio.sleep(every)

    async def _ask(self, name: str) -> Namespace | None:
        try:
            found = await self._fetch(name)
        except Missing:  # who says so can be read; and whoever reaches us can ask for any name
            self.problem = ""
            return None
        except Exception as error:  # whatever it is: pods must not wait for it
            self._failed(name, str(error) or type(error).__name__)
            return None
        self.problem = ""
        self._remember(name, found)
        return found

    def _failed(self, name: str, why: str) -> None:
        self._on_failure()
        problem = f"namespace {name} cannot be read: {why}"
        if problem != self.problem:
            log.warning("%s", problem)
        self.problem = problem

    def _remember(self, name: str, namespace: Namespace) -> None:
        now = self._now()
        if len(self._known) >= _MANY:
            self._known = {key: each for key, each in self._known.items() if each[0] > now}
        self._known[name] = (now + _FRESH, namespace)


def fetching(cluster: Cluster) -> Fetch:
    """Ask the API server for one namespace."""

    async def fetch(name: str) -> Namespace:
        async with asyncio.timeout(_PATIENCE):
            # Whoever reaches us can send a review: a name must stay a name.
            return (await cluster.get(f"{PATH}/{quote(name, safe='')}", Resource)).metadata

    return fetch
