"""A client of the API server over plain HTTP; address and credentials come from the pod or
KUBECONFIG.

Answers are decoded into types that hold only what we need: a thousand Services are then some
hundred kilobytes, and no model of the whole API has to be imported.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec
from msgspec import Struct, json

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

T = TypeVar("T")

# In seconds, to connect and for each part of an answer.
_PATIENCE: Final = 10.0
# A page of a list: large enough for most clusters, small enough for the memory of both ends.
_PAGE: Final = 500
# Seconds after which the API server ends a watch and we begin the next; a connection that died
# without a word is noticed so long later, and a bit.
_WATCH: Final = 120
_LATE: Final = 15.0

_STATUS_WORDS: Final = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 410: "Gone"}


class Unavailable(Exception):
    """The API server did not give what it was asked for; the text says why."""


class Gone(Unavailable):
    """The version from which changes were asked for is too old: list anew."""


class Missing(Unavailable):
    """There is no object of that name."""


class Stale(Unavailable):
    """Somebody else has changed the object meanwhile: look again."""


class ObjectMeta(Struct, rename="camel"):
    """What every object has."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


_KINDS: Final[Mapping[int, type[Unavailable]]] = {
    404: Missing,
    409: Stale,
    410: Gone,
    422: Stale,
}


class _StatusObject(Struct):
    """What the API server says instead of an answer."""

    message: str = ""
    code: int = 0


