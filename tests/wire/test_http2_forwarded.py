"""What an app is told of the client, in fields that are appended to a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.wire.hpack import Fields, HpackReader, block
from drainproxy.wire.http2_forwarded import forwarded
from drainproxy.wire.http2_head import RequestHead
from tests.conftest import well_formed
from tests.wire.http2_messages import GET, but

FORWARDED = (b"x-forwarded-for", b"192.0.2.1")
PROTO, HOST = (b"x-forwarded-proto", b"https"), (b"x-forwarded-host", b"a.example")


def told(fields: Fields) -> Fields:
    """What the app reads in the block of a request with what is appended to it."""
    head = RequestHead(fields)
    assert not head.malformed
    coded = block(fields) + forwarded(b"192.0.2.1", b"https", head.authority, head.proxied)
    read = HpackReader(65536, tuple).read(coded)
    assert read[: len(fields)] == fields
    return read[len(fields) :]


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        (GET, (FORWARDED, PROTO, HOST)),
        ((*GET[:3], (b"host", b"a.example")), (FORWARDED, PROTO, HOST)),
        (GET[:3], (FORWARDED, PROTO)),
        ((*GET, (b"x-forwarded-for", b"198.51.100.7")), (FORWARDED, PROTO, HOST)),
        ((*GET, (b"x-forwarded-proto", b"http")), (FORWARDED, HOST)),
        ((*GET, (b"x-forwarded-host", b"b")), (FORWARDED, PROTO)),
        ((*GET, (b"x-forwarded-host", b"b"), (b"x-forwarded-proto", b"")), (FORWARDED,)),
        # RFC 7239
        ((*GET, (b"forwarded", b"for=a;proto=http")), (FORWARDED, HOST)),
        ((*GET, (b"forwarded", b"for=a"), (b"forwarded", b"host=b")), (FORWARDED, PROTO)),
        ((*GET, (b"forwarded", b"proto=http;host=b"), (b"forwarded", b"for=a")), (FORWARDED,)),
        ((*GET, (b"forwarded", b"proto=http"), (b"x-forwarded-host", b"b")), (FORWARDED,)),
        ((*GET, (b"forwarded", b'for="a;proto=http"')), (FORWARDED, PROTO, HOST)),
    ],
)
def test_an_app_is_told_what_no_proxy_before_us_has_said(fields: Fields, more: Fields) -> None:
    assert told(fields) == more


@well_formed
@given(*[st.binary(max_size=200)] * 2, st.sampled_from([b"", b"a.example", b"[::1]:8", b"a" * 300]))
def test_what_is_appended_reads_as_three_fields_whatever_they_hold(
    client: bytes, scheme: bytes, host: bytes
) -> None:
    head = RequestHead(but(GET, b":authority", host))
    read = HpackReader(65536, tuple).read(forwarded(client, scheme, head.authority, head.proxied))
    expected = [(b"x-forwarded-for", client), (b"x-forwarded-proto", scheme)]
    assert [*read] == expected + [(b"x-forwarded-host", host)] * bool(host)
