"""Goodbyes to single streams of HTTP/2: gRPC, event streams and WebSockets."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.relay.aged import ages
from tests.relay.conversation import MASK
from tests.relay.frames import (
    CALL,
    CANCEL,
    GET,
    GRPC_OK,
    NO_ERROR,
    POST,
    WEBSOCKET,
    data,
    reset,
)
from tests.relay.goodbye_model import CLOSE, ECHO, EVENTS, RETRY, RETRY_LATER, SWITCHED, is_boundary
from tests.relay.streaming import ASKED, Streaming, answered, asked, leave

GRPC = frozenset({"grpc"})
TEXT, MASKED_TEXT = b"\x81\x02hi", b"\x81\x82" + MASK + bytes(2)


def goodbyes(talk: Streaming) -> dict[tuple[str, str], int]:
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


def test_a_drain_that_is_taken_back_leaves_streams_alone_but_not_old_ones() -> None:
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


def open_websocket(**about: Any) -> Streaming:
    talk = answered(WEBSOCKET, SWITCHED, **about)
    assert talk.in_flight == {"websocket": 1}
    return talk


def told_to_close() -> Streaming:
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
    assert talk.app_hears() == [("window", 0, len(TEXT))]


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


def app_says_close(talk: Streaming) -> None:
    talk.app_sends(data(1, b"\x88\x02\x03\xe9"))
    assert talk.client_hears() == [("data", 1, b"", "end")], "nobody waits any longer"


@pytest.mark.parametrize(
    "then",
    [
        app_says_close,
        Streaming.app_ends,
        Streaming.app_resets,
        Streaming.client_resets,
        lambda talk: talk.client_sends(reset(1)),
    ],
    ids=["app says Close", "app ends", "app resets", "client resets", "client resets the stream"],
)
@pytest.mark.parametrize("echoed", [True, False])
def test_whoever_goes_after_the_client_has_answered_our_close_it_was_a_goodbye(
    then: Callable[[Streaming], None], echoed: bool
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


# At any point, however the bytes are cut

PARTS = {
    "sse": [b"data: x\n", b"\n", b": ping\n\n", b"id: 1\r\n\r\n"],
    "websocket": [TEXT, b"\x01\x01a", b"\x80\x01b", b"\x89\x00", b"\x82\x7e\x01\x00" + bytes(256)],
    "grpc": [b"\0\0\0\0\1x", b"\0\0\0\0\0", b"\0\0\0\1\0" + bytes(256)],
}
ASKS = {"sse": GET, "websocket": WEBSOCKET, "grpc": CALL}
ANSWERS = {"sse": EVENTS, "websocket": SWITCHED, "grpc": GRPC_OK}


def partings(talk: Streaming) -> dict[str, Callable[[], None]]:
    return {
        "drain": talk.proxy.leaves,
        "age": lambda: talk.session.expire("max-connection-age"),
        "deadline": talk.proxy.says_last_goodbyes,
    }


@given(st.data())
def test_whenever_it_comes_what_the_client_hears_is_a_part_of_it_and_the_goodbye(
    data_: st.DataObject,
) -> None:
    kind = data_.draw(st.sampled_from(sorted(PARTS)))
    parts = data_.draw(st.lists(st.sampled_from(PARTS[kind]), max_size=12))
    talk = answered(ASKS[kind], ANSWERS[kind], kinds_ended_by_drain=frozenset(PARTS))
    part = partings(talk)[data_.draw(st.sampled_from(["drain", "age", "deadline"]))]
    coded = b"".join(data(1, each, pad=data_.draw(st.none() | st.just(3))) for each in parts)
    cuts = sorted(data_.draw(st.lists(st.integers(0, len(coded)), max_size=8)))
    when = data_.draw(st.integers(0, len(cuts)))
    for step, (a, b) in enumerate(pairwise([0, *cuts, len(coded)])):
        if step == when:
            part()
        if a < b and not talk.app.lost:
            talk.app_sends(coded[a:b])
        talk.proxy.wait(data_.draw(st.sampled_from([0, 0.25, 3])))
    heard = [each for each in talk.client_hears() if each[1] == 1 and each[0] != "goaway"]
    body = b"".join(each[2] for each in heard if each[0] == "data")
    sent = b"".join(parts)
    said = {"sse": (RETRY, RETRY_LATER), "websocket": (CLOSE,), "grpc": ()}[kind]
    if body.endswith(said) and goodbyes(talk):
        body = body.removesuffix(next(each for each in said if body.endswith(each)))
        assert is_boundary(kind, body)
    assert sent.startswith(body), "what the app said, and nothing else"
    ends = [each for each in heard if each[-1] == "end"]
    assert len(ends) <= 1
    if kind == "grpc" and ends:
        assert ends[0] == heard[-1]
        assert dict(ends[0][2])[b"grpc-status"] == b"14"
        assert is_boundary(kind, body)
