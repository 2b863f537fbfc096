"""gRPC calls through the sidecar are what they are without it: messages, metadata, ends."""

import hashlib
import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from time import sleep
from typing import Any, NamedTuple

import grpc
import pytest

from drainproxy.drain.ledger import KINDS
from drainproxy.rehearsal.app import content
from drainproxy.rehearsal.ports import free_ports
from tests.e2e.grpc_app import INITIAL, TRAILING
from tests.e2e.grpc_calls import CALLS, UNICODE, Call, Seen, channel, grpc_app, made, path
from tests.e2e.process import PATIENCE, Process, Sidecar, sidecar

LARGE = 50_000_000
MANY = 1000

FORWARDED = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}


class Ground(NamedTuple):
    """An app, and a sidecar in front of it."""

    app: Process
    direct: int
    running: Sidecar

    @property
    def through(self) -> int:
        """The port of the sidecar."""
        return self.running.port


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    port = free_ports(1)[0]
    with grpc_app(port) as app, sidecar(f"127.0.0.1:{port}") as running:
        yield Ground(app, port, running)


@pytest.fixture
def to_app(ground: Ground) -> Iterator[Any]:
    """A channel through the sidecar."""
    with channel(ground.through) as opened:
        yield opened


class Conversation:
    """A call with messages both ways: say one, hear one."""

    def __init__(self, to_app: Any, method: str, timeout: float = PATIENCE) -> None:
        self._said: SimpleQueue[bytes | None] = SimpleQueue()
        self.call = to_app.stream_stream(path(method))(iter(self._said.get, None), timeout=timeout)

    def ask(self, message: bytes) -> Any:
        """Say this, and wait for the answer."""
        self._said.put(message)
        return next(self.call)

    def say(self, message: bytes | None) -> None:
        """The same without an answer; None ends the client's side."""
        self._said.put(message)


def echoed(to_app: Any, message: bytes = b"hello") -> bool:
    """Whether a call on this channel works."""
    answer = to_app.unary_unary(path("Echo"))(message, timeout=PATIENCE)
    return bool(answer == message)


def app_saw_the_cancellation(to_app: Any, name: bytes) -> bool:
    """Waits for it."""
    return bool(to_app.unary_unary(path("Cancelled"))(name, timeout=PATIENCE) == name)


# The same as without us


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_shows_what_it_shows_without_us(call: Call, ground: Ground) -> None:
    assert made(ground.through, call) == made(ground.direct, call)


def told(port: int, call: Call) -> tuple[list[list[str]], Seen]:
    """The metadata that came to the app, ours left out, and all else that the client saw."""
    answer = made(port, call)
    came = json.loads(answer.messages[0])
    own = [[name, value] for name, value in came if name not in FORWARDED]
    return own, answer._replace(messages=[])


def test_metadata_come_both_ways_as_they_are(ground: Ground) -> None:
    every_byte = bytes(range(256))
    sent: tuple[tuple[str, str | bytes], ...] = (
        *(("x-twice", "a"), ("x-twice", "b, c"), ("x-empty", ""), ("x-blank", "a  b")),
        *(("x-some-bin", every_byte), ("x-some-bin", b""), ("x-long", "long " * 200)),
        ("authorization", "Bearer secret"),
    )
    call = Call("Told", metadata=sent)

    came, answer = told(ground.through, call)

    assert (came, answer) == told(ground.direct, call)
    assert ["x-some-bin", every_byte.hex()] in came
    assert ["x-twice", "b, c"] in came
    assert (answer.initial, answer.trailing) == ([*INITIAL], [*TRAILING])


def test_the_status_of_an_error_comes_with_its_message_and_metadata(ground: Ground) -> None:
    answer = made(ground.through, CALLS["an error after a message"])
    assert answer.messages == [b"one"]
    assert (answer.code, answer.details) == (grpc.StatusCode.INTERNAL, UNICODE)
    assert answer.trailing == [*TRAILING]


# Streams


def test_each_message_of_a_conversation_is_answered_before_the_next(to_app: Any) -> None:
    talk = Conversation(to_app, "Chat")
    for number in range(200):
        assert talk.ask(b"%d" % number) == b"you said %d" % number
    talk.say(None)
    assert [*talk.call] == []
    assert talk.call.code() is grpc.StatusCode.OK


def test_a_stream_from_the_client_is_answered_once(to_app: Any) -> None:
    pieces = [*content(1 << 20)]
    answer = to_app.stream_unary(path("Total"))(iter(pieces), timeout=PATIENCE)
    digest = hashlib.sha256(b"".join(pieces)).hexdigest()
    assert answer == b"%d %s" % (len(pieces), digest.encode())


