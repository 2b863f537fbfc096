"""What it takes to start a program of a run, and to know when it serves."""

from __future__ import annotations

import http.client
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass

# RFC 9113 section 3.4: the client's preface and its SETTINGS frame, here without a setting.
HTTP2_OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
_SETTINGS = 4


class Missing(Exception):
    """The tool is not on this machine; the text says which."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A command, the port it listens on, and a question that is true once it serves."""

    command: list[str]
    port: int
    ready: Callable[[], bool]


def tool(name: str) -> str:
    path = shutil.which(name)
    if not path:
        raise Missing(f"{name} is not installed")
    return path


def answers(port: int, path: str = "/") -> bool:
    """Whether `GET path` on the loopback `port` is answered with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def answers_http2(port: int) -> bool:
    """Whether the loopback `port` speaks HTTP/2: SETTINGS come first, from whoever ends it."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(HTTP2_OPENING)
            head = connection.recv(9, socket.MSG_WAITALL)
            return len(head) == 9 and head[3] == _SETTINGS
    except OSError:
        return False
