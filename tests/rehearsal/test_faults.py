"""A new version of the demo app does what it is told to do wrong, and says so."""

import grpc
import grpc.aio
import pytest
from aiohttp import WSMsgType
from aiohttp.test_utils import TestClient, TestServer

from drainproxy.rehearsal import grpc_app
from drainproxy.rehearsal.app import VERSION_HEADER, application
from drainproxy.rehearsal.faults import FAULT_HEADER, NONE, Faults
from drainproxy.rehearsal.grpc_app import ECHO, FAULT_KEY
from drainproxy.rehearsal.ports import free_ports


async def never(seconds: float) -> None:
    raise AssertionError(f"nothing was to be {seconds} s late")


@pytest.mark.parametrize(("chance", "fails"), [(0.0, True), (0.049, True), (0.05, False)])
async def test_as_many_fail_as_it_says(chance: float, fails: bool) -> None:
    assert await Faults(fails=0.05).strike(never, lambda: chance) is fails


async def test_without_a_fault_nothing_fails_and_nothing_is_late() -> None:
    assert not await NONE.strike(never, lambda: 0.0)
    assert not NONE
    assert NONE.flags() == ("--fails=0.0", "--slow=0.0")


async def test_answers_come_later_by_what_it_says() -> None:
    late: list[float] = []

    async def slept(seconds: float) -> None:
        late.append(seconds)

    assert not await Faults(slow=0.3).strike(slept)
    assert late == [0.3]


async def test_what_fails_is_a_500_of_its_version() -> None:
    app = application(version="v2", faults=Faults(fails=1.0))
    async with TestClient(TestServer(app)) as client:
        for path in ("/hello", "/events", "/ws"):
            answer = await client.get(path)
            assert (answer.status, answer.headers[VERSION_HEADER]) == (500, "v2")


async def test_a_slow_answer_says_so() -> None:
    app = application(faults=Faults(slow=0.001))
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/hello")).headers[FAULT_HEADER] == "slow"


async def test_a_websocket_is_dropped_at_its_first_message_without_a_close() -> None:
    app = application(faults=Faults(drops_websockets=True))
    async with TestClient(TestServer(app)) as client, client.ws_connect("/ws") as socket:
        await socket.send_str("question")
        assert (await socket.receive()).type in {WSMsgType.CLOSED, WSMsgType.ERROR}
        assert socket.close_code == 1006
        assert await (await client.get("/hello")).text() == "hello\n"


@pytest.mark.parametrize(
    ("faults", "status"),
    [(Faults(fails=1.0), grpc.StatusCode.INTERNAL), (Faults(slow=0.001), grpc.StatusCode.OK)],
)
async def test_calls_meet_the_same_faults(faults: Faults, status: grpc.StatusCode) -> None:
    (port,) = free_ports(1)
    serving = grpc_app.served(port, "v2", 0.1, faults)
    await anext(serving)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(ECHO)(b"question")
        assert await call.code() is status
        slow = dict(await call.initial_metadata()).get(FAULT_KEY)
        assert slow == ("slow" if faults.slow else None)
    await anext(serving, None)
