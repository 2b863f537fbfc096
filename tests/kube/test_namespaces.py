"""What namespaces say, remembered for a while."""

import asyncio
from pathlib import Path

import pytest

from drainproxy.kube.mirror import Mirror
from drainproxy.kube.namespace import Namespace
from drainproxy.kube.namespaces import PATH, Namespaces, Resource, fetching
from tests.kube.api import Api, serving, until


class Cluster:
    """Answers with what it is told to, and counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.problem: Exception | None = None
        self.time = 0.0
        self.known = Namespaces(self.fetch, now=lambda: self.time)

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


async def test_nobody_is_asked_for_a_name_that_no_namespace_can_have() -> None:
    cluster = Cluster()

    assert await cluster.known.get("x" * 64) is None
    assert await cluster.known.get("x" * 63)
    assert cluster.asked == ["x" * 63]


async def test_namespaces_that_are_gone_are_forgotten() -> None:
    cluster = Cluster()
    for at in range(1000):
        await cluster.known.get(str(at))
    cluster.time = 20.0
    await cluster.known.get("new")

    assert len(cluster.known._known) == 1


async def test_the_cluster_is_asked_for_labels_and_annotations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Api()
    api.put(PATH, "shop", metadata={"labels": {"a": "b"}, "annotations": {"c": "d"}})
    api.put(PATH, "bare")
    async with serving(api, tmp_path, monkeypatch) as cluster:
        failures: list[str] = []
        known = Namespaces(fetching(cluster), on_failure=lambda: failures.append("once"))
        assert await known.get("shop") == Namespace({"a": "b"}, {"c": "d"})
        assert await known.get("bare") == Namespace()
        assert (known.problem, failures) == ("", [])
        assert await known.get("../../v1/namespaces/shop") is None
        assert await known.get("nowhere") is None
        assert (known.problem, failures) == ("", [])
        api.refused = {PATH}
        assert await known.get("secret") is None
        assert known.problem.startswith(
            "namespace secret cannot be read: /api/v1/namespaces/secret"
        )
        assert failures == ["once"]


async def test_whether_namespaces_can_be_read_is_known_also_while_no_pod_comes() -> None:
    cluster = Cluster()
    cluster.problem = ConnectionError("refused")
    watching = asyncio.create_task(cluster.known.watch(every=0.01))
    await until(lambda: cluster.known.problem == "namespace default cannot be read: refused")
    cluster.problem = None
    await until(lambda: cluster.known.problem == "")
    watching.cancel()


async def test_a_mirror_spares_the_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, asked = Api(), Cluster()
    api.put(PATH, "shop", metadata={"labels": {"a": "b"}})
    async with serving(api, tmp_path, monkeypatch) as cluster:
        mirror = Mirror(cluster, PATH, Resource, "Namespaces")
        running = asyncio.create_task(mirror.run())
        await mirror.synced.wait()
        known = Namespaces(asked.fetch, mirror)
        assert await known.get("shop") == Namespace({"a": "b"})
        assert await known.get("new") == Namespace({"asked": "1"})
        assert asked.asked == ["new"]
        running.cancel()
