"""Conversations in HTTP/2 that have come to a point where many tests begin."""

from typing import Any

from tests.relay.conversation import Conversation
from tests.relay.frames import (
    GET,
    MAX_STREAMS,
    MOST_STREAM,
    SETTINGS_ACK,
    WEBSOCKET,
    Fields,
    Heard,
    ping,
    settings,
)
from tests.relay.proxy import MASK, Proxy

# What the session says itself. Its PING bears two masks, which in these tests are always the same.
OUR_PING = MASK * 2
ASKED: list[Heard] = [("goaway", MOST_STREAM, 0), ("ping", OUR_PING)]
OUR_PING_ACK = ping(OUR_PING, ack=True)
# How an app's empty SETTINGS come to the client.
LIMITED: Heard = ("settings", {MAX_STREAMS: 256})


def begun(proxy: Proxy | None = None, protocol: str = "auto", **about: Any) -> Conversation:
    """Both sides know each other's SETTINGS."""
    talk = Conversation(protocol, proxy=proxy, **about)
    talk.client_begins()
    talk.app_sends(settings() + SETTINGS_ACK)
    talk.client_sends(SETTINGS_ACK)
    most = talk.proxy.context.limits.max_streams
    assert talk.client_hears() == [("settings", {MAX_STREAMS: most}), ("settings ack",)]
    assert talk.app_hears() == [("settings", {}), ("settings ack",)]
    return talk


def asked(
    *streams: int, fields: Fields = GET, proxy: Proxy | None = None, end: bool = True, **about: Any
) -> Conversation:
    """Requests have come to the app; of stream 1 if none are named."""
    talk = begun(proxy, **about)
    for stream in streams or (1,):
        talk.client_asks(stream, fields, end=end)
        assert talk.app_hears() == [("headers", stream, fields, *(("end",) if end else ()))]
    return talk


def parted(*streams: int, **about: Any) -> Conversation:
    """The client has been told the last stream."""
    talk = asked(*streams, **about)
    talk.proxy.leaves()
    talk.client_sends(OUR_PING_ACK)
    assert talk.client_hears() == [*ASKED, ("goaway", max(streams or (1,)), 0)]
    return talk


def answered(fields: Any, answer: Any, **about: Any) -> Conversation:
    """A stream on which the app has begun to answer."""
    talk = asked(fields=fields, end=fields is not WEBSOCKET, **about)
    talk.app_sends(talk.answers.headers(1, answer))
    assert talk.client_hears() == [("headers", 1, answer)]
    return talk


def leave(talk: Conversation) -> list[Heard]:
    """What the client hears beside the goodbye to its connection."""
    talk.proxy.leaves()
    heard = talk.client_hears()
    assert heard[:2] == ASKED
    talk.client_sends(OUR_PING_ACK)
    return heard[2:] + [each for each in talk.client_hears() if each[0] != "goaway"]
