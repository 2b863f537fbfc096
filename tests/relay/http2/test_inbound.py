"""What comes from clients of HTTP/2: what passes, what is refused, and what is too much."""

from typing import Any

import pytest

from drainproxy.drain.ledger import KINDS
from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CANCEL,
    COMPRESSION_ERROR,
    CONNECT,
    ENABLE_CONNECT,
    ENHANCE_YOUR_CALM,
    GET,
    MAX_STREAMS,
    NO_ERROR,
    OK,
    POST,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
    TRAILERS,
    WEBSOCKET,
    Fields,
    data,
    headers_frame,
    priority,
    reset,
    settings,
    unknown,
    window_update,
)
from tests.relay.proxy import Proxy
from tests.relay.streams import asked, begun

CRUMBS: Fields = tuple((b"cookie", b"%d=x" % number) for number in range(150))
LENGTHS: Fields = ((b"content-length", b"5"), (b"content-length", b"6"))


def closed_by(talk: Conversation) -> tuple[int, int]:
    """The last stream and the code with which we have ended the connection."""
    *_, last = talk.client_hears()
    assert last[0] == "goaway", last
    assert talk.client.state == "half-closed"
    assert talk.in_flight == {}
    return last[1], last[2]


# Where it comes from

FORWARDED: Fields = (
    *((b"x-forwarded-for", b"192.0.2.7"), (b"x-forwarded-proto", b"http")),
    (b"x-forwarded-host", b"a.example"),
)


def test_the_app_is_told_where_a_request_came_from() -> None:
    talk = begun(forwarded=True)
    for stream, most in ((1, None), (3, 2), (5, None)):
        talk.client_asks(stream, POST, end=False, most=most, pad=3, depends_on=0)
        talk.client_asks(stream, TRAILERS)
        assert talk.app_hears() == [
            ("headers", stream, (*POST, *FORWARDED)),
            ("headers", stream, TRAILERS, "end"),
        ]


def test_what_a_proxy_has_told_before_us_stands() -> None:
    talk = begun(forwarded=True)
    before: Fields = (
        *((b"x-forwarded-for", b"203.0.113.1"), (b"x-forwarded-proto", b"https")),
        (b"x-forwarded-host", b"b.example"),
    )
    talk.client_asks(1, (*GET, *before))
    assert talk.app_hears() == [("headers", 1, (*GET, *before, FORWARDED[0]), "end")]


def test_a_client_that_repeats_itself_is_understood_each_time() -> None:
    talk = begun(forwarded=True, max_streams=1000)
    paths = [b"/%d" % (number % 50) for number in range(200)]
    for number, path in enumerate(paths):
        fields: Fields = (*GET[:2], (b":path", path), GET[3], (b"x-id", b"%d" % number))
        talk.client_asks(1 + 2 * number, fields)
        assert talk.app_hears() == [("headers", 1 + 2 * number, (*fields, *FORWARDED), "end")]
    assert [stream.path for stream in talk.session.table.streams.values()] == [
        path.decode() for path in paths
    ]


def test_a_long_head_is_read_each_time() -> None:
    talk = begun(forwarded=True)
    long: Fields = (*GET[:2], (b":path", b"/" + b"x" * 2000), GET[3])
    for stream in (1, 3, 5):
        talk.client_asks(stream, long)
        assert talk.app_hears() == [("headers", stream, (*long, *FORWARDED), "end")]


def test_a_long_head_is_split_where_the_app_wants_it() -> None:
    talk = begun(forwarded=True)
    long = (*GET, *((b"x-%d" % number, b"y" * 1000) for number in range(30)))
    talk.client_asks(1, long, most=16384)
    assert talk.app_hears() == [("headers", 1, (*long, *FORWARDED), "end")]


def test_the_app_is_not_told_if_it_must_not_be() -> None:
    talk = asked(forwarded=False)
    assert talk.in_flight == {"http2": 1}


# max-fields


