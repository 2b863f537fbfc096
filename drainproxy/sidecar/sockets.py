"""Socket operations that asyncio transports do not offer."""

import ctypes
import fcntl
import math
import os
import socket
import struct
import sys
import termios
from contextlib import suppress
from typing import Any

from drainproxy.relay.transport import Transport

# SO_LINGER with a time of 0: closing sends RST.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


# A classic BPF program for a TCP socket, which sees segments from the TCP header on (socket(7),
# SO_ATTACH_FILTER). It drops segments with SYN and without ACK, flags in byte 13.
_LOAD_BYTE, _AND, _JUMP_IF_EQUAL, _RETURN = 0x30, 0x54, 0x15, 0x06
_FLAGS_AT, _SYN, _ACK, _WHOLE = 13, 0x02, 0x10, 0xFFFFFFFF
_NO_SYN = (
    *((_LOAD_BYTE, 0, 0, _FLAGS_AT), (_AND, 0, 0, _SYN | _ACK)),
    *((_JUMP_IF_EQUAL, 0, 1, _SYN), (_RETURN, 0, 0, 0), (_RETURN, 0, 0, _WHOLE)),
)
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27


def drop_new_connections(sock: socket.socket) -> bool:
    """Ignore new SYNs to this listener, so that clients retry; False if that is not supported."""
    if not sys.platform.startswith("linux"):
        return False
    program = b"".join(struct.pack("HBBI", *step) for step in _NO_SYN)
    here = ctypes.create_string_buffer(program, len(program))
    try:
        attached = struct.pack("HP", len(_NO_SYN), ctypes.addressof(here))
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attached)
    except OSError:
        return False
    return True


def accept_new_connections(sock: socket.socket) -> None:
    """Undo `drop_new_connections`."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


# So many probes without an answer end a connection; together they take as long as the idle time.
_PROBES = 4
# macOS has another name for TCP_KEEPIDLE.
_IDLE = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))
_INTERVAL = getattr(socket, "TCP_KEEPINTVL", None)
_COUNT = getattr(socket, "TCP_KEEPCNT", None)


def keep_alive(sock: Any, seconds: float) -> None:
    """Send keepalive probes once this connection has been idle for so many seconds; 0 for never.

    A listener's options are inherited by the connections that it accepts (tcp(7)).
    """
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(seconds > 0))
        if seconds > 0:
            for option, value in _probing(seconds):
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
    except OSError:
        # The connection has ended, or the system lacks the option: go on without it.
        return


def _probing(seconds: float) -> list[tuple[int, int]]:
    """The keepalive options that this system has, in whole seconds."""
    wanted = (
        (_IDLE, math.ceil(seconds)),
        (_INTERVAL, math.ceil(seconds / _PROBES)),
        (_COUNT, _PROBES),
    )
    return [(option, value) for option, value in wanted if option is not None]


def reset(transport: Transport) -> None:
    """Close a connection with RST, so that its peer does not take what it got for complete."""
    sock = _socket(transport)
    if sock is not None and sock.family != socket.AF_UNIX and not transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


def take_unread(transport: Transport) -> bytes:
    """The next unread bytes of a connection that a write has found broken, 64 KiB at most."""
    sock = _socket(transport)
    if sock is None:
        return b""
    try:
        with socket.socket(fileno=os.dup(sock.fileno())) as same:
            return same.recv(65536, socket.MSG_DONTWAIT)
    except OSError:
        return b""


def undelivered(transport: Transport) -> int:
    """How many bytes were written that the peer's TCP has not acknowledged."""
    waiting = transport.get_write_buffer_size()
    sock = _socket(transport)
    if sock is None:
        return waiting
    try:
        # SIOCOUTQ, which has the same number as TIOCOUTQ.
        answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, ValueError):
        return waiting
    unconfirmed: int
    (unconfirmed,) = struct.unpack("i", answer)
    return waiting + unconfirmed


def has_unread(transport: Transport) -> bool:
    """Whether the receive buffer has unread bytes."""
    sock = _socket(transport)
    if sock is None:
        return False
    try:
        answer = fcntl.ioctl(sock.fileno(), termios.FIONREAD, bytes(4))
    except (OSError, ValueError):
        return False
    return answer != bytes(4)


def _socket(transport: Transport) -> Any:
    return transport.get_extra_info("socket")
