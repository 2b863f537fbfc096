"""A URL in a request line, and which host the app reads then (RFC 9112 3.2.2)."""

import pytest

from tests.relay.conversation import Conversation, head

FOR, PROTO = "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: http"


def asks(target: str, *fields: str, version: str = "1.1", method: str = "GET") -> bytes:
    return head(f"{method} {target} HTTP/{version}", *fields)


@pytest.mark.parametrize(
    ("target", "host", "named"),
    [
        # The target's authority is the host, whatever the client has in Host.
        ("http://b.example/x", "a.example", "b.example"),
        ("https://b.example", "a.example", "b.example"),
        ("HTTP://B.example:8080?x", "a.example:8080", "B.example:8080"),
        ("http://[::1]:8080/", "a.example", "[::1]:8080"),
        ("http://a.example:81/", "a.example", "a.example:81"),
        ("http://a.example:443/", "a.example", "a.example:443"),
        ("https://a.example:80/", "a.example", "a.example:80"),
        ("http://a.example./", "a.example", "a.example."),
        ("ws://b.example/", "a.example", "b.example"),
        ("http://b.example/x", "", "b.example"),
        # What means the same stays as it was sent (RFC 3986 6.2).
        ("http://A.EXAMPLE/x", "a.example", "a.example"),
        ("http://a.example:80/x", "a.example", "a.example"),
        ("http://a.example:/x", "a.example:80", "a.example:80"),
        ("https://a.example:443/x", "A.example", "A.example"),
        ("http://%61.example/x", "a.example", "a.example"),
        # A path that begins like a URL is one.
        ("//b.example/x", "a.example", "a.example"),
        ("/http://b.example/x", "a.example", "a.example"),
    ],
)
def test_the_app_reads_one_host(target: str, host: str, named: str) -> None:
    talk = Conversation(forwarded=True)
    # Twice, because heads are remembered.
    for _ in range(2):
        talk.client_sends(asks(target, f"Host: {host}".rstrip()))
    right = asks(target, f"Host: {named}", FOR, PROTO, f"X-Forwarded-Host: {named}")
    assert talk.app_got() == right
    talk.app_sends(head("HTTP/1.1 204 No Content"))
    assert talk.app_got() == right


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (["Host: a.example", "X-Forwarded-Host: c.example"], [FOR, PROTO]),
        (["Host: a.example", "Forwarded: host=c.example"], [FOR, PROTO]),
        (["Host: a.example", "Forwarded: proto=https"], [FOR, "X-Forwarded-Host: b.example"]),
    ],
)
def test_what_a_proxy_before_us_has_seen_is_not_contradicted(
    fields: list[str], told: list[str]
) -> None:
    talk = Conversation(forwarded=True)
    talk.client_sends(asks("http://b.example/x", *fields))
    assert talk.app_got() == asks("http://b.example/x", "Host: b.example", fields[1], *told)


def test_a_client_of_1_0_that_sends_a_url_has_a_host() -> None:
    talk = Conversation(forwarded=True)
    talk.client_sends(asks("http://b.example/x", version="1.0"))
    named = "Host: b.example", FOR, PROTO, "X-Forwarded-Host: b.example"
    assert talk.app_got() == asks("http://b.example/x", *named, version="1.0")


@pytest.mark.parametrize(
    "target",
    [
        *("http://me@b.example/", "http://b.example:x/", "http:///x", "http://:80/", "http://b/#x"),
        *("http://a.example,b.example/", "http://b.example\\@a.example/", "http:/b.example/x"),
        *("mailto:x", "a.example:80", "b.example", "*", "?x", "http://[::1/", "http://b.ex%2/"),
    ],
)
def test_a_target_that_names_no_host_and_is_no_path_is_refused(target: str) -> None:
    talk = Conversation(forwarded=True)
    talk.client_sends(asks(target, "Host: a.example"))
    assert talk.client_got().startswith(b"HTTP/1.1 400 ")
    assert not talk.apps


def test_a_url_excuses_no_missing_host() -> None:
    """RFC 9112 3.2: of HTTP/1.1 each request has one."""
    talk = Conversation(forwarded=True)
    talk.client_sends(asks("http://b.example/x"))
    assert talk.client_got().startswith(b"HTTP/1.1 400 ")
