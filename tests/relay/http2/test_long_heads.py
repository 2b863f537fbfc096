"""Heads over max-header-bytes: RFC 9113 10.5.1 has 431 for it, and the connection goes on."""

from collections.abc import Callable

import pytest

from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CALL,
    ENHANCE_YOUR_CALM,
    GET,
    GRPC_OK,
    NO_ERROR,
    OK,
    POST,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    TRAILERS,
    Fields,
    data,
    reset,
)
from tests.relay.streams import asked, begun, parted

MOST = 4000
LONG: Fields = ((b"cookie", b"y" * MOST),)
FAR_TOO_LONG: Fields = ((b"cookie", b"y" * 2 * MOST),)
SECRET: Fields = ((b"x-token", b"Bearer 1"),)


def is_431(talk: Conversation, stream: int) -> bool:
    """Whether that is the whole answer."""
    (kind, of, fields, end) = talk.client_hears()[0]
    assert (kind, of, end) == ("headers", stream, "end")
    assert b"over 4000 bytes" in dict(fields)[b"proxy-status"]
    return bool(dict(fields)[b":status"] == b"431")


@pytest.mark.parametrize("most", [None, 1000], ids=["one frame", "CONTINUATIONs"])
@pytest.mark.parametrize("long", [LONG, ((b"x", b""),) * 130], ids=["a long field", "many"])
def test_a_head_that_is_too_long_is_431_and_others_pass(long: Fields, most: int | None) -> None:
    talk = asked(max_header_bytes=MOST)
    talk.client_asks(3, (*GET, *SECRET, *long), most=most)
    assert is_431(talk, 3)
    assert talk.app_hears() == []
    assert talk.rejected == {"malformed": 1}
    talk.client_asks(5, (*GET, *SECRET))
    assert talk.app_hears() == [("headers", 5, (*GET, *SECRET), "end")]
    for stream in 1, 5:
        talk.app_answers(stream)
        assert talk.client_hears() == [("headers", stream, OK, "end")]
    assert talk.proxy.context.counters.codes["http2"][431] == 1


def test_the_limit_is_that_of_http1_with_32_bytes_for_each_field() -> None:
    talk = begun(max_header_bytes=MOST)
    weight = sum(len(name) + len(value) + 32 for name, value in GET)
    rest = MOST - weight - 32 - 1
    talk.client_asks(1, (*GET, (b"x", b"y" * rest)))
    assert len(talk.app_hears()) == 1
    talk.client_asks(3, (*GET, (b"x", b"y" * (rest + 1))))
    assert is_431(talk, 3)


def test_what_still_comes_of_its_body_is_not_wanted() -> None:
    talk = asked(max_header_bytes=MOST)
    talk.client_asks(3, (*POST, *LONG), end=False)
    answer, stop = talk.client_hears()
    assert dict(answer[2])[b":status"] == b"431"
    assert stop == ("reset", 3, NO_ERROR)
    talk.client_sends(data(3, b"abcd", end=True))
    assert talk.client_hears() == [("window", 0, 4)]
    assert talk.app_hears() == []


def test_beyond_twice_the_limit_it_is_the_end_of_the_connection() -> None:
    talk = asked(max_header_bytes=MOST)
    talk.client_asks(3, (*GET, *FAR_TOO_LONG))
    assert talk.client_hears()[-1][:3] == ("goaway", 1, ENHANCE_YOUR_CALM)


def test_the_last_stream_stays_the_last() -> None:
    talk = parted(max_header_bytes=MOST)
    talk.client_asks(3, (*GET, *LONG))
    assert talk.client_hears() == [("reset", 3, REFUSED_STREAM)]


def test_who_sends_nothing_else_is_sent_away() -> None:
    talk = asked(max_header_bytes=MOST, max_resets=3)
    for stream in (3, 5, 7):
        talk.client_asks(stream, (*GET, *LONG))
    assert not talk.session.closing.over
    talk.client_asks(9, (*GET, *LONG))
    assert talk.client_hears()[-1][:3] == ("goaway", 1, ENHANCE_YOUR_CALM)
    assert talk.rejected == {"malformed": 4, "max-resets": 1}


def test_trailers_that_are_too_long_end_their_stream() -> None:
    talk = asked(1, 3, fields=POST, end=False, max_header_bytes=MOST)
    talk.client_asks(1, (*TRAILERS, *SECRET, *LONG))
    assert talk.client_hears() == [("reset", 1, PROTOCOL_ERROR)]
    talk.client_asks(3, (*TRAILERS, *SECRET))
    assert talk.app_hears()[-1] == ("headers", 3, (*TRAILERS, *SECRET), "end")


def test_trailers_of_a_stream_that_is_over_change_nothing_but_the_table() -> None:
    talk = asked(1, 3, fields=POST, end=False, max_header_bytes=MOST)
    talk.app_sends(reset(1))
    talk.client_hears()
    talk.client_asks(1, (*TRAILERS, *SECRET, *LONG))
    talk.client_asks(3, (*TRAILERS, *SECRET))
    assert talk.app_hears() == [("headers", 3, (*TRAILERS, *SECRET), "end")]
    assert talk.client_hears() == []


# Answers


def head(talk: Conversation) -> None:
    talk.app_answers(1, fields=(*OK, *SECRET, *LONG))
    _, stream, fields, end = talk.client_hears()[0]
    assert (stream, dict(fields)[b":status"], end) == (1, b"502", "end")


def early_hints(talk: Conversation) -> None:
    talk.app_sends(talk.answers.headers(1, ((b":status", b"103"), *SECRET, *LONG)))
    assert dict(talk.client_hears()[0][2])[b":status"] == b"502"


def trailers(talk: Conversation) -> None:
    talk.app_sends(talk.answers.headers(1, OK))
    talk.app_sends(talk.answers.headers(1, (*TRAILERS, *SECRET, *LONG), end=True))
    assert talk.client_hears()[1][:2] == ("reset", 1)


def of_a_stream_that_is_over(talk: Conversation) -> None:
    talk.client_sends(reset(1))
    talk.app_answers(1, fields=(*OK, *SECRET, *LONG))
    assert talk.client_hears() == []


@pytest.mark.parametrize("says", [head, early_hints, trailers, of_a_stream_that_is_over])
@pytest.mark.parametrize("anew", [False, True], ids=["as it came", "written anew"])
def test_an_answer_that_is_too_long_is_the_end_of_its_stream_alone(
    says: Callable[[Conversation], None], anew: bool
) -> None:
    talk = asked(1, 3, max_header_bytes=MOST)
    if anew:
        talk.app_answers(3, fields=TRAILERS)
        talk.client_hears()
        talk.client_asks(5)
    else:
        talk.client_asks(5)
    says(talk)
    talk.app_answers(5, fields=(*OK, *SECRET))
    assert talk.client_hears() == [("headers", 5, (*OK, *SECRET), "end")]


def test_a_push_that_is_too_long_is_the_end_of_the_app() -> None:
    """There is no answer to it yet that could be another one."""
    talk = asked(max_header_bytes=MOST)
    talk.app_sends(talk.answers.push(1, 2, (*GET, *LONG)))
    answer, _ = talk.client_hears()
    assert dict(answer[2])[b":status"] == b"502"


def test_a_call_hears_of_it_in_its_own_language() -> None:
    talk = asked(fields=CALL, max_header_bytes=MOST)
    talk.app_sends(talk.answers.headers(1, (*GRPC_OK, *LONG)))
    fields = dict(talk.client_hears()[0][2])
    assert fields[b"grpc-status"] == b"14"
    assert b"max-header-bytes" in fields[b"grpc-message"]
