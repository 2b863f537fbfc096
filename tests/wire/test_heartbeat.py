"""What libraries say over a WebSocket to show that they are there is no question and no answer."""

import zlib
from itertools import cycle

import pytest

from drainproxy.wire.heartbeat import LONGEST, is_heartbeat, speaks_engine_io

KEY = b"\x11\x22\x33\x44"
TEXT, BINARY = 0x81, 0x82

HEARTBEATS = {
    "SignalR": b'{"type":6}\x1e',
    "SignalR with MessagePack": b"\x02\x91\x06",
    "STOMP": b"\n",
    "STOMP with CR": b"\r\n",
    "GraphQL over WebSocket": b'{"type":"pong"}',
    "graphql-ws": b'{"type":"ka"}',
    "written by Python": b'{"type": "ping"}',
    "Action Cable": b'{"type":"ping","message":1735689600}',
    "Pusher": b'{"event":"pusher:pong","data":{}}',
    "DDP": b'{"msg":"ping"}',
    "DDP with an id": b'{"msg":"pong","id":"7"}',
    "MQTT": b"\xc0\0",
    "STOMP in SockJS": b'["\\n"]',
    "STOMP from SockJS": b'a["\\n"]',
    "DDP in SockJS": b'["{\\"msg\\":\\"pong\\"}"]',
    "DDP from SockJS": b'a["{\\"msg\\":\\"ping\\"}"]',
    "NATS": b"PONG\r\n",
    "home-made": b"ping",
}
OTHERS = {
    "nothing": b"",
    "a move": b"1",
    "an empty object": b"{}",
    "an array": b"[]",
    "a word in SockJS": b'["ping"]',
    "a word": b"pings",
    "an event of socket.io": b'42["pong"]',
    "an invocation of SignalR": b'{"type":1}\x1e',
    "two of SignalR": b'{"type":6}\x1e{"type":6}\x1e',
    "a subscription": b'{"type":"subscribe"}',
    "a question about pings": b'{"type":"ask","text":"ping"}',
    "with something in it": b'{"type":"ping","data":{"q":1}}',
    "MQTT PUBLISH": b"\x30\0",
    "a long one": b'{"type":"ping","message":"' + b"x" * LONGEST + b'"}',
}


def frame(payload: bytes, first: int, *, masked: bool) -> bytes:
    """RFC 6455 5.2 and 5.3, of a short message."""
    if not masked:
        return bytes((first, len(payload))) + payload
    hidden = bytes(octet ^ key for octet, key in zip(payload, cycle(KEY), strict=False))
    return bytes((first, 0x80 | len(payload))) + KEY + hidden


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("first", [TEXT, BINARY])
@pytest.mark.parametrize("payload", HEARTBEATS.values(), ids=HEARTBEATS)
def test_a_heartbeat_is_known_from_either_side(payload: bytes, first: int, masked: bool) -> None:
    assert is_heartbeat(frame(payload, first, masked=masked), engine_io=False)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("payload", [b"2", b"3"])
def test_a_digit_is_one_of_engine_io_alone(payload: bytes, masked: bool) -> None:
    said = frame(payload, TEXT, masked=masked)
    assert is_heartbeat(said, engine_io=True)
    assert not is_heartbeat(said, engine_io=False)


@pytest.mark.parametrize(
    ("path", "speaks"),
    [
        ("/socket.io/?EIO=4&transport=websocket&sid=x", True),
        ("/engine.io/?transport=websocket&EIO=3", True),
        ("/socket.io/", False),
        ("/ws?eio=4", False),
    ],
)
def test_engine_io_says_its_version(path: str, speaks: bool) -> None:
    assert speaks_engine_io(path) is speaks


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("payload", OTHERS.values(), ids=OTHERS)
def test_nothing_else_is_one(payload: bytes, masked: bool) -> None:
    assert not is_heartbeat(frame(payload, TEXT, masked=masked), engine_io=True)


@pytest.mark.parametrize("before", [b"", b'42["chat","3 of 2, 2 of 3"]'])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("payload", [b"2", b"3"])
def test_one_byte_is_known_when_it_is_compressed(
    payload: bytes, masked: bool, before: bytes
) -> None:
    """RFC 7692 7.2.1, with what was said before as the window."""
    compress = zlib.compressobj(wbits=-15)
    compress.compress(before)
    compress.flush(zlib.Z_SYNC_FLUSH)
    coded = compress.compress(payload) + compress.flush(zlib.Z_SYNC_FLUSH)
    assert is_heartbeat(frame(coded[:-4], 0xC1, masked=masked), engine_io=True)
    assert not is_heartbeat(frame(coded[:-4], 0xC1, masked=masked), engine_io=False)


@pytest.mark.parametrize("first", [0x01, 0x80, 0x88, 0x89, 0xC1, 0xC2])
def test_neither_is_a_part_of_a_message_nor_what_cannot_be_read(first: int) -> None:
    assert not is_heartbeat(frame(b"3", first, masked=True), engine_io=True)


def test_it_has_to_be_the_whole_of_what_is_there() -> None:
    one = frame(b"3", TEXT, masked=True)
    assert not any(is_heartbeat(one[:end], engine_io=True) for end in range(len(one)))
    assert not is_heartbeat(one + one, engine_io=True)
