"""What comes from apps that speak HTTP/2: answers, pushes, and what they say of themselves."""

from typing import Any

import pytest

from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CALL,
    CANCEL,
    GET,
    INTERNAL_ERROR,
    MAX_STREAMS,
    NO_ERROR,
    OK,
    POST,
    PROTOCOL_ERROR,
    SETTINGS_ACK,
    TRAILERS,
    Fields,
    data,
    goaway,
    headers_frame,
    priority,
    reset,
    settings,
    unknown,
    window_update,
)
from tests.relay.streams import asked, begun

HINTS: Fields = ((b":status", b"103"), (b"link", b"</a>"))
EVENTS: Fields = ((b":status", b"200"), (b"content-type", b"text/event-stream; charset=utf-8"))


def refusal(talk: Conversation, stream: int = 1) -> str:
    """Why the client did not get the app's answer, for which it got a 502."""
    ((kind, of, fields, *_), *_) = talk.client_hears()
    assert (kind, of, dict(fields)[b":status"]) == ("headers", stream, b"502")
    assert talk.app_hears() == [("reset", stream, PROTOCOL_ERROR)]
    return str(dict(fields)[b"proxy-status"], "ascii")


# Answers


def test_an_answer_ends_its_stream_once_the_request_has_ended() -> None:
    talk = asked(end=False)
    talk.app_answers(body=b"early")
    assert talk.in_flight == {"http2": 1}
    talk.client_sends(data(1, end=True))
    assert talk.endings == [("http2", "finished")]


@pytest.mark.parametrize("code", [NO_ERROR, CANCEL])
def test_an_early_answer_and_a_reset_end_it_at_once(code: int) -> None:
    talk = asked(end=False)
    talk.app_sends(talk.answers.headers(1, OK) + data(1, b"x", end=True) + reset(1, code))
    assert talk.client_hears() == [
        *(("headers", 1, OK), ("data", 1, b"x", "end"), ("reset", 1, code)),
    ]
    assert talk.endings == [("http2", "finished")]


FIVE = (b"content-length", b"5")


@pytest.mark.parametrize("said", [(FIVE, FIVE), (FIVE, (b"x", b"y"), (b"content-length", b"5, 5"))])
@pytest.mark.parametrize("before", [0, 1])
def test_a_length_that_is_said_more_than_once_passes_once(said: Fields, before: int) -> None:
    """RFC 9110 8.6, as over HTTP/1; whatever the client's table has learnt before."""
    talk = asked(*range(1, 8, 2))
    for stream in range(1, 1 + 2 * before, 2):
        talk.app_answers(stream, fields=(*OK, (b"server", b"some"), (b"x", b"y")))
    talk.client_hears()
    for stream in range(1 + 2 * before, 8, 2):
        talk.app_answers(stream, b"12345", fields=(*OK, (b"server", b"some"), *said))
        ((_, _, fields), body) = talk.client_hears()
        others = tuple(field for field in said if field[0] != b"content-length")
        assert fields == (*OK, (b"server", b"some"), *others, FIVE)
        assert body == ("data", stream, b"12345", "end")


@pytest.mark.parametrize("other", [b"6", b"5, 6", b"5,", b"x", b"-5, 5"])
def test_lengths_that_differ_or_are_none_have_no_meaning(other: bytes) -> None:
    talk = asked()
    talk.app_answers(1, fields=(*OK, FIVE, (b"content-length", other)), end=False)
    assert "content-length" in refusal(talk)


def test_a_length_said_twice_for_a_client_that_has_gone_does_no_harm() -> None:
    talk = asked(1, 3)
    talk.client_sends(reset(1))
    talk.app_answers(1, b"12345", fields=(*OK, FIVE, FIVE))
    talk.app_answers(3, fields=OK)
    assert ("headers", 3, OK, "end") in talk.client_hears()


