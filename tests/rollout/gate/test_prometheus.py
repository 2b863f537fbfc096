"""An answer is whole, or there is a reason why there is none: never a guess."""

import asyncio
import gzip
import os
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from drainproxy.rollout.gate.prometheus import NoAnswer, PrometheusServer, ask, series_of
from drainproxy.rollout.gate.samples import Series
from tests.kube.tls import Authority
from tests.rollout.gate.fake_prometheus import answer, saying, serving, silent

QUERIES = {"one": 'up{a="b"}[60s]', "two": 'down{a="b"}'}
UP = Series({"pod": "web-1"}, [(1.0, 2.0), (2.5, float("inf"))])


async def test_each_query_has_its_series() -> None:
    async with serving(saying({"up": [UP]})) as url:
        assert await ask(PrometheusServer(url), QUERIES, 100.0) == {"one": [UP], "two": []}


@pytest.mark.parametrize(
    ("seconds", "said"), [(3.0, "3"), (0.5, "0.5"), (7.25, "7.25"), (3600.0, "3600")]
)
async def test_it_is_asked_for_the_moment_and_for_all_series_or_none(
    seconds: float, said: str
) -> None:
    """Prometheus reads `0.5` as seconds, and refuses `0.5s`."""
    forms: list[dict[str, Any]] = []

    async def handler(request: web.Request) -> web.Response:
        forms.append(dict(await request.post()))
        return answer([])

    async with serving(handler) as url:
        await ask(PrometheusServer(url + "/", timeout=seconds), {"one": "up"}, 100.25)
    assert forms == [
        {"query": "up", "time": "100.250", "timeout": said, "partial_response": "false"}
    ]


@pytest.mark.parametrize("rest", ["", "/", "?tenant=shop", "/?tenant=shop#x"])
async def test_the_query_of_the_address_stays_a_query(rest: str) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.path_qs)
        return answer([])

    async with serving(handler) as url:
        await ask(PrometheusServer(url + rest), {"one": "up"}, 1.0)
    assert seen == ["/api/v1/query" + ("?tenant=shop" if "?" in rest else "")]


async def test_what_is_on_this_machine_is_not_asked_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with serving(saying({"up": [UP]})) as url:
        for own in (url, url.replace("127.0.0.1", "localhost")):
            assert await ask(PrometheusServer(own), QUERIES, 100.0) == {"one": [UP], "two": []}
    with pytest.raises(NoAnswer, match=r"127\.0\.0\.1:1"):
        await ask(PrometheusServer("http://prometheus.invalid:9090"), QUERIES, 100.0)