def with_fields(count: int, *, crumbs: int = 0) -> Fields:
    """A request of so many, pseudo-header fields included."""
    more = ((b"x-%d" % number, b"y") for number in range(count - len(GET)))
    return (*GET, *more, *((b"cookie", b"a=b"),) * crumbs)


@pytest.mark.parametrize("most", [4, 10, 100, 150])
@pytest.mark.parametrize("stateless", [False, True])
def test_a_request_has_max_fields_and_not_one_more(most: int, stateless: bool) -> None:
    talk = begun(max_fields=most)
    if stateless:
        talk.client_asks(1, GET[1:])
        assert talk.client_hears() == [("reset", 1, PROTOCOL_ERROR)]
    for stream in (3, 7):
        talk.client_asks(stream, with_fields(most))
        assert talk.app_hears() == [("headers", stream, with_fields(most), "end")]
        talk.client_asks(stream + 2, with_fields(most + 1))
        assert is_431(talk, stream + 2, most)
        assert talk.app_hears() == []
    assert talk.rejected == {"malformed": 2 + stateless}
    assert talk.proxy.context.counters.codes["http2"][431] == 2


def is_431(talk: Conversation, stream: int, most: int) -> bool:
    """Whether that is the whole answer, as over HTTP/1 (RFC 6585 5)."""
    ((kind, of, fields, end),) = talk.client_hears()
    assert (kind, of, end) == ("headers", stream, "end")
    assert b"more than %d fields" % most in dict(fields)[b"proxy-status"]
    return bool(dict(fields)[b":status"] == b"431")


def test_of_a_request_that_has_too_many_fields_the_body_is_not_wanted() -> None:
    """RFC 9113 8.1."""
    talk = begun(max_fields=5)
    talk.client_asks(1, with_fields(6), end=False)
    assert [each[:2] for each in talk.client_hears()] == [("headers", 1), ("reset", 1)]
    talk.client_sends(data(1, b"abcd", end=True))
    assert talk.client_hears() == [("window", 0, 4)]
    assert talk.app_hears() == []


def test_what_is_malformed_is_so_whatever_else_it_is() -> None:
    talk = begun(max_fields=5)
    talk.client_asks(1, (*with_fields(6), (b"connection", b"close")))
    talk.client_asks(3, with_fields(10)[4:])
    assert talk.client_hears() == [("reset", stream, PROTOCOL_ERROR) for stream in (1, 3)]


def test_who_sends_too_many_fields_and_nothing_else_is_sent_away() -> None:
    talk = begun(max_fields=5, max_resets=3)
    for stream in range(1, 9, 2):
        talk.client_asks(stream, with_fields(6))
    assert talk.client_hears()[-1][0] == "goaway"
    assert talk.rejected == {"malformed": 4, "max-resets": 1}


def test_crumbs_of_cookies_are_not_counted_whatever_max_fields_is() -> None:
    talk = begun(max_fields=5)
    talk.client_asks(1, with_fields(5, crumbs=90))
    assert talk.app_hears() == [("headers", 1, with_fields(5, crumbs=90), "end")]
    talk.client_asks(3, with_fields(6, crumbs=90))
    assert is_431(talk, 3, 5)


def test_what_the_app_must_not_see_is_the_same_when_it_comes_again() -> None:
    talk = begun(max_fields=5)
    for stream in range(1, 21, 2):
        talk.client_asks(stream, with_fields(6))
        assert is_431(talk, stream, 5)
    assert talk.app_hears() == []


# Malformed requests

MALFORMED: list[Any] = [
    pytest.param(GET[1:], id="no method"),
    pytest.param((*GET, (b"connection", b"close")), id="a field of one connection"),
    pytest.param((*GET, (b"X", b"y")), id="a capital letter"),
    pytest.param((*GET, (b"x", b"a\r\nb")), id="two lines"),
    pytest.param((*GET, (b"content-length", b"x")), id="no number"),
    pytest.param((*GET, *LENGTHS), id="two lengths"),
    pytest.param((*GET, *LENGTHS[:1] * 2), id="one length twice"),
    pytest.param(TRAILERS, id="trailers of nothing"),
    pytest.param((), id="nothing"),
]