def test_a_length_said_twice_is_refused_where_the_rest_of_its_head_is_lost() -> None:
    """A field has left the table while the block was read."""
    talk = asked(1, 3)
    # RFC 7541 4.1: with 32 bytes for each entry little is left of 4,096.
    talk.app_answers(1, fields=(*OK, *[(b"x-%d" % number, b"a" * 975) for number in range(4)]))
    talk.client_hears()
    talk.app_answers(3, fields=(*OK, (b"x-new", b"b" * 30), FIVE, FIVE), end=False)
    assert "content-length" in refusal(talk, 3)


def test_the_status_that_counts_is_the_last_of_those_that_are_said() -> None:
    talk = asked()
    for _ in range(3):
        talk.app_sends(talk.answers.headers(1, HINTS))
    assert talk.in_flight == {"http2": 1}
    talk.app_sends(talk.answers.headers(1, OK) + talk.answers.headers(1, TRAILERS, end=True))
    assert talk.client_hears() == [
        *[("headers", 1, HINTS)] * 3,
        *(("headers", 1, OK), ("headers", 1, TRAILERS, "end")),
    ]
    assert talk.proxy.context.counters.codes["http2"] == {200: 1}


def test_an_event_stream_is_known_by_its_head() -> None:
    talk = asked()
    talk.app_sends(talk.answers.headers(1, EVENTS))
    assert talk.in_flight == {"sse": 1}
    talk.app_sends(data(1, b"data: 1\n\n") + data(1, end=True))
    assert talk.endings == [("sse", "finished")]
    assert talk.proxy.context.counters.codes["sse"] == {200: 1}


def test_an_event_stream_that_is_over_with_its_head_hears_no_goodbye() -> None:
    talk = asked(1, 3, 5)
    talk.proxy.leaves()
    talk.client_hears()
    heads = [talk.answers.headers(stream, EVENTS, end=True) for stream in (3, 1)]
    talk.app_sends(b"".join(heads) + talk.answers.headers(5, OK, end=True))
    assert talk.client_hears() == [
        *(("headers", 3, EVENTS, "end"), ("headers", 1, EVENTS, "end")),
        ("headers", 5, OK, "end"),
    ]
    assert talk.endings == [*[("sse", "finished")] * 2, ("http2", "finished")]


def test_data_after_the_end_of_an_answer_ends_it_only_once() -> None:
    talk = asked(fields=POST, end=False)
    frame = data(1, b"x" * 20, end=True)
    talk.app_sends(talk.answers.headers(1, OK) + data(1, end=True) + frame[:15])
    talk.client_sends(data(1, end=True))
    talk.app_sends(frame[15:])
    assert talk.endings == [("http2", "finished")]


def test_a_grpc_call_stays_one_whatever_its_answer_is_called() -> None:
    talk = asked(fields=CALL)
    talk.app_sends(talk.answers.headers(1, EVENTS))
    assert talk.in_flight == {"grpc": 1}


SWITCH: Fields = ((b":status", b"101"),)
WRONG: list[Any] = [
    pytest.param(SWITCH, False, "HTTP/2 switches no protocols (8.6)", id="101"),
    pytest.param(TRAILERS, True, "it has no :status", id="trailers alone"),
    pytest.param((), False, "it has no :status", id="nothing"),
    pytest.param((*OK, (b"connection", b"close")), False, "concerns one connection", id="hop"),
    pytest.param((*OK, (b"X", b"y")), True, "is not the name of a field", id="capital"),
    pytest.param(((b":status", b"20"),), True, "not a number of three digits", id="status"),
    pytest.param(GET, True, "has no place where it stands", id="a request"),
    pytest.param(HINTS, True, "an end where the answer has not begun", id="a hint and an end"),
]


