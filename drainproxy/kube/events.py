"""Writes warnings as Events of the pod's owner (its ReplicaSet, for instance). A pod under
admission does not exist yet, so `kubectl describe` would not find an Event about it."""

import asyncio
import logging
from collections.abc import Callable
from hashlib import sha256
from time import gmtime, strftime
from typing import Final, NoReturn
from urllib.parse import quote

from msgspec import Struct, ValidationError, convert

from drainproxy.config.mistakes import shortened
from drainproxy.manifests.podspec import Json

from .admission import AdmissionRequest, AdmissionVerdict
from .cluster import Cluster, Missing, Stale, Unavailable

# The API's limit for the text of an Event.
_LONGEST: Final = 1024
# Of a name, and of what else says whose it is.
_LONGEST_NAME: Final = 253
# Events that wait; a rollout of a thousand pods says the same thing a thousand times, and who
# sends forged reviews must not fill a cluster with Events.
_WAITING: Final = 100
_REMEMBERED: Final = 10_000
_PAUSE: Final = 0.2
# Seconds until the next attempt when the API server does not take them, as without the right to.
_LONG_PAUSE: Final = 60.0

log = logging.getLogger("drainproxy.events")


class OwnerReference(Struct, rename="camel", frozen=True):
    """An owner reference."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None


class _Metadata(Struct, rename="camel", frozen=True):
    owner_references: list[OwnerReference] | None = None


class _Owned(Struct, frozen=True):
    metadata: _Metadata = _Metadata()


def owner_of(pod: Json) -> OwnerReference | None:
    """The controller that makes the pod; None if it has none, as one that a person makes: to them
    the API server passes the warnings on."""
    try:
        owners = convert(pod, _Owned).metadata.owner_references or []
    except ValidationError:
        return None
    return next((each for each in owners if each.controller and _is_short(each)), None)


def _is_short(owner: OwnerReference) -> bool:
    """Of whatever else there would be no Event, and many would wait in memory for that."""
    texts = (owner.api_version, owner.kind, owner.name, owner.uid)
    return all(len(text) <= _LONGEST_NAME for text in texts)


def event(owner: OwnerReference, namespace: str, verdict: AdmissionVerdict) -> Json:
    """The Event. Its name is that of its content: the same thing is not said again."""
    reason = "InjectionWarning" if verdict.outcome == "injected" else "InjectionSkipped"
    text = shortened("\n".join(verdict.warnings), _LONGEST)
    mark = sha256(f"{owner.uid} {text}".encode()).hexdigest()[:16]
    now = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())
    about = {"apiVersion": owner.api_version, "kind": owner.kind, "name": owner.name}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{owner.name[:200]}.{mark}", "namespace": namespace},
        "involvedObject": {**about, "namespace": namespace, "uid": owner.uid},
        "type": "Warning",
        "reason": reason,
        "message": text,
        "source": {"component": "drainproxy-webhook"},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


# RFC 1123, a label.
_LONGEST_NAMESPACE: Final = 63


class EventRecorder:
    """Takes them at once and writes them one after the other; what does not fit is dropped."""

    def __init__(
        self, cluster: Cluster, on_failure: Callable[[str], object], pause: float = _PAUSE
    ) -> None:
        self._cluster = cluster
        self._on_failure = on_failure
        self._pause = pause
        self._waiting: asyncio.Queue[Json] = asyncio.Queue(_WAITING)
        self._said: dict[str, None] = {}
        self._problem = ""

    def tell(self, request: AdmissionRequest, verdict: AdmissionVerdict) -> None:
        """Say what a verdict warns of, unless the request only asks what would happen."""
        owner = None if request.dry_run else owner_of(request.object or {})
        if owner is None or self._waiting.full() or len(request.namespace) > _LONGEST_NAMESPACE:
            return
        made = event(owner, request.namespace, verdict)
        key = f"{request.namespace}/{made['metadata']['name']}"
        if key not in self._said:
            if len(self._said) >= _REMEMBERED:
                self._said.clear()
            self._said[key] = None
            self._waiting.put_nowait(made)

    async def run(self) -> NoReturn:
        """Write for ever."""
        while True:
            made = await self._waiting.get()
            await asyncio.sleep(self._pause if await self._write(made) else _LONG_PAUSE)

    async def _write(self, made: Json) -> bool:
        """Whether the next can be written soon."""
        namespace = quote(made["metadata"]["namespace"], safe="")
        try:
            await self._cluster.create(f"/api/v1/namespaces/{namespace}/events", made)
        except Unavailable as error:
            self._on_failure("events")
            if str(error) != self._problem:
                self._problem = str(error)
                log.warning("cannot write an Event: %s", error)
            # What is wrong with one alone, as its owner's name, must not keep the others waiting.
            return isinstance(error, Missing | Stale)
        self._problem = ""
        return True
