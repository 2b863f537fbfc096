"""The TCP sockets of this network namespace, from the kernel (sock_diag(7)): whether anything
listens on a port of this host, and what, without connecting to it.

The kernel filters by port, and returns some 250 sockets at once.
"""

import socket
import struct
from collections.abc import Collection, Iterator, Sequence
from ipaddress import ip_address

from drainproxy.config import Address, UnixSocket

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h.
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_REQUEST_DUMP, _ERROR, _DONE = 0x301, 2, 3
# States of net/tcp_states.h.
ESTABLISHED, LISTEN = 1, 10
_HEADER = struct.Struct("=IHHII")
# Family, protocol, extensions, padding, states; the rest picks one socket, or none.
_REQUEST = struct.Struct("=BBBxI48x")
# The filter is an attribute, a program of inet_diag bytecode. Each operation has two offsets, in
# bytes from it, where the program goes on.
_ATTRIBUTE, _BYTECODE = struct.Struct("=HH"), 1
_OPERATION = struct.Struct("=BBH")
_JUMP, _PORT_AT_LEAST, _PORT_AT_MOST = 1, 2, 3
_TEST = 5 * _OPERATION.size
# In an answer: after the header and four bytes the ports and addresses of both ends, then the
# number of an interface, and the cookie, a number that no other socket ever has.
_SOCKET_AT, _SOCKET_SIZE = _HEADER.size + 4, 36
WITH_COOKIE = 48
_LARGEST_PART = 1 << 16
# Names of this host on every system.
_THIS_HOST = ("localhost", "127.0.0.1", "::1")
_ANY = bytes(16)

# An entry: the local port, the peer's port, the local address, the peer's address. Ports have two
# bytes in network order, addresses 16, of which IPv4 uses the first four.
Entry = bytes


def cookie(entry: Entry) -> bytes:
    """The cookie of a socket, which no later one at the same port has; of entries WITH_COOKIE."""
    return entry[WITH_COOKIE - 8 :]


def dump(
    family: int, state: int, ports: Sequence[int] = (), size: int = _SOCKET_SIZE
) -> Iterator[list[Entry]]:
    """The sockets of `family` in `state`, of these local ports or of all, in parts. `size`: of an
    entry.

    Raises OSError if the kernel refuses, AttributeError if there is no netlink.
    """
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_NETLINK, kind, _NETLINK_SOCK_DIAG) as sock:
        sock.settimeout(1)
        request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 1 << state) + _filter(ports)
        length = _HEADER.size + len(request)
        sock.send(_HEADER.pack(length, _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0) + request)
        more = True
        while more:
            entries, more = read(sock.recv(_LARGEST_PART), size)
            yield entries


def read(answer: bytes, entry_size: int = _SOCKET_SIZE) -> tuple[list[Entry], bool]:
    """The entries of one datagram, and whether more follow; OSError if it is a refusal."""
    entries: list[Entry] = []
    at = 0
    while at < len(answer):
        size, kind, *_ = _HEADER.unpack_from(answer, at)
        if kind == _ERROR:
            raise OSError("the system does not tell of its sockets")
        if kind == _DONE:
            return entries, False
        entries.append(answer[at + _SOCKET_AT : at + _SOCKET_AT + entry_size])
        at += (size + 3) & ~3
    return entries, True


def _filter(ports: Sequence[int]) -> bytes:
    """The filter for sockets whose local port is one of these; empty for all. A jump to the end of
    the program accepts a socket, a jump four bytes beyond rejects it."""
    program = b"".join(
        _is_port(port, tests_left)
        for tests_left, port in zip(_backwards(ports), ports, strict=True)
    )
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(program), _BYTECODE) + program if ports else b""


def _backwards(ports: Sequence[int]) -> range:
    return range(len(ports) - 1, -1, -1)


def _is_port(port: int, tests_left: int) -> bytes:
    next_test = _TEST + (0 if tests_left else 4)
    return b"".join(
        (
            _OPERATION.pack(_PORT_AT_LEAST, 8, next_test),
            _OPERATION.pack(0, 0, port),
            _OPERATION.pack(_PORT_AT_MOST, 8, next_test - 8),
            _OPERATION.pack(0, 0, port),
            _OPERATION.pack(_JUMP, 4, 4 + tests_left * _TEST),
        )
    )


def is_told(app: Address | UnixSocket) -> bool:
    """Whether an app is on this host, so that `listening_ports` includes it."""
    return isinstance(app, Address) and app.host in _THIS_HOST


def is_absent(app: Address | UnixSocket, ports: set[int]) -> bool:
    """Whether an app is on this host, and none of these ports is its."""
    return isinstance(app, Address) and is_told(app) and app.port not in ports


def listening_ports() -> set[int] | None:
    """The TCP ports of this network namespace with a listener; None where the kernel does not list
    them."""
    listeners = listening_sockets()
    return None if listeners is None else set(map(_port, listeners))


def listening_sockets() -> list[Entry] | None:
    """The listening sockets of this network namespace, each WITH_COOKIE; None where the kernel does
    not list them."""
    try:
        return [
            entry
            for family in (socket.AF_INET, socket.AF_INET6)
            for part in dump(family, LISTEN, size=WITH_COOKIE)
            for entry in part
        ]
    except (OSError, AttributeError):
        return None


def those_of(app: Address, listeners: Collection[Entry]) -> frozenset[bytes]:
    """The cookies of those `listeners` that accept connections to an app of this host. A later
    listener has another cookie, however soon it comes."""
    there = {_packed(app.host), _ANY}
    return frozenset(
        cookie(entry)
        for entry in listeners
        if _port(entry) == app.port and (is_told(app) or entry[4:20] in there)
    )


def _port(entry: Entry) -> int:
    return int.from_bytes(entry[:2], "big")


def _packed(host: str) -> bytes:
    try:
        return ip_address(host).packed.ljust(16, b"\0")
    except ValueError:
        return _ANY
