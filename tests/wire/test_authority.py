"""What a URL names as its host, and when two names mean the same (RFC 3986 6.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.wire.authority import authority_of, same_authority
from drainproxy.wire.fields import HOST_BYTES


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


hosts = st.lists(st.sampled_from(HOST_BYTES), min_size=1, max_size=12).map(bytes)


@given(hosts, hosts)
def test_to_be_the_same_is_mutual(one: bytes, other: bytes) -> None:
    assert same_authority(one, one.upper(), b"http")
    assert same_authority(one, other, b"http") is same_authority(other, one, b"http")


@given(hosts, st.binary(max_size=20))
def test_a_host_ends_where_the_path_begins(host: bytes, path: bytes) -> None:
    expected = None if host.startswith(b":") else host
    assert authority_of(b"http://" + host + b"/" + path) == expected