@pytest.mark.parametrize("fields", MALFORMED)
@pytest.mark.parametrize("end", [True, False])
def test_a_malformed_request_reaches_no_app_and_harms_no_other(fields: Fields, end: bool) -> None:
    talk = asked()
    talk.client_asks(3, fields, end=end)
    assert talk.client_hears() == [("reset", 3, PROTOCOL_ERROR)]
    if not end:
        talk.client_sends(data(3, b"x", pad=3) + talk.says.headers(3, TRAILERS, end=True))
        assert talk.client_hears() == [("window", 0, 5)]
    assert talk.app_hears() == []
    assert talk.rejected == {"malformed": 1}
    talk.client_asks(5)
    assert talk.app_hears() == [("headers", 5, GET, "end")]
    assert talk.in_flight == {"http2": 2}


def test_a_cookie_in_crumbs_is_one_field() -> None:
    talk = begun()
    talk.client_asks(1, (*GET, *CRUMBS))
    assert talk.app_hears() == [("headers", 1, (*GET, *CRUMBS), "end")]


def test_a_cookie_in_crumbs_opens_no_door() -> None:
    talk = asked(max_streams=1)
    talk.client_asks(3, (*GET, *CRUMBS))
    assert talk.client_hears() == [("reset", 3, REFUSED_STREAM)]
    talk.app_answers(1)
    talk.client_hears()
    talk.client_asks(5, ((b":method", b"CONNECT"), (b":authority", b"a"), *CRUMBS))
    ((_, _, fields, *_), *_) = talk.client_hears()
    assert dict(fields)[b":status"] == b"501"
    assert talk.app_hears() == []


def test_what_is_taken_back_makes_room_before_the_next_begins_in_one_read() -> None:
    talk = begun(max_streams=1)
    said = b""
    for stream in (1, 3, 5):
        said += talk.says.headers(stream, POST) + talk.says.headers(stream, GET, end=True)
    talk.client_sends(said)
    heard = [(kind, stream) for kind, stream, *_ in talk.app_hears()]
    assert heard == [(kind, stream) for stream in (1, 3, 5) for kind in ("headers", "reset")]


@pytest.mark.parametrize(
    ("trailers", "end"),
    [((*TRAILERS, (b"Connection", b"x")), True), (GET, True), (TRAILERS, False), ((), False)],
)
def test_a_request_with_malformed_trailers_is_taken_back_from_the_app(
    trailers: Fields, end: bool
) -> None:
    talk = asked(end=False)
    talk.client_asks(1, trailers, end=end)
    assert talk.client_hears() == [("reset", 1, PROTOCOL_ERROR)]
    assert talk.app_hears() == [("reset", 1, CANCEL)]
    assert talk.endings == [("http2", "client_left")]
    assert talk.rejected == {"malformed": 1}
    talk.client_sends(data(1, b"xy") + data(1, end=True))
    talk.app_answers(1, b"late")
    assert talk.client_hears() == [("window", 0, 2)]
    assert talk.app_hears() == [("window", 0, 4)]
    talk.client_asks(3, (*POST, *TRAILERS))
    assert talk.app_hears() == [("headers", 3, (*POST, *TRAILERS), "end")]


@pytest.mark.parametrize("trailers", [True, False])
def test_a_bomb_does_not_go_off_where_blocks_are_written_anew(trailers: bool) -> None:
    """Each byte of it names a field of 2000, which the app would get spelt out."""
    talk = begun(max_header_bytes=1 << 20)
    talk.client_asks(1, (*POST, (b"x-large", b"y" * 2000)), end=False)
    talk.client_asks(3, GET[1:])
    stream, start = (1, b"") if trailers else (5, talk.says.block(GET))
    bomb = headers_frame(stream, start + talk.says.block(((b"x-large", b"y" * 2000),)) * 90)
    talk.client_sends(bomb)
    code = PROTOCOL_ERROR if trailers else ENHANCE_YOUR_CALM
    assert talk.client_hears()[-1] == ("reset", stream, code)
    assert len(talk.app.received) < 5000
    assert talk.rejected == {"malformed": 2}


