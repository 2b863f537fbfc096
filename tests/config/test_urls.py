"""What is secret in a URL is sent, and never shown."""

from base64 import b64decode
from urllib.parse import urlsplit

import pytest

from drainproxy.config.urls import authorization, shown, without_user


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://example.org:8443/a/b.yaml", "https://example.org:8443/a/b.yaml"),
        ("https://me:secret@example.org/a", "https://example.org/a"),
        ("https://me:sec@ret@example.org/a", "https://example.org/a"),
        ("https://example.org/a?signature=secret#secret", "https://example.org/a"),
        ("HTTPS://me:secret@[::1/a", "https://..."),
    ],
)
def test_a_url_is_named_without_its_secrets(url: str, named: str) -> None:
    assert shown(url) == named


def test_what_is_sent_of_it_keeps_the_query() -> None:
    parts = urlsplit("https://me:secret@example.org/a?b=c")
    assert without_user(parts).geturl() == "https://example.org/a?b=c"


@pytest.mark.parametrize(
    ("user", "sent"), [("me:secret", "me:secret"), ("me", "me:"), ("m%40e:a%3Ab", "m@e:a:b")]
)
def test_user_and_password_are_basic_authorization(user: str, sent: str) -> None:
    said = authorization(urlsplit(f"https://{user}@example.org/")) or ""
    assert b64decode(said.removeprefix("Basic ")).decode() == sent


def test_without_a_user_there_is_none() -> None:
    assert authorization(urlsplit("https://example.org/")) is None
