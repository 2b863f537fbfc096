"""A request over HTTP/2 is as long as it says, or malformed (RFC 9113 8.1.1)."""

import pytest

from tests.relay.frames import (
    CANCEL,
    GET,
    POST,
    PROTOCOL_ERROR,
    TRAILERS,
    WEBSOCKET,
    Fields,
    data,
)
from tests.relay.streams import asked, begun


def with_length(length: int) -> Fields:
    return (*POST, (b"content-length", b"%d" % length))


@pytest.mark.parametrize("pad", [None, 0, 7])
def test_a_request_whose_data_adds_up_to_its_content_length_passes(pad: int | None) -> None:
    talk = begun()
    for stream, length in (1, 10), (3, 0):
        talk.client_asks(stream, with_length(length), end=False)
        body = data(stream, b"x" * length, pad=pad) + data(stream, end=True, pad=pad)
        talk.client_sends(body)
        assert talk.app_hears()[-1] == ("data", stream, b"", "end")
    talk.client_asks(5, with_length(0))
    talk.client_asks(7, with_length(3), end=False)
    talk.client_sends(data(7, b"abc") + talk.says.headers(7, TRAILERS, end=True))
    assert talk.app_hears()[-1] == ("headers", 7, TRAILERS, "end")
    assert talk.rejected == {}


@pytest.mark.parametrize("length", [4, 10**17])
@pytest.mark.parametrize("pad", [None, 1])
def test_a_request_of_another_length_than_it_says_never_ends_at_the_app(
    length: int, pad: int | None
) -> None:
    talk = asked()
    talk.client_asks(3, with_length(length), end=False)
    talk.app_hears()
    talk.client_sends(data(3, b"x") + data(3, b"xx", end=True, pad=pad))
    assert talk.app_hears() == [("data", 3, b"x"), ("reset", 3, CANCEL)]
    left_out = 2 if pad is None else 2 + 1 + pad
    assert talk.client_hears() == [("reset", 3, PROTOCOL_ERROR), ("window", 0, left_out)]
    assert talk.rejected == {"malformed": 1}
    assert talk.in_flight == {"http2": 1}


@pytest.mark.parametrize(("said", "more"), [(b"", b"x"), (b"abc", b"x"), (b"ab", b"cx")])
@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("pad", [None, 0, 9])
def test_of_data_beyond_its_length_the_app_gets_nothing(
    said: bytes, more: bytes, end: bool, pad: int | None
) -> None:
    """Behind what an app reads of a request that says its length, more might be the next one."""
    talk = asked()
    talk.client_asks(3, with_length(3 if said else 0), end=False)
    talk.client_sends(data(3, said, pad=pad))
    talk.app_hears()
    talk.client_sends(data(3, more, pad=pad, end=end))
    assert talk.app_hears() == [("reset", 3, CANCEL)]
    padded = 0 if pad is None else 1 + pad
    left_out = len(more) + padded
    assert talk.client_hears() == [("reset", 3, PROTOCOL_ERROR), ("window", 0, left_out)]
    talk.client_sends(data(3, b"y" * 10, end=True))
    assert talk.app_hears() == []
    assert talk.client_hears() == [("window", 0, 10)]
    assert talk.rejected == {"malformed": 1}
    assert talk.endings == [("http2", "client_left")]


def test_a_frame_beyond_the_length_is_left_out_when_its_head_has_come() -> None:
    talk = begun()
    talk.client_asks(1, with_length(3), end=False)
    talk.app_hears()
    frame = data(1, b"x" * 16_000)
    talk.client_sends(frame[:9])
    assert talk.app_hears() == [("reset", 1, CANCEL)]
    talk.client_sends(frame[9:100], frame[100:])
    talk.client_asks(3)
    assert talk.app_hears() == [("headers", 3, GET, "end")]


def test_data_behind_a_whole_answer_may_not_be_too_much_either() -> None:
    talk = begun()
    talk.client_asks(1, with_length(3), end=False)
    talk.app_answers()
    talk.client_sends(data(1, b"abcd"))
    assert talk.app_hears()[1:] == [("reset", 1, CANCEL)]
    assert talk.endings == [("http2", "finished")]


def test_trailers_do_not_end_a_request_that_is_shorter_than_it_says() -> None:
    talk = begun()
    talk.client_asks(1, with_length(4), end=False)
    talk.client_sends(data(1, b"abc") + talk.says.headers(1, TRAILERS, end=True))
    assert talk.client_hears() == [("reset", 1, PROTOCOL_ERROR)]
    assert talk.app_hears()[1:] == [("data", 1, b"abc"), ("reset", 1, CANCEL)]
    talk.client_asks(3)
    assert talk.app_hears() == [("headers", 3, GET, "end")]


def test_a_head_that_announces_a_body_does_not_end_the_request() -> None:
    talk = begun()
    talk.client_asks(1, with_length(1))
    assert talk.client_hears() == [("reset", 1, PROTOCOL_ERROR)]
    assert talk.app_hears() == []
    assert talk.rejected == {"malformed": 1}


def test_the_length_of_a_tunnel_is_nobodys_business() -> None:
    """RFC 9110 9.3.6: CONNECT has no content, and what follows is the tunnel's."""
    talk = begun()
    talk.client_asks(1, (*WEBSOCKET, (b"content-length", b"3")), end=False)
    talk.client_sends(data(1, b"\x81\x80abcd", end=True))
    assert talk.rejected == {}


def test_requests_of_wrong_lengths_are_counted_as_resets() -> None:
    talk = begun(max_resets=3)
    for stream in range(1, 9, 2):
        talk.client_asks(stream, with_length(2), end=False)
        talk.client_sends(data(stream, b"x", end=True))
    assert talk.client_hears()[-1][0] == "goaway"