def test_what_a_table_makes_short_may_be_long_without_one() -> None:
    talk = begun()
    talk.client_asks(1, GET[1:])
    for stream in (3, 5):
        talk.client_asks(stream, (*GET, (b"cookie", b"y" * 3000)))
        assert talk.app_hears() == [("headers", stream, (*GET, (b"cookie", b"y" * 3000)), "end")]


@pytest.mark.parametrize(
    ("block", "code"),
    [
        (b"\xff\xff\xff\xff\xff\xff", COMPRESSION_ERROR),
        (b"\x80", COMPRESSION_ERROR),
        (b"\x3f\xe1\x7f", COMPRESSION_ERROR),
        (b"\x00" * 70000, ENHANCE_YOUR_CALM),
    ],
)
def test_a_block_that_cannot_be_read_ends_the_connection(block: bytes, code: int) -> None:
    talk = asked()
    talk.client_sends(headers_frame(3, block))
    assert closed_by(talk) == (1, code if len(block) < 16384 else 6)
    assert talk.endings == [("http2", "client_left")]
    assert talk.app_hears() == []


def test_a_block_that_names_too_much_ends_the_connection() -> None:
    """Each of the bytes after the first field repeats it."""
    talk = asked(max_header_bytes=5000)
    talk.client_sends(headers_frame(3, b"\x40\x01x\x7f\x51" + b"y" * 208 + b"\xbe" * 50))
    assert closed_by(talk) == (1, ENHANCE_YOUR_CALM)


# Streams


def test_streams_that_are_over_are_told_from_those_that_never_were() -> None:
    def said(*frames: bytes) -> tuple[int, int]:
        talk = asked(1, 5)
        talk.app_answers(1)
        talk.client_sends(*frames)
        return closed_by(talk)

    for stream in (2, 3, 7, 0):
        assert said(data(stream, b"x")) == (5, PROTOCOL_ERROR)
    assert said(data(1, b"x")) == (5, STREAM_CLOSED)
    assert said(data(5, b"x")) == (5, STREAM_CLOSED)
    assert said(reset(5), data(5, b"x")) == (5, STREAM_CLOSED)
    for idle in (reset(7), reset(2**31 - 1), window_update(7, 1)):
        assert said(idle) == (5, PROTOCOL_ERROR)
    for still in (window_update(0, 0), window_update(5, 0)):
        assert said(still) == (5, PROTOCOL_ERROR)


@pytest.mark.parametrize(
    ("stream", "code"), [(1, STREAM_CLOSED), (3, PROTOCOL_ERROR), (5, STREAM_CLOSED), (2, 1)]
)
def test_a_head_where_none_can_be_ends_the_connection(stream: int, code: int) -> None:
    talk = asked(1, 5)
    talk.app_answers(1)
    talk.client_asks(stream)
    assert closed_by(talk) == (5, code)


@pytest.mark.parametrize("first", [True, False])
def test_nothing_follows_the_end_of_a_request(first: bool) -> None:
    talk = asked(end=False)
    trailers = talk.says.headers(1, TRAILERS, end=True)
    talk.client_sends(data(1, b"x", end=True) + (trailers if first else data(1, b"y")))
    assert closed_by(talk) == (1, STREAM_CLOSED)
    assert talk.app_hears() == [("data", 1, b"x", "end")]


def test_a_client_does_not_push() -> None:
    talk = asked()
    talk.client_sends(talk.says.push(1, 2, GET))
    assert closed_by(talk) == (1, PROTOCOL_ERROR)


