"""Hosts and ports: what a URL names, and whether two of them are the same (RFC 3986)."""

import re

from drainproxy.wire.fields import DIGITS_AND_LETTERS, HOST_BYTES

# RFC 9110 4.2.1 and 4.2.2, RFC 6455 3
_DEFAULT_PORTS = {b"http": b"80", b"https": b"443", b"ws": b"80", b"wss": b"443"}
# RFC 3986 2.3
_UNRESERVED = DIGITS_AND_LETTERS + b"-._~"
_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")
_END_OF_AUTHORITY = re.compile(rb"[/?]")


def authority_of(url: bytes) -> bytes | None:
    """The host and port in a URL with `://`; None if there is no host, or more than host and port.

    RFC 9110 4.2.1: an empty host is invalid; 4.2.4: a user's name before it is treated as an error.
    """
    authority = _END_OF_AUTHORITY.split(url.partition(b"://")[2], maxsplit=1)[0]
    if not authority or authority[:1] == b":" or authority.translate(None, HOST_BYTES):
        return None
    return authority


def same_authority(one: bytes, other: bytes, scheme: bytes) -> bool:
    """RFC 3986 6.2.2 and 6.2.3: whether they differ at most in case, in how bytes are encoded, and
    in a port that the scheme has anyway."""
    return one == other or _normal(one, scheme) == _normal(other, scheme)


def _normal(authority: bytes, scheme: bytes) -> bytes:
    plain = _ENCODED.sub(_decoded, authority).lower()
    host, colon, port = plain.rpartition(b":")
    if colon and port in (b"", _DEFAULT_PORTS.get(scheme.lower())):
        return host
    return plain


def _decoded(encoded: re.Match[bytes]) -> bytes:
    byte = bytes((int(encoded[1], 16),))
    return byte if byte in _UNRESERVED else encoded[0]
