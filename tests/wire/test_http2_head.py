"""What is known of a message, and what makes one malformed."""

import pytest
from hypothesis import given

from drainproxy.wire import hpack, http2_head
from drainproxy.wire.hpack import HEADS_ONLY, OTHERS, Fields, HeaderField, HpackReader, block
from drainproxy.wire.http2_head import (
    MOST_FIELDS,
    UNTOLD,
    AnswerHead,
    RequestHead,
    matters,
    too_many,
)
from tests.wire.http2_messages import GET, OK, but, near, requests

METHOD, SCHEME, PATH, AUTHORITY = GET
CONNECT = ((b":method", b"CONNECT"), (b":authority", b"a.example:443"))
CALL = (*but(GET, b":method", b"POST"), (b"content-type", b"application/grpc"))
HTTPS = but(GET, b":scheme", b"https")
WEBSOCKET = ((b":method", b"CONNECT"), (b":protocol", b"websocket"), SCHEME, PATH, AUTHORITY)


# What is known.


def test_a_request_says_what_it_asks_for() -> None:
    head = RequestHead(
        ((b":method", b"POST"), SCHEME, (b":path", b"/a?b"), AUTHORITY, (b"x", b"y"))
    )
    assert not head.malformed
    assert not head.trailers
    assert (head.method, head.path, head.authority) == (b"POST", b"/a?b", b"a.example")
    assert (head.protocol, head.grpc, head.proxied) == (b"", False, (False, False))
    assert head.forwarded == b""


@pytest.mark.parametrize(
    ("fields", "authority"),
    [
        ((*GET[:3], (b"host", b"b.example")), b"b.example"),
        ((*GET, (b"host", b"a.example")), b"a.example"),
        ((*GET[:3], (b":authority", b"")), b""),
        (GET[:3], b""),
        (but(GET, b":authority", b"[::1]:80"), b"[::1]:80"),
        # So gRPC clients do that have a list of addresses.
        (but(CALL, b":authority", b"192.0.2.1:80,[::1]:80"), b"192.0.2.1:80,[::1]:80"),
        # And those that find addresses by a Service's name and that of its port.
        (but(CALL, b":authority", b"feed.default:grpc"), b"feed.default:grpc"),
        # RFC 9113 8.3.1: normalised by RFC 3986 6.2 they are the same.
        ((*GET, (b"host", b"A.Example")), b"a.example"),
        ((*GET, (b"host", b"a.example:80")), b"a.example"),
        ((*GET, (b"host", b"a.example:")), b"a.example"),
        ((*GET, (b"host", b"%61.example")), b"a.example"),
        ((*but(GET, b":authority", b"A.EXAMPLE:80"), (b"host", b"a.example")), b"A.EXAMPLE:80"),
        ((*but(WEBSOCKET, b":authority", b"[::1]"), (b"host", b"[::1]:80")), b"[::1]"),
        ((*but(HTTPS, b":authority", b"a:443"), (b"host", b"a")), b"a:443"),
    ],
)
def test_a_request_names_its_host_in_either_field(fields: Fields, authority: bytes) -> None:
    head = RequestHead(fields)
    assert not head.malformed
    assert head.authority == authority


@pytest.mark.parametrize("fields", [(), ((b"grpc-status", b"0"), (b"x", b"y"))])
def test_a_block_without_a_method_ends_a_request(fields: Fields) -> None:
    head = RequestHead(fields)
    assert head.trailers
    assert not head.malformed


@pytest.mark.parametrize(
    ("content_type", "grpc"),
    [
        (b"application/grpc", True),
        (b"application/grpc+proto", True),
        (b"application/grpc;charset=x", True),
        (b"application/grpc-web", False),
        (b"application/grpc-web+proto", False),
        (b"application/json", False),
        (b"", False),
    ],
)
def test_a_call_of_grpc_is_known_by_its_type(content_type: bytes, grpc: bool) -> None:
    assert RequestHead((*GET, (b"content-type", content_type))).grpc is grpc
    assert RequestHead(GET).grpc is False


@pytest.mark.parametrize(
    ("fields", "protocol"),
    [(WEBSOCKET, b"websocket"), (CONNECT, b""), (but(GET, b":method", b"OPTIONS"), b"")],
)
def test_a_connect_may_ask_for_a_protocol(fields: Fields, protocol: bytes) -> None:
    head = RequestHead(fields)
    assert not head.malformed
    assert head.protocol == protocol


