"""Frame by frame: what one end says the other end hears, known to us or not."""

import struct
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import pytest
from hpack import Decoder, Encoder

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conformance.client import unpadded
from tests.e2e.conformance.frames import (
    ACK,
    DEFAULT_FRAME_SIZE,
    END_HEADERS,
    END_STREAM,
    HEAD,
    PADDED,
    PREFACE,
    PRIORITIZED,
    WHOLE,
    Code,
    Kind,
    continuation,
    data,
    frame,
    headers,
    padded,
    ping,
    preference,
    priority,
    rst_stream,
    settings,
    window_update,
)
from tests.e2e.process import sidecar
from tests.e2e.tap import Peer, Tap, client, silence, tap

REQUEST = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/"),
    (":authority", "a.example"),
    ("x-name", "value"),
]
RESPONSE = [(":status", "200"), ("x-name", "value")]

# Types and settings that no RFC has given a meaning to, and those that others have (RFC 7838,
# 8336, 9218).
UNKNOWN, ALTSVC, ORIGIN, PRIORITY_UPDATE = 0xFA, 0x0A, 0x0C, 0x10
UNKNOWN_SETTING = (0xFEFE, 1)


def frames(stream: bytes) -> list[bytes]:
    """The whole frames in what came, preface aside."""
    found, rest = [], stream.removeprefix(PREFACE)
    while len(rest) >= HEAD and len(rest) >= (length := HEAD + int.from_bytes(rest[:3])):
        found.append(rest[:length])
        rest = rest[length:]
    return found


async def hears(peer: Peer, wanted: bytes) -> bool:
    """Wait for this very frame."""
    await peer.until(lambda: peer.ended or wanted in frames(peer.received))
    return wanted in frames(peer.received)


async def hears_kind(peer: Peer, kind: Kind, flags: int = 0) -> None:
    """Wait for a frame with this type and these flags."""

    def came() -> bool:
        return any(each[3] == kind and each[4] & flags == flags for each in frames(peer.received))

    await peer.until(lambda: peer.ended or came())
    assert came()


class Ends(NamedTuple):
    """Client and app, with a sidecar between them."""

    client: Peer
    app: Peer


class Route(NamedTuple):
    """The ports of the sidecar and of the app, which each test is itself."""

    port: int
    app: int


@pytest.fixture(scope="module")
def route() -> Iterator[Route]:
    port = free_ports(1)[0]
    with sidecar(f"127.0.0.1:{port}") as running:
        yield Route(running.port, port)


@pytest.fixture
async def ends(route: Route) -> AsyncIterator[Ends]:
    """Both know the settings of the other; stream 1 has the HEADERS of both, and no more."""
    async with tap(route.app, silence) as listening, client(route.port) as speaker:
        speaker.send(PREFACE + settings(UNKNOWN_SETTING))
        ends = Ends(speaker, await greeted(listening, speaker))
        await begin(ends)
        yield ends


async def greeted(listening: Tap, speaker: Peer) -> Peer:
    app = await listening.connection()
    assert await app.take(len(PREFACE)) == PREFACE
    app.send(settings(UNKNOWN_SETTING) + settings(flags=ACK))
    await hears_kind(app, Kind.SETTINGS)
    await hears_kind(speaker, Kind.SETTINGS, ACK)
    speaker.send(settings(flags=ACK))
    await hears_kind(app, Kind.SETTINGS, ACK)
    return app


async def begin(ends: Ends) -> None:
    ends.client.send(headers(1, Encoder().encode(REQUEST), END_HEADERS))
    await hears_kind(ends.app, Kind.HEADERS)
    ends.app.send(headers(1, Encoder().encode(RESPONSE), END_HEADERS))
    await hears_kind(ends.client, Kind.HEADERS)
    assert (fields(ends.app), fields(ends.client)) == ({1: REQUEST}, {1: RESPONSE})


def fields(peer: Peer) -> dict[int, list[tuple[str, str]]]:
    """The header block of every stream, however it was cut, but for what a proxy adds."""
    found, block, decoder = {}, b"", Decoder()
    for each in frames(peer.received):
        kind, flags, stream, payload = each[3], each[4], int.from_bytes(each[5:HEAD]), each[HEAD:]
        if kind == Kind.HEADERS:
            block = unpadded(flags, payload)[5 if flags & PRIORITIZED else 0 :]
        elif kind == Kind.CONTINUATION:
            block += payload
        else:
            continue
        if flags & END_HEADERS:
            came = [(str(name), str(text)) for name, text in decoder.decode(block)]
            found[stream] = [field for field in came if not field[0].startswith("x-forwarded-")]
    return found


