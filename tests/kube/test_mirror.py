"""A mirror is what the cluster has, whatever becomes of the connection."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drainproxy.kube.mirror import Mirror
from drainproxy.manifests.services import Service
from tests.kube.api import Api, serving, until

PATH = "/api/v1/services"
PORTS = {"ports": [{"port": 80}]}


@asynccontextmanager
async def mirrored(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Mirror[Service]]:
    async with serving(api, folder, monkeypatch) as cluster:
        failures: list[None] = []
        mirror = Mirror(
            cluster,
            PATH,
            Service,
            "Services",
            on_failure=lambda: failures.append(None),
            pause=0.01,
        )
        running = asyncio.create_task(mirror.run())
        try:
            yield mirror
            assert not running.done()
        finally:
            running.cancel()


def names(mirror: Mirror[Service], namespace: str = "shop") -> list[str]:
    return sorted(each.name for each in mirror.inside(namespace))


@pytest.fixture
def api() -> Api:
    api = Api()
    api.put(PATH, "web", "shop", spec=PORTS)
    return api


async def test_what_comes_changes_and_goes_is_followed(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mirrored(api, tmp_path, monkeypatch) as mirror:
        await until(lambda: api.watched)
        assert (names(mirror), names(mirror, "other"), mirror.count) == (["web"], [], 1)
        assert mirror.synced.is_set()
        api.put(PATH, "api", "shop", spec=PORTS)
        api.put(PATH, "web", "shop", spec={"ports": [{"port": 81}]})
        await until(lambda: names(mirror) == ["api", "web"])
        api.delete(PATH, "api", "shop")
        await until(lambda: names(mirror) == ["web"])
        web = mirror.named("web", "shop")
        assert web
        assert web.ports[0].port == 81
        api.put(PATH, "web", "shop", spec={"ports": "nobody can read this"})
        await until(lambda: mirror.count == 0)
    assert len(api.lists) == 1


async def test_a_stream_that_ends_goes_on_where_it_was_without_a_list(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mirrored(api, tmp_path, monkeypatch) as mirror:
        await until(lambda: api.watched)
        api.put(PATH, "api", "shop", spec=PORTS)
        api.bookmark(PATH)
        await until(lambda: mirror.count == 2)
        api.end_streams()
        await until(lambda: len(api.watches) == 2 and api.watched)
        assert (api.watches, len(api.lists)) == (["11", "12"], 1)


@pytest.mark.parametrize("in_stream", [True, False])
async def test_a_version_that_is_gone_means_a_new_list(
    in_stream: bool, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mirrored(api, tmp_path, monkeypatch) as mirror:
        await until(lambda: api.watched)
        api.expired, api.in_stream = True, in_stream
        api.end_streams()
        del api.objects[PATH]["shop/web"]  # which no stream tells
        api.objects[PATH]["shop/new"] = {
            "metadata": {"name": "new", "namespace": "shop"},
            "spec": {},
        }
        await until(lambda: names(mirror) == ["new"])
        assert len(api.lists) == 2


async def test_who_has_no_right_is_told_once_and_asks_again(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "drainproxy")
    api.refused = {PATH}
    async with mirrored(api, tmp_path, monkeypatch) as mirror:
        await until(lambda: caplog.text.count("cannot watch Services"))
        assert "is forbidden" in mirror.problem
        assert not mirror.synced.is_set()
        api.refused = set()
        await until(mirror.synced.is_set)
        assert mirror.problem == ""
    assert caplog.text.count("cannot watch Services") == 1
    assert "watching Services again" in caplog.text


async def test_what_was_known_stands_while_the_api_server_is_away(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mirrored(api, tmp_path, monkeypatch) as mirror:
        await until(lambda: api.watched)
        api.refused = {PATH}
        api.end_streams()
        await until(lambda: mirror.problem)
        assert names(mirror) == ["web"]
        api.put(PATH, "api", "shop", spec=PORTS)
        api.refused, api.expired = set(), True
        await until(lambda: names(mirror) == ["api", "web"])


async def test_an_api_server_that_ends_watches_at_once_is_not_asked_without_a_pause(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(api, tmp_path, monkeypatch) as cluster:
        mirror = Mirror(cluster, PATH, Service, "Services", pause=60)
        running = asyncio.create_task(mirror.run())
        await until(lambda: api.watched)
        api.end_streams()
        await until(lambda: not api.watched)
        api.put(PATH, "api", "shop", spec=PORTS)
        assert len(api.watches) == 1
        running.cancel()