@pytest.mark.parametrize("status", [100, 101, 200, 404, 999])
def test_an_answer_has_a_status_and_may_have_a_length(status: int) -> None:
    head = AnswerHead(((b":status", b"%d" % status), (b"x", b"")))
    assert not head.malformed
    assert (head.status, head.length) == (status, UNTOLD)
    assert AnswerHead((*OK, (b"content-length", b"0"))).length == 0
    assert head.grpc_status is None


@pytest.mark.parametrize(
    ("fields", "grpc_status"),
    [((), None), (((b"x", b"y"),), None), (((b"grpc-status", b"14"),), b"14")],
)
def test_trailers_of_an_answer_may_have_the_status_of_a_call(
    fields: Fields, grpc_status: bytes | None
) -> None:
    head = AnswerHead(fields)
    assert not head.malformed
    assert (head.status, head.grpc_status) == (0, grpc_status)


def test_an_answer_of_trailers_alone_has_both() -> None:
    head = AnswerHead((*OK, (b"grpc-status", b"5")))
    assert (head.status, head.grpc_status) == (200, b"5")


@pytest.mark.parametrize(
    ("content_type", "streams"),
    [
        (b"text/event-stream", True),
        (b"Text/Event-Stream; charset=utf-8", True),
        (b"text/event", False),
        (b"text/html", False),
    ],
)
def test_a_stream_of_events_is_known_by_its_type(content_type: bytes, streams: bool) -> None:
    assert AnswerHead((*OK, (b"content-type", content_type))).event_stream is streams
    assert AnswerHead(OK).event_stream is False


# What is malformed in any message.


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ((b":status", b"200"), "':status' has no place"),
        ((b":path", b"/"), "':path' has no place"),
        ((b":", b""), "':' has no place"),
        ((b":new", b"x"), "':new' has no place"),
        ((b"connection", b"close"), "'connection' concerns one connection"),
        ((b"proxy-connection", b"close"), "'proxy-connection' concerns one connection"),
        ((b"keep-alive", b"timeout=5"), "'keep-alive' concerns one connection"),
        ((b"transfer-encoding", b"chunked"), "'transfer-encoding' concerns one connection"),
        ((b"upgrade", b"websocket"), "'upgrade' concerns one connection"),
        ((b"", b"x"), "'' is not the name of a field"),
        ((b"X-Id", b"x"), "'X-Id' is not the name of a field"),
        ((b"x id", b"x"), "'x id' is not the name of a field"),
        ((b"x:id", b"x"), "'x:id' is not the name of a field"),
        ((b"x\0", b"x"), r"'x\x00' is not the name of a field"),
        ((b"\xe9", b"x"), r"'\xe9' is not the name of a field"),
        *(((b"x", v), "'x' has a NUL, CR or LF") for v in (b"a\nb", b"a\r", b"\0", b"\n")),
        ((b"x-bin", b"a\0"), "'x-bin' has a NUL, CR or LF"),
        ((b"x-bin", b"\n"), "'x-bin' has a NUL, CR or LF"),
        ((b"bin", b"\0a"), "'bin' has a NUL, CR or LF"),
        ((b"content-length", b" 5"), "content-length is not a plain number"),
        ((b"te", b" trailers"), "te is not trailers"),
        ((b"content-length", b""), "content-length is not a plain number"),
        ((b"content-length", b"+5"), "content-length is not a plain number"),
        ((b"content-length", b"1" * 19), "content-length is not a plain number"),
        ((b"te", b"gzip"), "te is not trailers"),
        ((b"te", b"trailers, gzip"), "te is not trailers"),
        ((b"te", b""), "te is not trailers"),
    ],
)
def test_a_field_that_may_not_be_makes_any_message_malformed(
    field: HeaderField, reason: str
) -> None:
    # Twice, because names are remembered; in the middle, and last.
    for more in (field,), (field, (b"y", b"z")), (field,):
        heads: list[RequestHead | AnswerHead] = [
            RequestHead((*GET, *more)),
            AnswerHead((*OK, *more)),
        ]
        if not field[0].startswith(b":"):
            heads += [RequestHead(((b"y", b"z"), *more)), AnswerHead(more)]
        for head in heads:
            assert reason in head.malformed


@pytest.mark.parametrize("name", [b"host", b"content-length", b"te"])
@pytest.mark.parametrize("fields", [GET[:3], OK])
def test_a_field_that_may_stand_once_does_not_stand_twice(name: bytes, fields: Fields) -> None:
    value = {b"host": b"a", b"content-length": b"5", b"te": b"trailers"}[name]
    make = AnswerHead if fields is OK else RequestHead
    assert not make((*fields, (name, value))).malformed
    for other in value, b"7":
        twice = make((*fields, (name, value), (b"x", b""), (name, other)))
        # In an answer a host means nothing, and a length may be said again.
        passes = fields is OK and (name == b"host" or other == b"5")
        assert ("is there twice" in twice.malformed) is not passes


@pytest.mark.parametrize("said", [(b"5", b"5"), (b"5, 5",), (b"05,5", b"5\t,5")])
def test_the_length_of_an_answer_may_be_said_again(said: tuple[bytes, ...]) -> None:
    """RFC 9110 8.6: then it goes on once, as a valid one."""
    fields = (*[(b"content-length", each) for each in said], (b"x", b"y"))
    head = AnswerHead((*OK, *fields))
    assert (head.malformed, head.plain, head.length) == ("", False, 5)
    assert head.odd == "content-length is there twice"
    assert head.mended(fields) == ((b"x", b"y"), (b"content-length", b"5"))
    assert RequestHead((*GET, *fields)).malformed
    assert AnswerHead(fields).malformed, "trailers"


def test_what_may_not_trail_makes_a_request_malformed_and_is_left_out_of_an_answer() -> None:
    fields = ((b"x-a", b"1"), (b"authorization", b"a"))
    assert RequestHead(fields).malformed == "a field that must not be a trailer"
    assert not RequestHead(fields[:1]).malformed
    assert AnswerHead(fields).mended(fields) == fields[:1]
    assert AnswerHead(((b"content-length", b"1"),)).malformed


def test_trailers_that_may_not_be_are_odd_and_those_of_a_call_are_not() -> None:
    head = AnswerHead(((b"grpc-status", b"0"), (b"set-cookie", b"a")))
    assert (head.odd, head.trailers) == ("a field that must not be a trailer", False)
    call = head.of_a_call()
    assert (call.odd, call.trailers, call.grpc_status) == ("", True, b"0")
    assert head.odd, "it is remembered for other answers"
    twice = AnswerHead(((b":status", b"200"), (b"content-length", b"1, 1")))
    assert twice.of_a_call() is twice


@pytest.mark.parametrize("said", [b"5,", b",", b"5, 6", b"5, x", b"5," + b"1" * 19])
def test_a_list_that_is_no_length_makes_an_answer_malformed(said: bytes) -> None:
    head = AnswerHead((*OK, (b"content-length", said)))
    assert "content-length is" in head.malformed
    assert not head.plain


def test_the_data_of_a_request_has_a_length_unless_it_is_a_tunnel() -> None:
    length = (b"content-length", b"5")
    heads = [RequestHead(fields) for fields in ((*GET, length), GET, (*WEBSOCKET, length))]
    assert [head.length for head in heads] == [5, UNTOLD, UNTOLD]


def test_what_a_proxy_has_said_of_the_client_is_known() -> None:
    """RFC 7239"""
    assert RequestHead((*GET, (b"forwarded", b"proto=http"))).proxied == (True, False)


@pytest.mark.parametrize("name", [b"content_length", b"x_forwarded_for"])
def test_what_an_app_may_take_for_another_field_is_wrong_in_requests_alone(name: bytes) -> None:
    assert "may be taken for the field" in RequestHead((*GET, (name, b"5"))).malformed
    assert not AnswerHead((*OK, (name, b"5"))).malformed


@pytest.mark.parametrize(
    "field",
    [
        (b"content-length", b"9" * 18),
        (b"content-length", b"0"),
        (b"te", b"trailers"),
        (b"x_id", b"x"),
        (b"host_name", b"x"),
        (b"!#$%&'*+-.^_`|~09az", b"x"),
        (b"x" * 100, b"x"),
        (b"x", b""),
        (b"x", b"a b\tc"),
        (b"x", bytes(c for c in range(1, 256) if c not in b"\r\n")),
        pytest.param((b"x", b" blanks\t"), id="which gRPC sends"),
    ],
)
def test_other_fields_harm_no_message(field: HeaderField) -> None:
    for _ in range(2):
        assert not RequestHead((*GET, field, field if field[0] == b"x" else (b"y", b""))).malformed
        assert not AnswerHead((*OK, field)).malformed


def test_metadata_may_be_plain_bytes_where_grpc_is_spoken() -> None:
    field = (b"x-bin", b"\0\r\n\0")
    assert not RequestHead((*GET, (b"content-type", b"application/grpc"), field)).malformed
    assert "only gRPC knows" in RequestHead((*GET, field)).malformed
    assert "only gRPC knows" in RequestHead((*GET, (b"content-type", b"x"), field)).malformed
    assert not AnswerHead((*OK, field)).malformed
    assert "NUL, CR or LF" in AnswerHead((*OK, (b"x-bin", b"\r\n\0"))).malformed
    assert "NUL, CR or LF" in AnswerHead((*OK, (b"x", b"\0"))).malformed


def test_names_are_remembered_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2_head, "_ordinary", remembered := set[bytes]())
    for number in range(2000):
        assert not RequestHead((*GET, (b"x-%d" % number, b""))).malformed
        assert RequestHead((*GET, (b"X-%d" % number, b""))).malformed
    assert len(remembered) == 1000


@pytest.mark.parametrize(
    ("crumbs", "others", "within"),
    [(300, 0, True), (0, 0, True), (0, 1, False), (9, 1, False)],
)
@pytest.mark.parametrize("most", [4, 20, MOST_FIELDS, 1000])
def test_a_message_has_so_many_fields_beside_its_crumbs(
    crumbs: int, others: int, within: bool, most: int
) -> None:
    more = ((b"x", b"y"),) * (most + others - len(GET))
    fields = (*GET, *((b"cookie", b"a=b"),) * crumbs, *more)
    assert too_many(fields, most) is not within
    # Who sees no more than what matters of a head asks only where there may be too many.
    assert RequestHead(fields, most).many is (len(fields) > most)


@pytest.mark.parametrize("most", [4, 20, MOST_FIELDS])
def test_a_head_of_few_fields_need_not_be_looked_at_again(most: int) -> None:
    head = RequestHead((*GET, *((b"x", b"y"),) * (most - len(GET))), most)
    assert not head.many
    assert not head.unusual


# What of it matters.


def seen(head: RequestHead | AnswerHead) -> dict[str, object]:
    return {name: getattr(head, name) for name in head.__slots__ if name != "fields"}


@given(requests | near(()), near(OK) | near(()))
def test_a_head_is_made_of_the_fields_that_matter_as_of_all(
    request: Fields, answer: Fields
) -> None:
    for _ in range(2):
        read = HpackReader(65536, RequestHead, matters).read(block(request))
        assert seen(read) == seen(RequestHead(request))
        answered = HpackReader(65536, AnswerHead, matters).read(block(answer))
        assert seen(answered) == seen(AnswerHead(answer))


@pytest.mark.parametrize(
    ("name", "does"),
    [
        *((b"x" * 50, False), (b"grpc-message", False), (b"traceparent", hpack.TRACED)),
        *((b"cookie", HEADS_ONLY), (b"x-forwarded-for", HEADS_ONLY), (b"set_cookie", HEADS_ONLY)),
        *((b"a_b", False), (b":new", True), (b"X", True), (b"", True), (b"content_length", True)),
        *((b"te", True), (b"host", True), (b"connection", True), (b":status", True)),
    ],
)
def test_a_field_matters_for_what_it_means_or_because_it_is_wrong(
    name: bytes, does: bool | HeaderField
) -> None:
    assert [matters(name), matters(name)] == [does, does]


def test_where_others_stood_no_pseudo_field_follows_and_nothing_else_is_said_of_them() -> None:
    assert not RequestHead((*GET, OTHERS, hpack.TRACED)).malformed
    assert "has no place" in RequestHead((METHOD, OTHERS, *GET[1:])).malformed
    assert "is not the name" in RequestHead((*GET, (b"", b""))).malformed


# Requests, and then answers.


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (GET[1:], "':scheme' without :method"),
        ((AUTHORITY,), "':authority' without :method"),
        (((b":protocol", b"websocket"),), "':protocol' without :method"),
        (but(GET, b":method", b""), "the method is not a token"),
        (but(GET, b":method", b"head"), "HEAD or CONNECT in another spelling"),
        (but(GET, b":scheme", None), "the :scheme is missing"),
        (but(GET, b":scheme", b""), "the :scheme is missing"),
        (but(GET, b":scheme", b"http://x/"), "the :scheme is missing"),
        (but(GET, b":scheme", b"1http"), "the :scheme is missing"),
        (but(GET, b":path", None), "the :path is missing"),
        (but(GET, b":path", b""), "the :path is missing"),
        (but(GET, b":path", b"*"), "the :path is missing"),
        (but(GET, b":path", b"x"), "the :path is missing"),
        (but(GET, b":path", b"http://a.example/"), "the :path is missing"),
        (but(GET, b":path", b"/a b"), "the :path is missing"),
        (but(GET, b":path", b"/\x7f"), "the :path is missing"),
        (but(GET, b":path", b"/\xe9"), "the :path is missing"),
        (but(GET, b":path", b"/#a"), "the :path is missing"),
        (but(GET, b":authority", b"a,b"), "the :authority is not a host"),
        (but(GET, b":authority", b"a:b"), "the :authority is not a host"),
        (but(CALL, b":authority", b"a,b:c:80"), "the :authority is not a host"),
        ((*GET[:3], (b"host", b"a.example\t")), "the :authority is not a host"),
        ((*GET, (b"host", b"b.example")), "the :authority is not a host, or not the one"),
        ((*GET, (b"host", b"")), "the :authority is not a host, or not the one"),
        ((*GET, (b"host", b"a.example:443")), "the :authority is not a host, or not"),
        ((*HTTPS, (b"host", b"a.example:80")), "the :authority is not a host, or not"),
        ((*GET, (b"host", b"a.example.")), "the :authority is not a host, or not"),
        ((*but(GET, b":authority", b":80"), (b"host", b"")), "the :authority is not a host"),
        ((*GET[:3], (b"host", b"a/b")), "the :authority is not a host"),
        ((*but(GET, b":authority", b""), (b"host", b"a")), "the :authority is not a host, or not"),
        (CONNECT[:1], "CONNECT has an :authority and nothing else"),
        (but(CONNECT, b":authority", b""), "CONNECT has an :authority and nothing else"),
        ((*CONNECT[:1], (b"host", b"a")), "CONNECT has an :authority and nothing else"),
        ((*CONNECT, SCHEME), "CONNECT has an :authority and nothing else"),
        ((*CONNECT, PATH), "CONNECT has an :authority and nothing else"),
        (but(WEBSOCKET, b":method", b"GET"), ":protocol stands in a CONNECT"),
        (but(WEBSOCKET, b":authority", None), ":protocol stands in a CONNECT"),
        (but(WEBSOCKET, b":authority", b""), ":protocol stands in a CONNECT"),
        (but(WEBSOCKET, b":scheme", None), "the :scheme is missing"),
        (but(WEBSOCKET, b":path", None), "the :path is missing"),
        ((*GET, METHOD), "':method' has no place"),
        ((METHOD, (b"x", b"y"), *GET[1:]), "':scheme' has no place"),
        ((METHOD, (b"host", b"a"), *GET[1:]), "':scheme' has no place"),
        (((b":status", b"200"), *GET), "':status' has no place"),
    ],
)
def test_a_request_that_names_its_target_in_no_clear_way_is_malformed(
    fields: Fields, reason: str
) -> None:
    assert reason in RequestHead(fields).malformed


@pytest.mark.parametrize(
    "fields",
    [
        but(but(GET, b":method", b"OPTIONS"), b":path", b"*"),
        but(GET, b":path", b"/" + bytes(c for c in range(0x21, 0x7F) if c != ord("#"))),
        but(GET, b":scheme", b"HTTPS"),
        but(GET, b":scheme", b"x-y+z.1"),
        but(GET, b":method", b"M-SEARCH"),
    ],
)
def test_a_request_may_ask_in_any_way_that_is_clear(fields: Fields) -> None:
    assert not RequestHead(fields).malformed


@pytest.mark.parametrize(
    "status", [b"", b"20", b"2000", b"099", b"2x0", b"+20", b" 20", b"\xb2\xb2\xb2"]
)
def test_an_answer_has_a_status_of_three_digits(status: bytes) -> None:
    head = AnswerHead(((b":status", status),))
    assert head.malformed
    assert head.status == 0


@pytest.mark.parametrize(
    "fields", [((b"x", b"y"), *OK), (*OK, *OK), (*OK, PATH), (METHOD,), (AUTHORITY, *OK)]
)
def test_pseudo_fields_of_an_answer_are_one_status_at_its_beginning(fields: Fields) -> None:
    assert "has no place" in AnswerHead(fields).malformed


def test_the_first_thing_that_is_wrong_is_what_is_said() -> None:
    assert "NUL" in AnswerHead(((b":status", b"20"), (b"x", b"\0"))).malformed
    assert "NUL" in RequestHead(((b":method", b""), (b"x", b"\0"))).malformed