EITHER_SAYS = {
    "an unknown frame": frame(UNKNOWN, 0xFF, 0, b"unheard of"),
    "an unknown frame of a stream": frame(UNKNOWN, 0xA5, 1, b"unheard of"),
    "an unknown frame of an idle stream": frame(UNKNOWN, 0, 99, b"unheard of"),
    "an empty unknown frame": frame(UNKNOWN, 0, 0),
    "a large unknown frame": frame(UNKNOWN, 0, 1, bytes(DEFAULT_FRAME_SIZE)),
    "PING": ping(b"anybody?"),
    "an answer to PING": ping(b"whatever", ACK),
    "WINDOW_UPDATE": window_update(0, 12345),
    "WINDOW_UPDATE of a stream": window_update(1, 12345),
    "DATA": data(1, b"body", 0),
    "DATA with padding": data(1, padded(b"body", 200), PADDED),
    "DATA that is all padding": data(1, padded(b"", 255), PADDED),
    "DATA with flags that mean nothing": data(1, b"body", 0xF6),
    "the last DATA": data(1, b"body"),
    "empty last DATA": data(1),
    "RST_STREAM": rst_stream(1, Code.CANCEL),
    "RST_STREAM for an unknown reason": rst_stream(1, 0xFACADE),
    "PRIORITY": priority(1, 0, 256),
}
CLIENT_SAYS = EITHER_SAYS | {
    "PRIORITY of an idle stream": priority(5, 3, 1),
    "GOAWAY with a reason": frame(Kind.GOAWAY, 0, 0, struct.pack(">II", 0, 0) + b"so long"),
    "PRIORITY_UPDATE": frame(PRIORITY_UPDATE, 0, 0, b"\x00\x00\x00\x01u=7, i"),
}
APP_SAYS = EITHER_SAYS | {
    "ALTSVC": frame(ALTSVC, 0, 0, b'\x00\x09a.exampleh2=":443"'),
    "ORIGIN": frame(ORIGIN, 0, 0, b"\x00\x11https://a.example"),
    "GOAWAY with a reason": frame(Kind.GOAWAY, 0, 0, struct.pack(">II", 1, 11) + b"too_many_pings"),
    "changed settings": settings((4, 100_000), UNKNOWN_SETTING),
}


# Those after which there is more to say.
IN_A_ROW = [said for name, said in EITHER_SAYS.items() if "last" not in name and "RST" not in name]


@pytest.mark.parametrize("said", CLIENT_SAYS.values(), ids=CLIENT_SAYS)
async def test_the_app_hears_what_the_client_says(said: bytes, ends: Ends) -> None:
    ends.client.send(said)
    assert await hears(ends.app, said)


@pytest.mark.parametrize("said", APP_SAYS.values(), ids=APP_SAYS)
async def test_the_client_hears_what_the_app_says(said: bytes, ends: Ends) -> None:
    ends.app.send(said)
    assert await hears(ends.client, said)


@pytest.mark.parametrize("in_bytes", [False, True])
async def test_frames_keep_their_order(in_bytes: bool, ends: Ends) -> None:
    for speaker, listener in (ends, reversed(ends)):
        before = len(frames(listener.received))
        said = b"".join([*IN_A_ROW, data(1, b"the last")])
        if in_bytes:
            await speaker.drip(said)
        else:
            speaker.send(said)
        assert await hears(listener, data(1, b"the last"))
        assert b"".join(frames(listener.received)[before:]) == said


async def test_each_end_hears_the_settings_of_the_other(ends: Ends) -> None:
    for peer in ends:
        first = frames(peer.received)[0]
        assert first[3] == Kind.SETTINGS
        assert struct.pack(">HI", *UNKNOWN_SETTING) in first


async def test_a_header_block_may_come_in_any_shape(ends: Ends) -> None:
    block = Encoder().encode(REQUEST)
    first = padded(preference() + block[:5], 10)
    pieces = (
        frame(Kind.HEADERS, PADDED | PRIORITIZED | END_STREAM, 3, first),
        continuation(3, block[5:7], 0),
        continuation(3, b"", 0),
        continuation(3, block[7:]),
    )
    for number, piece in enumerate(pieces):
        ends.client.send(piece)
        # The app says something in the middle of it.
        said = ping(b"piece %02d" % number)
        ends.app.send(said)
        assert await hears(ends.client, said)
    await hears_kind(ends.app, Kind.HEADERS, END_STREAM)
    await ends.app.until(lambda: 3 in fields(ends.app))
    assert fields(ends.app)[3] == REQUEST


async def test_streams_may_be_many(ends: Ends) -> None:
    encoder, decoded = Encoder(), {1: REQUEST}
    for stream in range(3, 203, 2):
        decoded[stream] = [*REQUEST, ("x-stream", f"{stream}"), ("x-long", f"{stream % 14} " * 50)]
        ends.client.send(headers(stream, encoder.encode(decoded[stream]), WHOLE))
    await ends.app.until(lambda: len(fields(ends.app)) == len(decoded))
    assert fields(ends.app) == decoded
