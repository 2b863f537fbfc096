"""Calls as gRPC clients send them, each with an id of its own: a field that h2load cannot vary.

All requests of a round are encoded before it begins, or the client would be the slowest of all.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, cast

import uvloop

from loadtests.bench.launch import HTTP2_OPENING
from loadtests.bench.load import LoadFailed, Outcome

if TYPE_CHECKING:
    from hpack import Encoder

PATH = "pkg.Service/Method"
# A message on the wire: not compressed, its length in four bytes, the protobuf itself.
ANSWER = b"\0\0\0\0\x0a" + b"\x0a\x08answered"
_QUESTION = b"\0\0\0\0\x0a" + b"\x0a\x08question"

_FIELDS = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", f"/{PATH}"),
    (":authority", "bench"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
    ("user-agent", "grpc-python/1.76.0 grpc-c/51.0.0 (linux; chttp2)"),
    ("grpc-accept-encoding", "identity, deflate, gzip"),
    ("grpc-timeout", "30S"),
]

# RFC 9113 section 6
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_FRAME_HEAD = 9
_END_STREAM = _ACK = 0x1
_END_HEADERS = 0x4
_WINDOW = 65_535

_CLIENT = ThreadPoolExecutor(1)


def scripts(connections: int, calls: int) -> list[list[bytes]]:
    """The frames of `calls` calls for each connection, to be sent on it in this order."""
    return [_script(calls) for _ in range(connections)]


def _script(calls: int) -> list[bytes]:
    # Not above: who leaves this measure out can do without it.
    from hpack import Encoder

    encoder = Encoder()
    return [_call(encoder, 2 * number + 1) for number in range(calls)]


def _call(encoder: Encoder, stream: int) -> bytes:
    block = encoder.encode([*_FIELDS, ("x-request-id", str(uuid.uuid4()))])
    head = _frame(_HEADERS, _END_HEADERS, stream, block)
    return head + _frame(_DATA, _END_STREAM, stream, _QUESTION)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    head = (len(payload) << 16 | kind << 8 | flags).to_bytes(5, "big")
    return head + stream.to_bytes(4, "big") + payload


class Caller(asyncio.Protocol):
    """One connection that keeps `streams` calls in flight until its script is over.

    Answers are not decoded: one with its whole message and with trailers is a good one.
    """

    def __init__(self, script: list[bytes], streams: int) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.in_flight = 0
        self._unsent = script[::-1]
        self._streams = streams
        self._window = _WINDOW
        self._trailers = self._body = self._unreturned = 0
        self._out: list[bytes] = []
        self._rest = b""

    @property
    def answered(self) -> int:
        return min(self._trailers, self._body // len(ANSWER))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._out.append(HTTP2_OPENING)
        self._go_on()

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        while len(data) - at >= _FRAME_HEAD:
            end = at + _FRAME_HEAD + int.from_bytes(data[at : at + 3], "big")
            if end > len(data):
                break
            stream = int.from_bytes(data[at + 5 : at + 9], "big")
            self._received(data[at + 3], data[at + 4], stream, data[at + _FRAME_HEAD : end])
            at = end
        self._rest = data[at:]
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def leave(self) -> None:
        self._transport.abort()

    def _received(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _DATA:
            self._body += len(payload)
            self._unreturned += len(payload)
        elif kind == _HEADERS:
            self._trailers += flags & _END_STREAM
        elif kind in (_SETTINGS, _PING) and not flags & _ACK:
            self._out.append(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        elif kind == _WINDOW_UPDATE and not stream:
            self._window += int.from_bytes(payload, "big")
        elif kind == _GOAWAY:
            self._unsent.clear()
        if kind == _RST_STREAM or (kind <= _HEADERS and flags & _END_STREAM):
            self.in_flight -= 1

    def _go_on(self) -> None:
        """Fill the free streams, and give the connection's window back before it is empty."""
        while self._unsent and self.in_flight < self._streams and self._window >= len(_QUESTION):
            self._out.append(self._unsent.pop())
            self._window -= len(_QUESTION)
            self.in_flight += 1
        if self._unreturned > _WINDOW // 2:
            self._out.append(_frame(_WINDOW_UPDATE, 0, 0, self._unreturned.to_bytes(4, "big")))
            self._unreturned = 0
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()
        if not self.in_flight and not self._unsent and not self.over.done():
            self.over.set_result(None)


def call(port: int, scripts: list[list[bytes]], streams: int, within: float) -> Outcome:
    """Send every script on a connection of its own, `streams` calls at a time on each.

    Raises LoadFailed if they are not over `within` seconds.
    """
    # Off the main thread: in one of its callbacks uvloop would take the exit that a signal raises
    # for a broken connection. The thread ends with its connections, when the proxy is killed.
    return _CLIENT.submit(uvloop.run, _call_all(port, scripts, streams, within)).result()


async def _call_all(port: int, scripts: list[list[bytes]], streams: int, within: float) -> Outcome:
    loop = asyncio.get_running_loop()
    callers: list[Caller] = []
    began = time.monotonic()
    try:
        async with asyncio.timeout(within):
            for script in scripts:
                client = partial(Caller, script, streams)
                _, caller = await loop.create_connection(client, "127.0.0.1", port)
                callers.append(caller)
            await asyncio.gather(*(caller.over for caller in callers))
    except TimeoutError as error:
        open_ = sum(caller.in_flight for caller in callers)
        raise LoadFailed(f"{open_} calls without an answer after {within:.0f} s") from error
    finally:
        for caller in callers:
            caller.leave()
    seconds = time.monotonic() - began
    answered = sum(caller.answered for caller in callers)
    if not answered:
        raise LoadFailed("no call was answered in full")
    return Outcome(answered, answered / seconds, sum(map(len, scripts)) - answered)
