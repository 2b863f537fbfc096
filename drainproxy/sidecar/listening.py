"""Whether anybody listens on a port of this host, and who, without knocking at it."""

import socket
from collections.abc import Collection
from ipaddress import ip_address

from drainproxy.config import Address, UnixSocket
from drainproxy.sidecar.sock_diag import LISTEN, WITH_COOKIE, Entry, cookie, dump

# What this host is called in any case.
_THIS_HOST = ("localhost", "127.0.0.1", "::1")
_ANY = bytes(16)


def is_told(app: Address | UnixSocket) -> bool:
    """Whether it is at this host, so that `ports` has it."""
    return isinstance(app, Address) and app.host in _THIS_HOST


def is_absent(app: Address | UnixSocket, ports: set[int]) -> bool:
    """Whether it is at this host and nobody listens there."""
    return isinstance(app, Address) and is_told(app) and app.port not in ports


def ports() -> set[int] | None:
    """The TCP ports of this network namespace that somebody listens on; None where the system does
    not tell."""
    listeners = sockets()
    return None if listeners is None else set(map(_port, listeners))


def sockets() -> list[Entry] | None:
    """The sockets of this network namespace that listen, each with its number; None likewise."""
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
    """The numbers of those among them that take what goes to an app of this host. Another one that
    listens there later has another number, however fast it comes."""
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
