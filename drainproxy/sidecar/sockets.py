"""What only the sockets below the transports know or can do."""

import fcntl
import os
import socket
import struct
import termios
from typing import Any

from drainproxy.relay.hub import Sink

# On, with no time to linger: closing sends RST, so that nobody takes what came for the whole.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def reset(sink: Sink) -> None:
    """Close a connection with RST."""
    sock = _socket(sink)
    if sock is not None and sock.family != socket.AF_UNIX and not sink.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    sink.abort()


def last_words(sink: Sink) -> bytes:
    """What still waits in the system's buffer of a connection that a write found broken."""
    sock = _socket(sink)
    if sock is None:
        return b""
    try:
        with socket.socket(fileno=os.dup(sock.fileno())) as same:
            return same.recv(65536, socket.MSG_DONTWAIT)
    except OSError:
        return b""


def undelivered(sink: Sink) -> int:
    """How many bytes were written that the peer's kernel has not confirmed."""
    waiting = sink.get_write_buffer_size()
    sock = _socket(sink)
    if sock is None:
        return waiting
    try:
        # SIOCOUTQ, which has the number of TIOCOUTQ.
        answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, ValueError):
        return waiting
    unconfirmed: int
    (unconfirmed,) = struct.unpack("i", answer)
    return waiting + unconfirmed


def _socket(sink: Sink) -> Any:
    return sink.get_extra_info("socket")
