"""A client of HTTP/2 that has ended its side (FIN): it is gone, or still reads its answers."""

from collections.abc import Callable

import pytest

from drainproxy.drain.stream_drain import StreamDrain
from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CALL,
    CANCEL,
    EVENTS,
    GET,
    GRPC_OK,
    OK,
    POST,
    PREFACE,
    SETTINGS_ACK,
    SWITCHED,
    WEBSOCKET,
    Fields,
    data,
    goaway,
    ping,
    settings,
)
from tests.relay.proxy import Proxy
from tests.relay.streams import LIMITED, answered, asked, begun

WAYS: dict[str, Callable[[Conversation], None]] = {
    "ends": Conversation.app_ends,
    "resets": Conversation.app_resets,
}


# What can still be answered


def test_a_client_that_half_closes_gets_the_answers_that_are_on_their_way() -> None:
    """The app does not hear the FIN: servers of HTTP/2 take it for the end of all streams."""
    talk = asked()
    talk.client_ends()
    assert talk.app.state == "open"
    talk.app_answers(body=b"x")
    assert talk.client_hears() == [("headers", 1, OK), ("data", 1, b"x", "end")]
    assert (talk.client.state, talk.app.state) == ("closed", "closed")
    assert talk.endings == [("http2", "finished")]


def test_a_client_that_half_closes_and_has_asked_for_nothing_is_let_go() -> None:
    talk = begun()
    talk.client_ends()
    assert (talk.client.state, talk.app.state) == ("closed", "closed")
    assert talk.proxy.context.registry.sessions == set()


def test_the_preface_and_an_end() -> None:
    talk = Conversation("auto")
    talk.client_sends(PREFACE)
    talk.client_ends()
    assert talk.client.state == "closed"
    assert talk.app.lost
    assert talk.proxy.context.registry.sessions == set()


def test_a_client_that_half_closes_before_the_app_accepts() -> None:
    talk = Conversation("auto", app_listens=False)
    talk.client_begins(GET)
    talk.client_ends()
    talk.app_accepts()
    assert talk.app_hears() == [("settings", {}), ("headers", 1, GET, "end")]
    talk.app_sends(settings())
    talk.app_answers()
    assert talk.client_hears() == [LIMITED, ("headers", 1, OK, "end")]
    assert talk.client.state == "closed"


@pytest.mark.parametrize("settings_came", [True, False])
@pytest.mark.parametrize("last", [b"", ping(), SETTINGS_ACK])
def test_one_that_has_nothing_open_is_let_go_while_the_first_goaway_waits(
    last: bytes, settings_came: bool
) -> None:
    """It waits a second for the stream for which the client has connected, or for the app."""
    talk = Conversation("auto")
    talk.client_begins()
    if settings_came:
        talk.app_sends(settings() + SETTINGS_ACK)
    talk.proxy.leaves()
    assert talk.session.shutdown.waits
    talk.client_sends(last)
    talk.client_ends()
    assert talk.client.state == "closed"
    assert talk.app.lost
    assert talk.proxy.context.registry.sessions == set()


def test_nor_does_it_wait_any_longer_than_for_its_last_answer() -> None:
    talk = Conversation("auto")
    talk.client_begins(GET)
    talk.proxy.leaves()
    talk.client_ends()
    assert talk.session.shutdown.waits
    talk.app_sends(settings() + talk.answers.headers(1, OK, end=True))
    assert talk.client_hears()[-1] == ("headers", 1, OK, "end")
    assert talk.client.state == "closed"


# What cannot


@pytest.mark.parametrize(
    ("kind", "fields", "answer"),
    [
        ("http2", POST, None),
        ("http2", POST, OK),
        ("grpc", CALL, None),
        ("grpc", CALL, GRPC_OK),
        ("websocket", WEBSOCKET, None),
        ("websocket", WEBSOCKET, SWITCHED),
    ],
)
def test_a_request_that_can_never_be_whole_is_over_and_the_app_hears_it(
    kind: str, fields: Fields, answer: Fields | None
) -> None:
    talk = begun()
    talk.client_asks(1, fields, end=False)
    talk.client_asks(3)
    if answer:
        talk.app_sends(talk.answers.headers(1, answer))
    talk.app_hears()
    talk.client_hears()
    talk.client_ends()
    assert talk.app_hears() == [("reset", 1, CANCEL)]
    assert talk.endings == [(kind, "client_left")]
    talk.app_answers(3, b"x")
    assert talk.client_hears() == [("headers", 3, OK), ("data", 3, b"x", "end")]
    assert talk.client.state == "closed"


