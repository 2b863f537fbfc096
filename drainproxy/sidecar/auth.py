"""Decides which clients may change the state of the sidecar over HTTP, and which may read request
paths. Pure."""

import hmac
from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

TOKEN_HEADER = "X-Drainproxy-Token"  # noqa: S105 - the name of a header, no secret


class Refusal(NamedTuple):
    """A refusal, as an HTTP status and in words."""

    status: int
    reason: str


def refusal(token: str | None, peer: str | None, headers: Mapping[str, str]) -> Refusal | None:
    """Why `peer` may not change anything, None if it may.

    `token` is the admin token, `peer` the address of the TCP connection (no header counts).
    """
    if _from_a_page(headers):
        return Refusal(403, "a browser page may not change anything here")
    if not token:
        # With a token loopback is no proof: a request that an attacker makes the app send comes
        # from loopback too (SSRF).
        reason = "without an admin token only loopback may change anything"
        return None if is_loopback(peer) else Refusal(403, reason)
    return _without_token(token, headers)


def _without_token(token: str, headers: Mapping[str, str]) -> Refusal | None:
    given = list(_tokens(headers))
    if not given:
        return Refusal(401, f"a token is needed: Authorization: Bearer, or {TOKEN_HEADER}")
    if not any(_same(text, token) for text in given):
        return Refusal(403, "the token is wrong")
    return None


def read_refusal(token: str | None, peer: str | None, headers: Mapping[str, str]) -> Refusal | None:
    """Why `peer` may not read the connections with their paths, which may name customers and
    orders; None if it may. Clients on this machine may, and others with the token."""
    if _from_a_page(headers):
        return Refusal(403, "a browser page may not read the client connections")
    if is_loopback(peer):
        return None
    if not token:
        return Refusal(403, "without an admin token only loopback may read the client connections")
    return _without_token(token, headers)


def is_loopback(peer: str | None) -> bool:
    """Whether the address is a loopback one; an IPv4-mapped IPv6 address counts as IPv4."""
    try:
        address = ip_address(peer or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def _from_a_page(headers: Mapping[str, str]) -> bool:
    # A page's GET without CORS has no Origin, but Sec-Fetch-Site, which no script can leave out;
    # "none" means that the user has entered the URL.
    return "Origin" in headers or headers.get("Sec-Fetch-Site", "none") != "none"


def _tokens(headers: Mapping[str, str]) -> Iterator[str]:
    scheme, _, credentials = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield credentials.strip()
    if TOKEN_HEADER in headers:
        yield headers[TOKEN_HEADER]


def _same(given: str, token: str) -> bool:
    # As bytes: compare_digest takes no text beyond ASCII, and a header may hold any byte.
    return hmac.compare_digest(given.encode(errors="surrogateescape"), token.encode())
