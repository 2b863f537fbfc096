"""Which answers end at leaving: those that somebody has named, and no others."""

import pytest

from drainproxy.drain.stream_drain import StreamDrain

NAMED = StreamDrain(frozenset({b"application/x-ndjson"}), ("/watch", "/api/v1/changes/"))
ENDS = [
    ("http1", "/any", b"application/x-ndjson"),
    ("http2", "/any", b"application/x-ndjson"),
    ("http1", "/watch", b""),
    ("http1", "/watch?since=7", b"text/plain"),
    ("http1", "/watch/pods/a", b""),
    ("http2", "/api/v1/changes", b""),
    ("http2", "/api/v1/changes/7?x=/", b""),
    ("grpc", "/watch/Changes", b""),
    ("http1", "http://a.example/watch/x", b""),
]
WAITS = [
    ("http1", "/any", b"application/json"),
    ("http1", "/any", b""),
    ("http1", "/watcher", b""),
    ("http1", "/", b""),
    ("http1", "/api/v1/change", b""),
    ("http1", "/x?y=/watch", b""),
    ("http1", "http://a.example", b""),
    ("http1", "*", b""),
    # These have settings of their own, or no language.
    ("sse", "/watch", b"application/x-ndjson"),
    ("websocket", "/watch", b""),
    ("tcp", "/watch", b""),
]


@pytest.mark.parametrize(("kind", "target", "media_type"), ENDS)
def test_what_is_named_ends(kind: str, target: str, media_type: bytes) -> None:
    assert NAMED
    assert NAMED.ends(kind, target, media_type)


@pytest.mark.parametrize(("kind", "target", "media_type"), WAITS)
def test_all_others_are_waited_for(kind: str, target: str, media_type: bytes) -> None:
    assert not NAMED.ends(kind, target, media_type)


def test_nothing_is_named_by_default_and_a_slash_names_all() -> None:
    assert not StreamDrain()
    assert StreamDrain(types=frozenset({b"text/plain"}))
    assert StreamDrain(prefixes=("/",))
    for kind, target, media_type in ENDS:
        assert not StreamDrain().ends(kind, target, media_type)
        assert StreamDrain(prefixes=("/",)).ends(kind, target, media_type)
