"""Who sends much is read in small pieces, in the order in which it came, by the right session."""

from typing import Any

import pytest

from drainproxy.relay import small_reads
from drainproxy.relay.small_reads import SIZE, SmallReads, hand_over
from tests.relay.conversation import Conversation, head, request, response
from tests.relay.frames import PREFACE, settings

UPLOAD = request("/upload", f"Content-Length: {SIZE + 1}", method="POST")
SMALLER = request("/upload", f"Content-Length: {SIZE}", method="POST")
CHUNKED = request("/upload", "Transfer-Encoding: chunked", method="POST")
UPGRADE = request("/chat", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x")
SWITCHED = head("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket")


class Listener:
    """What a protocol is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def data_received(self, data: bytes) -> None:
        self.told.append(data)

    def eof_received(self) -> bool:
        self.told.append("eof")
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self.told.append(error)

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def client_in_next_turn(self, rest: bytes) -> None:
        self.told.append("turn")


def reading() -> tuple[SmallReads, list[object]]:
    listener = Listener()
    return SmallReads(listener), listener.told


def arrive(reads: SmallReads, data: bytes) -> None:
    reads.get_buffer(-1)[: len(data)] = data
    reads.buffer_updated(len(data))


def test_what_was_read_is_told_and_kept_by_nobody_else() -> None:
    first, told = reading()
    second, _ = reading()
    arrive(first, b"one")
    arrive(second, b"two")
    arrive(first, b"three")
    assert told == [b"one", b"three"]


def test_behind_the_fourth_full_read_others_have_their_turn() -> None:
    reads, told = reading()
    for _ in range(8):
        arrive(reads, bytes(SIZE))
        arrive(reads, bytes(SIZE - 1))
    assert [at for at, each in enumerate(told) if each == "turn"] == [6, 15]


def test_all_else_is_told_as_it_is() -> None:
    reads, told = reading()
    error = OSError()
    assert reads.eof_received()
    reads.pause_writing()
    reads.resume_writing()
    reads.connection_lost(error)
    assert told == ["eof", "pause", "resume", error]


def test_the_loop_keeps_no_method_of_its_own_for_each_client() -> None:
    (first, _), (second, _) = reading(), reading()
    assert first.buffer_updated is first
    assert first.get_buffer is second.get_buffer
    assert first.data_received is None


@pytest.mark.parametrize("paused", [True, False])
def test_the_loop_begins_to_read_anew_for_another_protocol(paused: bool) -> None:
    done: list[Any] = []

    class Transport:
        def pause_reading(self) -> None:
            done.append("pause")

        def resume_reading(self) -> None:
            done.append("resume")

        def set_protocol(self, protocol: object) -> None:
            done.append(protocol)

    # Of a transport it uses these three alone.
    hand_over(Transport(), "new", paused=paused)  # type: ignore[arg-type]
    assert done == ["pause", "new"] + ["resume"] * (not paused)


@pytest.mark.parametrize(
    ("said", "answered", "small"),
    [
        pytest.param(request(), response(), False, id="small"),
        pytest.param(UPLOAD, b"", True, id="large request"),
        pytest.param(CHUNKED, b"", True, id="request of any size"),
        pytest.param(SMALLER, b"", False, id="request"),
        pytest.param(UPGRADE, SWITCHED, True, id="websocket"),
        pytest.param(PREFACE + settings(), settings(), True, id="http2"),
        pytest.param(b"\x16\x03\x01\x00\x10\xff", b"hello", True, id="tcp"),
    ],
)
def test_a_client_that_may_send_much_is_read_in_small_pieces(
    said: bytes, answered: bytes, small: bool
) -> None:
    talk = Conversation("auto")
    talk.client_sends(said)
    if answered:
        talk.app_sends(answered)
    assert isinstance(talk.client.protocol, SmallReads) is small
    assert talk.client.is_reading()
    assert talk.app.is_reading()


def test_an_app_that_stops_leaves_little_behind() -> None:
    talk = Conversation()
    talk.client_sends(UPLOAD)
    talk.app_stops_reading()
    talk.client_sends(bytes(small_reads.BACKLOG))
    assert talk.client.is_reading()
    talk.client_sends(b"x")
    assert not talk.client.is_reading()


def test_who_is_told_to_stop_is_not_read_for_being_read_in_small_pieces() -> None:
    talk = Conversation(app_listens=False)
    talk.client_sends(UPLOAD + b"x" * 10)
    assert not talk.client.is_reading()
    talk.app_accepts()
    assert talk.client.is_reading()
    assert talk.app_got().endswith(b"x" * 10)


def test_a_session_that_goes_on_as_another_hears_what_comes() -> None:
    talk = Conversation()
    talk.client_sends(CHUNKED + b"1\r\na\r\n0\r\n\r\n")
    talk.app_sends(response())
    talk.client_sends(UPGRADE)
    talk.app_sends(SWITCHED)
    talk.client_got()
    talk.client_sends(b"\x81\x80mask")
    assert talk.app_got().endswith(b"\x81\x80mask")
