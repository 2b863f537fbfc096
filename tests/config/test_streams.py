"""How streams are named that end at leaving."""

import pytest

from drainproxy.config import Settings
from drainproxy.config.streams import MOST_STREAMS, format_streams, parse_streams
from drainproxy.config.values import EndingStream
from drainproxy.drain.stream_drain import StreamDrain
from drainproxy.sidecar.wiring import stream_drain

NDJSON, WATCH = EndingStream(media_type="application/x-ndjson"), EndingStream(prefix="/watch")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("application/x-ndjson=end", (NDJSON,)),
        ("Application/X-NDJSON=END", (NDJSON,)),
        ("/watch=end", (WATCH,)),
        ("application/x-ndjson=end,/watch=end", (NDJSON, WATCH)),
        ("application/x-ndjson=end\n/watch=end", (NDJSON, WATCH)),
        ("/=end", (EndingStream(prefix="/"),)),
        ("/a=b=end", (EndingStream(prefix="/a=b"),)),
        ("/shop.Orders/Watch=end", (EndingStream(prefix="/shop.Orders/Watch"),)),
        ("application/vnd.x+json=end", (EndingStream(media_type="application/vnd.x+json"),)),
        ("", ()),
    ],
)
def test_a_stream_is_a_media_type_or_a_path(text: str, named: tuple[EndingStream, ...]) -> None:
    assert parse_streams(text) == named
    assert parse_streams(format_streams(named)) == named


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("/watch", "does not end with =end: write CONTENT-TYPE=end or /PATH-PREFIX=end"),
        ("/watch=wait", "does not end with =end: .*; all others wait"),
        ("ndjson=end", "is neither a media type nor a path"),
        ("application/*/x=end", "is neither a media type nor a path"),
        ("=end", "is neither a media type nor a path"),
        ("/watch?x=end", "is neither a media type nor a path"),
        ("text/event-stream=end", "event streams have sse-drain"),
        ("application/grpc=end", "gRPC has grpc-drain"),
        ("/a=end b=end c", r"is wrong: 'b=end' is neither .*; 'c' does not end with"),
        ("/a=end " * (MOST_STREAMS + 1), "has 101 entries, and may have 100"),
    ],
)
def test_what_is_none_is_refused_by_name(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_streams(text)


def test_they_are_told_to_the_relay() -> None:
    settings = Settings(forward=(), stream_drain=(NDJSON, WATCH))
    assert stream_drain(settings) == StreamDrain(frozenset({b"application/x-ndjson"}), ("/watch",))
