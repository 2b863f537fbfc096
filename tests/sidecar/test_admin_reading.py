"""Who is connected, and what for: told in pages, and not to everyone."""

import pytest

from drainproxy.drain.origin import Origin
from drainproxy.relay.http1.connection import Http1Connection
from drainproxy.relay.tcp import Tcp
from drainproxy.sidecar import auth

from .fake_sidecar import FakeSidecar, connect
from .test_admin import answer, asked


@pytest.fixture
def sidecar() -> FakeSidecar:
    return FakeSidecar()


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every client is taken for one on another machine."""
    monkeypatch.setattr(auth, "is_loopback", lambda peer: False)


async def test_connections_are_listed_in_pages_that_are_linked(sidecar: FakeSidecar) -> None:
    """RFC 8288: `next` is the relation of the page that follows."""
    for number in range(7):
        sidecar.ahead += 1
        connect(sidecar, Tcp(sidecar.context, sidecar.routes[0]), ("10.1.2.3", 4000 + number))
    ports: list[str] = []
    pages = 0
    where: str | None = "/connections?limit=3"
    async with asked(sidecar) as client:
        while where:
            async with client.get(where) as response:
                ports += [each["peer"].partition(":")[2] for each in await response.json()]
                next_page = response.links.get("next")
                where = str(next_page["url"]) if next_page else None
            pages += 1
    assert ports == [str(4000 + number) for number in range(7)]
    assert pages == 3


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=1001", "after=x", "after=nan"])
async def test_a_page_that_cannot_be_is_refused(sidecar: FakeSidecar, query: str) -> None:
    async with asked(sidecar) as client:
        status, told = await answer(client, "GET", f"/connections?{query}")
    assert status == 400
    assert "limit is a number from 1 to 1000" in told["reason"]


BEARER = {"Authorization": "Bearer s3cret"}


async def test_whoever_is_in_the_pod_reads_without_the_token(sidecar: FakeSidecar) -> None:
    sidecar.admin_token = "s3cret"
    session = Http1Connection(sidecar.context, sidecar.routes[0])
    connect(sidecar, session)
    session.data_received(b"GET /orders/4711 HTTP/1.1\r\nHost: shop\r\n\r\n")
    async with asked(sidecar) as client:
        status, listed = await answer(client, "GET", "/connections")
    assert status == 200
    assert "/orders/4711" in str(listed)


@pytest.mark.usefixtures("far_away")
@pytest.mark.parametrize(
    ("token", "headers", "may"),
    [
        (None, {}, 403),
        (None, BEARER, 403),
        ("s3cret", {}, 401),
        ("s3cret", {"Authorization": "Bearer other"}, 403),
        ("s3cret", BEARER, 200),
        ("s3cret", BEARER | {"Origin": "https://evil.example"}, 403),
    ],
)
async def test_what_clients_ask_for_is_told_on_this_machine_or_for_the_token(
    sidecar: FakeSidecar, token: str | None, headers: dict[str, str], may: int
) -> None:
    sidecar.admin_token = token
    session = Http1Connection(sidecar.context, sidecar.routes[0])
    connect(sidecar, session)
    session.data_received(b"GET /orders/4711 HTTP/1.1\r\nHost: shop\r\n\r\n")
    sidecar.drain(Origin.ADMIN)
    async with asked(sidecar) as client:
        status, listed = await answer(client, "GET", "/connections", headers=headers)
        _, told = await answer(client, "GET", "/status", headers=headers)

    assert status == may
    assert ("/orders/4711" in str(listed)) is (may == 200)
    # Where the process stands is for everyone.
    assert told["in_flight"]["http1"] == 1
    assert told["blocking"][0]["path"] == ("/orders/4711" if may == 200 else "")


@pytest.mark.usefixtures("far_away")
async def test_nor_is_what_they_had_asked_for_in_a_report(sidecar: FakeSidecar) -> None:
    session = Http1Connection(sidecar.context, sidecar.routes[0])
    connect(sidecar, session)
    session.data_received(b"GET /orders/4711 HTTP/1.1\r\nHost: shop\r\n\r\n")
    sidecar.drain(Origin.ADMIN)
    assert sidecar._account is not None
    sidecar._account.note_blockers(sidecar.now())
    sidecar.report = sidecar._account.close("admin", {}, sidecar.now())
    async with asked(sidecar) as client:
        _, told = await answer(client, "GET", "/status")

    (blocker,) = told["report"]["blockers"]
    assert (blocker["kind"], blocker["path"]) == ("http1", "")


@pytest.mark.usefixtures("far_away")
@pytest.mark.parametrize(
    ("method", "path", "token", "told"),
    [
        ("POST", "/drain", None, "403 without an admin token only loopback may change anything"),
        ("GET", "/prestop?of=app", "s3cret", "401 a token is needed"),
        ("GET", "/connections", "s3cret", "401 a token is needed"),
        ("GET", "/connections", None, "403 without an admin token only loopback may read"),
        ("GET", "/metric", None, "404 Not Found"),
        ("GET", "/drain", None, "405 Method Not Allowed"),
        ("HEAD", "/prestop", None, "405 Method Not Allowed"),
        ("GET", "/%0A%1b[2Jforged", None, "404 Not Found"),
        ("GET", "/" + "x" * 5000, None, "404 Not Found"),
    ],
)
async def test_each_refusal_is_in_the_log_with_its_reason(
    sidecar: FakeSidecar, method: str, path: str, token: str | None, told: str
) -> None:
    sidecar.admin_token = token
    lines: list[tuple[str, str, str]] = []
    sidecar.context.refusal = lambda reason, peer, words, facts=None: lines.append(
        (reason, peer, words)
    )
    async with asked(sidecar) as client, client.request(method, path) as response:
        assert response.status == int(told[:3])

    ((reason, peer, words),) = lines
    assert (reason, peer) == ("admin", "127.0.0.1")
    assert words.startswith(f"{method} /")
    assert told in words
    assert len(words) < 300


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/drain?wait=x", 400),
        ("GET", "/prestop?of=me", 400),
        ("GET", "/connections?limit=x", 400),
        ("POST", "/rebalance?percent=0", 400),
        ("POST", "/rebalance?percent=5&over=1s", 409),
    ],
)
async def test_so_is_what_cannot_be_done(
    sidecar: FakeSidecar, method: str, path: str, status: int
) -> None:
    lines: list[str] = []
    sidecar.context.refusal = lambda reason, peer, words, facts=None: lines.append(words)
    async with asked(sidecar) as client:
        _, body = await answer(client, method, path)
    name = path.partition("?")[0]
    assert lines == [f"{method} {name}: {status} {body['reason']}"]


async def test_a_probe_that_fails_is_no_refusal(sidecar: FakeSidecar) -> None:
    lines: list[str] = []
    sidecar.context.refusal = lambda reason, peer, words, facts=None: lines.append(words)
    async with asked(sidecar) as client:
        status, _ = await answer(client, "GET", "/readyz")
    assert (status, lines) == (503, [])