class _ListMetadata(Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _List(Struct):
    metadata: _ListMetadata
    items: list[msgspec.Raw] | None = None


class _Change(Struct):
    type: str
    object: msgspec.Raw


class _Versioned(Struct):
    metadata: ObjectMeta


class Listing(Struct, Generic[T]):
    """All objects of a kind, and the version from which changes can be watched."""

    objects: list[tuple[ObjectMeta, T]]
    version: str


class WatchEvent(Struct, Generic[T]):
    """What happened to an object, whose version is where the next watch begins. `object` is None
    for a bookmark, which has a version at most, and for what cannot be read."""

    type: str
    metadata: ObjectMeta
    object: T | None


class Cluster:
    """The API server behind a client whose base URL and credentials are set; `namespace` is that
    of the context.

    Every method raises `Unavailable` if there is no answer or another one than was asked for.
    """

    def __init__(self, client: "AsyncClient", namespace: str = "default") -> None:
        self.namespace = namespace
        self._client = client

    async def get(self, path: str, kind: type[T]) -> T:
        """One object."""
        return _decoded(await self._ask("GET", path), kind)

    async def create(self, path: str, body: Mapping[str, Any]) -> bool:
        """Make an object; False if there is one of that name."""
        content = json.encode(body)
        answer = await self._send("POST", path, content=content)
        if answer.status_code == 409:
            return False
        _raise_for(answer.status_code, answer.content)
        return True

    async def patch(self, path: str, body: object, form: str = "merge-patch") -> None:
        """Change an object, with a merge patch (RFC 7386) or, as `json-patch`, RFC 6902."""
        headers = {"Content-Type": f"application/{form}+json"}
        answer = await self._send("PATCH", path, content=json.encode(body), headers=headers)
        _raise_for(answer.status_code, answer.content)

    async def list(self, path: str, kind: type[T], selector: str = "") -> Listing[T]:
        """All objects at a path, in pages; one that cannot be read is left out."""
        found: list[tuple[ObjectMeta, T]] = []
        params = {"limit": str(_PAGE)} | ({"labelSelector": selector} if selector else {})
        while True:
            page = _decoded(await self._ask("GET", path, params=params), _List)
            for raw in page.items or []:
                metadata, body = _object(raw, kind)
                if body is not None:
                    found.append((metadata, body))
            if not page.metadata.continue_:
                return Listing(found, page.metadata.resource_version)
            params["continue"] = page.metadata.continue_

    async def watch(
        self, path: str, kind: type[T], version: str, selector: str = ""
    ) -> AsyncIterator[WatchEvent[T]]:
        """Changes since a version, until the API server ends the stream. The first is a bookmark
        without a version, which says that the stream is open."""
        params = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true"}
        params |= {"timeoutSeconds": str(_WATCH)} | (
            {"labelSelector": selector} if selector else {}
        )
        async with self._stream(path, params) as lines:
            yield WatchEvent("BOOKMARK", ObjectMeta(), None)
            async for line in lines:
                change = _decoded(line.encode(), _Change)
                if change.type == "ERROR":
                    status = _decoded(change.object, _StatusObject)
                    _raise_for(status.code or 500, change.object)
                metadata, body = _object(change.object, kind)
                yield WatchEvent(change.type, metadata, None if change.type == "BOOKMARK" else body)

    async def _ask(self, method: str, path: str, **fields: Any) -> bytes:
        answer = await self._send(method, path, **fields)
        _raise_for(answer.status_code, answer.content)
        content: bytes = answer.content
        return content

    async def _send(self, method: str, path: str, **fields: Any) -> "Response":
        with _told():
            return await self._client.request(method, path, **fields)

    @asynccontextmanager
    async def _stream(
        self, path: str, params: Mapping[str, str]
    ) -> AsyncIterator[AsyncIterator[str]]:
        from httpx2 import Timeout

        timeout = Timeout(_PATIENCE, read=_WATCH + _LATE)
        with _told():
            async with self._client.stream("GET", path, params=params, timeout=timeout) as answer:
                if answer.status_code != 200:
                    _raise_for(answer.status_code, await answer.aread())
                yield answer.aiter_lines()


@asynccontextmanager
async def connected(context: str | None = None) -> AsyncIterator[Cluster]:
    """The cluster that we run in, or that KUBECONFIG names, in its current `context` or another
    (needs lightkube). Unavailable if neither says where it is."""
    from httpx2 import AsyncClient, Timeout
    from lightkube.config.client_adapter import ConnectionParams
    from lightkube.config.kubeconfig import KubeConfig
    from lightkube.core.exceptions import ConfigError

    try:
        config = KubeConfig.from_env().get(context)
        if config is None:
            raise ValueError("neither a service account nor KUBECONFIG says where it is")
        params = ConnectionParams(timeout=Timeout(_PATIENCE)).httpx_params(config)
    except (ConfigError, OSError, ValueError, AssertionError) as error:
        raise Unavailable(f"no cluster: {error}") from None
    params["verify"] = _lenient(params["verify"])
    async with AsyncClient(**params) as client:
        yield Cluster(client, config.namespace)


def _lenient(verify: ssl.SSLContext) -> ssl.SSLContext:
    """Chain and host name are checked. What Python asks for beside them since 3.13 (RFC 5280 to
    the letter, so a keyUsage in the CA) the authorities of many clusters do not have, EKS and
    MicroK8s among them, and no other client of Kubernetes asks for it."""
    verify.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return verify


class _told:
    """Errors of the network as `Unavailable`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        from httpx2 import HTTPError, InvalidURL

        if isinstance(error, HTTPError | InvalidURL | OSError):
            raise Unavailable(str(error) or type(error).__name__) from error


def _raise_for(status: int, content: bytes | msgspec.Raw) -> None:
    if status < 400:
        return
    try:
        message = json.decode(content, type=_StatusObject).message
    except (msgspec.DecodeError, UnicodeError):
        message = ""
    told = message or f"HTTP {status} {_STATUS_WORDS.get(status, '')}".strip()
    raise _KINDS.get(status, Unavailable)(told[:500])


def _decoded(content: bytes | msgspec.Raw, kind: type[T]) -> T:
    try:
        return json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Unavailable(f"its answer cannot be read: {error}") from None


def _object(raw: msgspec.Raw, kind: type[T]) -> tuple[ObjectMeta, T | None]:
    metadata = _decoded(raw, _Versioned).metadata
    try:
        return metadata, json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return metadata, None
