"""Who may change the state: decided from the token, the peer and the headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from drainproxy.sidecar.auth import is_loopback, refusal

TOKEN = "s3cret"
POD = "10.1.2.3"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def status(token: str | None, peer: str | None, headers: dict[str, str]) -> int:
    """The status of the refusal, 0 for none."""
    refused = refusal(token, peer, CIMultiDict(headers))
    return refused.status if refused else 0


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.1.2.3", False),
        ("10.1.2.3", False),
        ("0.0.0.0", False),
        ("fe80::1%eth0", False),
        ("128.0.0.1", False),
        ("localhost", False),
        ("", False),
        (None, False),
    ],
)
def test_loopback_is_known_in_every_spelling(address: str | None, ours: bool) -> None:
    assert is_loopback(address) is ours


@pytest.mark.parametrize("token", [None, ""])
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_needs_no_token_where_none_is_set(token: str | None, peer: str) -> None:
    assert status(token, peer, {}) == 0


@pytest.mark.parametrize("token", [None, ""])
@pytest.mark.parametrize("headers", [{}, BEARER, {"Authorization": "Bearer "}])
def test_without_a_token_only_loopback_may(token: str | None, headers: dict[str, str]) -> None:
    assert status(token, POD, headers) == 403


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({}, 401),
        ({"Authorization": "Basic czNjcmV0"}, 401),
        ({"Authorization": "Bearer"}, 403),
        ({"Authorization": "Bearer other"}, 403),
        ({"Authorization": f"Bearer {TOKEN}x"}, 403),
        ({"X-Drainproxy-Token": ""}, 403),
        ({"X-Drainproxy-Token": "S3CRET"}, 403),
        (BEARER, 0),
        ({"authorization": f"bearer  {TOKEN}"}, 0),
        ({"X-Drainproxy-Token": TOKEN}, 0),
        ({"Authorization": "Bearer other", "x-drainproxy-token": TOKEN}, 0),
    ],
)
@pytest.mark.parametrize("peer", [POD, "127.0.0.1", "::1"])
def test_with_a_token_everyone_needs_the_right_one(
    headers: dict[str, str], answer: int, peer: str
) -> None:
    # Loopback too: whoever can have the app fetch a URL (SSRF) comes from there.
    assert status(TOKEN, peer, headers) == answer


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP", "Host"]
)
def test_no_header_makes_a_peer_loopback(header: str) -> None:
    assert status(None, POD, {header: "127.0.0.1"}) == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"sec-fetch-site": "same-origin"},
    ],
)
@pytest.mark.parametrize("peer", ["127.0.0.1", POD])
def test_a_browser_page_may_not_even_from_loopback(headers: dict[str, str], peer: str) -> None:
    assert status(TOKEN, peer, {**headers, **BEARER}) == 403


def test_a_person_at_the_address_bar_is_no_page() -> None:
    assert status(None, "127.0.0.1", {"Sec-Fetch-Site": "none"}) == 0


@given(st.text(), st.sampled_from(["Authorization", "X-Drainproxy-Token"]))
def test_no_other_text_opens(text: str, header: str) -> None:
    assert status(TOKEN, POD, {header: text}) in ((401, 403) if text != TOKEN else (0, 401))


@given(st.binary(max_size=20))
def test_a_token_of_any_bytes_is_compared_and_refused(raw: bytes) -> None:
    text = raw.decode("utf-8", "surrogateescape")
    assert status(TOKEN, POD, {"Authorization": f"Bearer {text}"}) == 403
