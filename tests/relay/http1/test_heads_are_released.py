"""What a connection keeps of a long head: nothing once an answer lasts or its exchange is over."""

import gc
from collections.abc import Iterator
from types import FunctionType, ModuleType

import pytest

from drainproxy.drain.stream_drain import StreamDrain
from drainproxy.relay.context import Context
from drainproxy.relay.http1.heads import LONGEST_REMEMBERED
from drainproxy.relay.route import Route
from tests.relay.connection import Connection
from tests.relay.conversation import Conversation, chunk, head, request, response
from tests.relay.proxy import Proxy

COOKIE = "Cookie: " + "c" * 60_000
CHUNKED = ("Content-Type: application/x-ndjson", "Transfer-Encoding: chunked")
# What is not the session's own.
OTHERS = (Context, Route, Connection, Proxy, type, ModuleType, FunctionType)


def kept_by(session: object) -> Iterator[bytes]:
    """All bytes that a session holds, in whatever it owns."""
    seen, left = {id(session)}, [session]
    while left:
        for each in gc.get_referents(left.pop()):
            if isinstance(each, OTHERS) or id(each) in seen:
                continue
            seen.add(id(each))
            left.append(each)
            if isinstance(each, bytes):
                yield each


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (request("/", COOKIE), response()),
        (request("/", COOKIE), response(200, COOKIE)),
        (request("/", COOKIE, method="POST", body=b"x"), response()),
        (
            request("/", COOKIE, "Transfer-Encoding: chunked", method="POST") + chunk(b""),
            response(),
        ),
        (request("/", COOKIE), head("HTTP/1.1 200 OK", *CHUNKED) + chunk(b"{}\n") + chunk(b"")),
        (
            request("/", COOKIE),
            head("HTTP/1.1 200 OK", COOKIE, *CHUNKED) + chunk(b"{}\n") + chunk(b""),
        ),
        (
            request("/", COOKIE, "Accept: text/event-stream"),
            head("HTTP/1.1 200 OK", "Content-Type: text/event-stream", *CHUNKED[1:])
            + chunk(b"data: x\n\n")
            + chunk(b""),
        ),
        (request("/", COOKIE), head("HTTP/1.1 103 Early", COOKIE) + response()),
    ],
    ids=[
        "plain",
        "long answer",
        "upload",
        "chunked upload",
        "endless",
        "endless with a long head",
        "events",
        "interim",
    ],
)
def test_nothing_of_a_long_head_is_kept_behind_its_exchange(asked: bytes, answered: bytes) -> None:
    talk = Conversation(stream_drain=StreamDrain(frozenset({b"application/x-ndjson"}), ()))
    talk.client_sends(asked)
    assert max(map(len, kept_by(talk.session))) > 60_000
    for byte in answered[:30], answered[30:]:
        talk.app_sends(byte)
    assert talk.client_got() == answered
    assert talk.client.state == "open"
    assert talk.proxy.in_flight == {}
    assert max(map(len, kept_by(talk.session))) <= LONGEST_REMEMBERED


@pytest.mark.parametrize(("protocol", "kind"), [("websocket", "websocket"), ("tea", "tcp")])
@pytest.mark.parametrize("forwarded", [True, False])
def test_nothing_of_a_long_head_is_kept_beside_what_was_upgraded(
    forwarded: bool, protocol: str, kind: str
) -> None:
    offer = ("Connection: Upgrade", f"Upgrade: {protocol}")
    talk = Conversation(forwarded=forwarded)
    talk.client_sends(request("/chat", COOKIE, *offer))
    assert max(map(len, kept_by(talk.session))) > 60_000
    talk.app_sends(head("HTTP/1.1 101 Switching Protocols", COOKIE, *offer))
    assert talk.proxy.in_flight == {kind: 1}
    assert talk.session.path == "/chat"
    assert max(map(len, kept_by(talk.session))) <= LONGEST_REMEMBERED


@pytest.mark.parametrize("forwarded", [True, False])
@pytest.mark.parametrize("media_type", ["application/x-ndjson", "text/event-stream", "text/plain"])
@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", "Connection: close"])
def test_nothing_of_a_long_head_is_kept_beside_an_answer_that_lasts(
    framing: str, media_type: str, forwarded: bool
) -> None:
    facts = []
    named = StreamDrain(frozenset({b"application/x-ndjson"}), ())
    talk = Conversation(stream_drain=named, forwarded=forwarded)
    talk.proxy.context.access_log = lambda access: facts.append(access.facts)
    talk.client_sends(request("/x", COOKIE, "User-Agent: me", "traceparent: 00-1-2-3"))
    talk.app_sends(head("HTTP/1.1 200 OK", f"Content-Type: {media_type}", framing))
    assert max(map(len, kept_by(talk.session))) <= LONGEST_REMEMBERED
    assert talk.session.path == "/x"
    talk.client_resets()
    assert facts == [{b"host": b"a.example", b"user-agent": b"me", b"traceparent": b"00-1-2-3"}]
