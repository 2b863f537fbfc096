"""What the sidecar tells of itself."""

import socket

import msgspec.json
import pytest

from drainproxy import __version__
from drainproxy.config import Address, Mistake
from drainproxy.drain.ledger import KINDS
from drainproxy.drain.machine import Phase, Timing
from drainproxy.drain.origin import Origin
from drainproxy.relay.detect import Detect
from drainproxy.relay.http1.connection import Http1Connection
from drainproxy.relay.registry import Member
from drainproxy.relay.tcp import Tcp
from drainproxy.sidecar import status as told_status
from drainproxy.sidecar.status import (
    LONGEST_PAGE,
    PAGE,
    connections,
    drain_seconds,
    seconds_left,
    status,
)

from .fake_sidecar import FakeSidecar, connect

NONE = dict.fromkeys(KINDS, 0)
GET = b"GET /orders?key=s3cret HTTP/1.1\r\nHost: shop\r\n\r\n"


async def test_a_fresh_sidecar_serves_and_has_nothing_to_tell() -> None:
    with socket.create_server(("127.0.0.1", 0)) as app:
        sidecar = FakeSidecar(Address(*app.getsockname()))
        sidecar.ahead += 2
        told = status(sidecar)

    assert told.pop("since") == pytest.approx(2, abs=0.5)
    assert told == {
        "version": __version__,
        "phase": "serving",
        "why": None,
        "drain_seconds": 0,
        "deadline": None,
        "in_flight": NONE,
        "connections": NONE | {"unknown": 0},
        "blocking": [],
        "awaited": 0,
        "not_ready": "",
        "missing": [],
        "bypassed": [],
        "config_mistakes": [],
        "report": None,
    }


async def test_an_app_that_is_not_there_is_told() -> None:
    told = status(FakeSidecar())

    problem = "nothing listens at 127.0.0.1:9, where the app should be"
    missing = {"listen": "127.0.0.1:0", "app": "127.0.0.1:9", "counts": True, "problem": problem}
    assert (told["not_ready"], told["missing"]) == (problem, [missing])


async def test_connections_and_what_is_in_flight_are_counted_by_kind() -> None:
    sidecar = FakeSidecar()
    context, route = sidecar.context, sidecar.routes[0]
    busy, idle = Http1Connection(context, route), Http1Connection(context, route)
    for session in (busy, idle, Tcp(context, route), Detect(context, route)):
        connect(sidecar, session)
    busy.data_received(GET)

    told = status(sidecar)

    assert told["connections"] == NONE | {"http1": 2, "tcp": 1, "unknown": 1}
    assert told["in_flight"] == NONE | {"http1": 1, "tcp": 1}


async def test_what_blocks_is_listed_oldest_first_and_not_without_end() -> None:
    sidecar = FakeSidecar()
    for port in range(25):
        connect(sidecar, Tcp(sidecar.context, sidecar.routes[0]), ("10.0.0.1", port))
        sidecar.ahead += 1

    blocking = status(sidecar)["blocking"]

    assert isinstance(blocking, list)
    assert [each["peer"] for each in blocking] == [f"10.0.0.1:{port}" for port in range(20)]
    assert blocking[0]["age"] == pytest.approx(25, abs=0.5)
    assert blocking[0]["kind"] == "tcp"


async def test_every_connection_is_described() -> None:
    sidecar = FakeSidecar()
    session = Http1Connection(sidecar.context, sidecar.routes[0])
    connect(sidecar, session)
    sidecar.ahead += 3
    session.data_received(GET)
    sidecar.context.registry.sweep()
    sidecar.ahead += 4

    ((told,), after) = connections(sidecar)
    assert after is None

    assert told.pop("age") == pytest.approx(7, abs=0.5)
    assert told.pop("idle") == pytest.approx(4, abs=0.5)
    assert told == {
        "kind": "http1",
        "peer": "10.1.2.3:4567",
        "path": "/orders",
        "in_flight": 1,
        "app": "127.0.0.1:9",
    }


