"""What may trail a message over HTTP/2: the same as over HTTP/1 (RFC 9110 6.5.1)."""

import pytest

from drainproxy.wire.chunked import NEVER_IN_TRAILERS
from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CALL,
    CANCEL,
    GET,
    GRPC_OK,
    INTERNAL_ERROR,
    OK,
    POST,
    PROTOCOL_ERROR,
    TRAILERS,
    Fields,
    data,
    headers_frame,
)
from tests.relay.streams import asked, begun

# RFC 9113 8.2.2: these have no place in HTTP/2 at all.
OF_A_CONNECTION = {
    *(b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"),
}
UNFIT = sorted(NEVER_IN_TRAILERS - OF_A_CONNECTION)
# As an app behind WSGI or CGI reads them.
SPELT_OTHERWISE = [b"set_cookie", b"x_forwarded-for", b"max_forwards"]
NAMES: Fields = tuple(
    [(name, b"x") for name in (b"!#$%&'*+-.^_`|~", b"0", b"x_y", b"etag", b"server-timing")]
)
DONE: Fields = ((b"grpc-status", b"0"), (b"grpc-message", b""))


def value(name: bytes) -> bytes:
    return {b"te": b"trailers", b"content-length": b"1"}.get(name, b"a")


@pytest.mark.parametrize("name", [*UNFIT, *SPELT_OTHERWISE, b"x_forwarded_for"])
@pytest.mark.parametrize("where", [0, 1])
@pytest.mark.parametrize("times", [1, 2])
def test_a_request_with_a_trailer_that_belongs_into_heads_is_malformed(
    name: bytes, where: int, times: int
) -> None:
    talk = begun()
    for stream in range(1, 1 + 2 * times, 2):
        talk.client_asks(stream, POST, end=False)
        talk.client_hears(), talk.app_hears()
        fields = [*TRAILERS]
        fields.insert(where, (name, value(name)))
        talk.client_sends(data(stream, b"x") + talk.says.headers(stream, tuple(fields), end=True))
        assert talk.client_hears() == [("reset", stream, PROTOCOL_ERROR)]
        assert talk.app_hears() == [("data", stream, b"x"), ("reset", stream, CANCEL)]
    assert talk.rejected == {"malformed": times}


def test_a_head_may_have_them_all_and_other_requests_are_not_harmed() -> None:
    talk = begun()
    fields = [(name, value(name)) for name in UNFIT if name not in (b"host", b"content-length")]
    head = (*POST, *fields)
    for stream in 1, 3, 5:
        talk.client_asks(stream, head, end=False)
        assert talk.app_hears() == [("headers", stream, head)]
        trailers = TRAILERS if stream != 3 else (*TRAILERS, (b"cookie", b"a"))
        talk.client_asks(stream, trailers, end=True)
        told = ("reset", 3, CANCEL) if stream == 3 else ("headers", stream, TRAILERS, "end")
        assert talk.app_hears() == [told]


def test_why_it_is_refused_stands_in_the_log() -> None:
    talk = asked(fields=POST, end=False)
    words: list[str] = []
    talk.proxy.context.refusal = lambda reason, peer, why, facts=None: words.append(why)
    talk.client_asks(1, ((b"authorization", b"Basic a"),), end=True)
    assert words == ["a field that must not be a trailer"]


def called(*streams: int, fields: Fields = GET, answer: Fields = OK) -> Conversation:
    talk = asked(*streams, fields=fields)
    for stream in streams:
        talk.app_sends(talk.answers.headers(stream, answer))
    talk.client_hears()
    return talk


left_out = pytest.mark.parametrize(
    "name", [*(name for name in UNFIT if name != b"content-length"), *SPELT_OTHERWISE]
)


@left_out
@pytest.mark.parametrize("where", [0, 1, 2])
def test_what_may_not_trail_an_answer_is_left_out(name: bytes, where: int) -> None:
    talk = called(1, 3, 5)
    for stream in 1, 3:
        fields = [*DONE]
        fields.insert(where, (name, value(name)))
        talk.app_sends(talk.answers.headers(stream, tuple(fields), end=True))
        assert talk.client_hears() == [("headers", stream, DONE, "end")]
    talk.app_sends(talk.answers.headers(5, DONE, end=True))
    assert talk.client_hears() == [("headers", 5, DONE, "end")]
    assert talk.endings == [("http2", "finished")] * 3


@left_out
def test_the_metadata_of_a_call_are_the_apps_whatever_their_names(name: bytes) -> None:
    """gRPC over HTTP/2, "Custom-Metadata": any name that does not begin with grpc-."""
    talk = called(1, 3, 5, fields=CALL, answer=GRPC_OK)
    fields = (*DONE, (name, value(name)))
    for stream in 1, 3:
        talk.app_sends(talk.answers.headers(stream, fields, end=True))
        assert talk.client_hears() == [("headers", stream, fields, "end")]
    talk.app_sends(talk.answers.headers(5, DONE, end=True))
    assert talk.client_hears() == [("headers", 5, DONE, "end")]
    assert talk.endings == [("grpc", "finished")] * 3
    assert talk.proxy.context.counters.grpc[b"/a.Service/Do"] == {b"0": 3}


def test_trailers_of_any_other_name_pass_as_they_came() -> None:
    """RFC 9110 5.1 and 5.6.2: a name is any token, in HTTP/2 in small letters."""
    talk = called(1, 3)
    fields = (*NAMES, (b"x-empty", b""), (b"a", b"1"), (b"a", b"2"), (b"x-latin", b"\xe4"))
    for stream in 1, 3:
        talk.app_sends(talk.answers.headers(stream, fields, end=True))
        assert talk.client_hears() == [("headers", stream, fields, "end")]


def test_of_a_trailer_that_is_left_out_an_answer_keeps_its_end() -> None:
    talk = asked()
    talk.app_sends(talk.answers.headers(1, OK) + data(1, b"x"))
    talk.app_sends(talk.answers.headers(1, ((b"set-cookie", b"a"),), end=True))
    assert talk.client_hears()[-1] == ("headers", 1, (), "end")


@pytest.mark.parametrize("name", [b"content-length", b"transfer-encoding"])
def test_a_trailer_that_would_frame_an_answer_breaks_it(name: bytes) -> None:
    talk = called(1, 3)
    talk.app_sends(talk.answers.headers(1, (*TRAILERS, (name, b"1")), end=True))
    assert talk.client_hears() == [("reset", 1, INTERNAL_ERROR)]
    assert talk.app_hears() == [("reset", 1, PROTOCOL_ERROR)]


def test_where_the_rest_of_the_trailers_is_lost_the_answer_is_broken() -> None:
    """A field has left the table while the block was read (RFC 7541 4.4)."""
    talk = called(1, 3)
    filling = tuple([(b"x-%d" % number, b"a" * 975) for number in range(4)])
    talk.app_sends(talk.answers.headers(1, (*DONE, *filling), end=True))
    talk.client_hears()
    # What stands last in the table, and what takes its place there.
    block = b"\xc1" + b"\x40\x0aset-cookie\x03a=b" + b"\x40\x01x\x0a" + b"b" * 10
    talk.app_sends(headers_frame(3, block))
    assert talk.client_hears() == [("reset", 3, INTERNAL_ERROR)]


def test_trailers_alone_are_a_head() -> None:
    """gRPC over HTTP/2, "Trailers-Only": they have a status and a type."""
    talk = asked(fields=CALL)
    fields = (*GRPC_OK, *DONE, (b"set-cookie", b"a"))
    talk.app_sends(talk.answers.headers(1, fields, end=True))
    assert talk.client_hears() == [("headers", 1, fields, "end")]


def test_late_trailers_with_them_harm_no_other_stream() -> None:
    talk = asked(1, 3, fields=GET)
    talk.app_sends(talk.answers.headers(1, OK))
    talk.client_hears()
    talk.client_sends(b"\0\0\4\3\0\0\0\0\1\0\0\0\x08")
    talk.app_sends(talk.answers.headers(1, ((b"cookie", b"a"),), end=True))
    assert talk.client_hears() == []
    talk.app_sends(talk.answers.headers(3, (*OK, (b"cookie", b"a")), end=True))
    assert talk.client_hears() == [("headers", 3, (*OK, (b"cookie", b"a")), "end")]
