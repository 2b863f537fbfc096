"""Hosts and ports: what is one, what a URL names, and whether two are the same (RFC 3986)."""

import re

# RFC 3986 3.2.2 and 3.2.3, without the comma that would make it a list: a name or an IPv4 address,
# or an IP literal, in which what stands between the brackets is the app's to read; then a port.
# RFC 9110 4.2.1: no empty host; 4.2.4: no user.
# Each star is followed by what it cannot take itself, so that time grows with the length alone. No
# `*+` does that here: before Python 3.11.5 it goes on behind what has failed (gh-100061).
_BYTE, _ENCODED_BYTE = rb"[\w.~!$&'()*+;=-]", rb"%[0-9A-Fa-f]{2}"
_REST = rb"%b*(?:%b%b*)*" % (_BYTE, _ENCODED_BYTE, _BYTE)
_HOST = rb"(?:(?:%b|%b)%b|\[[\w.~!$&'()*+;=:%%-]+\])" % (_BYTE, _ENCODED_BYTE, _REST)
# A gRPC client makes its authority of the target that it was given, and leaves colons in it: a
# resolver that asks Kubernetes takes a port's name, `passthrough:///unix:///a.sock` has a path.
_TARGET = rb"%b(?::%b)?" % (_HOST, _REST)
# RFC 1035 2.3.4 has names of 255 bytes; a list is that of a few hundred addresses. What is longer
# would cost more to read than the rest of its head.
_LONGEST = 4096
_AUTHORITY = re.compile(_HOST + rb"(?::[0-9]*)?")
_TARGETS = re.compile(_TARGET + rb"(?:," + _TARGET + rb")*")
# RFC 9110 4.2.1 and 4.2.2, RFC 6455 3
_DEFAULT_PORTS = {b"http": b"80", b"https": b"443", b"ws": b"80", b"wss": b"443"}
# RFC 3986 2.3
_UNRESERVED = re.compile(rb"[\w.~-]")
_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")
_END_OF_AUTHORITY = re.compile(rb"[/?]")


def is_authority(text: bytes) -> bool:
    """Whether this is one host, which is not empty, and perhaps a port."""
    return len(text) <= _LONGEST and _AUTHORITY.fullmatch(text) is not None


def are_targets(text: bytes) -> bool:
    """The same of one or more with commas between them, each of which may have a name as its port:
    the authority of a gRPC call."""
    return len(text) <= _LONGEST and _TARGETS.fullmatch(text) is not None


def authority_of(url: bytes) -> bytes | None:
    """The host and port in a URL with `://`; None if that is not what stands there."""
    authority = _END_OF_AUTHORITY.split(url.partition(b"://")[2], maxsplit=1)[0]
    return authority if is_authority(authority) else None


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
    return byte if _UNRESERVED.match(byte) else encoded[0]
