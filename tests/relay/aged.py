"""Conversations that grow old."""

from dataclasses import replace

from drainproxy.drain.aging import Aging
from tests.relay.conversation import Conversation, head, request, response
from tests.relay.proxy import Proxy

GOODBYE = head("HTTP/1.1 200 Phrase", "Content-Length: 2", "Connection: close") + b"ok"
# An event stream that can end without its connection.
CHUNKED_EVENTS = head(
    "HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked"
)
# How it ends when its client is told to come again, by the luck of these tests after 3 s.
LAST_EVENTS = b"c\r\nretry: 550\n\n\r\n0\r\n\r\n"


def ages(grace: float = 0.0, jitter: float = 0.0, **by_kind: float) -> Aging:
    """All in seconds; kinds that are not named never retire."""
    return Aging(by_kind, jitter, grace)


def change(proxy: Proxy, aging: Aging) -> None:
    """Other ages, while it runs."""
    proxy.context.apply_limits(replace(proxy.context.limits, aging=aging))


def grows_old(proxy: Proxy) -> None:
    """The age of all who are connected has come."""
    change(proxy, ages(http1=1e-3, sse=1e-3, websocket=1e-3, tcp=1e-3))
    proxy.wait(0.25)


def goodbyes(talk: Conversation) -> dict[tuple[str, str], int]:
    """How many were said, by kind and why."""
    return dict(talk.proxy.context.counters.goodbyes)


def one_request(talk: Conversation) -> bytes:
    """What the client gets for one more request."""
    talk.client_sends(request())
    talk.app_sends(response())
    return talk.client_got()


def opaque(aging: Aging) -> Conversation:
    """A TCP connection that is never idle for too long."""
    return Conversation("tcp", aging=aging, idle_timeout=1e9)
