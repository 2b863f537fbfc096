"""How a WebSocket was closed: the first Close counts, whoever says it and whatever carries it."""

from collections.abc import Callable

import pytest

from drainproxy.wire.websocket import close_frame
from tests.relay.conversation import MASK, Conversation
from tests.relay.frames import CANCEL, WEBSOCKET, data, reset
from tests.relay.goodbye_model import SWITCHED
from tests.relay.streaming import Streaming, answered
from tests.relay.upgraded import websocket


class Http1:
    """A WebSocket after a 101."""

    def __init__(self) -> None:
        self.talk: Conversation = websocket()
        self.leave = self.talk.proxy.leaves
        self.app_ends: Callable[[], None] = self.talk.app_ends
        self.client_breaks_off: Callable[[], None] = self.talk.client_resets

    def client_says(self, code: int) -> None:
        self.talk.client_sends(close_frame(code, "", MASK))

    def app_says(self, code: int) -> None:
        self.talk.app_sends(close_frame(code))

    def end(self) -> None:
        self.talk.app_ends()
        self.talk.client_ends()


class Http2:
    """One on a stream (RFC 8441)."""

    def __init__(self) -> None:
        self.talk: Streaming = answered(WEBSOCKET, SWITCHED)
        self.leave = self.talk.proxy.leaves

    def client_says(self, code: int) -> None:
        self.talk.client_sends(data(1, close_frame(code, "", MASK)))

    def app_says(self, code: int) -> None:
        self.talk.app_sends(data(1, close_frame(code)))

    def app_ends(self) -> None:
        self.talk.app_sends(data(1, b"", end=True))
        self.talk.client_sends(data(1, b"", end=True))

    def client_breaks_off(self) -> None:
        self.talk.client_sends(reset(1, CANCEL))

    def end(self) -> None:
        self.talk.app_sends(data(1, b"", end=True))
        if self.talk.in_flight:
            self.talk.client_sends(data(1, b"", end=True))


Carrier = Http1 | Http2


@pytest.fixture(params=[Http1, Http2])
def talk(request: pytest.FixtureRequest) -> Carrier:
    made: Carrier = request.param()
    return made


def closes(talk: Carrier) -> dict[tuple[int, str], int]:
    return dict(talk.talk.proxy.context.counters.websocket_closes)


@pytest.mark.parametrize("echo", [1000, 1001])
def test_the_close_of_the_client_counts_if_it_comes_first(talk: Carrier, echo: int) -> None:
    talk.client_says(1000)
    talk.app_says(echo)
    talk.end()
    assert closes(talk) == {(1000, "client"): 1}


def test_the_close_of_the_app_counts_if_it_comes_first(talk: Carrier) -> None:
    talk.app_says(1012)
    talk.client_says(1000)
    talk.end()
    assert closes(talk) == {(1012, "app"): 1}


def test_our_goodbye_counts_as_ours(talk: Carrier) -> None:
    talk.leave()
    talk.talk.proxy.wait(0.25)
    talk.client_says(1001)
    talk.app_says(1001)
    talk.end()
    assert closes(talk) == {(1001, "us"): 1}


def test_an_app_for_which_a_close_is_said_has_broken_it_off_all_the_same() -> None:
    """It is what the gate takes for a broken WebSocket: ours are goodbyes, and nobody's fault."""
    talk = Http1()
    talk.app_ends()
    talk.talk.proxy.wait(10)
    assert closes(talk) == {(1006, "app"): 1}


def test_an_app_that_ends_a_stream_without_close_has_broken_it_off() -> None:
    """Its connection lives: what it says of one stream is passed on."""
    talk = Http2()
    talk.app_ends()
    talk.talk.proxy.wait(10)
    assert closes(talk) == {(1006, "app"): 1}


def test_a_client_that_goes_without_close_has_broken_it_off(talk: Carrier) -> None:
    talk.client_breaks_off()
    assert closes(talk) == {(1006, "client"): 1}


def test_nothing_is_counted_while_it_lasts_and_nothing_twice(talk: Carrier) -> None:
    assert closes(talk) == {}
    talk.client_says(4000)
    talk.client_breaks_off()
    talk.talk.proxy.wait(10)
    assert closes(talk) == {(4000, "client"): 1}


def test_an_upgrade_over_http2_that_is_refused_was_no_websocket() -> None:
    talk = answered(WEBSOCKET, ((b":status", b"403"),))
    talk.client_sends(reset(1, CANCEL))
    assert talk.proxy.context.counters.websocket_closes == {}
