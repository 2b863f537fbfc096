"""A unary gRPC call to the app without grpcio.

Implements the part of HTTP/2 (RFC 9113) that one call on a connection of its own needs.
"""

import asyncio
import struct
from typing import NamedTuple

from drainproxy import __version__
from drainproxy.wire import hpack, http2
from drainproxy.wire.hpack import HpackError, HpackReader
from drainproxy.wire.sniff import HTTP2_PREFACE

_STREAM = 1
# Each message is prefixed by a byte that says whether it is compressed, and by its length.
_PREFIX = 5
# In bytes: the largest header block and message that are accepted.
_MOST = http2.LEAST_MAX_FRAME

# The names of the statuses, by number.
STATUSES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)


class NoGrpc(Exception):
    """The app's bytes are no answer to a gRPC call."""


class UnaryAnswer(NamedTuple):
    """An answer. `status`: the name of a gRPC status, or the HTTP status if that is not 200.
    `message`: empty unless the status is OK."""

    status: str
    message: bytes


async def call(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    authority: str,
    path: str,
    message: bytes,
) -> UnaryAnswer:
    """Make the call on a new connection; EOFError, ConnectionError or NoGrpc without an answer."""
    writer.write(_request(authority, path, message))
    exchange = _Exchange()
    while not exchange.over:
        head = await reader.readexactly(http2.HEAD_SIZE)
        length = int.from_bytes(head[:3])
        if length > _MOST:
            raise NoGrpc("this is not HTTP/2, or a frame is over the size that was announced")
        payload = await reader.readexactly(length)
        stream = int.from_bytes(head[5:]) & http2.MOST_STREAM
        try:
            reply = exchange.receive(head[3], head[4], stream, payload)
        except (HpackError, struct.error) as error:
            raise NoGrpc(f"this is not HTTP/2: {error}") from None
        if reply and not writer.is_closing():
            writer.write(reply)
    return exchange.answer()


def _request(authority: str, path: str, message: bytes) -> bytes:
    """The preface and the call, which need not wait for the app's SETTINGS (RFC 9113 3.4)."""
    block = hpack.block(
        (
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", path.encode()),
            (b":authority", authority.encode()),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            (b"user-agent", b"drainproxy/" + __version__.encode()),
        )
    )
    prefixed = len(message).to_bytes(_PREFIX) + message
    return (
        HTTP2_PREFACE
        + http2.settings((http2.ENABLE_PUSH, 0))
        + http2.header_frames(_STREAM, 0, b"", block)
        + http2.frame(http2.DATA, http2.END_STREAM, _STREAM, prefixed)
    )


class _Exchange:
    """Reads the app's frames, until the answer is `over`."""

    def __init__(self) -> None:
        self.over = False
        self._begun = False
        self._hpack = HpackReader(_MOST, dict)
        self._block = b""
        self._last = False
        self._fields: dict[bytes, bytes] = {}
        self._body = b""

    def receive(self, kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        """Read one frame; returns what has to be sent back."""
        if not self._begun and kind != http2.SETTINGS:  # 3.4
            raise NoGrpc("HTTP/2 begins with SETTINGS")
        self._begun = True
        if stream == _STREAM:
            self._of_the_call(kind, flags, payload)
        elif kind == http2.GOAWAY and http2.read_goaway(payload)[0] < _STREAM:
            raise NoGrpc("the call was not taken")
        elif kind == http2.SETTINGS and not flags & http2.ACK:
            return http2.settings(ack=True)
        elif kind == http2.PING and not flags & http2.ACK:
            return http2.ping(payload, ack=True)
        return b""

    def _of_the_call(self, kind: int, flags: int, payload: bytes) -> None:
        if kind == http2.RST_STREAM:
            raise NoGrpc(f"the call was reset: {http2.number(payload)}")
        if kind == http2.DATA:
            self._body += _unpadded(flags, payload)
            self.over = bool(flags & http2.END_STREAM)
        elif kind in (http2.HEADERS, http2.CONTINUATION):
            if kind == http2.HEADERS:
                payload = _unpadded(flags, payload)[5 if flags & http2.HAS_PRIORITY else 0 :]
                self._last = bool(flags & http2.END_STREAM)
            self._block += payload
            if flags & http2.END_HEADERS:
                self._fields |= self._hpack.read(self._block)
                self._block = b""
                self.over = self._last
        if max(len(self._body), len(self._block)) > _MOST:
            raise NoGrpc("the answer is too large")

    def answer(self) -> UnaryAnswer:
        """The answer, once it is over; NoGrpc if it is none."""
        try:
            http = int(self._fields[b":status"])
            if http != 200:
                return UnaryAnswer(str(http), b"")
            status = STATUSES[int(self._fields[b"grpc-status"])]
        except (KeyError, ValueError, IndexError):
            raise NoGrpc("an answer without a status") from None
        return UnaryAnswer(status, self._message() if status == "OK" else b"")

    def _message(self) -> bytes:
        # We offered no compression: the first byte of the prefix must be 0.
        length, message = int.from_bytes(self._body[:_PREFIX]), self._body[_PREFIX:]
        if len(self._body) < _PREFIX or length != len(message):
            raise NoGrpc("an answer without one whole message")
        return message


def _unpadded(flags: int, payload: bytes) -> bytes:
    """The payload without its padding, whose length is the first byte (6.1)."""
    if not flags & http2.PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise NoGrpc("more padding than there is room")
    return payload[1 : len(payload) - payload[0]]
