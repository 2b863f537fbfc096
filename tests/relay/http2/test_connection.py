"""What both sides of an HTTP/2 connection say reaches the other as it was said."""

import pytest

from drainproxy.relay.http2.connection import Http2Connection
from tests.relay.conversation import Conversation, request, response
from tests.relay.frames import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    GET,
    MAX_STREAMS,
    MOST_STREAM,
    OK,
    POST,
    PREFACE,
    PROTOCOL_ERROR,
    SETTINGS_ACK,
    TRAILERS,
    End,
    alt_svc,
    data,
    goaway,
    ping,
    priority,
    reset,
    settings,
    unknown,
    window_update,
)
from tests.relay.proxy import Proxy
from tests.relay.streams import LIMITED, OUR_PING_ACK, asked, begun

# Beginning


@pytest.mark.parametrize("protocol", ["auto", "http"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_preface_is_understood_however_it_comes(protocol: str, size: int) -> None:
    talk = Conversation(protocol)
    said = PREFACE + settings() + talk.says.headers(1, GET, end=True)
    talk.client_sends(*(said[at : at + size] for at in range(0, len(said), size)))
    assert type(talk.session) is Http2Connection
    assert talk.app_hears() == [("settings", {}), ("headers", 1, GET, "end")]
    counters = talk.proxy.context.counters
    assert counters.connections["http2"] == 1
    assert counters.bytes_from_clients == len(said)
    assert talk.proxy.context.registry.sessions == {talk.session}


@pytest.mark.parametrize("protocol", ["auto", "http"])
@pytest.mark.parametrize("size", range(1, len(PREFACE)))
def test_an_unfinished_preface_reaches_no_app(protocol: str, size: int) -> None:
    talk = Conversation(protocol, header_timeout=10)
    talk.client_sends(PREFACE[:size])
    assert not talk.app_was_reached()
    assert talk.proxy.in_flight == {}
    talk.proxy.wait(15)
    assert talk.client.lost
    assert talk.proxy.context.counters.rejected == {"header-timeout": 1}


@pytest.mark.parametrize("at", range(1, len(PREFACE)))
@pytest.mark.parametrize("protocol", ["auto", "http"])
def test_what_only_begins_like_a_preface_is_no_http2(protocol: str, at: int) -> None:
    talk = Conversation(protocol)
    talk.client_sends(PREFACE[:at] + b"\x01")
    assert not isinstance(talk.session, Http2Connection)
    assert talk.proxy.context.counters.connections.get("http2") is None


def test_a_preface_after_a_request_is_a_wrong_request() -> None:
    talk = Conversation("http")
    talk.client_sends(request())
    talk.app_sends(response())
    talk.client_got()
    talk.client_sends(PREFACE)
    assert talk.client_got().startswith(b"HTTP/1.1 ")
    assert talk.app_got() == request()


def test_an_app_that_speaks_first_is_heard() -> None:
    talk = Conversation("auto")
    talk.client_sends(PREFACE)
    talk.app_sends(settings())
    assert talk.client_hears() == [LIMITED]


# Passing


def test_a_call_passes_to_the_byte() -> None:
    talk = begun()
    question = talk.says.headers(1, POST, pad=5, depends_on=3) + data(1, b"a" * 16383, pad=0)
    question += talk.says.headers(1, TRAILERS, end=True, most=3)
    talk.client_sends(question)
    assert talk.app_got() == question
    answer = talk.answers.headers(1, OK, most=9) + data(1, b"b" * 9, pad=7)
    answer += talk.answers.headers(1, TRAILERS, end=True)
    talk.app_sends(answer)
    assert talk.client_got() == answer
    assert talk.endings == [("http2", "finished")]
    assert talk.in_flight == {}


@pytest.mark.parametrize(
    "frame",
    [
        *(ping(), ping(b"12345678", ack=True), priority(3), priority(1), window_update(0, 5)),
        *(window_update(1, MOST_STREAM), unknown(), unknown(1, b"x" * 300), unknown(7)),
        *(settings({4: 100, 99: 7}), SETTINGS_ACK, alt_svc(), data(1), data(1, b"x", pad=9)),
        goaway(0),
    ],
)
@pytest.mark.parametrize("who", ["client", "app"])
def test_frames_about_which_we_have_nothing_to_say_pass_as_they_came(
    who: str, frame: bytes
) -> None:
    talk = asked(end=False)
    if who == "client":
        talk.client_sends(frame)
        assert talk.app_got() == frame
    else:
        talk.app_sends(talk.answers.headers(1, OK))
        assert talk.client_hears() == [("headers", 1, OK)]
        talk.app_sends(frame)
        assert talk.client_got() == frame


def test_many_calls_share_a_connection_and_each_is_held_until_both_sides_are_done() -> None:
    talk = asked(1, 3, 5)
    talk.client_asks(7, POST, end=False)
    assert talk.in_flight == {"http2": 4}
    assert talk.session.in_flight == 4
    talk.app_answers(3)
    assert talk.in_flight == {"http2": 3}
    talk.app_answers(7, b"early")
    assert talk.in_flight == {"http2": 3}, "the client still sends"
    talk.client_sends(data(7, b"late", end=True))
    assert talk.in_flight == {"http2": 2}
    talk.client_sends(reset(1))
    assert talk.in_flight == {"http2": 1}
    talk.app_sends(reset(5))
    assert talk.in_flight == {}
    assert [how for _, how in talk.endings] == ["finished", "finished", "client_left", "app_left"]
    assert talk.proxy.context.counters.codes["http2"] == {200: 2}


def test_streams_that_were_passed_over_may_not_be_opened_later() -> None:
    talk = asked(5)
    talk.client_asks(3)
    assert talk.client_hears() == [
        ("goaway", 5, PROTOCOL_ERROR, "a frame of stream 3, which was not opened")
    ]
    assert talk.endings == [("http2", "client_left")]
    assert talk.rejected == {"malformed": 1}


# Back-pressure


def test_who_does_not_read_stops_the_other_and_frames_of_ours_add_nothing() -> None:
    talk = asked(end=False)
    talk.client_stops_reading()
    talk.app_sends(talk.answers.headers(1, OK))
    while talk.app.is_reading():
        talk.app_sends(data(1, b"x" * 16384))
    talk.client_reads()
    assert talk.app.is_reading()
    talk.app_stops_reading()
    while talk.client.is_reading():
        talk.client_sends(data(1, b"x" * 16384))
    talk.app_reads()
    assert talk.client.is_reading()


def test_who_does_not_read_what_it_makes_us_say_is_not_read() -> None:
    talk = asked(end=False)
    talk.client_stops_reading()
    talk.app_sends(talk.answers.headers(1, OK))
    while talk.app.is_reading():
        talk.app_sends(data(1, b"x" * 16384))
    talk.client_sends(ping())
    assert talk.client.is_reading()
    talk.client_asks(3, GET[1:])
    stopped = not talk.client.is_reading()
    talk.client_reads()
    assert stopped
    assert talk.client.is_reading()
    assert talk.client_hears()[-1] == ("reset", 3, PROTOCOL_ERROR)


# Deadlines


def test_whoever_says_no_more_than_the_preface_is_no_client() -> None:
    talk = Conversation("auto", header_timeout=10)
    talk.client_sends(PREFACE)
    talk.app_sends(settings())
    talk.proxy.wait(9.75)
    assert talk.client.state == "open"
    talk.proxy.wait(0.25)
    assert talk.client_hears() == [
        *(LIMITED, ("goaway", 0, ENHANCE_YOUR_CALM, "a frame did not end in time")),
    ]
    assert talk.rejected == {"header-timeout": 1}


@pytest.mark.parametrize("size", [1, 8, 9, 12])
def test_a_frame_must_end_within_header_timeout_however_it_drips(size: int) -> None:
    talk = asked(header_timeout=10)
    talk.client_sends(talk.says.headers(3, GET)[:size])
    talk.proxy.wait(9)
    assert talk.client_hears() == []
    talk.proxy.wait(1)
    assert talk.client_hears() == [("goaway", 1, ENHANCE_YOUR_CALM, "a frame did not end in time")]
    assert talk.rejected == {"header-timeout": 1}
    assert talk.endings == [("http2", "client_left")]
    assert talk.client.state == "half-closed"


def test_a_byte_a_second_does_not_put_off_the_end_of_a_header_block() -> None:
    talk = begun(header_timeout=10)
    block = talk.says.headers(1, (*GET, (b"x", b"y" * 100)), most=10)
    for at in range(12):
        talk.client_sends(block[at : at + 1])
        talk.proxy.wait(1)
    assert talk.rejected == {"header-timeout": 1}
    assert talk.app_hears() == []


def test_a_header_block_that_waits_for_its_continuation_has_to_end_too() -> None:
    talk = begun(header_timeout=10)
    block = talk.says.headers(1, GET, most=10)
    talk.client_sends(block[:19])
    talk.proxy.wait(10)
    assert talk.rejected == {"header-timeout": 1}


def test_data_may_take_its_time() -> None:
    talk = asked(end=False, header_timeout=10)
    talk.client_sends(data(1, b"x" * 100)[:50])
    talk.proxy.wait(100)
    assert talk.client.state == "open"
    talk.client_sends(data(1, b"x" * 100)[50:])
    assert talk.app_hears() == [("data", 1, b"x" * 100)]


def test_each_frame_has_the_whole_time() -> None:
    talk = begun(header_timeout=10)
    for _ in range(5):
        talk.client_sends(ping()[:5])
        talk.proxy.wait(9)
        talk.client_sends(ping()[5:])
    talk.proxy.wait(20)
    assert talk.client.state == "open"
    assert talk.rejected == {}


def test_the_time_in_which_we_do_not_read_is_not_the_clients() -> None:
    talk = asked(end=False, header_timeout=10)
    talk.app_stops_reading()
    while talk.client.is_reading():
        talk.client_sends(data(1, b"x" * 16384) + ping()[:5])
        if talk.client.is_reading():
            talk.client_sends(ping()[5:])
    talk.proxy.wait(60)
    assert talk.client.state == "open"
    talk.app_reads()
    talk.client_sends(ping()[5:])
    assert talk.app_hears()[-1] == ("ping", b"pingpong")
    talk.proxy.wait(60)
    assert talk.rejected == {}


def test_a_connection_on_which_nothing_moves_is_closed_with_a_word() -> None:
    talk = begun(idle_timeout=100)
    talk.proxy.wait(90)
    talk.client_sends(ping())
    talk.proxy.wait(99)
    assert talk.client.state == "open"
    talk.proxy.wait(2)
    assert talk.client_hears() == [("goaway", 0, 0)]
    assert talk.client.state == "half-closed"
    assert talk.app.state == "closed"
    talk.proxy.wait(5)
    assert talk.client.lost
    assert talk.proxy.context.registry.sessions == set()


def test_an_answer_that_has_begun_and_does_not_move_is_cut() -> None:
    talk = asked(idle_timeout=100)
    talk.app_sends(talk.answers.headers(1, OK))
    talk.client_hears()
    talk.proxy.wait(101)
    assert talk.client_hears()[-1] == ("goaway", 1, 0)
    assert talk.client.lost
    assert talk.endings == [("http2", "cut")]


def test_a_slow_reader_is_not_idle() -> None:
    talk = asked(idle_timeout=100)
    talk.client_stops_reading()
    talk.app_answers(body=b"x" * 10000)
    for _ in range(5):
        talk.proxy.wait(99)
        talk.client_reads(10)
    assert talk.client.state == "open"


def test_who_never_takes_its_last_answer_is_let_go_in_the_end() -> None:
    talk = asked(idle_timeout=100)
    talk.client_stops_reading()
    talk.app_answers(body=b"x" * 10000)
    talk.proxy.leaves()
    talk.client_sends(OUR_PING_ACK)
    talk.proxy.wait(15)
    assert talk.client.state == "reset"
    assert talk.proxy.context.registry.sessions == set()


def test_a_short_idle_timeout_ends_it_sooner() -> None:
    talk = asked(idle_timeout=2)
    talk.client_stops_reading()
    talk.app_answers(body=b"x" * 10000)
    talk.proxy.leaves()
    talk.client_sends(OUR_PING_ACK)
    talk.proxy.wait(4.5)
    assert talk.client.state == "reset"


def test_who_takes_its_last_answer_slowly_gets_it() -> None:
    talk = asked()
    talk.client_stops_reading()
    talk.app_answers(body=b"x" * 100)
    talk.proxy.leaves()
    talk.client_sends(OUR_PING_ACK)
    for _ in range(10):
        talk.proxy.wait(4)
        talk.client_reads(10)
    talk.client_reads()
    assert talk.client_hears()[:2] == [("headers", 1, OK), ("data", 1, b"x" * 100, "end")]


def test_request_timeout_is_answered_on_that_stream_alone() -> None:
    talk = asked(request_timeout=30)
    talk.proxy.wait(20)
    talk.client_asks(3)
    talk.client_asks(5, POST, end=False)
    talk.app_hears()
    talk.proxy.wait(10)
    ((_, stream, fields, end),) = talk.client_hears()
    assert (stream, end) == (1, "end")
    assert dict(fields)[b":status"] == b"504"
    assert talk.app_hears() == [("reset", 1, CANCEL)]
    talk.app_answers(3)
    assert talk.client_hears() == [("headers", 3, OK, "end")]
    talk.proxy.wait(60)
    assert talk.client_hears() == [], "its request has not ended"
    talk.client_sends(data(5, end=True))
    talk.proxy.wait(1)
    ((_, stream, *_),) = talk.client_hears()
    assert stream == 5
    assert [how for _, how in talk.endings] == ["app_left", "finished", "app_left"]
    assert talk.proxy.context.counters.codes["http2"] == {504: 2, 200: 1}


def test_an_answer_that_has_begun_may_last() -> None:
    talk = asked(request_timeout=30)
    talk.app_sends(talk.answers.headers(1, OK))
    talk.proxy.wait(300)
    assert talk.client_hears() == [("headers", 1, OK)]
    assert talk.in_flight == {"http2": 1}


def test_what_still_comes_of_an_answer_in_whose_place_ours_went_is_left_out() -> None:
    talk = asked(1, 3, request_timeout=30)
    talk.app_answers(3)
    talk.proxy.wait(30)
    talk.client_hears()
    talk.app_hears()
    talk.app_sends(talk.answers.headers(1, OK) + data(1, b"late", pad=5))
    talk.app_sends(window_update(1, 5) + priority(1) + unknown(1) + data(1, end=True))
    assert talk.client_hears() == []
    assert talk.app_hears() == [("window", 0, 10)]
    talk.client_asks(5)
    talk.app_answers(5, b"x")
    assert talk.client_hears() == [("headers", 5, OK), ("data", 5, b"x", "end")]


# Over the limit on connections


def test_a_connection_over_the_limit_reaches_no_app() -> None:
    proxy = Proxy(max_connections=1)
    begun(proxy)
    talk = Conversation("auto", proxy=proxy)
    talk.client_begins()
    assert not talk.app_was_reached()
    assert talk.client.lost
    assert dict(proxy.context.counters.rejected) == {"max-connections": 1}
    assert proxy.context.counters.connections == {"http2": 1}


def test_settings_of_an_app_that_are_lower_stand() -> None:
    talk = Conversation("auto", max_streams=100)
    talk.client_begins()
    talk.app_sends(settings({MAX_STREAMS: 7}))
    assert talk.client_hears() == [("settings", {MAX_STREAMS: 7})]
    talk.app_sends(settings({MAX_STREAMS: 5000}))
    assert talk.client_hears() == [("settings", {MAX_STREAMS: 100})]
    talk.app_sends(settings({4: 5000}))
    assert talk.client_hears() == [("settings", {4: 5000})]


def test_the_ends_are_those_of_these_tests() -> None:
    """The helper itself: what one end says the other hears, whole and in order."""
    one, other = End(), End()
    said = one.headers(1, GET, most=4, pad=2, depends_on=0) + data(1, b"x", end=True)
    assert other.hears(said[:-5]) == [("headers", 1, GET)]
    assert not other.between_frames
    assert other.hears(said[-5:]) == [("data", 1, b"x", "end")]
    assert other.between_frames
