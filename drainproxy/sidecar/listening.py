"""Whether anybody listens on a port of this host, without knocking at it (sock_diag(7))."""

import socket
import struct

from drainproxy.config import Address, UnixSocket

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, and the state of net/tcp_states.h.
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_REQUEST_DUMP, _ERROR, _DONE = 0x301, 2, 3
_LISTEN = 10
_HEADER = struct.Struct("=IHHII")
# Family, protocol, extensions, padding, states; the rest picks one socket, or none.
_REQUEST = struct.Struct("=BBBxI48x")
_PORT = struct.Struct("!H")
# In an answer: after the header and four bytes.
_PORT_AT = _HEADER.size + 4


# What this host is called in any case.
_THIS_HOST = ("localhost", "127.0.0.1", "::1")


def is_told(app: Address | UnixSocket) -> bool:
    """Whether it is at this host, so that `ports` has it."""
    return isinstance(app, Address) and app.host in _THIS_HOST


def is_absent(app: Address | UnixSocket, ports: set[int]) -> bool:
    """Whether it is at this host and nobody listens there."""
    return isinstance(app, Address) and is_told(app) and app.port not in ports


def ports() -> set[int] | None:
    """The TCP ports of this network namespace that somebody listens on; None where the system does
    not tell."""
    try:
        found = [_of_family(family) for family in (socket.AF_INET, socket.AF_INET6)]
    except (OSError, AttributeError):
        return None
    return set().union(*found)


def _of_family(family: int) -> set[int]:
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_NETLINK, kind, _NETLINK_SOCK_DIAG) as sock:
        sock.settimeout(1)
        request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 1 << _LISTEN)
        size = _HEADER.size + len(request)
        sock.send(_HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0) + request)
        found: set[int] = set()
        while _read(sock.recv(1 << 16), found):
            continue
        return found


def _read(answer: bytes, found: set[int]) -> bool:
    """Add the ports of one datagram; False if it was the last."""
    at = 0
    while at < len(answer):
        size, kind, *_ = _HEADER.unpack_from(answer, at)
        if kind == _ERROR:
            raise OSError("the system does not tell who listens")
        if kind == _DONE:
            return False
        found.add(_PORT.unpack_from(answer, at + _PORT_AT)[0])
        at += (size + 3) & ~3
    return True
