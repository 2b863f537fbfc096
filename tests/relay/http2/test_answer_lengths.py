"""An answer over HTTP/2 is as long as it says, or malformed (RFC 9113 8.1.1)."""

import pytest

from tests.relay.conversation import Conversation
from tests.relay.frames import (
    GET,
    GRPC_OK,
    INTERNAL_ERROR,
    OK,
    PROTOCOL_ERROR,
    SWITCHED,
    TRAILERS,
    WEBSOCKET,
    Fields,
    data,
)
from tests.relay.streams import asked, begun

HEAD: Fields = ((b":method", b"HEAD"), *GET[1:])
NO_CONTENT: Fields = ((b":status", b"204"),)
NOT_MODIFIED: Fields = ((b":status", b"304"),)


def with_length(length: int, fields: Fields = OK) -> Fields:
    return (*fields, (b"content-length", b"%d" % length))


def answered(length: int) -> Conversation:
    talk = asked(1, 3)
    talk.app_sends(talk.answers.headers(1, with_length(length)))
    talk.client_hears()
    return talk


def is_broken(talk: Conversation, left_out: int = 0) -> None:
    """The app has broken the rules, its client has not; another stream goes on."""
    given_back = [("window", 0, left_out)] if left_out else []
    assert talk.app_hears() == [("reset", 1, PROTOCOL_ERROR), *given_back]
    assert talk.client_hears() == [("reset", 1, INTERNAL_ERROR)]
    assert talk.endings == [("http2", "app_left")]
    talk.app_sends(talk.answers.headers(3, OK, end=True))
    assert talk.client_hears() == [("headers", 3, OK, "end")]


@pytest.mark.parametrize("pad", [None, 0, 7])
def test_an_answer_whose_data_adds_up_to_its_content_length_passes(pad: int | None) -> None:
    talk = answered(10)
    talk.app_sends(data(1, b"x" * 4, pad=pad), data(1, b"x" * 6, pad=pad), data(1, end=True))
    assert talk.client_hears()[-1] == ("data", 1, b"", "end")
    talk.app_sends(talk.answers.headers(3, with_length(1)) + data(3, b"x", end=True, pad=pad))
    assert talk.client_hears()[-1] == ("data", 3, b"x", "end")
    assert talk.endings == [("http2", "finished")] * 2


def test_trailers_end_an_answer_that_has_its_length() -> None:
    talk = answered(3)
    talk.app_sends(data(1, b"abc") + talk.answers.headers(1, TRAILERS, end=True))
    assert talk.client_hears()[-1] == ("headers", 1, TRAILERS, "end")


@pytest.mark.parametrize(("said", "more"), [(b"", b"x"), (b"abc", b"x"), (b"ab", b"cx")])
@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("pad", [None, 0, 9])
def test_of_data_beyond_its_length_the_client_gets_nothing(
    said: bytes, more: bytes, end: bool, pad: int | None
) -> None:
    talk = answered(3 if said else 0)
    talk.app_sends(data(1, said, pad=pad))
    talk.client_hears()
    talk.app_sends(data(1, more, pad=pad, end=end))
    is_broken(talk, len(more) + (0 if pad is None else 1 + pad))


@pytest.mark.parametrize("end", ["data", "empty data", "trailers"])
def test_an_answer_that_is_shorter_than_it_says_has_no_end(end: str) -> None:
    talk = answered(4)
    talk.app_sends(data(1, b"a"))
    talk.client_hears()
    if end == "trailers":
        talk.app_sends(talk.answers.headers(1, TRAILERS, end=True))
    else:
        talk.app_sends(data(1, b"bc" if end == "data" else b"", end=True))
    is_broken(talk, 2 if end == "data" else 0)


def test_a_head_that_announces_a_body_is_no_whole_answer() -> None:
    talk = asked()
    talk.app_sends(talk.answers.headers(1, with_length(1), end=True))
    assert dict(talk.client_hears()[0][2])[b":status"] == b"502"
    assert talk.app_hears() == [("reset", 1, PROTOCOL_ERROR)]


@pytest.mark.parametrize(("fields", "answer"), [(HEAD, OK), (GET, NO_CONTENT), (GET, NOT_MODIFIED)])
@pytest.mark.parametrize("at_once", [False, True])
def test_an_answer_without_content_may_say_how_long_it_would_be(
    fields: Fields, answer: Fields, at_once: bool
) -> None:
    """RFC 9110 8.6."""
    talk = asked(fields=fields)
    talk.app_sends(talk.answers.headers(1, with_length(5, answer), end=at_once))
    if not at_once:
        talk.app_sends(data(1, end=True))
    assert talk.client_hears()[-1][-1] == "end"
    assert talk.endings == [("http2", "finished")]


@pytest.mark.parametrize("fields", [HEAD, GET, WEBSOCKET])
@pytest.mark.parametrize("pad", [None, 3])
def test_not_even_empty_data_comes_before_the_head_of_an_answer(
    fields: Fields, pad: int | None
) -> None:
    talk = asked(fields=fields)
    talk.app_sends(data(1, pad=pad))
    assert dict(talk.client_hears()[0][2])[b":status"] == b"502"
    assert talk.app_hears()[0] == ("reset", 1, PROTOCOL_ERROR)


def test_what_answers_head_has_no_content_of_another_length() -> None:
    talk = asked(fields=HEAD)
    talk.app_sends(talk.answers.headers(1, with_length(5)) + data(1, b"abc", end=True))
    assert talk.client_hears()[-1] == ("reset", 1, INTERNAL_ERROR)


def test_the_length_of_a_tunnel_is_nobodys_business() -> None:
    """RFC 9110 9.3.6"""
    talk = asked(fields=WEBSOCKET, end=False)
    talk.app_sends(talk.answers.headers(1, with_length(1, SWITCHED)) + data(1, b"\x81\1a\x81\1b"))
    assert talk.client_hears()[-1] == ("data", 1, b"\x81\1a\x81\1b")
    talk.app_sends(data(1, end=True))
    assert talk.client_hears()[-1] == ("data", 1, b"", "end")


def test_a_tunnel_that_is_refused_is_an_answer_like_any_other() -> None:
    talk = asked(fields=WEBSOCKET, end=False)
    refused = ((b":status", b"403"),)
    talk.app_sends(talk.answers.headers(1, with_length(1, refused)) + data(1, b"no", end=True))
    assert talk.app_hears()[0] == ("reset", 1, PROTOCOL_ERROR)


def test_a_call_whose_answer_says_its_length_keeps_to_it() -> None:
    talk = begun()
    talk.client_asks(1)
    talk.app_sends(talk.answers.headers(1, with_length(3, GRPC_OK)) + data(1, b"abc"))
    talk.app_sends(talk.answers.headers(1, ((b"grpc-status", b"0"),), end=True))
    assert talk.client_hears()[-1] == ("headers", 1, ((b"grpc-status", b"0"),), "end")


def test_a_length_said_twice_is_kept_to_as_well() -> None:
    talk = asked()
    twice = ((b"content-length", b"2"), (b"content-length", b"2"))
    talk.app_sends(talk.answers.headers(1, (*OK, *twice)) + data(1, b"abc"))
    assert talk.client_hears()[-1] == ("reset", 1, INTERNAL_ERROR)
    assert talk.app_hears()[0] == ("reset", 1, PROTOCOL_ERROR)
