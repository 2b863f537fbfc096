"""The version of the cluster, which its API server tells everybody (`/version`)."""

import asyncio
import logging
import re
from typing import Final

from msgspec import Struct

from .cluster import Cluster, Unavailable

PATH: Final = "/version"
# Since then EndpointSlices find the name of a port at a native sidecar (kubernetes#128850).
_FIRST: Final = (1, 33)
# In seconds, until it is asked again.
_PAUSE: Final = 30.0
# Clouds write `32+`.
_NUMBER: Final = re.compile(r"[0-9]+")

log = logging.getLogger("drainproxy.cluster")


class _Version(Struct):
    major: str = ""
    minor: str = ""


class ClusterVersion:
    """What follows from the version, which is asked for until it is known; it is asked once then,
    so that a webhook that runs during an upgrade knows the older one.

    `problem` says why it is not known yet, and is empty before it was asked for. Until it is known
    the cluster is taken for a new one.
    """

    def __init__(self, cluster: Cluster, *, pause: float = _PAUSE) -> None:
        self.known = asyncio.Event()
        self.finds_names_at_sidecars = True
        self.problem = ""
        self._cluster = cluster
        self._pause = pause

    async def learn(self) -> None:
        """Ask until it is known."""
        while not self.known.is_set():
            try:
                self._take(await self._cluster.get(PATH, _Version))
            except Unavailable as error:
                self._failed(str(error))
                await asyncio.sleep(self._pause)

    def _take(self, version: _Version) -> None:
        numbers = [_NUMBER.match(text) for text in (version.major, version.minor)]
        found = tuple(int(each[0]) for each in numbers if each)
        if len(found) < len(numbers):
            raise Unavailable(f"{PATH} names none")
        self.finds_names_at_sidecars = found >= _FIRST
        self.problem = ""
        self.known.set()
        if not self.finds_names_at_sidecars:
            log.info(
                "Kubernetes %d.%d: where a sidecar takes over the name of a port it is a plain"
                " container",
                *found,
            )

    def _failed(self, why: str) -> None:
        if self.problem != why:
            log.warning("cannot read the version of the cluster: %s", why)
        self.problem = why
