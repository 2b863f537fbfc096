"""Another parser beside ours: h11 takes whatever we take, and sees the same messages in it."""

import contextlib
from dataclasses import dataclass

import h11
from hypothesis import assume, example, given
from hypothesis import strategies as st

from drainproxy.wire.fields import TEXT, TOKEN, Refused
from drainproxy.wire.http1 import CHUNKED, UNTIL_CLOSE, parse_request, parse_response
from drainproxy.wire.rewrite import append_forwarded
from tests.conftest import well_formed
from tests.wire.drawn import among, pieces

MOST_FIELDS = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as a parser sees it: what it says, its content, and what it leaves for the next."""

    method: bytes
    target: bytes
    version: bytes
    fields: list[tuple[bytes, bytes]]
    content: bytes
    rest: bytes


# Enough for any body that a test announces, and a next request for who reads too little.
CHUNKED_BODY = b"5\r\nhello\r\n0\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: next\r\n\r\n"


def seen_by_h11(data: bytes) -> Seen:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(data)
    request = connection.next_event()
    assert isinstance(request, h11.Request)
    content = b""
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        assert isinstance(event, h11.Data), event
        content += event.data
    return Seen(
        request.method,
        request.target,
        request.http_version,
        [(name, value.lower()) for name, value in request.headers],
        content,
        connection.trailing_data[0],
    )


def seen_by_us(head: bytes) -> tuple[Seen, bytes]:
    """What we see in `head`, and that head with a body to it and a next request."""
    request = parse_request(head, MOST_FIELDS)
    # Rather a small body than none: what is announced is cut down to what there is.
    assume(request.length < 5000)
    content = b"hello" if request.length == CHUNKED else b"x" * request.length
    body = CHUNKED_BODY if request.length == CHUNKED else content
    fields = [line.partition(b":") for line in request.head[:-4].split(b"\r\n")[1:]]
    return Seen(
        request.method,
        request.target,
        b"1.%d" % request.minor,
        [(name.lower(), value.lower().strip(b" \t")) for name, _, value in fields],
        content,
        NEXT,
    ), request.head + body + NEXT


VISIBLE = bytes(range(0x21, 0x7F))
methods = st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS"]) | among(TOKEN, 8, 1)
targets = among(VISIBLE.replace(b"#", b""), 8).map(b"/".__add__) | st.just(b"http://a/b")
names = st.sampled_from([b"Accept", b"Cookie", b"X-Forwarded-For"]) | among(TOKEN, 8, 1).map(
    b"X-".__add__
)
ordinary = st.builds(
    b"%b:%b%b".__mod__, st.tuples(names, st.sampled_from([b"", b" "]), among(TEXT, 8))
)
framing = st.sampled_from(
    [
        *([b"Content-Length: 5"], [b"content-length:0"], [b"Transfer-Encoding: Chunked"]),
        *([b"Expect: 100-continue", b"Content-Length: 7"], [b"Connection: close"]),
        *([b"Connection: upgrade", b"Upgrade: websocket"], [b"Upgrade: h2c", b"Content-Length: 3"]),
    ]
)
heads = st.builds(
    lambda line, host, fields: b"\r\n".join([b" ".join(line), host, *fields]) + b"\r\n\r\n",
    st.tuples(methods, targets, st.just(b"HTTP/1.1")),
    st.sampled_from([b"Host: a.example", b"host:", b"HOST: [::1]:8080 "]),
    st.builds(list.__add__, st.lists(ordinary, max_size=3), framing | st.just([])),
)
SUSPECTS = [bytes((code,)) for code in b"\r\n\t :,;_+-05x\0\x0b\x1f\x7f\x85\xa0\"'#"]
PIECES = [
    *(b"\r\nContent-Length: 6", b"\r\nTransfer-Encoding: chunked", b"\r\nTransfer-Encoding: x"),
    *(
        b"\r\nHost: b",
        b"\r\n fold",
        b"\r\nUpgrade: y",
        b", chunked",
        b"HTTP/1.0",
        b"\r\nA",
        b"\n\n",
    ),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A head that was good before something was put in, taken out or replaced, once or twice."""
    head = draw(heads)[:-4]
    for _ in range(draw(st.integers(1, 2))):
        place, gone = draw(st.integers(0, len(head))), draw(st.integers(0, 2))
        head = head[:place] + draw(st.sampled_from(SUSPECTS + PIECES)) + head[place + gone :]
    return (head + b"\r\n\r\n").partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


@well_formed
@given(heads)
def test_a_good_head_is_taken_and_h11_sees_the_same_request(head: bytes) -> None:
    assume(not head.upper().startswith((b"CONNECT ", b"HEAD ")))
    ours, data = seen_by_us(head)
    assert seen_by_h11(data) == ours


@given(mutated())
@example(b"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
def test_h11_takes_whatever_we_take_and_sees_the_same_request(head: bytes) -> None:
    try:
        ours, data = seen_by_us(head)
    except Refused:
        return
    assert seen_by_h11(data) == ours


@given(st.binary(max_size=60) | pieces(SUSPECTS + PIECES, 16))
def test_no_head_is_worse_than_refused(noise: bytes) -> None:
    for start in b"", b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n":
        head = (start + noise + b"\r\n\r\n").partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        with contextlib.suppress(Refused):
            parse_request(head, MOST_FIELDS)
        with contextlib.suppress(Refused):
            parse_response(head, b"GET", MOST_FIELDS)


@well_formed
@given(heads, st.sampled_from([b"10.0.0.1", b"::1"]))
def test_appending_adds_lines_and_moves_no_boundary(head: bytes, client: bytes) -> None:
    assume(not head.upper().startswith((b"CONNECT ", b"HEAD ")))
    request = parse_request(head, MOST_FIELDS)
    appended = parse_request(
        append_forwarded(request.head, request.host, client, b"http"), MOST_FIELDS + 3
    )
    assert appended.length == request.length
    assert appended.head.startswith(request.head[: request.head.index(b"\r\n")])
    assert appended.head.count(client) > request.head.count(client)


responses = st.builds(
    lambda status, version, fields: (
        b"\r\n".join([b"HTTP/%s %d OK" % (version, status), *fields]) + b"\r\n\r\n"
    ),
    st.integers(200, 599),
    st.sampled_from([b"1.1", b"1.0"]),
    st.builds(
        list.__add__,
        st.lists(ordinary, max_size=3),
        st.sampled_from([[], [b"Content-Length: 5"], [b"Transfer-Encoding: chunked"]]),
    ),
)


@well_formed
@given(responses, st.sampled_from([b"GET", b"HEAD", b"POST"]))
def test_h11_frames_an_answer_as_we_do(head: bytes, method: bytes) -> None:
    try:
        ours = parse_response(head, method, MOST_FIELDS)
    except Refused:
        assert head.startswith(b"HTTP/1.0")
        return
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(head + (CHUNKED_BODY if ours.length == CHUNKED else b"hello"))
    answered = client.next_event()
    assert isinstance(answered, h11.Response)
    assert answered.status_code == ours.status
    content = b""
    while isinstance(event := client.next_event(), h11.Data):
        content += event.data
    assert content == (b"" if ours.length == 0 else b"hello")
    assert (event is h11.NEED_DATA) is (ours.length == UNTIL_CLOSE)
