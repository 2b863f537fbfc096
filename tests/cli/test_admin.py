"""`drain`, `undrain` and `status` against admin endpoints on real sockets."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from unittest.mock import patch

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.cli import main
from drainproxy.cli.admin import share_that_follows
from drainproxy.config import Mistake
from drainproxy.drain.machine import Phase
from drainproxy.drain.origin import Origin
from drainproxy.relay.http1.connection import Http1Connection
from drainproxy.relay.tcp import Tcp
from drainproxy.sidecar import auth
from drainproxy.sidecar.rebalance import Rebalance
from tests.sidecar.fake_sidecar import FakeSidecar, connect, served

Run = Callable[..., Awaitable[Result]]


def invoke(*arguments: str, **environ: str) -> Awaitable[Result]:
    """The command in a thread, so that the sidecar can answer it."""
    return asyncio.to_thread(CliRunner(env=environ).invoke, main, arguments)


@asynccontextmanager
async def running(sidecar: FakeSidecar) -> AsyncIterator[Run]:
    """A command that talks to `sidecar`."""
    async with served(sidecar) as server:

        async def run(command: str, *arguments: str) -> Result:
            return await invoke(command, "--admin", f"127.0.0.1:{server.port}", *arguments)

        yield run


@asynccontextmanager
async def stranger(answer: bytes) -> AsyncIterator[str]:
    """The address of something else, which answers everything like this and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield "127.0.0.1:{1}".format(*server.sockets[0].getsockname())
    finally:
        server.close()


def hold(sidecar: FakeSidecar) -> Tcp:
    session = Tcp(sidecar.context, sidecar.routes[0])
    connect(sidecar, session)
    return session


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)


@pytest.fixture
def sidecar() -> FakeSidecar:
    return FakeSidecar()


async def test_drain_begins_a_drain_and_says_how_long_it_may_take(sidecar: FakeSidecar) -> None:
    async with running(sidecar) as run:
        result = await run("drain")

    assert result.exit_code == 0
    assert sidecar.whys == ["admin"]
    assert result.output == "announced, drained in 25.0 s at the latest\n"


async def test_drain_wait_is_0_when_nothing_was_cut(sidecar: FakeSidecar) -> None:
    blocker = hold(sidecar)
    async with running(sidecar) as run:
        waiting = asyncio.ensure_future(run("drain", "--wait"))
        await until(lambda: sidecar.whys)
        sidecar.advance()
        blocker.connection_lost(None)
        sidecar.advance()
        result = await waiting

    first, head, row = result.output.splitlines()
    assert result.exit_code == 0
    assert first.endswith("(admin): clean")
    assert head.split() == ["finished", "goodbye", "client", "left", "app", "left", "cut"]
    assert row.split() == ["tcp", "0", "0", "1", "0", "0"]


async def test_drain_wait_is_3_when_something_was_cut(sidecar: FakeSidecar) -> None:
    blocker = hold(sidecar)
    async with running(sidecar) as run:
        waiting = asyncio.ensure_future(run("drain", "--wait"))
        await until(lambda: sidecar.whys)
        sidecar.advance()
        blocker.abort("deadline")
        sidecar.advance()
        result = await waiting

    assert result.exit_code == 3
    assert "(admin): cut 1" in result.output


async def test_undrain_serves_again(sidecar: FakeSidecar) -> None:
    sidecar.drain(Origin.ADMIN)
    async with running(sidecar) as run:
        result = await run("undrain")

    assert (result.exit_code, result.output) == (0, "serving\n")
    assert sidecar.machine.phase is Phase.SERVING


async def test_undrain_says_why_it_is_not_allowed(sidecar: FakeSidecar) -> None:
    sidecar.machine.phase = Phase.CUTTING
    async with running(sidecar) as run:
        result = await run("undrain")

    assert result.exit_code == 1
    assert "cannot be cancelled while starting or cutting" in result.output


