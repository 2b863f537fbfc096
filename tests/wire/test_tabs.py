"""Tabs beside what a hop reads: as good as blanks, which not every app knows."""

import pytest

from drainproxy.wire.http1 import Request
from tests.wire.heads import request_of, status_of


# RFC 9110 5.5 and 5.6.3: a tab is a blank there like any other.
@pytest.mark.parametrize(
    ("field", "plain"),
    [
        (b"Content-Length:\t5", b"Content-Length: 5"),
        (b"content-length: \t 5", b"content-length: 5"),
        (b"CONTENT-LENGTH:\t\t5\t", b"CONTENT-LENGTH: 5"),
        (b"Connection:\tclose\t,\tx", b"Connection: close , x"),
        (b"Upgrade: tea\t", b"Upgrade: tea"),
        (b"Expect:\t100-continue", b"Expect: 100-continue"),
        (b'Content-Type:\tx; y="a\tb"\t', b'Content-Type: x; y="a\tb"'),
        (b"X-Content-Length:\t6", b"X-Content-Length:\t6"),
    ],
)
def test_what_means_something_to_a_hop_goes_on_without_tabs_beside_it(
    field: bytes, plain: bytes
) -> None:
    tabbed = request_of(b"A:\tb", field, b"C:d", line=b"POST / HTTP/1.1")
    right = request_of(b"A:\tb", plain, b"C:d", line=b"POST / HTTP/1.1")
    for name in Request.__slots__:
        assert getattr(tabbed, name) == getattr(right, name)


@pytest.mark.parametrize("host", [b"Host:\ta.example", b"host: a.example\t"])
def test_a_host_goes_on_without_tabs_beside_it(host: bytes) -> None:
    head = request_of(host, b"A:\tb", host=False).head.lower()
    assert head == b"get / http/1.1\r\nhost: a.example\r\na:\tb\r\n\r\n"


@pytest.mark.parametrize("other", [b"Transfer-Encoding: chunked", b"Content-Length: 5"])
def test_a_length_beside_a_tab_contradicts_others_like_any(other: bytes) -> None:
    tabbed = b"Content-Length:\t5"
    assert status_of(tabbed, other) == status_of(other, tabbed) == 400
