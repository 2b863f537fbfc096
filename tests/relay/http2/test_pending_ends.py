"""What becomes of a goodbye that waits on a stream which turns out to be another, or is over."""

from math import inf

import pytest

from drainproxy.drain.aging import Aging
from drainproxy.drain.goodbye import DRAIN, MAX_STREAM_AGE
from drainproxy.drain.stream_drain import StreamDrain
from drainproxy.relay.http2.deadlines import Deadline
from tests.relay.aged import ages
from tests.relay.frames import (
    CALL,
    EVENTS,
    GET,
    GRPC_OK,
    OK,
    SWITCHED,
    TRAILERS,
    WEBSOCKET,
    WINDOW,
    Fields,
    data,
    reset,
    settings,
    window_update,
)
from tests.relay.streams import OUR_PING_ACK, answered, asked, begun

EVENT = b"data: x\n\n"
LONG = ((b"cookie", b"y" * 4000),)


def test_an_answer_that_turns_out_to_be_events_is_waited_for_as_events_are() -> None:
    """stream-drain names its path, sse-drain says that event streams are waited for."""
    named = StreamDrain(prefixes=("/",))
    talk = asked(fields=GET, stream_drain=named, sse_drain="wait", kinds_ended_by_drain=frozenset())
    talk.proxy.leaves()
    talk.client_hears()
    talk.app_sends(talk.answers.headers(1, EVENTS))
    talk.proxy.wait(10)
    assert talk.client_hears()[0] == ("headers", 1, EVENTS)
    assert talk.in_flight == {"sse": 1}


def test_nothing_is_kept_of_streams_that_ended_without_room_for_a_word() -> None:
    talk = begun(sse_drain="end", aging=ages(http2=1))
    for stream in range(1, 41, 2):
        talk.client_asks(stream, GET)
        talk.app_sends(talk.answers.headers(stream, EVENTS) + data(stream, EVENT))
    talk.client_sends(settings({WINDOW: 0}))
    talk.proxy.wait(2)
    talk.client_sends(window_update(0, 1))
    talk.proxy.wait(1)
    table = talk.session.table
    assert (table.streams, table.pending, table.short, table.touched) == ({}, {}, {}, {})


def test_the_age_of_a_call_counts_again_when_a_drain_is_taken_back() -> None:
    talk = asked(
        fields=CALL, aging=Aging({"stream": 3.0}), kinds_ended_by_drain=frozenset({"grpc"})
    )
    talk.proxy.wait(2)
    talk.proxy.leaves()
    talk.proxy.wait(1.5)
    talk.proxy.stays()
    talk.proxy.wait(30)
    goodbyes = talk.proxy.context.counters.goodbyes
    assert (goodbyes["grpc", MAX_STREAM_AGE], goodbyes["grpc", DRAIN]) == (1, 0)
    assert talk.in_flight == {}


def test_trailers_do_not_overtake_events_for_which_the_client_has_no_room() -> None:
    talk = asked(1, 3, fields=GET, sse_drain="end")
    talk.app_sends(talk.answers.headers(1, EVENTS) + talk.answers.headers(3, OK))
    talk.app_sends(data(1, b"data: a"))
    talk.proxy.leaves()
    talk.client_sends(OUR_PING_ACK)
    talk.app_sends(data(1, b"b" * 50))
    while (room := talk.session.table.window.room) > 0:
        talk.app_sends(data(3, b"x" * min(room, 16384)))
    talk.client_hears()
    talk.app_sends(data(1, b"c" * 30))
    talk.app_sends(talk.answers.headers(1, TRAILERS, end=True))
    talk.proxy.wait(1)
    assert talk.client_hears() == []
    talk.client_sends(window_update(0, 60000))
    talk.proxy.wait(1)
    said = [each for each in talk.client_hears() if each[1] == 1]
    assert said == [("data", 1, b"b" * 50 + b"c" * 30), ("data", 1, b"", "end")]
    assert talk.endings == [("sse", "finished")]


def test_the_app_hears_nothing_of_a_stream_that_was_answered_431() -> None:
    for end in (True, False):
        talk = begun(max_header_bytes=4000)
        talk.client_asks(1, (*GET, *LONG), end=end)
        talk.client_asks(3)
        talk.app_hears()
        talk.client_sends(reset(1) + window_update(1, 5))
        assert talk.app_hears() == []
        assert talk.session.table.passed_to_app == 1


def test_of_several_calls_each_is_told_at_the_very_moment_of_its_age() -> None:
    talk = begun(aging=Aging({"stream": 3.0}))
    for stream in (1, 3, 5):
        talk.client_asks(stream, CALL)
        talk.proxy.wait(1)
    for told in ([1], [1, 3], [1, 3, 5]):
        assert [*talk.session.table.pending] == told
        talk.proxy.wait(1)
    assert talk.session.deadlines.get(Deadline.STREAM_AGE) == inf


WAITING: dict[str, tuple[Fields, Fields, bytes]] = {
    "grpc": (CALL, GRPC_OK, b"\0\0\0\0\1x"),
    "http2": (GET, OK, b"x"),
    "sse": (GET, EVENTS, b"data: x\n"),
    "websocket": (WEBSOCKET, SWITCHED, b"\x01\x05hel"),
}


@pytest.mark.parametrize("how", ["said", "taken back"])
@pytest.mark.parametrize("kind", WAITING)
def test_a_goodbye_that_was_said_or_taken_back_is_not_looked_at_any_more(
    kind: str, how: str
) -> None:
    """Else each sweep would find the deadline of the connection over, for as long as it lasts."""
    fields, answer, part = WAITING[kind]
    talk = answered(fields, answer, stream_drain=StreamDrain(prefixes=("/",)))
    talk.app_sends(data(1, part))
    talk.proxy.leaves()
    table = talk.session.table
    assert table.deadlines.get(Deadline.GOODBYES) > talk.proxy.time or kind == "sse"
    if how == "taken back":
        talk.proxy.stays()
    else:
        talk.proxy.wait(0.25)
        assert table.deadlines.get(Deadline.GOODBYES) > talk.proxy.time
        rest = {"sse": b"\n", "websocket": b"lo\x80\x00"}.get(kind, b"")
        talk.app_sends(data(1, rest))
        talk.proxy.wait(3)
        if kind == "websocket":
            talk.client_sends(data(1, b"\x88\x80abcd", end=True))
            talk.app_sends(data(1, end=True))
    assert table.pending == {}
    assert table.deadlines.get(Deadline.GOODBYES) == inf
