"""The admin endpoints over real sockets, with a real client."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from drainproxy.config import Address
from drainproxy.drain.machine import Effect, Phase
from drainproxy.drain.origin import Origin
from drainproxy.relay.tcp import Tcp
from drainproxy.sidecar import admin, auth
from drainproxy.sidecar.admin import serve

from .fake_sidecar import FakeSidecar, connect, served

READING = ["/livez", "/readyz", "/startupz", "/metrics", "/status"]
REBALANCE = ("POST", "/rebalance?percent=50")
CHANGING = [("POST", "/drain"), ("POST", "/undrain"), ("GET", "/prestop"), REBALANCE]


@asynccontextmanager
async def asked(sidecar: FakeSidecar) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the admin endpoints of `sidecar`."""
    async with (
        served(sidecar) as server,
        aiohttp.ClientSession(
            f"http://127.0.0.1:{server.port}", timeout=aiohttp.ClientTimeout(10)
        ) as client,
    ):
        yield client


async def answer(client: aiohttp.ClientSession, method: str, path: str, **how: Any) -> Any:
    """Status and JSON body."""
    async with client.request(method, path, **how) as response:
        return response.status, await response.json()


async def until_drain(sidecar: FakeSidecar) -> None:
    """Wait until somebody has asked for a drain."""
    async with asyncio.timeout(5):
        while not sidecar.whys:  # noqa: ASYNC110 - the sidecar has no event for it
            await asyncio.sleep(0.002)


def hold(sidecar: FakeSidecar) -> Tcp:
    """Something in flight that a drain waits for."""
    session = Tcp(sidecar.context, sidecar.routes[0])
    connect(sidecar, session)
    return session


