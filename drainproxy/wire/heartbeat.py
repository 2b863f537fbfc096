"""Heartbeats that libraries send as WebSocket messages, which mean nothing but "I am here".

Browsers cannot send Ping (RFC 6455 5.5.2 leaves it to the implementation), so libraries have
messages of their own for it. A peer answers one with another, or not at all.
"""

import re

from drainproxy.wire.websocket import FIN, LENGTH, MASKED

# A longer message is not looked at.
LONGEST = 46

_HEARTBEAT = re.compile(
    # STOMP 1.2, "Heart-beating", also in the array of SockJS; SignalR with MessagePack; MQTT 3.1.1,
    # 3.12 and 3.13; NATS, and whoever has thought of nothing better.
    rb'\r?\n|a?\["\\n"\]|\x02\x91\x06|[\xc0\xd0]\0|(?:ping|pong|PING|PONG)(?:\r\n)?'
    # SignalR with JSON.
    rb'|\{"type": ?6\}\x1e'
    # GraphQL over WebSocket, both protocols; Action Cable; Pusher; DDP.
    rb'|\{"(?:type|event|msg|op|action|method)": ?"(?:pusher:)?(?:ping|pong|heartbeat|ka)"'
    rb"(?:, ?[^{}]*(?:\{\})?)?\}"
    # DDP in the array of SockJS.
    rb'|a?\["\{\\"msg\\":\\"p[io]ng\\"[^{}]{0,16}\}"\]'
)
# Engine.IO 3 and 4, which is socket.io. From anybody else this is a message.
_ENGINE_IO = (b"2", b"3")
# What these begin with: most messages are told by that.
_FIRSTS = b"23\r\n{[a\x02\xc0\xd0pP"
_TEXT_OR_BINARY = (FIN | 1, FIN | 2)
# RFC 7692 7.2.1: a text that is compressed. One byte is always the same then, since no part of what
# was said before is as short; so that of Engine.IO can be told.
_COMPRESSED = FIN | 0x40 | 1
_ONE_COMPRESSED = (b"2\x02\x00", b"2\x06\x00")
_MASK = 4


def speaks_engine_io(path: str) -> bool:
    """Its version is a parameter of the request (Engine.IO 4, "Handshake")."""
    return "EIO=" in path


def is_heartbeat(data: bytes, *, engine_io: bool) -> bool:
    """Whether this, which begins where a frame does, is one such message and no more."""
    size = len(data)
    if not 2 < size <= LONGEST + 2 + _MASK:
        return False
    first, second = data[0], data[1]
    if first not in _TEXT_OR_BINARY and first != _COMPRESSED:
        return False
    start = 2 + _MASK if second & MASKED else 2
    if start + (second & LENGTH) != size:
        return False
    payload = data[start:]
    if second & MASKED:
        if payload[:1] and payload[0] ^ data[2] not in _FIRSTS:
            return False
        key = (data[2:start] * (LONGEST // _MASK + 1))[: len(payload)]
        bare = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
        payload = bare.to_bytes(len(payload), "big")
    if first == _COMPRESSED:
        return engine_io and payload in _ONE_COMPRESSED
    if payload in _ENGINE_IO:
        return engine_io
    return _HEARTBEAT.fullmatch(payload) is not None
