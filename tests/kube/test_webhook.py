"""The webhook's two applications, and how they are served."""

import asyncio
import json
import logging
import ssl
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector, web
from aiohttp.test_utils import TestClient, TestServer

from drainproxy.config import Address
from drainproxy.kube.certificates import Certificates
from drainproxy.kube.webhook import LARGEST_REVIEW, ListenAddress, Reply, Webhook, serve
from drainproxy.rehearsal.ports import free_ports
from tests.e2e.process import accepts
from tests.kube.tls import Authority

Client = TestClient[web.Request, web.Application]


async def echo(body: bytes) -> Reply:
    if body == b"wrong":
        raise ValueError("is wrong at $.x")
    if body == b"bug":
        raise KeyError("a mistake of ours")
    return Reply(b'{"got": %d}' % len(body), "injected", {"pod": "web"})


@asynccontextmanager
async def asking(webhook: Webhook) -> AsyncIterator[tuple[Client, Client]]:
    """Clients of its reviews and of its observation."""
    reviews = TestClient(TestServer(webhook.reviews()))
    observation = TestClient(TestServer(webhook.observation()))
    async with reviews, observation:
        yield reviews, observation


def count(webhook: Webhook, outcome: str) -> float:
    lines = webhook.metrics.render().decode().splitlines()
    name = f'drainproxy_webhook_reviews_total{{outcome="{outcome}"}} '
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


async def test_a_review_is_answered_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "drainproxy")
    webhook = Webhook(echo)
    async with asking(webhook) as (reviews, observation):
        answer = await reviews.post("/inject", data=b"12345")
        metrics = await (await observation.get("/metrics")).text()

        assert (answer.status, answer.content_type) == (200, "application/json")
        assert await answer.json() == {"got": 5}
    assert 'drainproxy_webhook_reviews_total{outcome="injected"} 1.0' in metrics
    assert "drainproxy_webhook_review_duration_seconds_count 1.0" in metrics
    (record,) = (each for each in caplog.records if each.message == "injected")
    fields: dict[str, object] = record.fields  # type: ignore[attr-defined] # given with extra=
    assert fields["pod"] == "web"


@pytest.mark.parametrize(
    ("body", "status", "reason", "outcome"),
    [
        (b"wrong", 400, "is wrong at $.x", "malformed"),
        (b" " * (LARGEST_REVIEW + 1), 413, "a review has at most 3145728 bytes", "malformed"),
        (b"bug", 500, "internal error in the webhook: see its log", "failed"),
    ],
)
async def test_what_cannot_be_answered_has_a_status_and_a_reason(
    body: bytes, status: int, reason: str, outcome: str
) -> None:
    webhook = Webhook(echo)
    async with asking(webhook) as (reviews, _):
        answer = await reviews.post("/inject", data=BytesIO(body))

        assert (answer.status, await answer.json()) == (status, {"reason": reason})
    assert count(webhook, outcome) == 1