@pytest.fixture
def sidecar() -> FakeSidecar:
    return FakeSidecar()


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every client is taken for one on another machine."""
    monkeypatch.setattr(auth, "is_loopback", lambda peer: False)


@pytest.mark.parametrize("phase", Phase)
async def test_who_answers_lives_in_every_phase(phase: Phase, sidecar: FakeSidecar) -> None:
    sidecar.machine.phase = phase
    async with asked(sidecar) as client:
        assert await answer(client, "GET", "/livez") == (
            200,
            {"ok": True, "phase": phase.value, "reason": "ok"},
        )


@pytest.mark.parametrize("phase", Phase)
async def test_started_means_bound_whatever_the_app_does(
    phase: Phase, sidecar: FakeSidecar
) -> None:
    sidecar.machine.phase = phase
    async with asked(sidecar) as client:
        status, body = await answer(client, "GET", "/startupz")

    assert status == (503 if phase is Phase.STARTING else 200)
    assert body["reason"] == ("the listeners are not bound yet" if status == 503 else "ok")


async def test_ready_needs_an_app_that_answers(sidecar: FakeSidecar) -> None:
    app = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    there = FakeSidecar(Address("127.0.0.1", app.sockets[0].getsockname()[1]))
    async with asked(there) as client:
        assert (await answer(client, "GET", "/readyz"))[0] == 200
    app.close()
    async with asked(sidecar) as client:
        status, body = await answer(client, "GET", "/readyz")

    assert status == 503
    assert body["ok"] is False
    assert "does not accept connections" in body["reason"]


async def test_a_draining_sidecar_is_not_ready(sidecar: FakeSidecar) -> None:
    sidecar.drain(Origin.ADMIN)
    async with asked(sidecar) as client:
        assert await answer(client, "GET", "/readyz") == (
            503,
            {"ok": False, "phase": "announced", "reason": "draining (announced)"},
        )


async def test_status_and_connections_are_told_as_json(sidecar: FakeSidecar) -> None:
    hold(sidecar)
    async with asked(sidecar) as client:
        status, told = await answer(client, "GET", "/status")
        _, (connection,) = await answer(client, "GET", "/connections")

    assert status == 200
    assert (told["phase"], told["in_flight"]["tcp"]) == ("serving", 1)
    assert connection["in_flight"] == 1


async def test_metrics_are_told_as_prometheus_text(sidecar: FakeSidecar) -> None:
    hold(sidecar)
    async with asked(sidecar) as client, client.get("/metrics") as response:
        text = await response.text()

    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'drainproxy_in_flight{kind="tcp"} 1.0\n' in text


async def test_the_root_lists_every_endpoint_with_its_method(sidecar: FakeSidecar) -> None:
    sidecar.admin_token = "a-secret-of-many-letters"
    async with asked(sidecar) as client, client.get("/") as response:
        text = await response.text()
        assert (response.status, response.content_type) == (200, "text/plain")
    for method, path in (*(("GET", path) for path in READING), *CHANGING, ("GET", "/connections")):
        assert f"\n{method:4} {path.partition('?')[0]} " in text
    assert len(text.splitlines()) == 2 + len(READING) + len(CHANGING) + 1
    assert "secret" not in text


async def test_an_unknown_path_is_404_in_json(sidecar: FakeSidecar) -> None:
    async with asked(sidecar) as client:
        assert await answer(client, "GET", "/nowhere") == (404, {"reason": "Not Found"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/drain", "POST"),
        ("GET", "/undrain", "POST"),
        ("POST", "/prestop", "GET"),
        ("POST", "/livez", "GET,HEAD"),
        ("DELETE", "/status", "GET,HEAD"),
    ],
)
async def test_a_wrong_method_is_405_in_json(
    method: str, path: str, allowed: str, sidecar: FakeSidecar
) -> None:
    async with asked(sidecar) as client, client.request(method, path) as response:
        assert response.status == 405
        assert response.headers["Allow"] == allowed
        assert await response.json() == {"reason": "Method Not Allowed"}
    assert sidecar.whys == []


async def test_head_asks_a_probe_but_never_begins_a_drain(sidecar: FakeSidecar) -> None:
    async with asked(sidecar) as client:
        async with client.head("/livez") as response:
            assert response.status == 200
        async with client.head("/prestop") as response:
            assert response.status == 405
    assert sidecar.whys == []


async def test_a_drain_begins_and_is_answered_at_once(sidecar: FakeSidecar) -> None:
    hold(sidecar)
    async with asked(sidecar) as client:
        status, body = await answer(client, "POST", "/drain")

    assert (status, body["phase"], sidecar.whys) == (200, "announced", ["admin"])
    assert body["deadline"] == pytest.approx(25, abs=1)


async def test_who_waits_for_a_drain_gets_its_report(sidecar: FakeSidecar) -> None:
    blocker = hold(sidecar)
    async with asked(sidecar) as client:
        waiting = asyncio.create_task(answer(client, "POST", "/drain?wait=1"))
        await until_drain(sidecar)
        sidecar.advance()
        assert not waiting.done()
        blocker.connection_lost(None)
        sidecar.advance()
        status, body = await waiting

    assert sidecar.report is not None
    assert (status, body.pop("phase")) == (200, "drained")
    assert body == sidecar.report.as_dict()
    assert body["verdict"] == "clean"
    assert body["why"] == "admin"


async def test_a_wait_that_is_neither_0_nor_1_begins_nothing(sidecar: FakeSidecar) -> None:
    async with asked(sidecar) as client:
        assert (await answer(client, "POST", "/drain?wait=long"))[0] == 400
    assert sidecar.whys == []


async def test_a_drain_that_is_over_is_not_waited_for(
    sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sidecar, "drained", asyncio.Event().wait)
    sidecar.drain(Origin.ADMIN)
    sidecar.advance()
    async with asked(sidecar) as client:
        for method, path in (("POST", "/drain?wait=1"), ("GET", "/prestop")):
            status, body = await answer(client, method, path)
            assert (status, body["why"]) == (200, "admin")


async def test_who_waits_for_a_drain_is_told_that_it_was_taken_back(
    sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "_LOOK_EVERY", 0.01)
    hold(sidecar)
    async with asked(sidecar) as client:
        waiting = asyncio.create_task(answer(client, "POST", "/drain?wait=1"))
        await until_drain(sidecar)
        assert await answer(client, "POST", "/undrain") == (200, {"phase": "serving"})
        assert await waiting == (
            409,
            {"phase": "serving", "reason": "the drain was cancelled"},
        )


async def test_a_drain_that_is_late_was_not_taken_back(
    sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process was stopped, and its deadline is long over when it looks at the clock."""
    monkeypatch.setattr(admin, "_LOOK_EVERY", 0.01)
    hold(sidecar)
    async with asked(sidecar) as client:
        waiting = asyncio.create_task(answer(client, "POST", "/drain?wait=1"))
        await until_drain(sidecar)
        sidecar.ahead += 600
        await answer(client, "GET", "/livez")
        await asyncio.sleep(0.05)  # some looks
        assert not waiting.done()
        sidecar.advance()
        status, body = await waiting
    assert (status, body["phase"]) == (200, "drained")


