"""Lists the connections and listeners of ports on this host."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from drainproxy.sidecar import proc_net, sock_diag
from drainproxy.sidecar.sock_diag import ESTABLISHED, LISTEN, Entry

_MAPPED = bytes(10) + b"\xff\xff"
_LOOPBACK = bytes(15) + b"\x01"
_ALL, _ALL_IPV4 = bytes(16), _MAPPED + bytes(4)

# Work in steps: its caller returns to the loop between two.
Steps = Iterator[None]


class Peer(NamedTuple):
    """One connection, with the peer's address as text."""

    port: int
    address: str
    peer_port: int


def packed(address: str) -> bytes:
    """An IP address in 16 bytes, IPv4 as mapped IPv6 (RFC 4291, section 2.5.5.2)."""
    if ":" in address:
        return socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    return _MAPPED + socket.inet_aton(address)


def unpacked(address: bytes) -> str:
    """An address of 16 bytes as text; the opposite of `packed`."""
    if address.startswith(_MAPPED):
        return socket.inet_ntoa(address[12:])
    return socket.inet_ntop(socket.AF_INET6, address)


def local_address(entry: Entry) -> bytes:
    """The local address of a connection."""
    return entry[4:20]


def peer_address(entry: Entry) -> bytes:
    """The peer's address of a connection."""
    return entry[20:]


def local_port(entry: Entry) -> int:
    """The local port of a connection."""
    return int.from_bytes(entry[:2], "big")


def peer(entry: Entry) -> Peer:
    """The entry of a connection as a `Peer`."""
    peer_port = int.from_bytes(entry[2:4], "big")
    return Peer(local_port(entry), unpacked(peer_address(entry)), peer_port)


def is_inside(entry: Entry) -> bool:
    """Whether a connection comes from this network namespace, which is the pod's: from loopback, or
    from its own local address."""
    there = entry[20:]
    return there == entry[4:20] or there == _LOOPBACK or there.startswith(_MAPPED + b"\x7f")


def takes(listeners: set[bytes], address: bytes) -> bytes:
    """The address of the listener that accepts connections to `address`, among those on a port."""
    if address in listeners:
        return address
    ipv4 = address.startswith(_MAPPED) and _ALL_IPV4 in listeners
    return _ALL_IPV4 if ipv4 else _ALL


def established(ports: Sequence[int], found: set[Entry]) -> Steps:
    """Add the connections to these ports to `found`; OSError if the kernel does not list them."""
    return _collect(ESTABLISHED, ports, found)


def listening(ports: Sequence[int], found: set[Entry]) -> Steps:
    """Add the listeners on these ports to `found`; OSError as in `established`."""
    return _collect(LISTEN, ports, found)


def _collect(state: int, ports: Sequence[int], found: set[Entry]) -> Steps:
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(FileNotFoundError):  # a system without IPv6
            for part in _dump(family, state, ports):
                found.update(map(_of_ipv4, part) if family == socket.AF_INET else part)
                yield


def _dump(family: int, state: int, ports: Sequence[int]) -> Iterator[list[Entry]]:
    try:
        yield from sock_diag.dump(family, state, ports)
    except (OSError, AttributeError):
        yield from proc_net.dump(family, state, ports)


def _of_ipv4(entry: Entry) -> Entry:
    return entry[:4] + _MAPPED + entry[4:8] + _MAPPED + entry[20:24]