def test_a_request_that_was_answered_early_is_no_loss() -> None:
    talk = asked(end=False)
    talk.app_answers(body=b"x")
    talk.client_ends()
    assert talk.app_hears() == [("reset", 1, CANCEL)]
    assert talk.endings == [("http2", "finished")]
    assert talk.client.state == "closed"


def test_what_the_app_still_says_of_it_gives_its_window_back() -> None:
    talk = asked(end=False)
    talk.client_asks(3)
    talk.app_hears()
    talk.client_ends()
    talk.app_sends(talk.answers.headers(1, OK) + data(1, b"late"))
    assert talk.app_hears() == [("reset", 1, CANCEL), ("window", 0, 4)]
    assert talk.client_hears() == []


def test_before_the_app_accepts_it_gets_the_request_and_its_end() -> None:
    talk = Conversation("auto", app_listens=False)
    talk.client_begins(POST, end=False)
    talk.client_asks(3)
    talk.client_ends()
    assert talk.endings == [("http2", "client_left")]
    talk.app_accepts()
    assert talk.app_hears()[1:] == [
        *(("headers", 1, POST), ("headers", 3, GET, "end"), ("reset", 1, CANCEL)),
    ]


@pytest.mark.parametrize("accepts_first", [True, False])
def test_in_the_middle_of_a_frame_the_app_hears_it_with_the_end_of_all(
    accepts_first: bool,
) -> None:
    """There is no place for a frame of ours, and the other requests wait for their answers."""
    talk = Conversation("auto", app_listens=False)
    talk.client_begins(POST, end=False)
    talk.client_asks(3)
    if accepts_first:
        talk.app_accepts()
    talk.client_sends(data(1, b"x" * 100)[:50])
    talk.client_ends()
    if not accepts_first:
        talk.app_accepts()
    assert talk.app.state == "open"
    assert talk.endings == [("http2", "client_left")]
    talk.app_sends(settings() + SETTINGS_ACK)
    talk.app_answers(3)
    assert talk.client_hears()[-1] == ("headers", 3, OK, "end")
    assert talk.endings == [("http2", "client_left"), ("http2", "finished")]
    assert talk.app.state == "closed"


@pytest.mark.parametrize("sent", [5, 50])
def test_who_ends_in_the_middle_of_its_only_request_is_gone(sent: int) -> None:
    talk = asked(end=False)
    talk.client_sends(data(1, b"x" * 100)[:sent])
    talk.client_ends()
    assert talk.endings == [("http2", "client_left")]
    assert (talk.client.state, talk.app.state) == ("closed", "closed")


def test_a_header_block_that_will_never_be_whole_is_not_waited_for() -> None:
    talk = asked(header_timeout=10)
    talk.client_sends(talk.says.headers(3, GET)[:12])
    talk.client_ends()
    for _ in range(4):
        talk.proxy.wait(4)
        talk.app_sends(ping())
    talk.app_answers()
    assert talk.rejected == {}
    assert talk.endings == [("http2", "finished")]


# How long


def test_the_answer_to_who_half_closed_must_not_take_for_ever() -> None:
    talk = asked()
    talk.client_ends()
    talk.proxy.wait(4)
    talk.app_sends(talk.answers.headers(1, OK))
    talk.proxy.wait(5)
    assert talk.in_flight == {"http2": 1}, "it moved"
    talk.proxy.wait(6)
    assert talk.endings == [("http2", "client_left")]
    assert talk.client.state == "closed"
    assert talk.app.lost


def test_a_goodbye_that_looks_for_its_place_is_no_movement() -> None:
    talk = answered(GET, EVENTS)
    talk.app_sends(data(1, b"data: an event without an end\n"))
    talk.session.expire("max-connection-age")
    talk.client_ends()
    talk.proxy.wait(10.5)
    assert talk.endings == [("sse", "client_left")]


def flows(talk: Conversation, seconds: float) -> float:
    """The app says a little each second, until the stream is over; returns when that was."""
    began = talk.proxy.time
    while talk.in_flight and talk.proxy.time < began + seconds:
        talk.app_sends(data(1, b"x"))
        talk.proxy.wait(1)
    return talk.proxy.time - began


