"""Messages of HTTP/2 as lists of fields: fine ones, and those that are nearly fine."""

from hypothesis import strategies as st

from drainproxy.wire.hpack import Fields, HeaderField

GET: Fields = (
    *((b":method", b"GET"), (b":scheme", b"http")),
    *((b":path", b"/"), (b":authority", b"a.example")),
)
OK: Fields = ((b":status", b"200"),)


def but(fields: Fields, name: bytes, value: bytes | None) -> Fields:
    """The same fields with another value, or without the one of this name."""
    changed = ((n, value if n == name else v) for n, v in fields)
    return tuple((n, v) for n, v in changed if v is not None)


SUSPECTS = [
    *((b":method", b"CONNECT"), (b":method", b"OPTIONS"), (b":method", b""), (b":path", b"*")),
    *((b":path", b""), (b":scheme", b""), (b":authority", b""), (b":protocol", b"websocket")),
    *((b":status", b"200"), (b":status", b"2"), (b":new", b"x"), (b":", b""), (b"", b"")),
    *((b"host", b"a.example"), (b"host", b"b"), (b"connection", b"close"), (b"upgrade", b"x")),
    *((b"te", b"trailers"), (b"te", b"Trailers"), (b"te", b"gzip"), (b"keep-alive", b"x")),
    *((b"proxy-connection", b"x"), (b"transfer-encoding", b"chunked"), (b"X", b"y")),
    *((b"content-length", b"5"), (b"content-length", b"1_0"), (b"content-length", b"x")),
    *((b"x-bin", b"\0\n"), (b"x", b" y"), (b"x", b"y\t"), (b"x", b"a\nb"), (b"x:y", b"")),
    *((b"content_length", b"5"), (b"x(y)", b""), (b"\xe9", b""), (b"x y", b"")),
]
names = st.sampled_from([b"x", b"te", b"host", b"content-length", b"grpc-status"])
fields_of_any_kind = st.sampled_from(SUSPECTS) | st.tuples(
    names | st.binary(max_size=3), st.binary(max_size=4)
)


@st.composite
def near(draw: st.DrawFn, first: Fields) -> Fields:
    """A message that was fine before fields were left out, put in or replaced."""
    fields: list[HeaderField] = [*first, (b"x-id", b"1")]
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(fields)))
        gone = draw(st.integers(0, 1))
        fields[place : place + gone] = draw(st.lists(fields_of_any_kind, max_size=1))
    return tuple(fields)


requests = near(GET) | near(((b":method", b"CONNECT"), (b":protocol", b"websocket"), *GET[1:]))
