"""Loopback ports without conflicts: bound as 0, held, and handed over to the process that listens.

A port that is only looked up and released may be taken a moment later, by another rehearsal or by
the kernel for an outgoing connection.
"""

import socket
import sys
from collections.abc import Iterable, Sequence

_held: dict[int, socket.socket] = {}


def free_ports(count: int) -> Sequence[int]:
    """Different ports of 127.0.0.1 on which nobody listens; OSError if the machine has none left.

    Each is held until it is released or this process ends. On Linux whoever sets SO_REUSEADDR, as
    servers do, can listen on it meanwhile, since the holder does not (inet_csk_bind_conflict in
    net/ipv4/inet_connection_sock.c); other systems know no such handing over, so there nothing is
    held.
    """
    for_now = [_hold() for _ in range(count)]
    ports = [holder.getsockname()[1] for holder in for_now]
    _held.update(zip(ports, for_now, strict=True))
    if not sys.platform.startswith("linux"):
        release(ports)
    return ports


def release(ports: Iterable[int]) -> None:
    """Hold these no longer: for a server that may not set SO_REUSEADDR, or when all is over."""
    for port in ports:
        if (holder := _held.pop(port, None)) is not None:
            holder.close()


def _hold() -> socket.socket:
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder
