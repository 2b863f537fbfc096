"""What is refused and why, what is taken and how long it is, what is changed on the way."""

import pytest

from drainproxy.wire.fields import Refused
from drainproxy.wire.http1 import CHUNKED, UNTIL_CLOSE, switched_to
from tests.wire.heads import MOST_FIELDS, request_of, response_of, status_of

WEBSOCKET = b"Connection: upgrade", b"Upgrade: websocket"

# What must be refused


@pytest.mark.parametrize(
    ("line", "status"),
    [
        pytest.param(b"GET /", 400, id="HTTP/0.9"),
        pytest.param(b"GET / HTTP/0.9", 505, id="HTTP/0.9 by name"),
        pytest.param(b"GET / HTTP/1.2", 505, id="HTTP/1.2"),
        pytest.param(b"GET / HTTP/2.0", 505, id="HTTP/2.0"),
        pytest.param(b"PRI * HTTP/2.0", 505, id="the preface of HTTP/2"),
        pytest.param(b"GET / HTTP/1.10", 505, id="HTTP/1.10"),
        pytest.param(b"GET / HTTP/1,1", 505, id="comma in the version"),
        pytest.param(b"GET / http/1.1", 400, id="version in lower case"),
        pytest.param(b"GET / RTSP/1.0", 400, id="another protocol"),
        pytest.param(b"GET / ", 400, id="no version"),
        pytest.param(b"CONNECT a.example:443 HTTP/1.1", 501, id="CONNECT"),
        pytest.param(b"connect a.example:443 HTTP/1.1", 501, id="connect"),
        pytest.param(b"head / HTTP/1.1", 400, id="head"),
        pytest.param(b"", 400, id="empty line"),
        pytest.param(b" GET / HTTP/1.1", 400, id="blank before"),
        pytest.param(b"GET / HTTP/1.1 ", 400, id="blank after"),
        pytest.param(b"GET  / HTTP/1.1", 400, id="two blanks"),
        pytest.param(b"GET\t/ HTTP/1.1", 400, id="tab"),
        pytest.param(b"GET /a b HTTP/1.1", 400, id="blank in the target"),
        pytest.param(b"G(T / HTTP/1.1", 400, id="method that is no token"),
        pytest.param(b"G\0T / HTTP/1.1", 400, id="NUL in the method"),
        pytest.param(b"GET /\0 HTTP/1.1", 400, id="NUL in the target"),
        pytest.param(b"GET /\x7f HTTP/1.1", 400, id="DEL in the target"),
        pytest.param(b"GET /\xc3\xa4 HTTP/1.1", 400, id="UTF-8 in the target"),
        pytest.param(b"GET /a#b HTTP/1.1", 400, id="fragment in the target"),
        pytest.param(b"GET /a\rb HTTP/1.1", 400, id="bare CR in the target"),
        pytest.param(b"GET / HTTP/1.1\nA: b", 400, id="bare LF after the request line"),
        pytest.param(b"GET a HTTP/1.1", 400, id="target without a slash"),
        pytest.param(b"GET a.example:80 HTTP/1.1", 400, id="authority as target"),
        pytest.param(b"GET * HTTP/1.1", 400, id="* for GET"),
        pytest.param(b"OPTIONS ** HTTP/1.1", 400, id="two stars"),
        pytest.param(b"GET ://a.example/ HTTP/1.1", 400, id="URL without a scheme"),
        pytest.param(b"GET http:// HTTP/1.1", 400, id="URL without a host"),
        pytest.param(b"GET 1http://a.example/ HTTP/1.1", 400, id="scheme that begins with a digit"),
        pytest.param(b"GET a/b?c=http://d HTTP/1.1", 400, id="URL in the query alone"),
        pytest.param(b"GET http:///a HTTP/1.1", 400, id="URL with an empty host"),
        pytest.param(b"GET http://:80/ HTTP/1.1", 400, id="URL with a port only"),
        pytest.param(b"GET http://me@a.example/ HTTP/1.1", 400, id="URL with a user"),
        pytest.param(b"GET http://a,b/ HTTP/1.1", 400, id="URL with two hosts"),
    ],
)
def test_a_bad_request_line_is_refused(line: bytes, status: int) -> None:
    assert status_of(line=line) == status


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param([b"Content-Length: 5", b"Transfer-Encoding: chunked"], 400, id="CL, TE"),
        pytest.param([b"Transfer-Encoding: chunked", b"Content-Length: 5"], 400, id="TE, CL"),
        pytest.param([b"transfer-encoding: chunked", b"content-length: 0"], 400, id="TE, CL 0"),
        pytest.param([b"Content-Length: 5", b"Content-Length: 6"], 400, id="two CL"),
        pytest.param([b"Content-Length: 5", b"Content-Length: 5"], 400, id="the same CL twice"),
        pytest.param([b"Content-Length: 5", b"content-length: 6"], 400, id="two CL, two spellings"),
        pytest.param([b"Transfer-Encoding: chunked"] * 2, 400, id="two TE"),
        pytest.param([b"Transfer-Encoding: chunked", b"TRANSFER-ENCODING: x"], 501, id="TE, x"),
        pytest.param([b"Host: a.example"], 400, id="the same Host twice"),
        pytest.param([b"host: b.example"], 400, id="two Host, two spellings"),
        pytest.param([b"Content-Length: 1", *WEBSOCKET], 400, id="WebSocket with CL"),
        pytest.param([b"Connection: a", b"connection: x-Forwarded-For"], 400, id="option"),
        pytest.param(
            [b"Transfer-Encoding: chunked", b"Connection: upgrade", b"Upgrade: TLS/1.2, websocket"],
            400,
            id="WebSocket with TE",
        ),
    ],
)
def test_two_fields_that_contradict_each_other_are_refused(
    fields: list[bytes], status: int
) -> None:
    assert status_of(*fields) == status_of(*fields, b"X-Last: 1") == status


@pytest.mark.parametrize(
    ("fields", "line", "status"),
    [
        pytest.param([], b"GET / HTTP/1.1", 400, id="no Host in 1.1"),
        pytest.param([], b"GET http://a.example/ HTTP/1.1", 400, id="no Host beside a URL"),
        pytest.param([], b"GET / HTTP/1.0", 0, id="no Host in 1.0"),
        pytest.param([b"Host: a", b"Host: b"], b"GET / HTTP/1.0", 400, id="two Host in 1.0"),
        pytest.param([b"Host: a, b"], b"GET / HTTP/1.1", 400, id="list of Hosts"),
        pytest.param([b"Host: a b"], b"GET / HTTP/1.1", 400, id="blank in Host"),
        pytest.param([b"Host: a/b"], b"GET / HTTP/1.1", 400, id="path in Host"),
        pytest.param([b"Host: a@b"], b"GET / HTTP/1.1", 400, id="user in Host"),
        pytest.param([b"Host: \xff"], b"GET / HTTP/1.1", 400, id="odd byte in Host"),
        pytest.param([b"Host : a"], b"GET / HTTP/1.1", 400, id="blank after the name Host"),
        pytest.param([b"Host:"], b"GET / HTTP/1.1", 0, id="empty Host"),
        pytest.param([b"Host:[::1]:80"], b"GET / HTTP/1.1", 0, id="IPv6 Host"),
        pytest.param([b"Transfer-Encoding: chunked"], b"POST / HTTP/1.0", 400, id="chunked on 1.0"),
    ],
)
def test_a_host_names_one_host_and_1_0_has_no_chunked(
    fields: list[bytes], line: bytes, status: int
) -> None:
    assert status_of(*fields, line=line, host=False) == status


@pytest.mark.parametrize(("count", "status"), [(MOST_FIELDS, 0), (MOST_FIELDS + 1, 431)])
def test_a_head_has_at_most_so_many_fields(count: int, status: int) -> None:
    assert status_of(*[b"A: b"] * (count - 1)) == status


def test_a_refusal_says_its_status_and_its_reason() -> None:
    with pytest.raises(Refused, match="501: CONNECT is not served here") as caught:
        request_of(line=b"CONNECT a:1 HTTP/1.1")
    assert (caught.value.status, caught.value.reason) == (501, "CONNECT is not served here")


# What must be taken


@pytest.mark.parametrize(
    ("line", "method", "target", "minor"),
    [
        (b"GET / HTTP/1.1", b"GET", b"/", 1),
        (b"GET / HTTP/1.0", b"GET", b"/", 0),
        (b"FOO /a?b=c&d=%20|e HTTP/1.1", b"FOO", b"/a?b=c&d=%20|e", 1),
        (b"get / HTTP/1.1", b"get", b"/", 1),
        (b"M-SEARCH /!$ HTTP/1.1", b"M-SEARCH", b"/!$", 1),
        (b"GET //a.example/ HTTP/1.1", b"GET", b"//a.example/", 1),
        (b"GET http://a.example:80/b HTTP/1.1", b"GET", b"http://a.example:80/b", 1),
        (b"GET svn+ssh://a.example HTTP/1.1", b"GET", b"svn+ssh://a.example", 1),
        (b"OPTIONS * HTTP/1.1", b"OPTIONS", b"*", 1),
    ],
)
def test_a_request_line_is_method_target_and_version(
    line: bytes, method: bytes, target: bytes, minor: int
) -> None:
    request = request_of(b"X-Empty:", b'X-Text: \t\xff"(),/:;<=>?@[\\]{} ', line=line)
    assert (request.method, request.target, request.minor) == (method, target, minor)
    assert (request.host, request.length, request.upgrade) == (b"a.example", 0, b"")


@pytest.mark.parametrize(
    ("target", "host", "sent"),
    [
        (b"http://b.example/x", b"Host: a.example", b"b.example"),
        (b"http://b.example:8080", b"Host: b.example", b"b.example:8080"),
        (b"https://a.example:80/", b"host:a.example", b"a.example:80"),
        *((b"http://[::1]?x", b"Host: a", b"[::1]"), (b"ws://b/", b"HOST: a", b"b")),
        *((b"svn+ssh://b/", b"Host: a", b"b"), (b"http://b/", b"Host:", b"b")),
    ],
)
def test_what_a_whole_url_names_takes_the_place_of_host(
    target: bytes, host: bytes, sent: bytes
) -> None:
    # RFC 9112 3.2.2
    line = b"GET %b HTTP/1.1" % target
    request = request_of(b"A: b", host, b"C: d", line=line, host=False)
    assert request.host == sent
    assert request.head == b"%b\r\nHost: %b\r\nA: b\r\nC: d\r\n\r\n" % (line, sent)
    assert (request.target, request.closes) == (target, False)


@pytest.mark.parametrize(
    ("target", "host"),
    [
        *((b"http://a.example/", b"Host: a.example"), (b"*", b"Host: b.example")),
        (b"HTTP://A.example:80/", b"Host: a.example"),
        (b"https://a.example/", b"Host: a.EXAMPLE:443"),
    ],
)
def test_a_host_that_the_url_names_too_stays_as_it_was_sent(target: bytes, host: bytes) -> None:
    line = b"OPTIONS %b HTTP/1.1" % target
    request = request_of(host, line=line, host=False)
    assert request.head == line + b"\r\n" + host + b"\r\n\r\n"
    assert request.host == host[6:]


def test_a_url_on_1_0_brings_the_host_that_such_a_client_does_not_send() -> None:
    line = b"GET http://b/ HTTP/1.0"
    assert request_of(line=line, host=False).head == line + b"\r\nHost: b\r\n\r\n"


@pytest.mark.parametrize("host", [[b"Host: a", b"Host: a"], [b"Host: a/b"], []])
def test_a_whole_url_excuses_no_bad_host(host: list[bytes]) -> None:
    # RFC 9112 3.2: such a request is 400, whatever its target is.
    assert status_of(*host, line=b"GET http://a/ HTTP/1.1", host=False) == 400


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        ([], 0),
        ([b"Content-Length: 0"], 0),
        ([b"content-length:5"], 5),
        ([b"CONTENT-LENGTH:   007  "], 7),
        ([b"Content-Length: 999999999999999999"], 10**18 - 1),
        ([b"Transfer-Encoding: chunked"], CHUNKED),
        ([b"transfer-encoding:CHUNKED "], CHUNKED),
    ],
)
def test_a_request_has_the_body_that_its_fields_announce(fields: list[bytes], length: int) -> None:
    assert request_of(*fields, line=b"POST / HTTP/1.1").length == length


def test_a_length_beside_a_tab_is_one_among_other_changes() -> None:
    fields = b"Content-Length:\t5", b"Upgrade: h2c"
    head = request_of(*fields, line=b"POST http://b/ HTTP/1.1").head
    assert head == b"POST http://b/ HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\n"


@pytest.mark.parametrize(
    ("version", "connection", "closes"),
    [
        (b"1.1", [], False),
        (b"1.0", [], True),
        (b"1.1", [b"close"], True),
        (b"1.1", [b"Close"], True),
        (b"1.1", [b"keep-alive, close"], True),
        (b"1.1", [b"close", b"keep-alive"], True),
        (b"1.1", [b"keep-alive", b"x", b" close "], True),
        (b"1.1", [b"closed"], False),
        (b"1.1", [b"x"], False),
        (b"1.0", [b"Keep-Alive"], False),
        (b"1.0", [b"close, keep-alive"], True),
        (b"1.0", [b"x"], True),
    ],
)
def test_close_wins_over_keep_alive_and_1_0_closes_by_default(
    version: bytes, connection: list[bytes], closes: bool
) -> None:
    fields = [b"Connection:" + value for value in connection]
    assert request_of(*fields, line=b"GET / HTTP/" + version).closes is closes
    answered = response_of(*fields, b"Content-Length: 0", line=b"HTTP/%s 200 OK" % version)
    assert answered.closes is closes
    said = b"keep-alive" in b",".join(connection).lower()
    assert answered.keeps is (said and not closes)


@pytest.mark.parametrize(
    ("fields", "expects"),
    [
        ([], False),
        ([b"Expect: 100-continue"], True),
        ([b"expect:  100-Continue "], True),
        ([b"Expect: x, 100-continue"], True),
        ([b"Expect: 100-continue", b"Expect: x"], True),
        ([b"Expect: 100-continue-x"], False),
    ],
)
def test_a_request_may_wait_for_100_continue(fields: list[bytes], expects: bool) -> None:
    assert request_of(*fields, b"Content-Length: 5").expects_continue is expects


@pytest.mark.parametrize(
    "field", [b"X-Forwarded-For", b"x-forwarded-proto", b"X-Forwarded-Host", b"FORWARDED"]
)
def test_a_request_that_came_through_a_proxy_is_known(field: bytes) -> None:
    assert request_of(field + b": a").forwarded
    assert not request_of(b"X-" + field + b": a").forwarded


@pytest.mark.parametrize(
    ("method", "fields", "replayable"),
    [
        *((method, [], True) for method in b"GET HEAD PUT DELETE OPTIONS TRACE".split()),
        *((method, [], False) for method in b"POST PATCH FOO".split()),
        (b"GET", [b"Content-Length: 0"], True),
        (b"GET", [b"Content-Length: 1"], False),
        (b"PUT", [b"Transfer-Encoding: chunked"], False),
        (b"GET", [b"Connection: upgrade", b"Upgrade: websocket"], False),
    ],
)
def test_only_an_idempotent_request_without_a_body_is_replayable(
    method: bytes, fields: list[bytes], replayable: bool
) -> None:
    assert request_of(*fields, line=method + b" / HTTP/1.1").replayable is replayable


def test_who_asks_for_events_is_known() -> None:
    accepts = b"accept: a/b, Text/Event-Stream"
    assert request_of(accepts).asks_for_events > request_of().asks_for_events
    assert not request_of(accepts, b"Content-Length: 1").asks_for_events
    assert not request_of(accepts, line=b"POST / HTTP/1.1").asks_for_events


# Answers


@pytest.mark.parametrize(
    ("line", "fields", "method", "length"),
    [
        (b"HTTP/1.1 200 OK", [b"Content-Length: 5"], b"GET", 5),
        (b"HTTP/1.1 200 OK", [b"Transfer-Encoding: chunked"], b"GET", CHUNKED),
        (b"HTTP/1.1 200 OK", [], b"GET", UNTIL_CLOSE),
        (b"HTTP/1.0 200 OK", [b"Connection: keep-alive"], b"GET", UNTIL_CLOSE),
        (b"HTTP/1.1 200 OK", [b"Content-Length: 5"], b"HEAD", 0),
        (b"HTTP/1.1 200 OK", [b"Transfer-Encoding: chunked"], b"HEAD", 0),
        (b"HTTP/1.1 200 OK", [], b"HEAD", 0),
        (b"HTTP/1.1 100 Continue", [], b"POST", 0),
        (b"HTTP/1.1 103 Early Hints", [b"Content-Length: 5"], b"GET", 0),
        (b"HTTP/1.1 204 No Content", [b"Content-Length: 5"], b"GET", 0),
        (b"HTTP/1.1 204 No Content", [b"Transfer-Encoding: chunked"], b"GET", 0),
        (b"HTTP/1.1 304 Not Modified", [b"Content-Length: 5"], b"GET", 0),
        (b"HTTP/1.1 205 Reset Content", [b"Content-Length: 0"], b"GET", 0),
        (b"HTTP/1.1 205 Reset Content", [b"Transfer-Encoding: chunked"], b"GET", CHUNKED),
        (b"HTTP/1.1 404 ", [b"Content-Length: 5"], b"POST", 5),
        (b"HTTP/1.1 999", [b"Content-Length: 5"], b"POST", 5),
    ],
)
def test_an_answer_has_the_body_that_its_status_fields_and_method_announce(
    line: bytes, fields: list[bytes], method: bytes, length: int
) -> None:
    answered = response_of(*fields, line=line, method=method)
    assert answered.length == length
    assert answered.status == int(line[9:12])
    assert answered.closes is (length == UNTIL_CLOSE)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        pytest.param(b"HTTP/1.1", [], id="no status"),
        pytest.param(b"HTTP/1.1 20", [], id="two digits"),
        pytest.param(b"HTTP/1.1 2000 OK", [], id="four digits"),
        pytest.param(b"HTTP/1.1 099 OK", [], id="status below 100"),
        pytest.param(b"HTTP/1.1 2x0 OK", [], id="status no number"),
        pytest.param(b"HTTP/1.1  200 OK", [], id="two blanks"),
        pytest.param(b"HTTP/1.1 200\tOK", [], id="tab after the status"),
        pytest.param(b"HTTP/2.0 200 OK", [], id="HTTP/2.0"),
        pytest.param(b"http/1.1 200 OK", [], id="lower case"),
        pytest.param(b"200 OK", [], id="no version"),
        pytest.param(b"HTTP/1.1 200 O\nK", [], id="bare LF in the reason"),
        pytest.param(b"HTTP/1.1 200 O\0K", [], id="NUL in the reason"),
        pytest.param(b"HTTP/1.1 200 OK\r", [], id="bare CR after the reason"),
        pytest.param(b"HTTP/1.1 200 OK", [b"A: b\nC: d"], id="bare LF"),
        pytest.param(b"HTTP/1.1 200 OK", [b"A: b\rC: d"], id="bare CR"),
        pytest.param(b"HTTP/1.1 200 OK", [b"A: \0"], id="NUL"),
        pytest.param(b"HTTP/1.1 200 OK", [b"A: b", b" c"], id="obs-fold"),
        pytest.param(b"HTTP/1.1 200 OK", [b"A"], id="field without a colon"),
        pytest.param(b"HTTP/1.1 200 OK", [b"A : b"], id="blank before the colon"),
        pytest.param(b"HTTP/1.1 200 OK", [b": b"], id="field without a name"),
        pytest.param(b"HTTP/1.1 200 OK", [b"Content-Length: 5"] * 2, id="the same CL twice"),
        pytest.param(b"HTTP/1.1 200 OK", [b"Content-Length: 5, 5"], id="list of CL"),
        pytest.param(b"HTTP/1.1 200 OK", [b"Content-Length: -1"], id="CL minus"),
        pytest.param(b"HTTP/1.1 200 OK", [b"Content-Length:\t5"], id="CL after a tab"),
        pytest.param(b"HTTP/1.1 200 OK", [b"Transfer-Encoding: gzip, chunked"], id="TE gzip"),
        pytest.param(b"HTTP/1.1 200 OK", [b"Transfer-Encoding: chunked"] * 2, id="two TE"),
        pytest.param(b"HTTP/1.0 200 OK", [b"Transfer-Encoding: chunked"], id="chunked on 1.0"),
        pytest.param(
            b"HTTP/1.1 200 OK", [b"Content-Length: 5", b"Transfer-Encoding: chunked"], id="CL, TE"
        ),
        pytest.param(b"HTTP/1.1 200 OK", [b"A: b"] * (MOST_FIELDS + 1), id="too many fields"),
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_a_broken_answer_is_refused(line: bytes, fields: list[bytes], method: bytes) -> None:
    with pytest.raises(Refused):
        response_of(*fields, line=line, method=method)


def test_an_answer_has_as_many_fields_as_a_request_may_have() -> None:
    assert response_of(*[b"A: b"] * MOST_FIELDS).status == 200


def test_only_a_get_that_offers_a_websocket_may_become_one() -> None:  # RFC 6455 4.1, 2
    for method, offer in (b"GET", b"IRC, WebSocket/13"), (b"GET", b"IRC"), (b"POST", b"WebSocket"):
        line, fields = method + b" / HTTP/1.1", (b"Connection: upgrade", b"Upgrade: " + offer)
        assert request_of(*fields, line=line).may_be_websocket is (b"13" in offer)


def test_an_answer_tells_of_an_event_stream_and_of_an_upgrade() -> None:
    events = response_of(b"Content-Type: Text/Event-Stream; charset=utf-8")
    switched = response_of(b"Upgrade: websocket", line=b"HTTP/1.1 101 Switching Protocols")
    plain = response_of(
        b"Content-Type: text/plain", b"Keep-Alive: timeout=5", b"X-Type: text/event-stream"
    )
    assert [said.event_stream for said in (events, switched, plain)] == [True, False, False]
    assert [said.upgrade for said in (events, switched, plain)] == [b"", b"websocket", b""]


@pytest.mark.parametrize(("coding", "encoded"), [(b"identity", False), (b"GZip", True)])
def test_an_answer_tells_whether_its_body_can_be_read(coding: bytes, encoded: bool) -> None:
    assert response_of(b"Content-Encoding: " + coding).encoded is encoded
    assert not response_of(b"Vary: Content-Encoding").encoded


@pytest.mark.parametrize("field", [b"Host: a, b", b"Content_Length: 5", b"X_Forwarded_For: x"])
def test_what_only_a_client_could_mislead_an_app_with_is_an_answers_own_affair(
    field: bytes,
) -> None:
    assert status_of(field, host=False) == 400
    assert response_of(field, b"Content-Length: 2").length == 2


@pytest.mark.parametrize("field", [b"Content_Length: 5", b"X_Forwarded_For: x"])
def test_a_misspelt_field_is_refused_every_time(field: bytes) -> None:
    assert [status_of(field), status_of(field)] == [400, 400]
    with pytest.raises(Refused, match="Host is not a host and port"):
        request_of(b"Host: a, b", host=False)


# More of it in test_upgrade.py


@pytest.mark.parametrize(
    ("offer", "said", "protocol"),
    [
        (b"websocket, foo", b"WebSocket", b"websocket"),
        (b"websocket, foo", b"foo", b"foo"),
        (b"websocket", b"foo", b""),
        (b"h2c", b"h2c", b""),
    ],
)
def test_a_101_switches_to_what_was_offered(offer: bytes, said: bytes, protocol: bytes) -> None:
    request = request_of(
        b"Connection: upgrade, HTTP2-Settings", b"Upgrade: " + offer, b"HTTP2-Settings: x"
    )
    response = response_of(b"Upgrade: " + said, line=b"HTTP/1.1 101 Switching Protocols")
    assert switched_to(request, response) == protocol
