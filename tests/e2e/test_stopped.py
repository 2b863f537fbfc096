"""A process that was stopped for a while (SIGSTOP, a frozen cgroup, a machine that slept) goes on
where it was: what has come meanwhile is read before anybody is told that it is late."""

import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from time import sleep
from typing import NamedTuple

import pytest

from tests.e2e.conformance import frames as h2
from tests.e2e.conformance.frames import END_HEADERS, END_STREAM, PREFACE
from tests.e2e.conftest import DemoApp
from tests.e2e.process import PATIENCE, Sidecar, sidecar
from tests.e2e.test_child import status
from tests.e2e.test_drain import drain

# A deadline that is far enough for all that comes before the stop, and a stop that is longer.
DEADLINE, LONGER = "2s", 2.2

HELLO = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ASK_SWITCH = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
SWITCH = b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
# RFC 6455 5.5.1 and 5.2: Close 1001, masked with zeros; a text message.
CLOSE, MESSAGE = b"\x88\x82\0\0\0\0\x03\xe9", b"\x81\x02hi"
# :method GET, :scheme http, :path /, :authority a; :status 200 (RFC 7541, appendix A).
GET, STATUS_200 = b"\x82\x86\x84\x41\x01a", b"\x88"
GRPC = b"\x83\x86\x04\x04/a/b\x41\x01a\x5f\x10application/grpc"
GRPC_BEGINS = b"\x88\x5f\x10application/grpc"
GRPC_STATUS = b"\x00\x0bgrpc-status\x010"
GREETING = PREFACE + h2.settings()
HTTP2_OK = h2.headers(1, STATUS_200)
GRPC_ENDS = h2.headers(1, GRPC_STATUS)


class Talk(NamedTuple):
    """What is said before the stop, and during it, by the client and by the app. An app that has
    not heard of it before the stop is asked, and answers, behind it. `hears`: what the client gets
    from then on holds this."""

    first: bytes
    app_first: bytes | None
    says: bytes
    app_says: bytes
    hears: bytes


