"""Connects from a chosen source address: `app-source`."""

import asyncio
import errno
import os
import socket
from ipaddress import ip_address

# linux/in.h: the port is chosen at connect, so that connections to different peers can share it.
_IP_BIND_ADDRESS_NO_PORT = 24
# Errors of one address after which another address of the host may still work.
NOT_THERE = frozenset(
    {
        *(errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH),
        *(errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT),
    }
)


def fits(source: str, host: str) -> bool:
    """Whether a connection from `source` to `host` is possible: both are IP addresses of one
    family, and loopback connects to loopback only.

    So the pod's own address is never reached from loopback, which the app might trust.
    """
    try:
        here, there = ip_address(source), ip_address(host)
    except ValueError:
        return False
    return here.version == there.version and (there.is_loopback or not here.is_loopback)


async def connected(source: str, host: str, port: int) -> socket.socket:
    """A socket connected from `source`, which `fits`; OSError if it cannot connect."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        _bind(sock, source)
        where = (host, port)
        if sock.connect_ex(where):
            # On one machine the connection is made already, and nothing has to be waited for.
            await _connect_on(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock


async def _connect_on(sock: socket.socket, where: tuple[str, int]) -> None:
    error = sock.connect_ex(where)
    if error == errno.EALREADY:
        await asyncio.get_running_loop().sock_connect(sock, where)
    elif error:
        raise OSError(error, os.strerror(error))


def _bind(sock: socket.socket, source: str) -> None:
    try:
        sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((source, 0))
    except OSError as error:
        message = f"app-source {source} is no address of this machine: {error.strerror}"
        raise OSError(error.errno, message) from None
