"""Goodbyes to single streams of HTTP/2: gRPC, event streams and WebSockets."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.relay.aged import ages
from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CALL,
    CANCEL,
    EVENTS,
    GET,
    GRPC_OK,
    NO_ERROR,
    POST,
    SWITCHED,
    WEBSOCKET,
    data,
    reset,
)
from tests.relay.kinds import CLOSE, ECHO, RETRY
from tests.relay.proxy import MASK
from tests.relay.streams import ASKED, answered, asked, leave

GRPC = frozenset({"grpc"})
TEXT, MASKED_TEXT = b"\x81\x02hi", b"\x81\x82" + MASK + bytes(2)


def goodbyes(talk: Conversation) -> dict[tuple[str, str], int]:
    """How many were said to streams, by kind and why."""
    said = talk.proxy.context.counters.goodbyes
    return {key: count for key, count in said.items() if key[0] != "http2"}


def unavailable(reason: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return (b"grpc-status", b"14"), (b"grpc-message", b"drainproxy: " + reason)


LEAVING = unavailable(b"leaving: the stream may begin again elsewhere")
OLD = unavailable(b"the stream has reached its age")

# gRPC


def test_a_grpc_stream_is_waited_for_by_default() -> None:
    talk = answered(CALL, GRPC_OK)
    assert leave(talk) == []
    talk.proxy.wait(20)
    assert talk.in_flight == {"grpc": 1}


def test_a_grpc_stream_that_shall_end_ends_in_a_pause_with_unavailable() -> None:
    talk = answered(CALL, GRPC_OK, kinds_ended_by_drain=GRPC)
    assert leave(talk) == []
    talk.proxy.wait(0.25)
    assert talk.client_hears() == [("headers", 1, LEAVING, "end")]
    assert talk.app_hears() == [("reset", 1, CANCEL)]
    assert talk.endings == [("grpc", "goodbye")]
    assert goodbyes(talk) == {("grpc", "drain"): 1}
    assert talk.proxy.context.counters.grpc == {b"/a.Service/Do": {b"14": 1}}


def test_messages_without_a_pause_put_it_off_but_not_for_long() -> None:
    talk = answered(CALL, GRPC_OK, kinds_ended_by_drain=GRPC)
    leave(talk)
    for _ in range(60):
        if talk.in_flight:
            talk.app_sends(data(1, b"\0\0\0\0\1x"))
            talk.proxy.time += 0.05
            talk.proxy.context.registry.sweep()
    heard = talk.client_hears()
    assert heard[-1] == ("headers", 1, LEAVING, "end")
    assert len(heard) > 30


def test_a_call_without_an_answer_gets_time_for_it_and_then_trailers_only() -> None:
    talk = asked(fields=CALL, kinds_ended_by_drain=GRPC)
    assert leave(talk) == []
    talk.proxy.wait(4.75)
    assert talk.client_hears() == []
    talk.proxy.wait(0.25)
    assert talk.client_hears() == [("headers", 1, (*GRPC_OK, *LEAVING), "end")]


def test_a_stream_that_the_client_still_sends_on_is_ended_both_ways() -> None:
    talk = asked(fields=CALL, end=False, kinds_ended_by_drain=GRPC)
    talk.app_sends(talk.answers.headers(1, GRPC_OK))
    talk.client_hears()
    leave(talk)
    talk.proxy.wait(0.25)
    assert talk.client_hears() == [("headers", 1, LEAVING, "end"), ("reset", 1, NO_ERROR)]


def test_a_call_that_comes_while_leaving_is_told_too() -> None:
    talk = asked(fields=CALL, kinds_ended_by_drain=GRPC)
    talk.proxy.leaves()
    talk.client_asks(3, CALL)
    talk.app_sends(talk.answers.headers(3, GRPC_OK))
    talk.proxy.wait(0.25)
    assert ("headers", 3, LEAVING, "end") in talk.client_hears()


def test_what_the_app_still_says_is_dropped_and_its_window_given_back() -> None:
    talk = answered(CALL, GRPC_OK, kinds_ended_by_drain=GRPC)
    talk.client_asks(3)
    leave(talk)
    talk.proxy.wait(0.25)
    assert len(talk.client_hears()) == len(talk.app_hears()[1:]) == 1
    talk.app_sends(data(1, b"late") + talk.answers.headers(1, ((b"grpc-status", b"0"),), end=True))
    assert talk.client_hears() == []
    assert talk.app_hears() == [("window", 0, 4)]


# Ages of streams


def test_a_grpc_stream_ends_at_its_age_and_others_do_not() -> None:
    talk = answered(CALL, GRPC_OK, aging=ages(stream=10))
    talk.proxy.wait(5)
    talk.client_asks(3, CALL)
    talk.client_asks(5, GET)
    talk.app_hears()
    talk.proxy.wait(5.5)
    assert talk.client_hears() == [("headers", 1, OLD, "end")]
    assert talk.in_flight == {"grpc": 1, "http2": 1}
    talk.proxy.wait(10.25)
    assert talk.client_hears() == [("headers", 3, (*GRPC_OK, *OLD), "end")]
    assert goodbyes(talk) == {("grpc", "max-stream-age"): 2}
    assert talk.client.state == "open"


def flows(talk: Conversation, seconds: float) -> None:
    """Messages of the app without a pause, until something ends them."""
    until = talk.proxy.time + seconds
    while talk.proxy.time < until and talk.in_flight:
        talk.app_sends(data(1, b"\0\0\0\0\1x"))
        talk.proxy.wait(0.0625)


def test_a_drain_that_is_taken_back_leaves_old_streams_their_goodbye() -> None:
    talk = answered(
        CALL, GRPC_OK, kinds_ended_by_drain=GRPC, aging=ages(stream=10), idle_timeout=1e9
    )
    flows(talk, 11)
    talk.proxy.leaves()
    talk.proxy.stays()
    flows(talk, 2)
    assert talk.client_hears()[-1] == ("headers", 1, OLD, "end")
    assert goodbyes(talk) == {("grpc", "max-stream-age"): 1}


def test_who_says_goodbye_to_a_call_again_does_not_put_it_off() -> None:
    talk = answered(
        CALL, GRPC_OK, kinds_ended_by_drain=GRPC, aging=ages(stream=10), idle_timeout=1e9
    )
    flows(talk, 11)
    assert talk.in_flight
    talk.proxy.leaves()
    flows(talk, 1.25)
    assert talk.in_flight == {}
    assert goodbyes(talk) == {("grpc", "max-stream-age"): 1}


def test_in_the_middle_of_a_frame_a_call_is_not_ended() -> None:
    """Nor is the end counted that its client may never hear."""
    talk = answered(CALL, GRPC_OK, kinds_ended_by_drain=GRPC)
    frame = data(1, b"\0\0\0\0\1x")
    talk.app_sends(frame[:12])
    talk.proxy.leaves()
    talk.proxy.wait(10)
    assert goodbyes(talk) == {}
    assert talk.in_flight == {"grpc": 1}
    talk.app_sends(frame[12:])
    assert talk.client_hears()[1:] == [
        *ASKED,
        ("goaway", 1, 0),
        ("headers", 1, LEAVING, "end"),
    ]


@pytest.mark.parametrize("who", ["client", "app"])
@pytest.mark.parametrize("under_way", [True, False], ids=["under way", "begun later"])
def test_a_frame_that_takes_long_is_no_pause(who: str, under_way: bool) -> None:
    """Of either side: what it is a part of may go on in the next one."""
    talk = asked(fields=CALL, end=False, kinds_ended_by_drain=GRPC)
    talk.app_sends(talk.answers.headers(1, GRPC_OK))
    talk.client_hears()
    frame = data(1, b"\0\0\0\0\x0f" + b"x" * 15)
    says = talk.app_sends if who == "app" else talk.client_sends
    if under_way:
        says(frame[:12])
        talk.proxy.leaves()
    else:
        talk.proxy.leaves()
        says(frame[:12])
    for at in range(12, len(frame)):
        talk.proxy.wait(0.0625)
        says(frame[at : at + 1])
    assert talk.in_flight == {"grpc": 1}
    talk.proxy.wait(0.5)
    assert talk.in_flight == {}


@pytest.mark.parametrize("who", ["client", "app"])
def test_what_nobody_has_read_yet_is_no_pause(who: str) -> None:
    """This process was busy, or the client reads slowly, so that its app has to wait (RFC 9113
    5.2)."""
    talk = answered(CALL, GRPC_OK, kinds_ended_by_drain=GRPC)
    leave(talk)
    talk.proxy.time += 1
    side = talk.app if who == "app" else talk.client
    side.pause_reading()
    side.sends(data(1, b"\0\0\0\0\1x", end=who == "client"))
    talk.proxy.context.registry.sweep()
    assert talk.client_hears() == []
    assert talk.in_flight == {"grpc": 1}
    # But not for ever.
    talk.proxy.wait(1.25)
    assert talk.client_hears()[-1] == ("headers", 1, LEAVING, "end")


def test_a_drain_that_is_taken_back_leaves_streams_alone() -> None:
    talk = answered(CALL, GRPC_OK, kinds_ended_by_drain=GRPC)
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.proxy.wait(20)
    assert talk.in_flight == {"grpc": 1}


# Event streams


def test_an_event_stream_ends_between_two_events() -> None:
    talk = answered(GET, EVENTS)
    talk.app_sends(data(1, b"data: 1\n"))
    assert talk.client_hears() == [("data", 1, b"data: 1\n")]
    assert leave(talk) == []
    talk.app_sends(data(1, b"data: 2\n\n", pad=7))
    assert talk.client_hears() == [
        ("data", 1, b"data: 2\n\n"),
        ("data", 1, RETRY),
        ("data", 1, b"", "end"),
    ]
    assert talk.app_hears()[-1] == ("reset", 1, CANCEL)
    assert talk.endings == [("sse", "goodbye")]
    assert goodbyes(talk) == {("sse", "drain"): 1}


def test_the_goodbye_waits_for_the_end_of_a_frame_that_is_passing() -> None:
    talk = answered(GET, EVENTS)
    frame = data(1, b"data: 1\n\ndata: 2\n")
    talk.app_sends(frame[:18])
    talk.proxy.leaves()
    talk.app_sends(frame[18:] + data(1, b"\n"))
    assert talk.client_hears() == [
        ("data", 1, b"data: 1\n\ndata: 2\n"),
        *ASKED,
        ("data", 1, b"\n"),
        ("data", 1, RETRY),
        ("data", 1, b"", "end"),
    ]


def test_an_event_stream_that_begins_while_leaving_is_told_at_once() -> None:
    talk = asked(fields=GET)
    talk.proxy.leaves()
    talk.app_sends(talk.answers.headers(1, EVENTS))
    assert talk.client_hears()[2:] == [
        ("headers", 1, EVENTS),
        ("data", 1, RETRY),
        ("data", 1, b"", "end"),
    ]


@pytest.mark.parametrize("fields", [POST])
def test_events_that_nobody_would_ask_for_again_are_waited_for(fields: Any) -> None:
    talk = answered(fields, EVENTS)
    assert leave(talk) == []
    talk.proxy.wait(10)
    assert talk.in_flight == {"sse": 1}


def test_an_event_that_does_not_end_is_cut_in_the_end() -> None:
    talk = answered(GET, EVENTS)
    talk.app_sends(data(1, b"data: 1\n"))
    assert talk.client_hears() == [("data", 1, b"data: 1\n")]
    leave(talk)
    talk.proxy.says_last_goodbyes()
    assert talk.client_hears() == []
    talk.proxy.aborts()
    assert talk.client_hears() == [("reset", 1, CANCEL)]
    assert talk.endings == [("sse", "cut")]
    assert talk.client.lost


# WebSockets (RFC 8441)


def open_websocket(**about: Any) -> Conversation:
    talk = answered(WEBSOCKET, SWITCHED, **about)
    assert talk.in_flight == {"websocket": 1}
    return talk


def told_to_close() -> Conversation:
    talk = open_websocket()
    leave(talk)
    talk.proxy.wait(0.25)
    assert talk.client_hears() == [("data", 1, CLOSE)]
    assert talk.app_hears() == []
    return talk


def test_after_our_close_nothing_of_the_app_comes_to_the_client() -> None:
    talk = told_to_close()
    talk.app_sends(data(1, TEXT))
    assert talk.client_hears() == []
    talk.app_sends(data(1, b"x" * 100))
    left = len(TEXT) + 100 - len(CLOSE)
    assert talk.app_hears() == [("window", 0, left)], "our Close has taken of it, too"


def test_a_client_that_does_not_answer_close_is_let_go_of_and_counts_as_cut() -> None:
    talk = told_to_close()
    talk.proxy.wait(5.25)
    assert talk.client_hears() == [("data", 1, b"", "end")]
    assert talk.app_hears() == [("reset", 1, CANCEL)]
    assert talk.endings == [("websocket", "cut")]


def test_an_app_that_resets_after_the_handshake_does_no_harm() -> None:
    talk = told_to_close()
    talk.client_sends(data(1, ECHO, end=True))
    talk.app_sends(reset(1))
    assert talk.client_hears() == [("data", 1, b"", "end")]
    assert talk.endings == [("websocket", "goodbye")]


def test_a_websocket_that_does_not_answer_is_cut_in_the_end() -> None:
    talk = open_websocket()
    leave(talk)
    talk.proxy.says_last_goodbyes()
    talk.proxy.aborts()
    assert talk.client_hears() == [("data", 1, CLOSE), ("reset", 1, CANCEL)]
    assert talk.endings == [("websocket", "cut")]
    assert talk.proxy.books.cuts == {("websocket", "deadline"): 1}


def app_says_close(talk: Conversation) -> None:
    talk.app_sends(data(1, b"\x88\x02\x03\xe9"))
    assert talk.client_hears() == [("data", 1, b"", "end")], "nobody waits any longer"


@pytest.mark.parametrize(
    "then",
    [
        app_says_close,
        Conversation.app_ends,
        Conversation.app_resets,
        Conversation.client_resets,
        lambda talk: talk.client_sends(reset(1)),
    ],
    ids=["app says Close", "app ends", "app resets", "client resets", "client resets the stream"],
)
@pytest.mark.parametrize("echoed", [True, False])
def test_whoever_goes_after_the_client_has_answered_our_close_it_was_a_goodbye(
    then: Callable[[Conversation], None], echoed: bool
) -> None:
    talk = told_to_close()
    if echoed:
        talk.client_sends(data(1, ECHO))
    elif then is app_says_close:
        return
    then(talk)
    (ending,) = talk.endings
    assert (ending == ("websocket", "goodbye")) is echoed


def test_a_websocket_that_its_app_has_ended_hears_nothing_more_in_it() -> None:
    talk = open_websocket()
    talk.proxy.leaves()
    talk.app_sends(data(1, end=True))
    talk.client_hears()
    talk.proxy.wait(3)
    assert talk.client_hears() == []
    talk.proxy.says_last_goodbyes()
    assert ("reset", 1, NO_ERROR) in talk.client_hears()
    assert talk.endings == [("websocket", "finished")]


@pytest.mark.parametrize("later", ["says_last_goodbyes", "leaves"])
def test_a_goodbye_to_one_may_come_when_the_time_of_another_is_over(later: str) -> None:
    talk = open_websocket()
    talk.client_asks(3, WEBSOCKET, end=False)
    talk.app_sends(talk.answers.headers(3, SWITCHED))
    talk.session.say_goodbye_to(talk.session.table.streams[3], "max-stream-age")
    talk.proxy.wait(0.25)
    # It has been told and does not answer; nobody looks until the other is told as well.
    talk.proxy.time += 6
    getattr(talk.proxy, later)()
    assert ("websocket", "cut") in talk.endings
    talk.proxy.wait(12)
    talk.proxy.aborts()
    assert talk.in_flight == {}


@pytest.mark.parametrize(("fields", "answer"), [(GET, EVENTS), (WEBSOCKET, SWITCHED)])
def test_at_the_age_of_the_connection_streams_without_an_end_are_told(
    fields: Any, answer: Any
) -> None:
    talk = answered(fields, answer, aging=ages(http2=10))
    talk.proxy.wait(10.5)
    kind = "sse" if answer is EVENTS else "websocket"
    assert goodbyes(talk) == {(kind, "max-connection-age"): 1}
