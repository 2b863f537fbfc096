"""Issues and renews the webhook's certificate: kept in a Secret that all replicas share, with its
CA in the MutatingWebhookConfiguration, by which the API server trusts it.

Each replica looks at both once a minute, and renews what is due; of two that do so at once the API
server accepts one. A new CA is published before a certificate of it is served, and the old one
stays, so that no review fails at any time.
"""

import asyncio
import logging
import os
import random
import ssl
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from msgspec import Struct

from drainproxy.config.key_files import load_pair

from .authority import Credentials, bundle, renewed
from .cluster import Cluster, ObjectMeta, Stale, Unavailable

CONFIGURATIONS: Final = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"

# In seconds; the last is until all API servers have heard of an authority from what they watch.
_LOOK_EVERY: Final = 60.0
_RETRY_AFTER: Final = 2.0
_HEARD: Final = 5.0
_COLLISIONS: Final = 5

_KEYS: Final = {
    "ca.crt": "ca",
    "ca.key": "ca_key",
    "tls.crt": "cert",
    "tls.key": "key",
    "next-ca.crt": "next_ca",
    "next-ca.key": "next_key",
}

log = logging.getLogger("drainproxy.certificate")


class CertificateLocation(Struct, frozen=True):
    """Where the certificate is kept, who has to trust it, and what it says: its hosts, and for how
    many days it is valid."""

    namespace: str
    secret: str
    configuration: str
    hosts: Sequence[str]
    days: int

    @property
    def secret_path(self) -> str:
        """In the API."""
        return f"/api/v1/namespaces/{self.namespace}/secrets/{self.secret}"

    @property
    def configuration_path(self) -> str:
        """In the API."""
        return f"{CONFIGURATIONS}/{self.configuration}"


class _Secret(Struct):
    metadata: ObjectMeta
    data: dict[str, str] | None = None


class _Client(Struct, rename="camel"):
    ca_bundle: str = ""


class _Webhook(Struct, rename="camel"):
    name: str
    client_config: _Client


class _Configuration(Struct):
    webhooks: list[_Webhook] | None = None


def _utc() -> datetime:
    return datetime.now(UTC)


class CertificateKeeper:
    """Keeps it, and shows it in a TLS `context` that stays the same.

    `loaded` is set when there is a certificate that the API server trusts; `problem` says why it
    cannot be looked after, and is empty while it can.
    """

    def __init__(
        self,
        cluster: Cluster,
        kept: CertificateLocation,
        on_failure: Callable[[str], object] = lambda _: None,
        now: Callable[[], datetime] = _utc,
    ) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.loaded = asyncio.Event()
        self.problem = ""
        self._cluster = cluster
        self._kept = kept
        self._on_failure = on_failure
        self._now = now
        self._shown = (b"", b"")

    async def watch(self, every: float = _LOOK_EVERY, heard: float = _HEARD) -> NoReturn:
        """Look for ever. What is wrong is logged once, and looked at again."""
        collisions = 0
        while True:
            try:
                await self._look(heard)
                self.problem, collisions = "", 0
            except (Unavailable, OSError, ValueError) as error:
                collisions += isinstance(error, Stale)
                # Of several replicas one is the first; who is never that has another problem.
                if not isinstance(error, Stale) or collisions > _COLLISIONS:
                    self._failed(str(error))
            pause = every * (0.75 + random.random() / 2)
            soon = bool(self.problem or collisions)
            await asyncio.sleep(random.random() * min(pause, 2 * _RETRY_AFTER) if soon else pause)

    async def _look(self, heard: float) -> None:
        secret = await self._cluster.get(self._kept.secret_path, _Secret)
        held = _credentials(secret.data or {})
        due = renewed(held, self._kept.hosts, self._kept.days, self._now())
        if due != held:
            await self._cluster.patch(self._kept.secret_path, _changes(secret.metadata, due))
            log.info("issued a new certificate")
        if await self._trust(due) and self.loaded.is_set():
            await asyncio.sleep(heard)
        self._show(due)

    async def _trust(self, held: Credentials) -> bool:
        """Whether the API server had to be told whom to trust."""
        path = self._kept.configuration_path
        configuration = await self._cluster.get(path, _Configuration)
        steps: list[dict[str, Any]] = []
        for at, webhook in enumerate(configuration.webhooks or []):
            trusted = _decoded(webhook.client_config.ca_bundle)
            wanted = bundle(held.authorities, trusted, self._now())
            if wanted != trusted:
                here = f"/webhooks/{at}"
                text = b64encode(wanted).decode()
                # Somebody may change the list meanwhile.
                steps.append({"op": "test", "path": f"{here}/name", "value": webhook.name})
                steps.append({"op": "add", "path": f"{here}/clientConfig/caBundle", "value": text})
        if steps:
            await self._cluster.patch(path, steps, "json-patch")
            log.info("wrote the certificate authority into the MutatingWebhookConfiguration")
        return bool(steps)

    def _show(self, held: Credentials) -> None:
        if self._shown != (held.cert, held.key):
            _load(self.context, held)
            self._shown = (held.cert, held.key)
            log.info("loaded the certificate")
        self.loaded.set()

    def _failed(self, problem: str) -> None:
        self._on_failure("certificate")
        if problem != self.problem:
            log.warning("cannot renew the certificate: %s", problem)
        self.problem = problem


def _credentials(data: dict[str, str]) -> Credentials:
    return Credentials(**{field: _decoded(data.get(key, "")) for key, field in _KEYS.items()})


def _changes(metadata: ObjectMeta, due: Credentials) -> dict[str, Any]:
    """A merge patch, which is refused if somebody else has changed the Secret meanwhile."""
    data: dict[str, str | None] = {}
    for key, field in _KEYS.items():
        value: bytes = getattr(due, field)
        data[key] = b64encode(value).decode() if value else None
    return {"metadata": {"resourceVersion": metadata.resource_version}, "data": data}


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text)
    except (NotBase64, ValueError):
        return b""


def _load(context: ssl.SSLContext, held: Credentials) -> None:
    """OpenSSL reads from files alone, and a key of ours is never on a disk."""
    file = os.memfd_create("drainproxy-certificate", os.MFD_CLOEXEC)
    try:
        os.write(file, held.cert + held.key)
        load_pair(context, f"/proc/self/fd/{file}")
    finally:
        os.close(file)
