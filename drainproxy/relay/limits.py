"""The limits and options of sessions, as the settings have them.

How much work one session may do in a turn of the loop is no setting: see `relay`, "Turns".
"""

from dataclasses import dataclass, field

from drainproxy.drain.aging import Aging
from drainproxy.drain.stream_drain import StreamDrain


@dataclass(slots=True)
class Limits:
    """Limits in seconds and bytes. A `request_timeout` of 0 means none."""

    max_connections: int = 10000
    # Connections beyond that which may wait for their 503; further ones are just closed.
    max_refused: int = 1000
    max_header_bytes: int = 65536
    max_fields: int = 100
    header_timeout: float = 10.0
    idle_timeout: float = 3600.0
    request_timeout: float = 0.0
    idle_close: float = 5.0
    websocket_close_code: int = 1001
    websocket_close_reason: str = "going away"
    # How long a goodbye waits for the app's answer to the last message of a WebSocket client.
    websocket_answer_timeout: float = 1.0
    # The kinds that a drain ends at leaving; it waits for all others.
    kinds_ended_by_drain: frozenset[str] = frozenset({"websocket", "sse"})
    # Which event streams a drain ends: a key of `drain.interruption.EVENT_RULES`.
    sse_drain: str = "auto"
    # The answers of other kinds that a drain ends too.
    stream_drain: StreamDrain = field(default_factory=StreamDrain)
    # A drain's goodbyes are spread over a second or more (drain-spread).
    goodbyes_are_spread: bool = True
    forwarded: bool = True
    aging: Aging = field(default_factory=Aging)
    max_streams: int = 256
    max_resets: int = 500
    connect_timeout: float = 5.0
