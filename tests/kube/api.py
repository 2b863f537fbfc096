"""An API server for tests, over real sockets: lists, watches and what goes wrong with them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import jsonpatch
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from drainproxy.kube.cluster import Cluster, connected
from drainproxy.manifests.podspec import Json


class Api:
    """What is in the cluster, by path and `namespace/name`, and how the server behaves.

    `refused` are paths that are answered with 403, `broken` those that have no sense in them,
    `unwilling` names of what takes no patch and no event;
    `expired` has the next watch told that its version is gone, with `in_stream` inside a stream.
    """

    def __init__(self) -> None:
        version = {"metadata": {}, "major": "1", "minor": "34"}
        self.objects: dict[str, dict[str, Json]] = {"": {"/version": version}}
        self.refused: set[str] = set()
        self.broken: set[str] = set()
        self.unwilling: set[str] = set()
        self.expired = False
        self.in_stream = True
        self.lists: list[str] = []
        self.watches: list[str] = []
        self.created: list[Json] = []
        self.patched: list[str] = []
        self.page = 1000
        self._version = 10
        self._streams: list[tuple[str, Callable[[bytes | None], object]]] = []

    def put(self, path: str, name: str, namespace: str = "", **body: Any) -> None:
        """Add an object, or change it; those who watch hear of it."""
        known = self.objects.setdefault(path, {})
        key = f"{namespace}/{name}"
        self._version += 1
        metadata = {"name": name, "resourceVersion": str(self._version), **body.pop("metadata", {})}
        if namespace:
            metadata["namespace"] = namespace
        event = "MODIFIED" if key in known else "ADDED"
        known[key] = {"metadata": metadata, **body}
        self._tell(path, event, known[key])

    def delete(self, path: str, name: str, namespace: str = "") -> None:
        """Take an object away."""
        self._version += 1
        gone = self.objects[path].pop(f"{namespace}/{name}")
        gone["metadata"]["resourceVersion"] = str(self._version)
        self._tell(path, "DELETED", gone)

    def bookmark(self, path: str) -> None:
        """Say how far a watch has come."""
        self._tell(path, "BOOKMARK", {"metadata": {"resourceVersion": str(self._version)}})

    def end_streams(self) -> None:
        """End every watch, as an API server does now and then."""
        for _, write in self._streams:
            write(None)

    @property
    def watched(self) -> int:
        """How many watches are open."""
        return len(self._streams)

    def app(self) -> web.Application:
        """The server."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/{path:.*}", self._get),
                web.post("/{path:.*}", self._create),
                web.patch("/{path:.*}", self._patch),
            ]
        )
        return app

    async def _get(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path in self.refused or path.rpartition("/")[0] in self.refused:
            return _status(403, f"{path} is forbidden: User cannot list resource")
        if path in self.broken:
            return web.Response(text="<html>a proxy's page</html>")
        if "watch" in request.query:
            return await self._watch(request)
        if path not in self.objects:
            parent, _, name = path.rpartition("/")
            found = self.objects.get(parent, {}).get(f"/{name}")
            return web.json_response(found) if found else _status(404, f"{name} not found")
        self.lists.append(path)
        return self._list(request)

    def _list(self, request: web.Request) -> web.Response:
        items = [*self.objects[request.path].values()]
        start = int(request.query.get("continue", "0"))
        end = start + min(self.page, int(request.query["limit"]))
        metadata = {"resourceVersion": str(self._version)}
        if end < len(items):
            metadata["continue"] = str(end)
        return web.json_response({"metadata": metadata, "items": items[start:end]})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        self.watches.append(request.query["resourceVersion"])
        if self.expired and not self.in_stream:
            self.expired = False
            return _status(410, "too old resource version")
        response = web.StreamResponse()
        await response.prepare(request)
        if self.expired:
            self.expired = False
            body = {"type": "ERROR", "object": {"code": 410, "message": "too old"}}
            await response.write(json.dumps(body).encode() + b"\n")
            return response
        lines = asyncio.Queue[bytes | None]()
        loop = asyncio.get_running_loop()

        def write(line: bytes | None) -> None:  # tests may have another thread
            loop.call_soon_threadsafe(lines.put_nowait, line)

        mine = (request.path, write)
        self._streams.append(mine)
        try:
            while line := await lines.get():
                await response.write(line)
        finally:
            self._streams.remove(mine)
        return response

    async def _create(self, request: web.Request) -> web.Response:
        if request.path in self.refused:
            return _status(403, "events is forbidden")
        body = await request.json()
        if body["involvedObject"]["name"] in self.unwilling:
            return _status(422, "involvedObject.name is invalid")
        if body["metadata"]["name"] in {each["metadata"]["name"] for each in self.created}:
            return _status(409, "already exists")
        self.created.append(body)
        return web.json_response(body, status=201)

    async def _patch(self, request: web.Request) -> web.Response:
        parent, _, name = request.path.rpartition("/")
        # Before the object is looked up: from there on nothing else may run, as in an API server.
        body = await request.json()
        found = self.objects.get(parent, {}).get(f"/{name}")
        if parent in self.refused or found is None:
            return _status(403, f"{name} is forbidden")
        if name in self.unwilling:
            return _status(422, "the server rejected our request")
        if request.content_type == "application/json-patch+json":
            try:
                changed = jsonpatch.apply_patch(found, body)
            except jsonpatch.JsonPatchTestFailed:
                return _status(422, "the server rejected our request: test failed")
        else:
            version = body.get("metadata", {}).get("resourceVersion")
            if version not in (None, found["metadata"]["resourceVersion"]):
                return _status(409, "the object has been modified")
            changed = _merged(found, body)
        self._version += 1
        changed["metadata"]["resourceVersion"] = str(self._version)
        self.objects[parent][f"/{name}"] = changed
        self.patched.append(name)
        return web.json_response(changed)

    def _tell(self, path: str, event: str, body: Json) -> None:
        line = json.dumps({"type": event, "object": body}).encode() + b"\n"
        for watched, write in self._streams:
            if watched == path:
                write(line)


def _merged(old: Any, new: Any) -> Any:
    """RFC 7386."""
    if not isinstance(new, dict):
        return new
    kept = {key: value for key, value in (old or {}).items() if key not in new}
    both = {key: _merged((old or {}).get(key), value) for key, value in new.items()}
    return kept | {key: value for key, value in both.items() if value is not None}


def _status(code: int, message: str) -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    return web.json_response({**body, "message": message}, status=code)


def kubeconfig(folder: Path, server: str, **cluster: Any) -> Path:
    """A KUBECONFIG that leads to a server."""
    if server.startswith("http:"):
        # To load authorities that nobody asks takes longer than to ask this server.
        cluster = {"insecure-skip-tls-verify": True, **cluster}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "test", "user": {}}],
    }
    file = folder / "kubeconfig"
    file.write_text(json.dumps(config))
    return file


@asynccontextmanager
async def serving(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Cluster]:
    """The server, and a connection to it by KUBECONFIG."""
    async with TestServer(api.app()) as server:
        file = kubeconfig(folder, str(server.make_url("")).rstrip("/"))
        monkeypatch.setenv("KUBECONFIG", str(file))
        async with connected() as cluster:
            yield cluster
        api.end_streams()


@contextmanager
def beside(api: Api) -> Iterator[str]:
    """The server in a thread of its own, for programs that ask it; its URL."""
    loop, url = asyncio.new_event_loop(), Future[str]()
    stop = asyncio.Event()

    async def serve() -> None:
        async with TestServer(api.app()) as server:
            url.set_result(str(server.make_url("")).rstrip("/"))
            await stop.wait()
            api.end_streams()

    thread = Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        yield url.result(10)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


async def until(happened: Any, seconds: float = 10) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(seconds):
        while not happened():  # noqa: ASYNC110 - what others do has no event
            await asyncio.sleep(0.005)
