"""The answers of a service, as far as checks look at them."""

from typing import Any

from msgspec import UNSET, Struct

from .model import Headers


class HttpAnswer(Struct, frozen=True):
    """The last answer of a request; `size` counts the bytes of its whole body."""

    status: int
    headers: Headers = ()
    body: bytes = b""
    size: int = 0


class WebSocketAnswer(Struct, frozen=True):
    """How a WebSocket went; `close_code` is that of the server's Close, None if it sent none.
    `is_theirs`: it had ended before we sent a Close."""

    subprotocol: str = ""
    close_code: int | None = None
    is_theirs: bool = False


class Event(Struct, frozen=True):
    """An event of a stream, its lines of data joined."""

    name: str
    data: str


class SseAnswer(Struct, frozen=True):
    """How many events came, what of them is still `missing`, and how long the first one took, in
    seconds."""

    headers: Headers = ()
    events: int = 0
    missing: tuple[str, ...] = ()
    first_event: float | None = None


class GrpcAnswer(Struct, frozen=True):
    """`status` by its name; `health` of a health check, `json` of a call by reflection."""

    status: str
    details: str = ""
    message: bytes = b""
    json: Any = UNSET
    health: str = ""


class ExecAnswer(Struct, frozen=True):
    """How a command ended: negative if a signal ended it; the last of what it wrote. `cut`: more
    stood before that on its standard output."""

    exit_code: int
    stdout: str = ""
    stderr: str = ""
    cut: bool = False


Answer = HttpAnswer | WebSocketAnswer | SseAnswer | GrpcAnswer | ExecAnswer
