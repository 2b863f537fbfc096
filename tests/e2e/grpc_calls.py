"""Calls to the app of `grpc_app`, and all that a client can see of them."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import grpc

from drainproxy.rehearsal.app import content
from tests.e2e.grpc_app import SERVICE
from tests.e2e.process import PATIENCE, Process, accepts, started

OPTIONS: list[tuple[str, Any]] = [
    # The same whichever port is asked.
    ("grpc.default_authority", "a.example"),
    # Each channel has a connection of its own.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # The least time for an attempt to connect: a busy machine needs more than the pauses between.
    ("grpc.min_reconnect_backoff_ms", 5000),
    ("grpc.max_reconnect_backoff_ms", 200),
]


def path(method: str) -> str:
    """What a channel calls a method of the app."""
    return f"/{SERVICE}/{method}"


@contextmanager
def grpc_app(port: int) -> Iterator[Process]:
    """The app in a process of its own."""
    with started("tests.e2e.grpc_app", str(port), ready=lambda: accepts(port)) as app:
        yield app


@contextmanager
def channel(port: int, *options: tuple[str, Any]) -> Iterator[Any]:
    """A channel to this port of 127.0.0.1."""
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[*OPTIONS, *options]) as made:
        yield made


def aio_channel(port: int, *options: tuple[str, Any]) -> Any:
    """The same for asyncio."""
    return grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=[*OPTIONS, *options])


class Call(NamedTuple):
    """What a client asks; every kind of call is a stream of messages each way, be it one."""

    method: str
    messages: tuple[bytes, ...] = (b"",)
    metadata: tuple[tuple[str, str | bytes], ...] = ()
    compression: grpc.Compression = grpc.Compression.NoCompression
    timeout: float = PATIENCE


class Seen(NamedTuple):
    """All that the client got."""

    messages: list[bytes]
    code: Any
    details: str
    initial: list[tuple[str, str | bytes]]
    trailing: list[tuple[str, str | bytes]]


def made(port: int, call: Call) -> Seen:
    """Make the call on a channel of its own."""
    with channel(port) as to_app:
        begun = to_app.stream_stream(path(call.method))(
            iter(call.messages),
            metadata=call.metadata,
            compression=call.compression,
            timeout=call.timeout,
        )
        return seen(begun)


def seen(begun: Any) -> Seen:
    """Wait for the end of a call."""
    messages = []
    # How it ended is asked below.
    with suppress(grpc.RpcError):
        messages.extend(begun)
    initial, trailing = plain(begun.initial_metadata()), plain(begun.trailing_metadata())
    return Seen(messages, begun.code(), begun.details(), initial, trailing)


def plain(metadata: Iterable[tuple[str, str | bytes]]) -> list[tuple[str, str | bytes]]:
    """Metadata without the classes around it, and without the time, which some apps tell."""
    return [(name, value) for name, value in metadata if name != "date"]


UNICODE = "gr\u00fc\u00df % %41 \u6f22\u5b57 \U0001f600\r\n\t\x00 end "

# For comparison with and without us.
CALLS = {
    "unary": Call("Echo", (b"hello",)),
    "an empty message": Call("Echo"),
    "a message of many frames": Call("Echo", (b"".join(content(1 << 20)),)),
    "gzip": Call("Echo", (b"hello" * 10_000,), compression=grpc.Compression.Gzip),
    "deflate": Call("Echo", (b"hello" * 10_000,), compression=grpc.Compression.Deflate),
    "server streaming": Call("Count", (b"300",)),
    "an empty server stream": Call("Count", (b"0",)),
    "client streaming": Call("Total", tuple(b"%d" % number for number in range(300))),
    "an empty client stream": Call("Total", ()),
    "bidirectional": Call("Chat", tuple(content(100_000))),
    "an error": Call("Fail", (json.dumps(["ABORTED", "try again"]).encode(),)),
    "an error in any language": Call("Fail", (json.dumps(["NOT_FOUND", UNICODE]).encode(),)),
    "an error without details": Call("Fail", (json.dumps(["DATA_LOSS", ""]).encode(),)),
    "an error after a message": Call("Late", (json.dumps(["INTERNAL", UNICODE]).encode(),)),
    "long details": Call("Fail", (json.dumps(["UNAVAILABLE", "so " * 1000]).encode(),)),
    "an unknown method": Call("Nothing"),
}