async def test_a_connection_that_has_just_moved_is_not_idle() -> None:
    sidecar = FakeSidecar()
    session = Tcp(sidecar.context, sidecar.routes[0])
    connect(sidecar, session)
    session.data_received(b"x")
    sidecar.ahead += 9

    assert connections(sidecar).connections[0]["idle"] == 0


async def test_those_who_came_in_one_moment_are_told_on_one_page() -> None:
    sidecar = FakeSidecar()
    sessions = [Tcp(sidecar.context, sidecar.routes[0]) for _ in range(6)]
    for session, moment in zip(sessions, (1.0, 2.0, 2.0, 2.0, 2.0, 3.0), strict=True):
        connect(sidecar, session)
        session.age.connected_at = moment

    first, after = connections(sidecar, most=2)
    assert (len(first), after) == (5, 2.0)
    assert len(connections(sidecar, 2.0, 2).connections) == 1


async def test_however_many_are_connected_a_call_describes_a_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To describe one takes microseconds, and the loop serves nobody else meanwhile."""
    sidecar = FakeSidecar()
    for number in range(5000):
        sidecar.ahead += 0.001
        connect(sidecar, Tcp(sidecar.context, sidecar.routes[0]), ("10.1.2.3", number))
    described: list[object] = []
    describe = told_status._connection

    def counted(session: Member, now: float) -> dict[str, object]:
        described.append(session)
        return describe(session, now)

    monkeypatch.setattr(told_status, "_connection", counted)
    pages = [connections(sidecar)]
    assert len(pages[0].connections) == len(described) == PAGE
    while (after := pages[-1].after) is not None:
        pages.append(connections(sidecar, after, LONGEST_PAGE))
    peers = [each["peer"] for page in pages for each in page.connections]
    assert peers == [f"10.1.2.3:{number}" for number in range(5000)]
    assert len(pages) == 6
    assert status(sidecar)["connections"] == NONE | {"unknown": 0, "tcp": 5000}


async def test_no_query_is_told_since_keys_are_in_it() -> None:
    sidecar = FakeSidecar()
    session = Http1Connection(sidecar.context, sidecar.routes[0])
    connect(sidecar, session)
    session.data_received(GET)

    told = msgspec.json.encode([status(sidecar), connections(sidecar).connections])

    assert b"/orders" in told
    assert b"s3cret" not in told


async def test_a_drain_tells_why_and_what_time_is_left() -> None:
    sidecar = FakeSidecar(timing=Timing(delay=5, quiet=2, timeout=25))
    sidecar.drain(Origin.HOOK)
    sidecar.ahead += 4

    told = status(sidecar)

    assert (told["phase"], told["why"]) == ("announced", "prestop")
    assert told["deadline"] == pytest.approx(21, abs=0.5)
    assert drain_seconds(sidecar) == pytest.approx(4, abs=0.5)


async def test_the_time_left_is_never_below_nothing() -> None:
    sidecar = FakeSidecar()
    sidecar.drain(Origin.ADMIN)
    sidecar.ahead += 99

    assert seconds_left(sidecar) == 0


async def test_after_a_drain_its_report_is_told() -> None:
    sidecar = FakeSidecar()
    sidecar.drain(Origin.ADMIN)
    sidecar.advance()

    told = status(sidecar)

    assert sidecar.machine.phase is Phase.DRAINED
    assert sidecar.report is not None
    assert told["report"] == sidecar.report.as_dict()
    assert told["deadline"] is None
    assert drain_seconds(sidecar) == sidecar.report.seconds


async def test_mistakes_in_annotations_are_told_in_words() -> None:
    sidecar = FakeSidecar()
    sidecar.annotation_mistakes = (Mistake("annotation a", "drain-delay", "'x' is wrong"),)

    assert status(sidecar)["config_mistakes"] == ["annotation a: 'x' is wrong"]