@pytest.mark.parametrize(
    ("fields", "answer"), [(GET, OK), (CALL, GRPC_OK), (POST, EVENTS)], ids=["get", "grpc", "sse"]
)
@pytest.mark.parametrize("leaves_first", [True, False])
def test_a_call_without_an_end_whose_client_has_ended_holds_no_drain(
    fields: Fields, answer: Fields, leaves_first: bool
) -> None:
    talk = asked(fields=fields)
    talk.app_sends(talk.answers.headers(1, answer))
    if leaves_first:
        talk.proxy.leaves()
    talk.client_ends()
    if not leaves_first:
        flows(talk, 20)
        assert talk.in_flight, "it moves, and nobody waits for it"
        talk.proxy.leaves()
    assert 4 < flows(talk, 20) < 7
    assert [how for _, how in talk.endings] == ["client_left"]
    assert talk.client.state == "closed"


def test_one_that_came_while_leaving_and_has_ended_holds_no_drain() -> None:
    proxy = Proxy()
    proxy.leaves()
    proxy.wait(30)
    talk = asked(proxy=proxy)
    talk.app_sends(talk.answers.headers(1, OK))
    talk.client_ends()
    assert 4 < flows(talk, 20) < 7


def test_one_that_stream_drain_names_is_told_at_leaving_all_the_same() -> None:
    talk = answered(GET, OK, stream_drain=StreamDrain(prefixes=("/",)))
    talk.client_ends()
    talk.proxy.leaves()
    talk.proxy.wait(0.75)
    assert ("data", 1, b"", "end") in talk.client_hears()
    assert talk.endings == [("http2", "goodbye")]


def test_a_drain_that_is_taken_back_lets_it_go_on() -> None:
    talk = answered(GET, OK)
    talk.client_ends()
    talk.proxy.leaves()
    talk.proxy.stays()
    flows(talk, 20)
    assert talk.in_flight


def test_at_the_deadline_its_streams_are_cut_and_the_app_hears_it() -> None:
    talk = asked(1, 3, end=True)
    talk.client_ends()
    talk.proxy.says_last_goodbyes()
    assert talk.app_hears() == [("reset", 1, CANCEL), ("reset", 3, CANCEL)]
    assert talk.endings == [("http2", "cut")] * 2


# The app goes as well


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("fields", "answer"), [(GET, OK), (CALL, GRPC_OK)], ids=["get", "grpc"])
@pytest.mark.parametrize("answers", [True, False])
def test_an_app_that_goes_after_its_client_has_failed_nobody(
    way: str, fields: Fields, answer: Fields, answers: bool
) -> None:
    """Nothing counts as 502 or UNAVAILABLE, of which alerts and the gate would hear."""
    talk = asked(fields=fields)
    if answers:
        talk.app_sends(talk.answers.headers(1, answer))
    talk.client_ends()
    WAYS[way](talk)
    assert [how for _, how in talk.endings] == ["client_left"]
    assert talk.client.state == "closed"
    counters = talk.proxy.context.counters
    assert set(counters.codes["http2"]) <= {200}
    assert all(b"14" not in codes for codes in counters.grpc.values())
    assert talk.rejected == {}


@pytest.mark.parametrize("way", WAYS)
def test_an_app_that_says_goaway_first_has_failed_nobody_either(way: str) -> None:
    talk = asked(end=False)
    talk.client_asks(3)
    talk.client_ends()
    talk.app_sends(goaway(3, 1))
    WAYS[way](talk)
    assert talk.endings == [("http2", "client_left")] * 2
    assert talk.client.state == "closed"


def test_an_app_that_cannot_be_reached_has_failed_who_waits_for_an_answer() -> None:
    talk = Conversation("auto", app_listens=False)
    talk.client_begins(GET)
    talk.client_ends()
    talk.app_refuses()
    (answer,) = [each for each in talk.client_hears() if each[0] == "headers"]
    assert dict(answer[2])[b":status"] == b"503"
    assert talk.rejected == {"app-away": 1}


@pytest.mark.parametrize("way", WAYS)
def test_an_app_that_goes_when_all_is_over_does_no_harm(way: str) -> None:
    talk = asked()
    talk.client_stops_reading()
    talk.client_ends()
    talk.app_answers()
    WAYS[way](talk)
    talk.client_reads()
    assert talk.client_hears() == [("headers", 1, OK, "end")]
    assert talk.endings == [("http2", "finished")]
