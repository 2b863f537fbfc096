"""What sessions are held to."""

from dataclasses import dataclass, field

from drainproxy.drain.aging import Aging
from drainproxy.drain.streams import StreamDrain


@dataclass(slots=True)
class Limits:
    """What sessions are held to; seconds and bytes. A `request_timeout` of 0 is none."""

    max_connections: int = 10000
    # So many beyond may wait for their 503; further ones are just closed.
    max_refused: int = 1000
    max_header_bytes: int = 65536
    max_fields: int = 100
    header_timeout: float = 10.0
    idle_timeout: float = 3600.0
    request_timeout: float = 0.0
    idle_close: float = 5.0
    websocket_close_code: int = 1001
    websocket_close_reason: str = "going away"
    # So long a question of a WebSocket is waited for that has no answer yet.
    websocket_answer_timeout: float = 1.0
    # The kinds that are asked to end at leaving; others are waited for.
    ending: frozenset[str] = frozenset({"websocket", "sse"})
    # Which event streams among them may: a key of `drain.interruption.EVENT_RULES`.
    sse_drain: str = "auto"
    # Of all other answers those that end at leaving too.
    streams: StreamDrain = field(default_factory=StreamDrain)
    forwarded: bool = True
    aging: Aging = field(default_factory=Aging)
    max_streams: int = 256
    max_resets: int = 500
    connect_timeout: float = 5.0