async def test_status_is_a_small_table_for_people(sidecar: FakeSidecar) -> None:
    session = Http1Connection(sidecar.context, sidecar.routes[0])
    connect(sidecar, session)
    session.data_received(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
    sidecar.drain(Origin.HOOK)
    sidecar.annotation_mistakes = (Mistake("annotation a", "a", "is wrong"),)
    async with running(sidecar) as run:
        result = await run("status")

    lines = result.output.splitlines()
    assert result.exit_code == 1
    assert ": announced for 0." in lines[0]
    assert "(prestop), 2" in lines[0]
    assert ["http1", "1", "1"] in [line.split() for line in lines]
    assert ["websocket", "0", "0"] in [line.split() for line in lines]
    assert [line for line in lines if line.startswith("/slow  http1  10.1.2.3:4567  ")]
    assert "mistake: annotation a: is wrong" in lines


async def test_status_shows_the_report_of_the_last_drain(sidecar: FakeSidecar) -> None:
    sidecar.drain(Origin.ADMIN)
    sidecar.advance()
    async with running(sidecar) as run:
        result = await run("status")

    assert "drained in 0.0 s (admin): clean" in result.output.splitlines()


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("arguments", [(), ("--json",)])
async def test_status_is_0_while_it_serves_and_1_in_any_other_phase(
    sidecar: FakeSidecar, phase: Phase, arguments: tuple[str, ...]
) -> None:
    sidecar.machine.phase = phase
    async with running(sidecar) as run:
        result = await run("status", *arguments)

    assert result.exit_code == (0 if phase is Phase.SERVING else 1)


async def test_what_a_client_has_asked_for_commands_no_terminal(sidecar: FakeSidecar) -> None:
    sidecar.annotation_mistakes = (Mistake("annotation a", "a", "is wrong"),)
    sidecar.machine.why = "a\x1b[2Jb\nserving"
    async with running(sidecar) as run:
        result = await run("status")

    assert r"(a\x1b[2Jb\nserving)" in result.output.splitlines()[0]


def test_a_status_that_is_watched_is_no_json() -> None:
    result = CliRunner().invoke(main, ["status", "--watch", "--json"])

    assert result.exit_code == 2
    assert "leave --json out" in result.output


async def test_status_json_is_what_the_endpoint_tells(sidecar: FakeSidecar) -> None:
    async with running(sidecar) as run:
        result = await run("status", "--json")

    told = json.loads(result.output)
    assert (result.exit_code, told["phase"], told["report"]) == (0, "serving", None)


@pytest.mark.parametrize("command", ["drain", "undrain", "status"])
async def test_where_nothing_listens_is_named(command: str) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{sock.getsockname()[1]}"
        result = await invoke(command, "--admin", where)

    assert result.exit_code == 1
    assert f"no sidecar at {where}: Connection refused." in result.output


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "is no drainproxy"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "is no drainproxy"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"ok": true}', "is no drainproxy"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xff\xff\xff", "is no drainproxy"),
        (b"220 mail\r\n", "went away before it answered"),
        (b"", "went away before it answered"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "went away before it answered"),
    ],
)
async def test_what_is_no_sidecar_is_told_as_such(answer: bytes, problem: str) -> None:
    async with stranger(answer) as where:
        result = await invoke("status", "--admin", where)

    assert result.exit_code == 1
    assert f"{where} {problem}" in result.output


async def test_a_sidecar_that_hangs_is_not_waited_for_without_end(sidecar: FakeSidecar) -> None:
    with socket.socket() as mute, patch("drainproxy.cli.admin._ANSWER_TIMEOUT", 0.05):
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        where = f"127.0.0.1:{mute.getsockname()[1]}"
        result = await invoke("status", "--admin", where)

    assert result.exit_code == 1
    assert f"{where} did not answer in time" in result.output


async def test_the_token_is_asked_for_and_taken(
    sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "is_loopback", lambda peer: False)
    sidecar.admin_token = "right"
    async with running(sidecar) as run:
        missing = await run("drain")
        wrong = await run("drain", "--admin-token", "wrong")
        assert sidecar.whys == []
        right = await run("drain", "--admin-token", "right")

    assert [missing.exit_code, wrong.exit_code, right.exit_code] == [1, 1, 0]
    assert "(give --admin-token or DRAINPROXY_ADMIN_TOKEN)" in missing.output
    assert "the token is wrong" in wrong.output