async def _head(port: int | None, length: int, *fields: str) -> tuple[Reader, Writer]:
    """A connection on which a request has begun."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = ("POST /inject HTTP/1.1", "Host: x", f"Content-Length: {length}", *fields)
    writer.write("".join(f"{line}\r\n" for line in (*head, "")).encode())
    return reader, writer


@pytest.mark.parametrize(
    ("length", "fields", "status"),
    [
        (1 << 62, [], b"413"),
        (4, ["Content-Encoding: gzip"], b"400"),
        (9, [], b"400"),
    ],
)
async def test_a_body_that_is_too_large_or_coded_wrongly_or_late_is_answered_without_a_traceback(
    length: int,
    fields: list[str],
    status: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("drainproxy.kube.webhook._WHOLE", 0.05)
    webhook = Webhook(echo)
    async with asking(webhook) as (reviews, _):
        reader, writer = await _head(reviews.port, length, *fields)
        writer.write(b"body")
        async with asyncio.timeout(10):
            assert (await reader.readline()).split()[1] == status
        writer.close()
    assert count(webhook, "malformed") == 1
    assert not any(each.exc_info for each in caplog.records if "drainproxy" in each.name)


async def test_a_client_that_leaves_within_its_review_is_no_mistake_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    webhook = Webhook(echo)
    # As `serve` makes it: the client of tests has handlers cancelled.
    runner = web.AppRunner(webhook.reviews())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader, writer = await _head(runner.addresses[0][1], 9, "Expect: 100-continue")
    await reader.readline()
    writer.write(b"body")
    writer.close()
    await _until(lambda: count(webhook, "malformed") == 1)
    await runner.cleanup()
    assert not any(each.exc_info for each in caplog.records if "drainproxy" in each.name)


async def test_a_review_of_the_largest_size_is_read() -> None:
    async with asking(Webhook(echo)) as (reviews, _):
        assert (await reviews.post("/inject", data=BytesIO(b" " * LARGEST_REVIEW))).status == 200


async def test_other_methods_and_paths_are_refused_in_json() -> None:
    async with asking(Webhook(echo)) as (reviews, observation):
        wrong_method, nowhere = await reviews.get("/inject"), await observation.get("/inject")

        assert (wrong_method.status, await wrong_method.json()) == (
            405,
            {"reason": "Method Not Allowed"},
        )
        assert nowhere.status == 404


async def test_who_leaves_is_not_ready_still_answers_and_sends_clients_elsewhere() -> None:
    webhook = Webhook(echo)
    async with asking(webhook) as (reviews, observation):
        assert (await observation.get("/readyz")).status == 200
        assert "Connection" not in (await reviews.post("/inject", data=b"")).headers
        webhook.leaving = True

        ready, answer = await observation.get("/readyz"), await reviews.post("/inject", data=b"")
        assert (ready.status, await ready.json()) == (
            503,
            {"ok": False, "reason": "it is shutting down"},
        )
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        assert (await observation.get("/livez")).status == 200


class Running:
    """A webhook that is served, over TLS, until the test stops it."""

    def __init__(self, webhook: Webhook, pair: Certificates, trust: ssl.SSLContext) -> None:
        port, observe = free_ports(2)
        self.stop = asyncio.Event()
        self.place = ListenAddress(Address("127.0.0.1", port), Address("127.0.0.1", observe))
        self.webhook = webhook
        self._certificates = pair
        self._trust = trust

    async def serve(self, stop_delay: float) -> None:
        await serve(self.webhook, self._certificates, self.place, self.stop, stop_delay)

    def client(self) -> ClientSession:
        url = f"https://localhost:{self.place.listen.port}"
        return ClientSession(url, connector=TCPConnector(ssl=self._trust, force_close=True))

    async def up(self) -> None:
        """Wait until it listens."""
        async with asyncio.timeout(10):
            while True:
                try:
                    async with self.client() as client:
                        await client.post("/inject", data=b"")
                        return
                except OSError:
                    await asyncio.sleep(0.01)


def running(answer: Callable[[bytes], Awaitable[Reply]], folder: Path) -> Running:
    authority = Authority()
    pair = authority.pair(folder)
    return Running(Webhook(answer), Certificates(pair.cert, pair.key), authority.client())


async def test_it_stops_when_what_is_under_way_is_answered(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(body: bytes) -> Reply:
        if body:
            begun.set()
            await go_on.wait()
        return Reply(json.dumps(len(body)).encode(), "injected")

    webhook = running(slow, tmp_path)
    serving = asyncio.create_task(webhook.serve(stop_delay=60))
    await webhook.up()
    async with webhook.client() as client:
        asked = asyncio.create_task(client.post("/inject", data=b"123"))
        await begun.wait()
        webhook.stop.set()
        await _until(lambda: webhook.webhook.leaving)
        assert (await client.post("/inject", data=b"")).status == 200, "while it leaves"
        webhook.stop.set()  # a second signal ends the delay
        await _until(lambda: not accepts(webhook.place.listen.port))
        go_on.set()
        assert await (await asked).json() == 3
    await asyncio.wait_for(serving, 10)


async def test_a_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    webhook = running(echo, tmp_path)
    taken = await asyncio.start_server(
        lambda _, w: w.close(), "127.0.0.1", webhook.place.listen.port
    )
    async with taken:
        with pytest.raises(OSError, match="address already in use"):
            await asyncio.wait_for(webhook.serve(0), 10)


async def _until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 - a port has no event
            await asyncio.sleep(0.005)
