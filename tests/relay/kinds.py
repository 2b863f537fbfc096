"""What is said in each kind of stream, and how each is asked to end."""

from drainproxy.wire.websocket import FrameTracker
from tests.relay.frames import (
    CALL,
    EVENTS,
    GET,
    GRPC_OK,
    OK,
    POST,
    SWITCHED,
    WEBSOCKET,
)
from tests.relay.proxy import MASK
from tests.wire.event_source import Read

# By kind: what begins a stream, what begins the answer, and of what that is made.
ASKS = {"http2": POST, "get": GET, "grpc": CALL, "sse": GET, "websocket": WEBSOCKET}
ANSWERS = {"http2": OK, "get": OK, "grpc": GRPC_OK, "sse": EVENTS, "websocket": SWITCHED}
PARTS = {
    "http2": [b"x", b"y" * 3000],
    "get": [b"x", b"y" * 3000],
    "sse": [
        b"data: x\n",
        b"\n",
        b": ping\n\n",
        b"id: 1\r\n\r\n",
        b"data: " + b"y" * 3000 + b"\n\n",
    ],
    "websocket": [
        *(b"\x81\x02hi", b"\x01\x01a\x80\x01b", b"\x89\x00", b"\x8a\x00"),
        b"\x82\x7e\x0b\xb8" + bytes(3000),
    ],
    "grpc": [b"\0\0\0\0\1x", b"\0\0\0\0\0", b"\0\0\0\x0b\xb8" + bytes(3000)],
}

# The session's words: by the luck of these tests after 550 ms where each has its own turn, and 3 s
# where all end at once; Close 1001 "going away".
RETRY, RETRY_LATER = b"retry: 550\n\n", b"retry: 3000\n\n"
CLOSE = b"\x88\x0c\x03\xe9going away"
ECHO = b"\x88\x82" + MASK + bytes(a ^ b for a, b in zip(b"\x03\xe9", MASK, strict=False))
# What an app answers to a Close: nobody hears it who has been told to go by the session.
APP_ECHO = b"\x88\x02\x03\xe9"


def is_boundary(kind: str, body: bytes) -> bool:
    """Whether a word of the session may follow this."""
    if kind == "sse":
        return Read(body).may_end
    if kind == "websocket":
        tracker = FrameTracker()
        tracker.feed(body)
        return tracker.between_frames
    while len(body) >= 5:
        body = body[5 + int.from_bytes(body[1:5]) :]
    return body == b""
