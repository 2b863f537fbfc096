"""Which host an app reads, of a client that names it in one field of HTTP/2, or in both."""

import pytest

from tests.relay.frames import GET, PROTOCOL_ERROR, Fields, Heard
from tests.relay.streams import begun

FOR, PROTO = (b"x-forwarded-for", b"192.0.2.7"), (b"x-forwarded-proto", b"http")


def named(authority: bytes | None, host: bytes | None, scheme: bytes = b"http") -> Fields:
    fields = [GET[0], (b":scheme", scheme), GET[2]]
    fields += [] if authority is None else [(b":authority", authority)]
    return (*fields, *([] if host is None else [(b"host", host)]))


# RFC 9113 8.3.1: both are normalised before they are compared (RFC 3986 6.2.2, 6.2.3). They go on
# as they came; whoever reads one or the other reads the same host.
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (named(b"a.example", None), b"a.example"),
        (named(None, b"a.example"), b"a.example"),
        (named(None, b"A.Example:8080"), b"A.Example:8080"),
        (named(b"a.example", b"a.example"), b"a.example"),
        (named(b"a.example", b"A.EXAMPLE"), b"a.example"),
        (named(b"A.example", b"a.example:80"), b"A.example"),
        (named(b"a.example:80", b"a.example:"), b"a.example:80"),
        (named(b"a.example:443", b"a.example", b"https"), b"a.example:443"),
        (named(b"a.example:8080", b"A.EXAMPLE:8080"), b"a.example:8080"),
        (named(b"[::1]", b"[::1]:80"), b"[::1]"),
        (named(b"%61.example", b"a.example"), b"%61.example"),
        (named(None, None), b""),
        (named(b"", b""), b""),
    ],
)
def test_the_app_reads_what_the_client_has_named(fields: Fields, told: bytes) -> None:
    talk = begun(forwarded=True)
    said = (FOR, PROTO, *([(b"x-forwarded-host", told)] if told else []))
    # Twice, because heads are remembered.
    for stream in 1, 3:
        talk.client_asks(stream, fields)
        assert talk.app_hears() == [("headers", stream, (*fields, *said), "end")]


@pytest.mark.parametrize(
    "fields",
    [
        named(b"a.example", b"b.example"),
        named(b"a.example", b"a.example:443"),
        named(b"a.example:80", b"a.example", b"https"),
        named(b"a.example", b"a.example."),
        named(b"a.example", b""),
        named(b"", b"a.example"),
        named(b"a.example", b" a.example"),
        named(b"a.example", b"me@a.example"),
        (*named(None, b"a.example"), (b"host", b"a.example")),
    ],
)
def test_two_hosts_or_none_where_there_should_be_one_never_reach_the_app(fields: Fields) -> None:
    talk = begun(forwarded=True)
    refused: Heard = ("reset", 1, PROTOCOL_ERROR)
    talk.client_asks(1, fields)
    assert (talk.client_hears(), talk.app_hears()) == ([refused], [])


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ((b"forwarded", b"for=192.0.2.1;proto=https"), (b"x-forwarded-host",)),
        ((b"forwarded", b'for=b, for="[::1]"; Host = "b"'), (b"x-forwarded-proto",)),
        ((b"forwarded", b"host=b;proto=https"), ()),
        ((b"forwarded", b'for="_a;proto=https"'), (b"x-forwarded-proto", b"x-forwarded-host")),
        ((b"x-forwarded-proto", b"https"), (b"x-forwarded-host",)),
        ((b"x-forwarded-host", b"b"), (b"x-forwarded-proto",)),
    ],
)
def test_what_a_proxy_before_us_has_seen_is_not_contradicted(
    before: tuple[bytes, bytes], told: tuple[bytes, ...]
) -> None:
    """RFC 7239 5.3 and 5.4."""
    talk = begun(forwarded=True)
    talk.client_asks(1, (*GET, before))
    ((_, _, fields, _),) = talk.app_hears()
    assert [name for name, _ in fields[len(GET) + 1 :]] == [b"x-forwarded-for", *told]