@pytest.mark.parametrize("host", ["0.0.0.0:", "", ":", "127.0.0.1:"])
async def test_the_environment_of_the_sidecar_serves_its_commands(
    host: str, sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "is_loopback", lambda peer: False)
    sidecar.admin_token = "right"
    async with served(sidecar) as server:
        environ = {
            "DRAINPROXY_ADMIN": f"{host}{server.port}",
            "DRAINPROXY_ADMIN_TOKEN": "right",
        }
        result = await invoke("drain", **environ)

    assert (result.exit_code, sidecar.whys) == (0, ["admin"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--admin", "nowhere"),
        ("--admin", "host:99999"),
        ("--admin-token", "two words"),
        ("--admin-token-file", "/none"),
    ],
)
async def test_arguments_that_cannot_be_right_are_usage_errors(arguments: tuple[str, ...]) -> None:
    result = await invoke("drain", *arguments)

    assert result.exit_code == 2
    assert arguments[0] in result.output or arguments[1] in result.output


# Rebalancing


class Rebalancing(FakeSidecar):
    """Answers as a sidecar that was, or could not be, asked to rebalance."""

    def __init__(self, *, started: bool = True) -> None:
        super().__init__()
        self.asked: list[tuple[float, float]] = []
        self.rebalance: Rebalance | None = None
        self._started = started

    def start_rebalance(self, share: float, over: float) -> bool:
        self.asked.append((share, over))
        self.rebalance = Rebalance(self.context, share, over)
        return self._started


@pytest.mark.parametrize(
    ("started", "first"), [(True, []), (False, ["a rebalance is already running:"])]
)
async def test_a_rebalance_tells_how_far_it_is(started: bool, first: list[str]) -> None:
    sidecar = Rebalancing(started=started)
    for _ in range(10):
        connect(sidecar, Http1Connection(sidecar.context, sidecar.routes[0]))
    async with running(sidecar) as run:
        result = await run("rebalance", "--percent", "20", "--over", "1m")
    assert result.exit_code == 0, result.output
    assert sidecar.asked == [(0.2, 60.0)]
    *before, told = result.output.splitlines()
    assert before == first
    assert re.fullmatch(r"[01] of 2 connections are done, [0-9.]+ s left", told)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--percent", "0"), "0<x<=100"),
        (("--percent", "nan"), "no number"),
        (("--from", "nan", "--to", "10"), "no number"),
        (("--percent", "20", "--over", "soon"), "is not a duration"),
        (("--percent", "20", "--over", "-1s"), "is not a duration"),
        ((), "give --percent, or --from and --to"),
        (("--from", "5"), "give --percent, or --from and --to"),
        (("--percent", "5", "--to", "10"), "give --percent, or --from and --to"),
        (("--from", "50", "--to", "10"), "with --from 50 --to 90"),
        (("--from", "10", "--to", "10"), "both 10: nobody has to move"),
    ],
)
async def test_a_rebalance_of_nothing_is_refused(arguments: tuple[str, ...], problem: str) -> None:
    sidecar = Rebalancing()
    async with running(sidecar) as run:
        result = await run("rebalance", *arguments)
    assert result.exit_code != 0
    assert problem in result.output
    assert sidecar.asked == []


@pytest.mark.parametrize(
    ("before", "after", "percent"), [(0, 5, 100), (5, 10, 52.6), (50, 55, 18.2), (25, 100, 100)]
)
async def test_the_share_follows_from_the_weights_of_a_canary(
    before: float, after: float, percent: float
) -> None:
    sidecar = Rebalancing()
    async with running(sidecar) as run:
        result = await run("rebalance", "--from", str(before), "--to", str(after))
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{percent:g} % of the connections are asked to reconnect")
    ((share, seconds),) = sidecar.asked
    assert share == pytest.approx(percent / 100, abs=1e-3)
    assert seconds == 30


@given(st.floats(0, 0.99), st.floats(0.01, 1))
def test_standing_connections_stand_as_the_weight_says_afterwards(
    before: float, more: float
) -> None:
    after = before + (1 - before) * more
    share = share_that_follows(before, after)
    assert 0 < share <= 1
    assert before + (1 - before) * share * after == pytest.approx(after)


async def test_who_is_leaving_rebalances_nothing() -> None:
    sidecar = Rebalancing()
    sidecar.drain(Origin.ADMIN)
    async with running(sidecar) as run:
        result = await run("rebalance", "--percent", "20")
    assert result.exit_code == 1
    assert "asks all clients to reconnect" in result.output
