"""A certificate that the webhook keeps: what it shows is trusted, whatever happens."""

import asyncio
import ssl
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drainproxy.kube.authority import Credentials, renewed
from drainproxy.kube.certificate_keeper import (
    CONFIGURATIONS,
    CertificateKeeper,
    CertificateLocation,
)
from drainproxy.kube.cluster import Cluster
from tests.kube.api import Api, serving, until
from tests.kube.tls import shake_hands

HOST = "drainproxy.system.svc"
KEPT = CertificateLocation("system", "tls", "drainproxy", [HOST], 90)
SECRETS = "/api/v1/namespaces/system/secrets"


class Clock:
    """As many days from now as it is told. OpenSSL has the real one, so they are few, or past."""

    def __init__(self) -> None:
        self.days = 0.0

    def __call__(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self.days)


@pytest.fixture
def api() -> Api:
    """As the chart makes it: a Secret without data, a configuration without a CA."""
    api = Api()
    api.put(SECRETS, "tls")
    client: dict[str, object] = {"service": {"name": "drainproxy"}}
    hooks = [
        {"name": f"{name}.inject", "clientConfig": {**client}} for name in ("pod", "namespace")
    ]
    api.put(CONFIGURATIONS, "drainproxy", webhooks=hooks)
    return api


def trusted(api: Api) -> list[str]:
    hooks = api.objects[CONFIGURATIONS]["/drainproxy"]["webhooks"]
    return [b64decode(hook["clientConfig"].get("caBundle", "")).decode() for hook in hooks]


def held(api: Api) -> dict[str, str]:
    data: dict[str, str] = api.objects[SECRETS]["/tls"].get("data") or {}
    return data


def check(keeper: CertificateKeeper, api: Api) -> None:
    """The API server connects."""
    for bundle in trusted(api):
        client = ssl.create_default_context(cadata=bundle)
        shake_hands(client, keeper.context, HOST)


@asynccontextmanager
async def keeping(
    cluster: Cluster, clock: Clock, count: int = 1
) -> AsyncIterator[list[CertificateKeeper]]:
    keepers = [CertificateKeeper(cluster, KEPT, now=clock) for _ in range(count)]
    running = [asyncio.create_task(each.watch(0.02, heard=0.05)) for each in keepers]
    try:
        yield keepers
        assert not any(task.done() for task in running)
    finally:
        for task in running:
            task.cancel()


async def test_replicas_that_start_together_share_one_certificate(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        serving(api, tmp_path, monkeypatch) as cluster,
        keeping(cluster, Clock(), 3) as keepers,
    ):
        for keeper in keepers:
            await asyncio.wait_for(keeper.loaded.wait(), 10)
        await until(lambda: not any(keeper.problem for keeper in keepers))
        assert len({keeper._shown for keeper in keepers}) == 1
        for keeper in keepers:
            check(keeper, api)
        assert api.patched.count("tls") == 1
        assert "cannot renew the certificate" not in caplog.text
        assert {text.count("BEGIN") for text in trusted(api)} == {1}


@pytest.mark.parametrize(
    "lost",
    [("tls.crt",), ("tls.crt", "tls.key"), ("ca.key",), ("ca.crt", "ca.key", "tls.crt", "tls.key")],
)
async def test_whatever_is_taken_from_the_secret_no_client_loses_its_trust(
    lost: tuple[str, ...], api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        serving(api, tmp_path, monkeypatch) as cluster,
        keeping(cluster, Clock(), 2) as (first, second),
    ):
        await until(lambda: first.loaded.is_set() and second.loaded.is_set())
        before = first._shown
        for key in lost:
            del held(api)[key]
        while first._shown == before or second._shown == before:
            check(first, api)
            check(second, api)
            # Lets both go on; the timeout of the test is the bound.
            await asyncio.sleep(0.001)
        check(first, api)
        check(second, api)
        kept = "ca.key" not in lost
        assert {text.count("BEGIN") for text in trusted(api)} == {1 if kept else 2}


async def test_a_bundle_that_somebody_removes_comes_back(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        serving(api, tmp_path, monkeypatch) as cluster,
        keeping(cluster, Clock()) as (keeper,),
    ):
        await until(keeper.loaded.is_set)
        before = keeper._shown
        for hook in api.objects[CONFIGURATIONS]["/drainproxy"]["webhooks"]:
            del hook["clientConfig"]["caBundle"]
        await until(lambda: all(trusted(api)))
        check(keeper, api)
        assert keeper._shown == before


async def test_a_certificate_is_renewed_in_time_by_the_authority_that_is_trusted(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    clock.days = -61
    async with serving(api, tmp_path, monkeypatch) as cluster, keeping(cluster, clock) as (keeper,):
        await until(keeper.loaded.is_set)
        before, authority = keeper._shown, trusted(api)
        clock.days = 0
        await until(lambda: keeper._shown != before)
        check(keeper, api)
        assert trusted(api) == authority


async def test_a_change_that_is_never_taken_is_told(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        serving(api, tmp_path, monkeypatch) as cluster,
        keeping(cluster, Clock()) as (keeper,),
    ):
        await until(keeper.loaded.is_set)
        api.unwilling = {"drainproxy"}
        for hook in api.objects[CONFIGURATIONS]["/drainproxy"]["webhooks"]:
            del hook["clientConfig"]["caBundle"]
        await until(lambda: "rejected our request" in keeper.problem)


async def test_what_was_made_before_is_taken_up(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = renewed(Credentials(), [HOST], 90, datetime.now(UTC))
    parts = {"ca.crt": made.ca, "ca.key": made.ca_key, "tls.crt": made.cert, "tls.key": made.key}
    data = {key: b64encode(text).decode() for key, text in parts.items()}
    api.put(SECRETS, "tls", data=data)
    async with (
        serving(api, tmp_path, monkeypatch) as cluster,
        keeping(cluster, Clock()) as (keeper,),
    ):
        await until(keeper.loaded.is_set)
        assert keeper._shown == (made.cert, made.key)
        assert held(api) == data


@pytest.mark.parametrize("path", [SECRETS, CONFIGURATIONS])
async def test_without_its_rights_it_has_none_says_so_once_and_tries_again(
    path: str,
    api: Api,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    api.refused = {path}
    async with (
        serving(api, tmp_path, monkeypatch) as cluster,
        keeping(cluster, Clock()) as (keeper,),
    ):
        await until(lambda: keeper.problem)
        assert "forbidden" in keeper.problem
        assert not keeper.loaded.is_set()
        api.refused = set()
        await until(keeper.loaded.is_set)
        await until(lambda: not keeper.problem)
    assert caplog.text.count("cannot renew the certificate") == 1
