"""Goodbyes that wait cost their connection little: a read polls those on which it moved something.

Counted in polls and not in time, so that a busy machine changes nothing.
"""

from collections.abc import Callable
from typing import Any

import pytest

from drainproxy.relay.http2.deadlines import Deadline
from drainproxy.relay.http2.event_stream import EventStream
from drainproxy.relay.http2.grpc_stream import GrpcStream
from drainproxy.relay.http2.websocket_stream import WebSocketStream
from tests.relay.aged import ages
from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CALL,
    EVENTS,
    GET,
    GRPC_OK,
    OK,
    SWITCHED,
    WEBSOCKET,
    data,
    reset,
    window_update,
)
from tests.relay.kinds import CLOSE, ECHO
from tests.relay.proxy import MASK
from tests.relay.streams import ASKED, answered, asked, begun, leave

STREAMS = range(1, 41, 2)
OTHER = 41
DRAINED = frozenset({"grpc", "websocket", "sse"})
# What each is in the middle of, so that its goodbye waits.
KINDS: dict[str, tuple[Any, Any, bytes]] = {
    "grpc": (CALL, GRPC_OK, b"\0\0\0\0\1x"),
    "websocket": (WEBSOCKET, SWITCHED, b"\x01\x05hel"),
    "sse": (GET, EVENTS, b"data: x\n"),
}


@pytest.fixture
def polls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The streams that were polled."""
    polled: list[int] = []
    for kind in (GrpcStream, WebSocketStream, EventStream):
        poll: Callable[[Any, float], float] = kind.poll

        def counted(self: Any, now: float, poll: Callable[[Any, float], float] = poll) -> float:
            polled.append(self.stream.id)
            return poll(self, now)

        monkeypatch.setattr(kind, "poll", counted)
    return polled


def waiting(kind: str) -> Conversation:
    """Many goodbyes wait, and a stream beside them has none."""
    fields, answer, part = KINDS[kind]
    talk = begun(kinds_ended_by_drain=DRAINED, sse_drain="end", idle_timeout=1e9)
    for stream in STREAMS:
        talk.client_asks(stream, fields, end=kind != "websocket")
        talk.app_sends(talk.answers.headers(stream, answer) + data(stream, part))
    talk.client_asks(OTHER, GET)
    talk.app_sends(talk.answers.headers(OTHER, OK))
    talk.proxy.leaves()
    talk.client_hears()
    assert set(talk.session.table.pending) == {*STREAMS}
    return talk


@pytest.mark.parametrize("kind", KINDS)
def test_a_drain_polls_each_stream_as_its_goodbye_begins(kind: str, polls: list[int]) -> None:
    waiting(kind)
    assert len(polls) <= 2 * len(STREAMS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_read_polls_none_but_those_on_which_it_moved_something(
    kind: str, polls: list[int]
) -> None:
    talk = waiting(kind)
    polls.clear()
    talk.app_sends(data(OTHER, b"x"))
    talk.client_sends(window_update(0, 1))
    assert polls == []
    talk.app_sends(data(5, b"x") + data(OTHER, b"x"))
    assert polls == [5]


@pytest.mark.parametrize("kind", KINDS)
def test_in_the_middle_of_a_frame_a_stream_is_not_polled_with_each_read(
    kind: str, polls: list[int]
) -> None:
    talk = waiting(kind)
    polls.clear()
    frame = data(OTHER, b"x" * 100)
    talk.app_sends(data(5, b"x") + frame[:20])
    for at in range(20, len(frame)):
        assert polls == []
        talk.app_sends(frame[at : at + 1])
    assert polls == [5]


@pytest.mark.parametrize("kind", ["websocket", "sse"])
def test_when_time_is_up_all_are_polled_once(kind: str, polls: list[int]) -> None:
    talk = waiting(kind)
    polls.clear()
    talk.proxy.says_last_goodbyes()
    # Once more with what follows the goodbyes.
    assert len(polls) <= 2 * len(STREAMS)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_due_is_not_polled_when_another_is(kind: str, polls: list[int]) -> None:
    talk = waiting(kind)
    pending = talk.session.table.pending
    polls.clear()
    for each in pending.values():
        each.poll_at = talk.proxy.time + 60
    pending[7].poll_at = talk.proxy.time
    talk.session.deadlines.set(Deadline.GOODBYES, talk.proxy.time)
    talk.app_sends(data(OTHER, b"x"))
    assert polls == [7]


def test_an_answer_to_close_that_comes_in_pieces_is_an_answer() -> None:
    """The second piece begins no frame, so nothing tells of its stream."""
    talk = answered(WEBSOCKET, SWITCHED)
    leave(talk)
    talk.proxy.wait(0.25)
    assert talk.client_hears() == [("data", 1, CLOSE)]
    echo = data(1, ECHO, end=True)
    for at in range(len(echo)):
        assert talk.in_flight == {"websocket": 1}
        talk.client_sends(echo[at : at + 1])
    talk.app_sends(data(1, b"\x88\x02\x03\xe9"))
    assert talk.endings == [("websocket", "goodbye")]


def test_the_app_may_answer_first() -> None:
    talk = answered(WEBSOCKET, SWITCHED)
    leave(talk)
    talk.proxy.wait(0.25)
    talk.app_sends(data(1, b"\x88\x02\x03\xe9"))
    echo = data(1, ECHO)
    talk.client_sends(echo[:-1])
    assert talk.in_flight == {"websocket": 1}
    talk.client_sends(echo[-1:])
    assert talk.in_flight == {}
    assert talk.endings == [("websocket", "goodbye")]


def test_a_message_of_the_client_that_was_under_way_puts_close_off_until_it_is_whole() -> None:
    """The goodbye begins in the middle of its frame."""
    talk = answered(WEBSOCKET, SWITCHED)
    frame = data(1, b"\x81\x82" + MASK + bytes(2))
    talk.client_sends(frame[:-1])
    leave(talk)
    talk.proxy.wait(0.25)
    assert talk.client_hears() == []
    talk.client_sends(frame[-1:])
    talk.app_sends(data(1, b"\x81\x02hi"))
    talk.proxy.wait(0.25)
    assert talk.client_hears() == [("data", 1, b"\x81\x02hi"), ("data", 1, CLOSE)]


def test_close_that_has_waited_for_room_is_said_when_there_is_some(polls: list[int]) -> None:
    """With the read that opens the connection's window (RFC 9113 6.9.1), and not a look later."""
    talk = answered(WEBSOCKET, SWITCHED)
    talk.client_asks(3, GET)
    talk.app_sends(talk.answers.headers(3, OK) + data(3, b"x" * 16384) * 3 + data(3, b"x" * 16383))
    talk.client_hears()
    talk.proxy.says_last_goodbyes()
    assert ("data", 1, CLOSE) not in talk.client_hears()
    talk.client_sends(window_update(0, 1000))
    assert talk.client_hears()[0] == ("data", 1, CLOSE)