@pytest.mark.parametrize(("fields", "end", "reason"), WRONG)
def test_a_broken_answer_is_a_502_and_harms_no_other(
    fields: Fields, end: bool, reason: str
) -> None:
    talk = asked(1, 3)
    talk.app_sends(talk.answers.headers(1, fields, end=end))
    assert reason in refusal(talk)
    talk.app_answers(3, b"x", fields=(*OK, (b"x-more", b"1")))
    assert talk.client_hears() == [
        *(("headers", 3, (*OK, (b"x-more", b"1"))), ("data", 3, b"x", "end")),
    ]
    assert talk.endings == [("http2", "app_left"), ("http2", "finished")]
    assert talk.proxy.context.counters.codes["http2"] == {502: 1, 200: 1}


@pytest.mark.parametrize(
    ("fields", "end"),
    [((*TRAILERS, (b"te", b"x")), True), (TRAILERS, False), (SWITCH, False), (OK, True)],
)
def test_an_answer_that_breaks_when_it_has_begun_is_reset(fields: Fields, end: bool) -> None:
    talk = asked()
    talk.app_sends(talk.answers.headers(1, OK))
    talk.app_sends(talk.answers.headers(1, fields, end=end))
    assert talk.client_hears() == [("headers", 1, OK), ("reset", 1, INTERNAL_ERROR)]
    assert talk.app_hears() == [("reset", 1, PROTOCOL_ERROR)]
    assert talk.endings == [("http2", "app_left")]


@pytest.mark.parametrize("hinted", [True, False])
def test_an_answer_that_begins_with_its_body_is_broken(hinted: bool) -> None:
    talk = asked()
    if hinted:
        talk.app_sends(talk.answers.headers(1, HINTS))
        assert talk.client_hears() == [("headers", 1, HINTS)]
    talk.app_sends(data(1, b"xyz", end=True))
    assert talk.app_hears() == [("reset", 1, PROTOCOL_ERROR), ("window", 0, 3)]
    ((_, _, fields, end),) = talk.client_hears()
    assert (dict(fields)[b":status"], end) == (b"502", "end")


def test_a_block_of_the_app_that_cannot_be_read_ends_the_connection() -> None:
    talk = asked(1, 3)
    talk.app_answers(1)
    talk.app_sends(headers_frame(3, b"\xff\xff\xff\xff\xff\xff"))
    first, second, last = talk.client_hears()
    assert first == ("headers", 1, OK, "end")
    assert dict(second[2])[b":status"] == b"502"
    assert last[:3] == ("goaway", 3, NO_ERROR)


def test_a_broken_grpc_answer_is_unavailable() -> None:
    talk = asked(fields=CALL)
    talk.app_sends(talk.answers.headers(1, TRAILERS, end=True))
    ((_, _, fields, end),) = talk.client_hears()
    assert dict(fields)[b"grpc-status"] == b"14"
    assert end == "end"
    assert talk.endings == [("grpc", "app_left")]


def test_what_nobody_wants_any_more_is_left_out_until_its_end() -> None:
    talk = asked(1, 3)
    talk.app_sends(talk.answers.headers(1, TRAILERS))
    refusal(talk)
    late = data(1, b"xy", pad=1) + data(1) + window_update(1, 1) + priority(1) + unknown(1)
    late += talk.answers.headers(1, OK) + talk.answers.push(1, 2, GET)
    late += talk.answers.headers(2, OK) + data(2, b"xyz", end=True)
    talk.app_sends(late + talk.answers.headers(1, TRAILERS, end=True))
    talk.app_answers(3)
    assert talk.client_hears() == [("headers", 3, OK, "end")]
    assert talk.app_hears() == [("window", 0, 4), ("window", 0, 3)]
    assert talk.in_flight == {}


@pytest.mark.parametrize("first", [reset(1), b""])
def test_a_reset_that_crosses_ours_is_left_out(first: bytes) -> None:
    talk = asked()
    talk.app_sends(talk.answers.headers(1, TRAILERS))
    refusal(talk)
    talk.app_sends(first + data(1, end=True))
    assert talk.client_hears() == ([("data", 1, b"", "end")] if first else [])