@pytest.mark.parametrize("answered", [True, False])
def test_what_the_client_sends_before_it_knows_of_the_apps_reset_reaches_the_app(
    answered: bool,
) -> None:
    talk = asked(end=False)
    if answered:
        talk.app_answers()
    talk.app_sends(reset(1, NO_ERROR))
    talk.client_hears()
    late = data(1, b"x") + talk.says.headers(1, TRAILERS, end=True)
    late += window_update(1, 5) + priority(1) + unknown(1) + reset(1)
    talk.client_sends(late)
    assert talk.app_got() == late
    assert talk.endings == [("http2", "finished" if answered else "app_left")]


def test_blocks_of_streams_that_the_app_has_reset_are_not_written_anew() -> None:
    """They are of use to nobody, and might be long."""
    talk = asked(1, 3, end=False)
    talk.client_asks(5, GET[1:])
    talk.app_sends(reset(1, NO_ERROR))
    talk.client_asks(1, TRAILERS)
    talk.client_asks(3, TRAILERS)
    assert talk.app_hears() == [("headers", 3, TRAILERS, "end")]


def test_to_streams_of_which_the_app_never_heard_nothing_is_said() -> None:
    talk = asked()
    talk.client_asks(3, GET[1:], end=False)
    talk.client_sends(
        window_update(3, 5) + priority(3) + unknown(3) + reset(3) + window_update(3, 5)
    )
    assert talk.client_hears() == [("reset", 3, PROTOCOL_ERROR)]
    assert talk.app_hears() == []


# CONNECT


def test_a_websocket_over_http2_passes_and_is_held_as_one() -> None:
    talk = Conversation("auto")
    talk.client_begins()
    talk.app_sends(settings({ENABLE_CONNECT: 1}))
    assert talk.client_hears() == [("settings", {ENABLE_CONNECT: 1, MAX_STREAMS: 256})]
    talk.client_asks(1, WEBSOCKET, end=False)
    assert talk.app_hears() == [("settings", {}), ("headers", 1, WEBSOCKET)]
    assert talk.in_flight == {"websocket": 1}
    talk.app_sends(talk.answers.headers(1, OK) + data(1, b"\x81\x05hello"))
    talk.client_sends(data(1, b"\x88\x80abcd", end=True))
    talk.app_sends(data(1, b"\x88\x00", end=True))
    assert talk.client_hears()[1:] == [
        ("data", 1, b"\x81\x05hello"),
        ("data", 1, b"\x88\x00", "end"),
    ]
    assert talk.endings == [("websocket", "finished")]
    assert talk.proxy.context.counters.codes["websocket"] == {200: 1}


def test_a_websocket_over_http2_is_refused_once_closed_and_others_are_served() -> None:
    talk = asked()
    talk.proxy.leaves()
    talk.proxy.closes()
    talk.client_hears()
    talk.client_asks(3, WEBSOCKET, end=False)
    ((_, stream, fields, end), *_) = talk.client_hears()
    assert (stream, dict(fields)[b":status"], end) == (3, b"503", "end")
    talk.client_sends(data(3, b"x", end=True))
    assert talk.client_hears() == [("window", 0, 1)]
    talk.client_asks(5, POST)
    assert talk.app_hears() == [("headers", 5, POST, "end")]
    assert talk.rejected == {"leaving": 1}
    assert talk.in_flight == {"http2": 2}
    assert talk.proxy.context.counters.codes["http2"] == {503: 1}


@pytest.mark.parametrize("leaving", [True, False])
def test_a_tunnel_to_anywhere_is_not_supported(leaving: bool) -> None:
    proxy = Proxy()
    talk = asked(proxy=proxy)
    if leaving:
        proxy.context.begin_leaving()
    talk.client_asks(3, CONNECT, end=False)
    ((_, stream, fields, end), *_) = talk.client_hears()
    assert (stream, dict(fields)[b":status"], end) == (3, b"501", "end")
    talk.client_sends(data(3, b"x") + reset(3))
    assert talk.app_hears() == []
    assert talk.in_flight == {"http2": 1}
    assert proxy.context.counters.codes == {
        kind: {501: 1} if kind == "http2" else {} for kind in KINDS
    }
