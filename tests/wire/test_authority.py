"""What a URL names as its host, and when two names mean the same (RFC 3986 6.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.wire.authority import (
    are_targets,
    authority_of,
    is_authority,
    same_authority,
)
from tests.wire.drawn import among

# Of what authorities are made.
BYTES = b"09azAZ-._~!$&'()*+;=%:[]"

# Of those that are none: what a gRPC call may have.
TARGETS = (b"a,b", b"a:80,b:80", b"a:b", b"a:-1", b"a:+1", b"a:80a", b"[::1]:a", b"a:%2F%2Fb.sock")
# As it stands in Host and in :authority; and what is none.
AUTHORITIES = (
    *(b"a", b"a.example", b"A-1.example:8080", b"a:", b"_a._b", b"192.0.2.1:80", b"a~!$&'()*+;="),
    *(
        b"%61%2C",
        b"[::1]",
        b"[::1]:80",
        b"[::1]:",
        b"[fe80::1%25eth0]:80",
        b"[v1.a:b]",
        b"a" * 4096,
    ),
)
NONE = (
    *(
        b"",
        b":80",
        b":",
        b"a,b",
        b"a:80,b:80",
        b"a b",
        b"a/b",
        b"me@a",
        b"a\\b",
        b"a|b",
        b"a?",
        b"a#",
    ),
    *(b"a:b", b"a:80:80", b"a:-1", b"a:+1", b"::1", b"a:80a", b"a:\xb2", b"\xff", b"a\n"),
    *(b"a:%2F%2Fb.sock", b"a:%2", b"a:b:80", b"a:b/c", b"[::1]a:b"),
    *(b"[::1", b"::1]", b"[]", b"[]:80", b"[[::1]]", b"[::1]a", b"a[::1]", b"[a/b]", b"[::1]:a"),
    *(b"%", b"a%2", b"%zz", b"a%2g", b"a" * 4097),
)


@pytest.mark.parametrize("text", AUTHORITIES)
def test_an_authority_is_one_host_and_perhaps_a_port(text: bytes) -> None:
    assert is_authority(text)
    assert are_targets(text)
    assert are_targets(b"a,[::1]:80," + text[:99])


@pytest.mark.parametrize("text", NONE)
def test_what_is_not_one_host_and_a_port_of_digits_is_no_authority(text: bytes) -> None:
    assert not is_authority(text)
    assert not are_targets(b"a," + text + b",")
    assert are_targets(text) is (text in TARGETS)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        (b"http://a.example", b"a.example"),
        (b"http://a.example/", b"a.example"),
        (b"http://a.example:8080/b?c", b"a.example:8080"),
        (b"http://a.example?b/c", b"a.example"),
        (b"https://[::1]:80/", b"[::1]:80"),
        (b"svn+ssh://A", b"A"),
        (b"http://a/http://b/", b"a"),
        (b"http:///b", None),
        (b"http://", None),
        (b"http://?b", None),
        (b"http://:80/", None),
        (b"http://me@a/", None),
        (b"http://me:pass@a/", None),
        (b"http://a@b@c/", None),
        (b"http://a,b/", None),
        (b"http://a\\b/", None),
        (b"http://a|b/", None),
    ],
)
def test_a_url_names_one_host_and_port(url: bytes, authority: bytes | None) -> None:
    # RFC 9110 4.2.1: no empty host; 4.2.4: no user's name.
    assert authority_of(url) == authority


@pytest.mark.parametrize(
    ("one", "other", "scheme"),
    [
        # 6.2.2.1
        (b"a.example", b"A.Example", b"http"),
        (b"[2001:DB8::1]", b"[2001:db8::1]", b"http"),
        # 6.2.3
        (b"a.example", b"a.example:80", b"http"),
        (b"a.example", b"a.example:", b"http"),
        (b"a.example:443", b"A.EXAMPLE", b"HTTPS"),
        (b"a.example:80", b"a.example:", b"ws"),
        (b"[::1]:443", b"[::1]", b"wss"),
        # 6.2.2.2
        (b"%61.example", b"a.example", b"http"),
        (b"%41.example", b"a.example", b"http"),
        (b"a%2cb", b"a%2Cb", b"http"),
        (b"", b"", b"http"),
    ],
)
def test_names_that_differ_only_in_spelling_are_the_same(
    one: bytes, other: bytes, scheme: bytes
) -> None:
    assert same_authority(one, other, scheme)
    assert same_authority(other, one, scheme)


@pytest.mark.parametrize(
    ("one", "other", "scheme"),
    [
        (b"a.example", b"b.example", b"http"),
        (b"a.example", b"a.example:443", b"http"),
        (b"a.example", b"a.example:80", b"https"),
        (b"a.example", b"a.example:80", b"foo"),
        (b"a.example", b"a.example:80", b""),
        (b"a.example:80", b"a.example:8080", b"http"),
        (b"a.example", b"a.example.", b"http"),
        (b"a.example", b"", b"http"),
        (b"a%3a80", b"a:80", b"http"),
        (b"[::1]", b"[::", b"http"),
        (b"a%2", b"a", b"http"),
    ],
)
def test_names_of_different_places_are_different(one: bytes, other: bytes, scheme: bytes) -> None:
    assert not same_authority(one, other, scheme)
    assert not same_authority(other, one, scheme)


hosts = among(BYTES, 12, 1)


@given(hosts, hosts)
def test_to_be_the_same_is_mutual(one: bytes, other: bytes) -> None:
    assert same_authority(one, one.upper(), b"http")
    assert same_authority(one, other, b"http") is same_authority(other, one, b"http")


@given(hosts, st.binary(max_size=20))
def test_a_host_ends_where_the_path_begins(host: bytes, path: bytes) -> None:
    expected = host if is_authority(host) else None
    assert authority_of(b"http://" + host + b"/" + path) == expected
