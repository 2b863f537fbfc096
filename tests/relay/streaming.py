"""Conversations in HTTP/2: they read like what both sides say, frame for frame."""

from typing import Any

from tests.relay.conversation import MASK, Conversation, Proxy
from tests.relay.frames import (
    GET,
    MAX_STREAMS,
    MOST_STREAM,
    OK,
    PREFACE,
    SETTINGS_ACK,
    WEBSOCKET,
    End,
    Fields,
    Heard,
    data,
    ping,
    settings,
)

# What the session says itself. Its PING bears two masks, which in these tests are always the same.
OUR_PING = MASK * 2
ASKED: list[Heard] = [("goaway", MOST_STREAM, 0), ("ping", OUR_PING)]
OUR_PING_ACK = ping(OUR_PING, ack=True)
# How an app's empty SETTINGS come to the client.
LIMITED: Heard = ("settings", {MAX_STREAMS: 256})


class Streaming(Conversation):
    """A conversation in which each side reads and writes frames."""

    def __init__(self, protocol: str = "auto", **about: Any) -> None:
        super().__init__(protocol, **about)
        self.says, self.answers = End(), End()
        self.preface_came = False

    def client_begins(self, *requests: Fields, end: bool = True) -> None:
        """With its first requests, all in one piece, if any are given."""
        said = (
            self.says.headers(1 + 2 * number, fields, end=end)
            for number, fields in enumerate(requests)
        )
        self.client_sends(PREFACE + settings() + b"".join(said))

    def client_asks(self, stream: int = 1, fields: Fields = GET, **how: Any) -> None:
        """A request, whole if it is not said otherwise."""
        self.client_sends(self.says.headers(stream, fields, **{"end": True, **how}))

    def app_answers(
        self, stream: int = 1, body: bytes | None = None, fields: Fields = OK, **how: Any
    ) -> None:
        """A whole answer."""
        frames = self.answers.headers(stream, fields, **{"end": body is None, **how})
        self.app_sends(frames + (b"" if body is None else data(stream, body, end=True)))

    def client_hears(self) -> list[Heard]:
        return self.says.hears(self.client_got())

    def app_hears(self) -> list[Heard]:
        got = self.app_got()
        if not self.preface_came:
            assert got[: len(PREFACE)] == PREFACE
            self.preface_came, got = True, got[len(PREFACE) :]
        return self.answers.hears(got)

    @property
    def in_flight(self) -> dict[str, int]:
        return self.proxy.in_flight

    @property
    def endings(self) -> list[tuple[str, str]]:
        return self.proxy.endings

    @property
    def rejected(self) -> dict[str, int]:
        return dict(self.proxy.context.counters.rejected)


def begun(proxy: Proxy | None = None, protocol: str = "auto", **about: Any) -> Streaming:
    """Both sides know each other's SETTINGS."""
    talk = Streaming(protocol, proxy=proxy, **about)
    talk.client_begins()
    talk.app_sends(settings() + SETTINGS_ACK)
    talk.client_sends(SETTINGS_ACK)
    most = talk.proxy.context.limits.max_streams
    assert talk.client_hears() == [("settings", {MAX_STREAMS: most}), ("settings ack",)]
    assert talk.app_hears() == [("settings", {}), ("settings ack",)]
    return talk


def asked(
    *streams: int, fields: Fields = GET, proxy: Proxy | None = None, end: bool = True, **about: Any
) -> Streaming:
    """Requests have come to the app; of stream 1 if none are named."""
    talk = begun(proxy, **about)
    for stream in streams or (1,):
        talk.client_asks(stream, fields, end=end)
        assert talk.app_hears() == [("headers", stream, fields, *(("end",) if end else ()))]
    return talk


def parted(*streams: int, **about: Any) -> Streaming:
    """The client has been told the last stream."""
    talk = asked(*streams, **about)
    talk.proxy.leaves()
    talk.client_sends(OUR_PING_ACK)
    assert talk.client_hears() == [*ASKED, ("goaway", max(streams or (1,)), 0)]
    return talk


def answered(fields: Any, answer: Any, **about: Any) -> Streaming:
    """A stream on which the app has begun to answer."""
    talk = asked(fields=fields, end=fields is not WEBSOCKET, **about)
    talk.app_sends(talk.answers.headers(1, answer))
    assert talk.client_hears() == [("headers", 1, answer)]
    return talk


def leave(talk: Streaming) -> list[Heard]:
    """What the client hears beside the goodbye to its connection."""
    talk.proxy.leaves()
    heard = talk.client_hears()
    assert heard[:2] == ASKED
    talk.client_sends(OUR_PING_ACK)
    return heard[2:] + [each for each in talk.client_hears() if each[0] != "goaway"]
