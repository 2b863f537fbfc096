"""Whether anybody listens on a port of this host, without knocking at it."""

import socket

from drainproxy.config import Address, UnixSocket
from drainproxy.sidecar.sock_diag import LISTEN, dump

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
        return {
            int.from_bytes(entry[:2], "big")
            for family in (socket.AF_INET, socket.AF_INET6)
            for part in dump(family, LISTEN)
            for entry in part
        }
    except (OSError, AttributeError):
        return None