# header-timeout
LATE_HEADS = {
    "http1": Talk(HELLO[:-8], None, HELLO[-8:], OK, b"HTTP/1.1 200"),
    "undecided": Talk(HELLO[:2], None, HELLO[2:], OK, b"HTTP/1.1 200"),
    "chunked": Talk(
        *(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunk", None),
        *(b"ed\r\nHost: a\r\n\r\n0\r\n\r\n", OK, b"HTTP/1.1 200"),
    ),
    "preface": Talk(
        *(GREETING[:20], None, GREETING[20:] + h2.headers(1, GET)),
        *(h2.settings() + HTTP2_OK, HTTP2_OK),
    ),
    "frame": Talk(
        *(GREETING + h2.headers(1, GET)[:12], h2.settings(), h2.headers(1, GET)[12:]),
        *(HTTP2_OK, HTTP2_OK),
    ),
    "header block": Talk(
        *(GREETING + h2.headers(1, GET[:3], END_STREAM), h2.settings()),
        *(h2.continuation(1, GET[3:]), HTTP2_OK, HTTP2_OK),
    ),
}
# request-timeout
LATE_ANSWERS = {
    "http1 answers": Talk(HELLO, b"", b"", OK, b"HTTP/1.1 200"),
    "http2 answers": Talk(
        *(GREETING + h2.headers(1, GET), h2.settings(), b""),
        *(HTTP2_OK, HTTP2_OK),
    ),
    "grpc answers": Talk(
        *(GREETING + h2.headers(1, GRPC), h2.settings(), b""),
        *(h2.headers(1, GRPC_BEGINS, END_HEADERS) + GRPC_ENDS, GRPC_ENDS),
    ),
}
# idle-timeout
IDLE = {
    "websocket": Talk(ASK_SWITCH, SWITCH, b"", MESSAGE, MESSAGE),
    "kept": Talk(HELLO, OK, HELLO, OK, b"HTTP/1.1 200"),
    "grpc stream": Talk(
        *(GREETING + h2.headers(1, GRPC, END_HEADERS),),
        *(h2.settings() + h2.headers(1, GRPC_BEGINS, END_HEADERS), h2.data(1, b"ask", 0)),
        *(GRPC_ENDS, GRPC_ENDS),
    ),
}
SERVING = {**LATE_HEADS, **LATE_ANSWERS, **IDLE}
# Of these the app has not heard before the stop.
HALF_HEADS = [talk for talk in LATE_HEADS.values() if talk.app_first is None]
# Those of a drain.
DRAINING = {
    **LATE_ANSWERS,
    "grpc ends": Talk(
        *(GREETING + h2.headers(1, GRPC),),
        *(h2.settings() + h2.headers(1, GRPC_BEGINS, END_HEADERS), b"", GRPC_ENDS, GRPC_ENDS),
    ),
    "websocket closes": Talk(ASK_SWITCH, SWITCH, CLOSE, b"", b""),
}


class Pair:
    """Both ends of one conversation through a sidecar."""

    def __init__(self, talk: Talk, port: int, listener: socket.socket) -> None:
        self.talk = talk
        self._listener = listener
        self.client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.app: socket.socket | None = None

    def begin(self) -> None:
        """Before the stop."""
        self.client.sendall(self.talk.first)
        if self.talk.app_first is not None:
            self._accept()
            self._read_app(h2.settings() if PREFACE in self.talk.first else b"\r\n\r\n")
            self.app_says(self.talk.app_first)
            if self.talk.app_first:
                assert self.client.recv(1 << 16)

    def close(self) -> None:
        self.client.close()
        if self.app is not None:
            self.app.close()

    def _accept(self) -> None:
        self.app, _ = self._listener.accept()
        self.app.settimeout(PATIENCE)

    def _read_app(self, end: bytes) -> None:
        """Until this has come."""
        assert self.app is not None
        _read(self.app, end)

    def app_says(self, words: bytes) -> None:
        assert self.app is not None
        self.app.sendall(words)

    def meanwhile(self) -> None:
        """During the stop."""
        self.client.sendall(self.talk.says)
        if self.app is not None and not self.talk.says:
            self.app_says(self.talk.app_says)

    def afterwards(self) -> None:
        """The rest of it, as if there had been no stop."""
        if self.talk.says and self.app is not None:
            self._read_app(self.talk.says[-8:])
            self.app_says(self.talk.app_says)
        _read(self.client, self.talk.hears)


def _read(end: socket.socket, words: bytes) -> None:
    got = b""
    while words not in got:
        more = end.recv(1 << 16)
        assert more, f"{words!r} did not come, but {got!r}"
        got += more


def begun(
    stack: ExitStack, talks: Mapping[str, Talk], running: Sidecar, app: socket.socket
) -> dict[str, Pair]:
    """All that is said before the stop."""
    pairs = {name: Pair(talk, running.port, app) for name, talk in talks.items()}
    for pair in pairs.values():
        stack.callback(pair.close)
    for pair in pairs.values():
        pair.begin()
    return pairs


def serve_one(listener: socket.socket) -> socket.socket:
    """As the app, answer whoever comes next."""
    app, _ = listener.accept()
    app.settimeout(PATIENCE)
    asked = app.recv(1 << 16)
    while not (asked.endswith(b"\r\n\r\n") or (PREFACE in asked and GET in asked)):
        asked += app.recv(1 << 16)
    app.sendall(h2.settings() + HTTP2_OK if PREFACE in asked else OK)
    return app


@contextmanager
def stopped(running: Sidecar) -> Iterator[None]:
    """Stopped in the block, and until all deadlines are over."""
    process = running.process
    process.send_signal(signal.SIGSTOP)
    try:
        # What comes before that it would find as it wakes up, ahead of its timers.
        process.until(lambda: status(process.pid, "State").startswith("T"))
        yield
        sleep(LONGER)  # it is this time that passes
    finally:
        process.send_signal(signal.SIGCONT)


def test_what_came_in_time_is_not_late() -> None:
    timeouts = [f"--{name}-timeout={DEADLINE}" for name in ("header", "request", "idle")]
    with (
        socket.create_server(("127.0.0.1", 0)) as app,
        sidecar(f"127.0.0.1:{app.getsockname()[1]}", "--forwarded", "off", *timeouts) as running,
        ExitStack() as stack,
    ):
        pairs = begun(stack, SERVING, running, app)
        running.process.until(lambda: len(running.get("/connections")[1]) == len(pairs))
        with stopped(running):
            for pair in pairs.values():
                pair.meanwhile()
        for _ in HALF_HEADS:
            stack.enter_context(serve_one(app))
        for pair in pairs.values():
            pair.afterwards()
        assert running.metric('drainproxy_rejected_total{reason="header-timeout"}') == 0


# During a drain


def test_what_came_before_the_deadline_of_a_drain_is_no_cut() -> None:
    arguments = ("--forwarded", "off", *drain(timeout=DEADLINE))
    with (
        socket.create_server(("127.0.0.1", 0)) as app,
        sidecar(f"127.0.0.1:{app.getsockname()[1]}", *arguments) as running,
        ExitStack() as stack,
    ):
        pairs = begun(stack, DRAINING, running, app)
        running.process.until(lambda: running.get("/status")[1]["in_flight"]["grpc"] == 2)
        running.post("/drain")
        _read(pairs["websocket closes"].client, b"\x88")
        with stopped(running):
            for pair in pairs.values():
                pair.meanwhile()
        for pair in pairs.values():
            pair.afterwards()
        running.until_phase("drained")
        report = running.get("/status")[1]["report"]
        assert report["verdict"] == "clean", report
        assert report["ended"]["websocket"]["goodbye"] == 1


@pytest.mark.slow
def test_who_asks_while_that_is_still_expected_is_answered(demo_app: DemoApp) -> None:
    """On a kept connection, when the listener is closed: it is waited for idle-close long."""
    arguments = (*drain(quiet="50ms"), "--idle-close", DEADLINE)
    with (
        sidecar(demo_app.address, *arguments) as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE) as client,
    ):
        client.sendall(HELLO)
        _read(client, b"hello\n")
        running.process.send_signal(signal.SIGTERM)
        running.until_phase("closed")
        with stopped(running):
            client.sendall(HELLO)
        _read(client, b"hello\n")
        assert running.process.wait() == 0