def test_a_message_of_fifty_megabytes_comes_back(to_app: Any) -> None:
    large = bytes(range(250)) * (LARGE // 250)
    assert echoed(to_app, large)


def test_a_compressed_message_stays_compressed(ground: Ground, to_app: Any) -> None:
    message = bytes(1 << 20)
    sent = 'drainproxy_bytes_total{direction="from_clients"}'
    before = ground.running.metric(sent)
    echo = to_app.unary_unary(path("Echo"))
    assert echo(message, compression=grpc.Compression.Gzip, timeout=PATIENCE) == message
    assert 0 < ground.running.metric(sent) - before < len(message) / 20


def test_a_thousand_calls_at_once_on_one_channel(to_app: Any) -> None:
    echo = to_app.unary_unary(path("Echo"))
    messages = [b"%d" % number for number in range(MANY)]
    calls = [echo.future(message, timeout=2 * PATIENCE) for message in messages]
    assert [call.result() for call in calls] == messages


def test_conversations_do_not_mix(to_app: Any) -> None:
    def talk(name: int) -> bool:
        conversation = Conversation(to_app, "Chat")
        messages = [b"%d:%d" % (name, number) for number in range(50)]
        answers = [conversation.ask(message) for message in messages]
        conversation.say(None)
        return answers == [b"you said " + message for message in messages]

    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(talk, range(8))] == [True] * 8


# Channels


def test_two_hundred_channels_one_after_the_other(ground: Ground) -> None:
    for _ in range(200):
        with channel(ground.through) as to_app:
            assert echoed(to_app)
    ground.running.until_in_flight(**dict.fromkeys(KINDS, 0))


def test_a_call_that_waits_for_ready_waits_for_the_app() -> None:
    port = free_ports(1)[0]
    with sidecar(f"127.0.0.1:{port}") as running, channel(running.port) as to_app:
        echo = to_app.unary_unary(path("Echo"))
        waits = echo.future(b"hello", wait_for_ready=True, timeout=PATIENCE)
        with pytest.raises(grpc.RpcError) as refused:
            echo(b"hello", timeout=PATIENCE)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert not waits.done()
        with grpc_app(port):
            assert waits.result() == b"hello"


def test_an_app_that_dies_in_a_call_makes_it_unavailable_until_it_is_back() -> None:
    port = free_ports(1)[0]
    with sidecar(f"127.0.0.1:{port}") as running, channel(running.port) as to_app:
        with grpc_app(port) as app:
            talk = Conversation(to_app, "Chat")
            assert talk.ask(b"hello") == b"you said hello"
            with pytest.raises(grpc.RpcError):
                talk.ask(b"die")
            assert talk.call.code() is grpc.StatusCode.UNAVAILABLE
            app.wait()
        with grpc_app(port):
            echo = to_app.unary_unary(path("Echo"))
            assert echo(b"again", wait_for_ready=True, timeout=PATIENCE) == b"again"


# Pings every 100 ms at first, later every second; without an ack in time the connection is dead.
KEEPALIVE = (
    ("grpc.keepalive_time_ms", 100),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.ping_timeout_ms", 1000),
)


def test_keepalive_asks_the_app_itself(ground: Ground) -> None:
    with channel(ground.through, *KEEPALIVE) as to_app:
        talk = Conversation(to_app, "Chat")
        assert talk.ask(b"hello") == b"you said hello"
        sleep(1.5)
        assert talk.ask(b"again") == b"you said again"
        ground.app.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(grpc.RpcError):
                next(talk.call)
        finally:
            ground.app.send_signal(signal.SIGCONT)
        assert talk.call.code() is grpc.StatusCode.UNAVAILABLE
        assert "ping timeout" in talk.call.details()


# Ends


@pytest.mark.parametrize("begun", [False, True])
def test_a_deadline_ends_the_call_at_both_ends(
    begun: bool, to_app: Any, request: pytest.FixtureRequest
) -> None:
    name = request.node.name.encode()
    if begun:
        talk = Conversation(to_app, "Hold", timeout=0.5)
        assert talk.ask(name) == name
        call = talk.call
        talk.say(None)
    else:
        call = to_app.unary_stream(path("Wait"))(name, timeout=0.5)
    with pytest.raises(grpc.RpcError):
        next(call)
    assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert app_saw_the_cancellation(to_app, name)


@pytest.mark.parametrize("half_closed", [False, True])
def test_the_app_sees_that_the_client_has_cancelled(
    half_closed: bool, to_app: Any, request: pytest.FixtureRequest
) -> None:
    name = request.node.name.encode()
    talk, other = Conversation(to_app, "Hold"), Conversation(to_app, "Chat")
    assert talk.ask(name) == name
    if half_closed:
        talk.say(None)
    assert other.ask(b"hello") == b"you said hello"
    talk.call.cancel()
    assert talk.call.code() is grpc.StatusCode.CANCELLED
    assert app_saw_the_cancellation(to_app, name)
    # The others on this connection have not noticed.
    assert other.ask(b"again") == b"you said again"
    other.say(None)
    assert other.call.code() is grpc.StatusCode.OK


def test_the_app_sees_that_a_channel_is_gone(
    ground: Ground, to_app: Any, request: pytest.FixtureRequest
) -> None:
    name = request.node.name.encode()
    with channel(ground.through) as gone:
        assert Conversation(gone, "Hold").ask(name) == name
    assert app_saw_the_cancellation(to_app, name)


def test_a_client_that_reads_a_little_and_leaves_does_no_harm(to_app: Any) -> None:
    for _ in range(8):
        call = to_app.unary_stream(path("Count"))(b"100000", timeout=PATIENCE)
        assert [next(call) for _ in range(3)] == [b"0", b"1", b"2"]
        call.cancel()
    assert echoed(to_app)
