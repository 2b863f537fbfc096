"""What an app is told of an HTTP/2 client, at the end of the block of its request."""

from drainproxy.wire.fields import forwarded_parameters
from drainproxy.wire.hpack import Fields, literal


def forwarded(client: bytes, scheme: bytes, authority: bytes, known: tuple[bool, bool]) -> bytes:
    """What tells the app where a request came from, to be appended to its block; `known`: see
    `proxied`.

    Fields of a name are a list (RFC 9110 5.3), so the client joins those a proxy has named before;
    that proxy's word on protocol and host stands, for it saw the client.
    """
    written = literal(b"x-forwarded-for", client)
    proto_known, host_known = known
    if not proto_known:
        written += literal(b"x-forwarded-proto", scheme)
    if not host_known and authority:
        written += literal(b"x-forwarded-host", authority)
    return written


def proxied(fields: Fields, known: tuple[bool, bool]) -> tuple[bool, bool]:
    """Whether protocol and host are known, or said in Forwarded (RFC 7239), which is a list."""
    values = (value for name, value in fields if name == b"forwarded")
    said = set[bytes]().union(*map(forwarded_parameters, values))
    return known[0] or b"proto" in said, known[1] or b"host" in said