def test_frames_of_streams_that_are_over_pass() -> None:
    talk = asked()
    talk.client_sends(reset(1))
    late = data(1, b"late") + window_update(1, 1) + reset(1)
    talk.app_sends(late)
    assert talk.client_got() == late
    assert talk.endings == [("http2", "client_left")]


# Pushes


def test_a_pushed_stream_is_held_like_others() -> None:
    talk = asked()
    talk.app_sends(talk.answers.push(1, 2, GET) + talk.answers.push(1, 4, CALL))
    assert talk.in_flight == {"http2": 2, "grpc": 1}
    talk.app_answers(2, b"pushed")
    talk.app_answers(1)
    assert talk.in_flight == {"grpc": 1}
    talk.client_sends(reset(4))
    assert talk.client_hears() == [
        *(("push", 1, 2, GET), ("push", 1, 4, CALL)),
        *(("headers", 2, OK), ("data", 2, b"pushed", "end"), ("headers", 1, OK, "end")),
    ]
    assert talk.app_hears() == [("reset", 4, CANCEL)]
    assert talk.endings == [("http2", "finished")] * 2 + [("grpc", "client_left")]
    assert talk.session.table.pushed == 0


def test_the_app_may_take_a_push_back() -> None:
    talk = asked()
    talk.app_sends(talk.answers.push(1, 2, GET) + reset(2))
    assert talk.client_hears() == [("push", 1, 2, GET), ("reset", 2, CANCEL)]
    assert talk.endings == [("http2", "app_left")]


def test_pushes_are_written_anew_where_blocks_are() -> None:
    talk = asked(1, 3)
    talk.app_sends(talk.answers.headers(3, TRAILERS))
    refusal(talk, 3)
    long = (*GET, (b"x-long", b"y" * 20000))
    talk.app_sends(talk.answers.push(1, 2, long, most=10000))
    talk.app_answers(2)
    assert talk.client_hears() == [("push", 1, 2, long), ("headers", 2, OK, "end")]


@pytest.mark.parametrize("promised", [1, 2, 3, 5])
def test_a_push_of_what_is_no_new_stream_of_the_apps_ends_the_connection(promised: int) -> None:
    """Whoever took the number of another stream would take its place in the ledger too."""
    talk = asked(1, 3)
    talk.app_sends(talk.answers.push(1, 2, GET))
    talk.app_sends(talk.answers.push(1, promised, GET))
    assert talk.client_hears()[-1][0] == "goaway"
    assert talk.in_flight == {}
    assert talk.endings == [("http2", "app_left")] * 3


# What the app says of itself


def test_an_apps_limit_on_streams_is_never_above_ours() -> None:
    talk = Conversation("auto", max_streams=100)
    talk.client_begins()
    talk.app_sends(settings({MAX_STREAMS: 7}))
    talk.app_sends(settings({MAX_STREAMS: 5000}) + settings({4: 5000}))
    assert talk.client_hears() == [
        ("settings", {MAX_STREAMS: 7}),
        ("settings", {MAX_STREAMS: 100}),
        ("settings", {4: 5000}),
    ]


def test_the_apps_acknowledgement_is_the_clients_to_hear() -> None:
    talk = begun()
    talk.client_sends(settings({4: 5}))
    talk.app_sends(SETTINGS_ACK)
    assert talk.client_hears() == [("settings ack",)]
    assert len(talk.session.outbound.announced) == 0


def test_what_the_app_said_with_its_goaway_is_passed_on() -> None:
    talk = asked(1, 3, fields=POST)
    talk.app_sends(goaway(1, 2, b"out of memory"))
    assert talk.client_hears() == [("goaway", 1, 2, "out of memory")]
    assert talk.endings == [("http2", "app_left")]
    talk.app_answers()
    assert talk.client_hears() == [("headers", 1, OK, "end")]