async def test_what_netrc_has_for_a_host_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has named it; and beside a token of ours it was an error."""
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return answer([])

    monkeypatch.setattr("drainproxy.rollout.gate.prometheus._is_own", lambda _: False)
    netrc, token = tmp_path / "netrc", tmp_path / "token"
    netrc.write_text("default login me password secret\n")
    token.write_text("mine")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("no_proxy", "*")
    async with serving(handler) as url:
        await ask(PrometheusServer(url, bearer_file=str(token)), {"one": "up"}, 1.0)
        await ask(PrometheusServer(url), {"one": "up"}, 1.0)
    assert seen == ["Bearer mine", None]


async def test_headers_and_credentials_are_read_anew_each_time(tmp_path: Path) -> None:
    seen: list[tuple[str | None, str | None]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.headers.get("X-Scope-OrgID"), request.headers.get("Authorization")))
        return answer([])

    token = tmp_path / "token"
    async with serving(handler) as url:
        server = PrometheusServer(url, headers=(("X-Scope-OrgID", "shop"),), bearer_file=str(token))
        for text in ("first\n", "second\n"):
            token.write_text(text)
            await ask(server, {"one": "up"}, 1.0)
        token.write_text("pa:ss")
        await ask(PrometheusServer(url, user="me", password_file=str(token)), {"one": "up"}, 1.0)
    assert seen == [
        ("shop", "Bearer first"),
        ("shop", "Bearer second"),
        (None, "Basic bWU6cGE6c3M="),
    ]


async def test_a_certificate_must_be_of_the_authority_that_is_given(tmp_path: Path) -> None:
    authority = Authority()
    pair = authority.pair(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    trusted = tmp_path / "ca.crt"
    authority.save(trusted)
    async with serving(saying({"up": [UP]}), context) as url:
        found = await ask(PrometheusServer(url, ca_file=str(trusted)), {"one": "up{}"}, 1.0)
        assert found == {"one": [UP]}
        with pytest.raises(NoAnswer, match="certificate"):
            await ask(PrometheusServer(url), {"one": "up{}"}, 1.0)


async def test_a_server_that_wants_a_certificate_gets_the_one_that_is_there_now(
    tmp_path: Path,
) -> None:
    authority = Authority()
    pair = authority.pair(tmp_path)
    trusted = tmp_path / "ca.crt"
    authority.save(trusted)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(str(trusted))
    mine = tmp_path / "mine"
    mine.mkdir()
    async with serving(saying({"up": [UP]}), context) as url:
        with pytest.raises(NoAnswer):
            await ask(PrometheusServer(url, ca_file=str(trusted)), {"one": "up{}"}, 1.0)
        cert, key = str(mine / "tls.crt"), str(mine / "tls.key")
        server = PrometheusServer(url, ca_file=str(trusted), cert_file=cert, key_file=key)
        with pytest.raises(NoAnswer, match="No such file"):
            await ask(server, {"one": "up{}"}, 1.0)
        authority.pair(mine)
        assert await ask(server, {"one": "up{}"}, 1.0) == {"one": [UP]}


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, b"<html>", "no answer of Prometheus"),
        (200, b"", "no answer of Prometheus"),
        (200, b"\xff", "no answer of Prometheus"),
        (200, b"[]", "no answer of Prometheus"),
        (200, b'{"status":"success","data":{"x":' + b"[" * 100_000, "no answer of Prometheus"),
        (200, b'{"status":"success"}', "holds no series"),
        (400, b'{"status":"error","errorType":"bad_data","error":"parse error"}', "parse error"),
        (503, b'{"status":"error","errorType":"timeout"}', "timeout"),
        (500, b'{"status":"success","data":{"resultType":"matrix","result":[]}}', "status 500"),
        (
            200,
            b'{"status":"success","data":{"resultType":"matrix","result":[]},"warnings":["x"]}',
            "in doubt: x",
        ),
        (
            200,
            b'{"status":"success","isPartial":true,"data":{"resultType":"matrix","result":[]}}',
            "a part of the series only",
        ),
        (200, b'{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}', "no series"),
        (
            200,
            b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{}}, 7]}}',
            "something else",
        ),
        (
            200,
            b'{"status":"success","data":{"resultType":"vector","result":'
            b'[{"metric":{},"value":[1,"x"]}]}}',
            "something else",
        ),
    ],
)
def test_what_is_no_whole_answer_has_a_reason(status: int, body: bytes, reason: str) -> None:
    with pytest.raises(NoAnswer, match=reason):
        series_of("http://prometheus", status, body)


def test_a_field_that_is_null_is_one_that_is_left_out() -> None:
    body = b'{"status":"success","data":{"resultType":"matrix","result":null},"warnings":null}'
    assert series_of("http://prometheus", 200, body) == []


def test_an_answer_that_says_it_is_whole_is_one() -> None:
    said = b'{"status":"success","isPartial":false,"data":{"resultType":"matrix","result":[]}}'
    assert series_of("http://prometheus", 200, said) == []


def test_a_vector_is_one_sample_of_each() -> None:
    body = (
        b'{"status":"success","data":{"resultType":"vector","result":'
        b'[{"metric":{"a":"b"},"value":[5.5,"7"]}]}}'
    )
    assert series_of("http://prometheus", 200, body) == [Series({"a": "b"}, [(5.5, 7.0)])]


async def test_a_server_that_does_not_answer_costs_the_timeout_and_no_more() -> None:
    async with serving(silent) as url, asyncio.timeout(10):
        with pytest.raises(NoAnswer, match=r"no answer within 0\.2 s"):
            await ask(PrometheusServer(url, timeout=0.2), QUERIES, 1.0)


async def test_a_file_that_nobody_writes_costs_the_timeout_and_no_more(tmp_path: Path) -> None:
    pipe = tmp_path / "token"
    os.mkfifo(pipe)
    server = PrometheusServer("http://127.0.0.1:1", timeout=0.2, bearer_file=str(pipe))
    try:
        async with asyncio.timeout(10):
            with pytest.raises(NoAnswer, match=r"no answer within 0\.2 s"):
                await ask(server, QUERIES, 1.0)
    finally:
        # Whoever reads it goes on.
        os.close(os.open(pipe, os.O_RDWR))


async def test_a_redirect_is_not_followed() -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPFound("/login")

    async with serving(elsewhere) as url:
        with pytest.raises(NoAnswer, match="status 302"):
            await ask(PrometheusServer(url), QUERIES, 1.0)


async def test_a_password_in_the_url_is_sent_and_never_shown() -> None:
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return answer([]) if len(seen) == 1 else web.Response(status=401, text="no")

    async with serving(handler) as url:
        server = PrometheusServer(url.replace("://", "://me:pa%3Ass@"))
        await ask(server, {"one": "up"}, 1.0)
        with pytest.raises(NoAnswer) as raised:
            await ask(server, {"one": "up"}, 1.0)
    assert seen == ["Basic bWU6cGE6c3M="] * 2
    assert str(raised.value).startswith(f"{url}: status 401")


@pytest.mark.parametrize(
    "rest", ["127.0.0.1:1", "127.0.0.1:99999", "[::1", "", "\u2100.example", "a b", "a.invalid"]
)
async def test_no_reason_shows_a_password(rest: str) -> None:
    with pytest.raises(NoAnswer) as raised:
        await ask(PrometheusServer(f"http://me:secret@{rest}"), QUERIES, 1.0)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", "http://"])
async def test_an_address_where_nobody_is_has_a_reason(url: str) -> None:
    with pytest.raises(NoAnswer):
        await ask(PrometheusServer(url), QUERIES, 1.0)


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    with pytest.raises(NoAnswer, match="missing"):
        await ask(PrometheusServer("http://127.0.0.1:1", bearer_file=missing), QUERIES, 1.0)


async def test_what_a_few_compressed_bytes_become_costs_no_more_than_the_timeout() -> None:
    bomb = gzip.compress(bytes(100 << 20), 1)

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    async with serving(handler) as url, asyncio.timeout(20):
        with pytest.raises(NoAnswer, match=r"over 64 MiB|no answer within"):
            await ask(PrometheusServer(url, timeout=10.0), {"one": "up", "other": "down"}, 1.0)


async def test_all_answers_of_a_look_share_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which two thirds of it do not exceed, and four thirds do."""
    monkeypatch.setattr("drainproxy.rollout.gate.memory.MOST", 3000)
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request)
        label = "a" * (2000 - 120)
        return answer([Series({"pod": label}, [(1.0, 1.0)])])

    async with serving(handler) as url:
        assert len((await ask(PrometheusServer(url), {"one": "up"}, 1.0))["one"]) == 1
        with pytest.raises(NoAnswer, match=r"MiB together: narrow the window"):
            await ask(PrometheusServer(url), QUERIES, 1.0)
    assert len(asked) == 3


def test_series_keep_their_order() -> None:
    series = [Series({"pod": str(number)}, [(1.0, float(number))]) for number in range(5)]
    body = answer(series).body
    assert isinstance(body, bytes)
    assert series_of("http://prometheus", 200, body) == series


async def test_an_answer_that_is_not_compressed_as_it_says_is_told_so() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b"nonsense", headers={"Content-Encoding": "gzip"})

    async with serving(handler) as url:
        with pytest.raises(NoAnswer, match="not compressed as it says"):
            await ask(PrometheusServer(url), {"one": "up"}, 1.0)
