"""While the app is reached, for connect-timeout at most, a client of HTTP/2 waits and is heard."""

import pytest

from tests.relay.frames import GET, POST, REFUSED_STREAM, data
from tests.relay.streaming import Streaming

LISTENS = (*GET, (b"accept", b"text/event-stream"))


def test_the_app_gets_what_the_client_said_while_it_was_reached() -> None:
    talk = Streaming(app_listens=False)
    talk.client_begins()
    talk.client_asks(1, POST, end=False)
    talk.client_sends(data(1, b"body", end=True))
    assert talk.in_flight == {"http2": 1}
    talk.app_accepts()
    assert talk.app_hears() == [
        *(("settings", {}), ("headers", 1, POST), ("data", 1, b"body", "end")),
    ]


@pytest.mark.parametrize("size", [1, 200, 16384])
def test_what_waits_for_the_app_is_bounded(size: int) -> None:
    """Whatever it costs to keep a small piece."""
    talk = Streaming(app_listens=False)
    talk.client_begins()
    talk.client_asks(1, POST, end=False)
    sent = 0
    while talk.client.is_reading():
        talk.client_sends(data(1, b"x" * size))
        sent += 1
        assert sent <= 64
    assert sent * (size + 9) <= 16384 + size + 9
    talk.client_sends(data(1, b"rest", end=True))
    talk.app_accepts()
    assert talk.client.is_reading()
    assert (
        b"".join(e[2] for e in talk.app_hears() if e[0] == "data") == b"x" * sent * size + b"rest"
    )


def test_who_leaves_while_the_app_is_reached_is_gone_and_waited_for_no_longer() -> None:
    talk = Streaming(app_listens=False)
    talk.client_begins()
    talk.client_asks(1)
    talk.client_ends()
    talk.app_accepts()
    assert talk.app_hears() == [("settings", {}), ("headers", 1, GET, "end")]
    assert talk.app.state == "half-closed"


@pytest.mark.parametrize("waits", [0.0, 4.0])
def test_whoever_asks_for_events_and_has_waited_for_an_app_hears_503(
    waits: float,
) -> None:
    """Not before connect-timeout is over for this stream, however long its connection has waited:
    until then it is a stream that nobody has begun to work on (RFC 9113 8.7)."""
    talk = Streaming(app_listens=False, connect_timeout=5)
    talk.client_begins()
    talk.proxy.wait(waits)
    talk.client_asks(1, LISTENS)
    talk.client_asks(3)
    talk.proxy.wait(5 - waits)
    talk.app_refuses()
    heard = {each[1]: each for each in talk.client_hears()[2:-1]}
    if waits:
        assert heard[1] == ("reset", 1, REFUSED_STREAM)
    else:
        assert (b":status", b"503") in heard[1][2]
        assert (b"retry-after", b"3") in heard[1][2]
    assert (b":status", b"503") in heard[3][2]
    assert talk.rejected == {"app-away": 2}