async def test_a_drain_is_not_over_before_its_report(
    sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of connections are cut in many turns of the loop."""
    hold(sidecar)
    sidecar.drain(Origin.ADMIN)
    sidecar.ahead += 600
    perform, asks = sidecar._perform, asyncio.Event()
    monkeypatch.setattr(sidecar, "_perform", lambda effects: asks.set())
    sidecar.advance()
    asks.clear()
    assert sidecar.machine.phase is Phase.DRAINED
    async with asked(sidecar) as client:
        waiting = asyncio.create_task(answer(client, "POST", "/drain?wait=1"))
        async with asyncio.timeout(10):
            await asks.wait()
        perform((Effect.FINISH,))
        status, body = await waiting
    assert (status, body["phase"], body.get("verdict")) == (200, "drained", "clean")


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.CUTTING])
async def test_undrain_is_409_where_it_is_not_allowed(phase: Phase, sidecar: FakeSidecar) -> None:
    sidecar.machine.phase = phase
    async with asked(sidecar) as client:
        status, body = await answer(client, "POST", "/undrain")

    assert (status, body["phase"]) == (409, phase.value)
    assert "cannot be cancelled" in body["reason"]


async def test_a_client_that_leaves_does_not_stop_the_drain(sidecar: FakeSidecar) -> None:
    blocker = hold(sidecar)
    async with asked(sidecar) as client:
        waiting = asyncio.create_task(answer(client, "GET", "/prestop"))
        await until_drain(sidecar)
        waiting.cancel()
        await asyncio.wait({waiting})
        sidecar.advance()
        assert sidecar.machine.phase is Phase.CLOSED
        blocker.connection_lost(None)
        sidecar.advance()
        _, told = await answer(client, "GET", "/status")

    assert (told["phase"], told["report"]["verdict"]) == ("drained", "clean")


async def test_who_waits_is_answered_before_the_process_dies(sidecar: FakeSidecar) -> None:
    server = await serve(sidecar)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as client:
        waiting = [
            asyncio.create_task(answer(client, method, path))
            for method, path in (("POST", "/drain?wait=1"), ("GET", "/prestop"))
        ]
        await until_drain(sidecar)
        while len(sidecar.whys) < 2:  # noqa: ASYNC110 - the sidecar has no event for it
            await asyncio.sleep(0.002)
        sidecar.advance()
        await server.stop()

        assert [status for status, _ in await asyncio.gather(*waiting)] == [200, 200]


@pytest.mark.usefixtures("far_away")
async def test_from_elsewhere_nothing_is_changed_without_a_token(sidecar: FakeSidecar) -> None:
    headers = {"X-Forwarded-For": "127.0.0.1", "Authorization": "Bearer x"}
    async with asked(sidecar) as client:
        for method, path in CHANGING:
            status, body = await answer(client, method, path, headers=headers)
            assert (status, body) == (
                403,
                {"reason": "without an admin token only loopback may change anything"},
            )
    assert sidecar.whys == []


@pytest.mark.usefixtures("far_away")
async def test_from_elsewhere_the_token_is_asked_for(sidecar: FakeSidecar) -> None:
    sidecar.admin_token = "right"
    async with asked(sidecar) as client:
        for method, path in CHANGING:
            async with client.request(method, path) as response:
                assert response.status == 401
                assert response.headers["WWW-Authenticate"] == "Bearer"
            wrong = {"X-Drainproxy-Token": "wrong"}
            assert (await answer(client, method, path, headers=wrong))[0] == 403
    assert sidecar.whys == []


@pytest.mark.usefixtures("far_away")
@pytest.mark.parametrize(
    "headers", [{"Authorization": "Bearer right"}, {"X-Drainproxy-Token": "right"}]
)
async def test_the_right_token_opens_from_elsewhere(
    headers: dict[str, str], sidecar: FakeSidecar
) -> None:
    sidecar.admin_token = "right"
    async with asked(sidecar) as client:
        assert (await answer(client, "POST", "/drain", headers=headers))[0] == 200
        assert (await answer(client, "POST", "/undrain", headers=headers))[0] == 200
        sidecar.advance()


@pytest.mark.usefixtures("far_away")
@pytest.mark.parametrize("path", READING)
async def test_reading_needs_no_token(path: str, sidecar: FakeSidecar) -> None:
    sidecar.admin_token = "right"
    async with asked(sidecar) as client, client.get(path) as response:
        assert response.status == (503 if path == "/readyz" else 200)


@pytest.mark.parametrize(("method", "path"), CHANGING)
async def test_a_browser_page_changes_nothing(method: str, path: str, sidecar: FakeSidecar) -> None:
    async with asked(sidecar) as client:
        page = {"Origin": "http://127.0.0.1:9180"}
        assert (await answer(client, method, path, headers=page))[0] == 403
    assert sidecar.whys == []


async def test_an_address_that_is_taken_is_named(sidecar: FakeSidecar) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = Address("127.0.0.1", taken.getsockname()[1])
        sidecar.settings = type(sidecar.settings)(forward=sidecar.settings.forward, admin=address)
        with pytest.raises(OSError, match=f"admin: cannot listen on {address}"):
            await serve(sidecar)


@pytest.mark.parametrize("host", ["", "::1", "localhost"])
async def test_it_listens_on_whatever_address_is_set(host: str, sidecar: FakeSidecar) -> None:
    sidecar.settings = type(sidecar.settings)(
        forward=sidecar.settings.forward, admin=Address(host, 0)
    )
    async with served(sidecar) as server, aiohttp.ClientSession() as client:
        url = f"http://{'[::1]' if host == '::1' else '127.0.0.1'}:{server.port}/drain"
        assert (await answer(client, "POST", url))[0] == 200