def test_a_goodbye_that_begins_in_a_read_lets_no_other_wait_for_what_came_before_it() -> None:
    """The second stream is told as its connection was (RFC 9113 6.8), while that read goes on."""
    talk = asked(1, 3, aging=ages(http2=100))
    talk.app_sends(talk.answers.headers(1, EVENTS) + data(1, b"data: x\n"))
    talk.proxy.wait(100)
    assert talk.client_hears()[2:] == ASKED
    talk.app_sends(data(1, b"\n") + talk.answers.headers(3, EVENTS))
    ends = [said[1] for said in talk.client_hears() if said[0] == "data" and said[-1] == "end"]
    assert sorted(ends) == [1, 3]


def test_what_was_touched_beside_goodbyes_is_not_kept() -> None:
    talk = waiting("websocket")
    late, table = OTHER + 2, talk.session.table
    talk.proxy.time += 0.5
    talk.client_asks(late, WEBSOCKET, end=False)
    talk.app_sends(talk.answers.headers(late, SWITCHED) + data(OTHER, b"xyz")[:-1])
    talk.client_sends(data(5, b"\x81\x80\0\0\0\0") + data(late, b"\x81\x80\0\0\0\0"))
    assert late not in table.pending
    assert {5, late} <= table.touched.keys()
    for stream in (*STREAMS, late):
        talk.client_sends(reset(stream))
    assert (table.pending, table.touched, table.short) == ({}, {}, {})


def test_a_goodbye_that_waits_for_long_holds_up_no_other_deadline() -> None:
    """An event that does not end is looked for with each sweep."""
    talk = answered(GET, EVENTS, request_timeout=3)
    talk.app_sends(data(1, b"data: x\n"))
    talk.client_asks(3, GET)
    talk.proxy.leaves()
    assert talk.session.table.pending
    talk.client_hears()
    # The client does not answer our PING.
    talk.proxy.wait(6)
    heard = talk.client_hears()
    assert [said for said in heard if said[0] == "goaway"] == [("goaway", 3, 0)]
    assert [dict(said[2])[b":status"] for said in heard if said[0] == "headers"] == [b"504"]
    assert talk.in_flight == {"sse": 1}


def test_a_goodbye_that_holds_nothing_is_not_polled_before_something_comes(
    polls: list[int],
) -> None:
    talk = waiting("sse")
    polls.clear()
    talk.proxy.wait(60)
    assert polls == []
    talk.app_sends(data(5, b"data: y\n"))
    talk.proxy.wait(60)
    # As it came, when nobody waits for it any longer, and that nothing is left.
    assert 0 < len(polls) <= 3


def test_the_moment_of_a_goodbye_that_waits_no_more_holds_up_no_other_deadline() -> None:
    """It came first among those that are over, and was over for ever."""
    talk = waiting("grpc")
    for stream in STREAMS:
        talk.app_sends(talk.answers.headers(stream, ((b"grpc-status", b"0"),), end=True))
    assert talk.session.deadlines.get(Deadline.GOODBYES) == float("inf")
    talk.proxy.wait(6)
    assert talk.client_hears()[-1] == ("goaway", OTHER, 0), "it has not answered our PING"
