"""What namespaces say, remembered for a while."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from drainproxy.kube.admission import Namespace
from drainproxy.kube.namespaces import Namespaces, from_cluster


class Cluster:
    """Answers with what it is told to, and counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.problem: Exception | None = None
        self.time = 0.0
        self.known = Namespaces(self.fetch, lambda: self.time)

    async def fetch(self, name: str) -> Namespace:
        self.asked.append(name)
        if self.problem:
            raise self.problem
        return Namespace({"asked": str(len(self.asked))})


async def test_a_namespace_is_asked_for_once_in_a_while() -> None:
    cluster = Cluster()

    first = await cluster.known.get("shop")
    cluster.time = 9.9
    assert await cluster.known.get("shop") == first
    assert await cluster.known.get("other") != first
    cluster.time = 10.1
    assert await cluster.known.get("shop") != first
    assert cluster.asked == ["shop", "other", "shop"]


async def test_old_news_are_better_than_none(caplog: pytest.LogCaptureFixture) -> None:
    cluster = Cluster()
    first = await cluster.known.get("shop")
    cluster.time, cluster.problem = 60.0, ConnectionError("refused")

    assert await cluster.known.get("shop") == first
    assert await cluster.known.get("new") is None
    assert "namespace new cannot be read: refused" in caplog.text


async def test_namespaces_that_are_gone_are_forgotten() -> None:
    cluster = Cluster()
    for at in range(1000):
        await cluster.known.get(str(at))
    cluster.time = 20.0
    await cluster.known.get("new")

    assert len(cluster.known._known) == 1


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TestServer]:
    """An API server that knows one namespace, and a KUBECONFIG that leads to it."""

    async def get(request: web.Request) -> web.Response:
        if request.match_info["name"] != "shop":
            body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403}
            return web.json_response({**body, "message": "forbidden"}, status=403)
        metadata = {"name": "shop", "labels": {"a": "b"}, "annotations": {"c": "d"}}
        return web.json_response({"kind": "Namespace", "apiVersion": "v1", "metadata": metadata})

    app = web.Application()
    app.add_routes([web.get("/api/v1/namespaces/{name}", get)])
    running = TestServer(app)
    async with running:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": {"server": str(running.make_url(""))}}],
            "users": [{"name": "test", "user": {}}],
        }
        (tmp_path / "config").write_text(json.dumps(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        yield running


async def test_the_cluster_is_asked_for_labels_and_annotations(server: TestServer) -> None:
    async with from_cluster() as known:
        assert await known.get("shop") == Namespace({"a": "b"}, {"c": "d"})
        assert await known.get("secret") is None
