"""How a WebSocket was closed: the first Close counts, whoever says it and whatever carries it."""

import pytest

from drainproxy.wire.websocket import close_frame
from tests.relay.carried import WebSocket, WebSocketOverHttp1, WebSocketOverHttp2
from tests.relay.frames import CANCEL, WEBSOCKET, reset
from tests.relay.proxy import MASK
from tests.relay.streams import answered
from tests.relay.upgraded import SHOUT

Opens = type[WebSocket]


def closes(talk: WebSocket) -> dict[tuple[int, str], int]:
    return dict(talk.proxy.context.counters.websocket_closes)


def end(talk: WebSocket) -> None:
    talk.app_ends()
    talk.client_ends()


@pytest.mark.parametrize("echo", [1000, 1001])
def test_the_close_of_the_client_counts_if_it_comes_first(websocket: Opens, echo: int) -> None:
    talk = websocket()
    talk.client_sends(close_frame(1000, "", MASK))
    talk.app_sends(close_frame(echo))
    end(talk)
    assert closes(talk) == {(1000, "client"): 1}


def test_the_close_of_the_app_counts_if_it_comes_first(websocket: Opens) -> None:
    talk = websocket()
    talk.client_sends(SHOUT)
    talk.app_sends(close_frame(1012))
    talk.client_sends(close_frame(1000, "", MASK))
    end(talk)
    assert closes(talk) == {(1012, "app"): 1}


def test_our_goodbye_counts_as_ours(websocket: Opens) -> None:
    talk = websocket()
    talk.proxy.leaves()
    talk.proxy.wait(0.25)
    talk.client_sends(close_frame(1001, "", MASK))
    talk.app_sends(close_frame(1001))
    end(talk)
    assert closes(talk) == {(1001, "us"): 1}


def test_the_code_of_our_goodbye_is_that_of_the_settings(websocket: Opens) -> None:
    talk = websocket(websocket_close_code=1012)
    talk.proxy.leaves()
    talk.proxy.wait(0.25)
    talk.client_sends(close_frame(1000, "", MASK))
    end(talk)
    assert closes(talk) == {(1012, "us"): 1}


def test_who_is_cut_without_a_close_was_broken_off_by_us(websocket: Opens) -> None:
    talk = websocket(idle_timeout=30)
    talk.app_sends(b"\x81\x02h")
    talk.proxy.wait(31)
    assert closes(talk) == {(1006, "us"): 1}


def test_an_app_for_which_a_close_is_said_has_broken_it_off_all_the_same() -> None:
    """It is what the gate takes for a broken WebSocket: ours are goodbyes, and nobody's fault."""
    talk = WebSocketOverHttp1()
    talk.app_ends()
    talk.proxy.wait(10)
    assert closes(talk) == {(1006, "app"): 1}


def test_an_app_that_ends_a_stream_without_close_has_broken_it_off() -> None:
    """Its connection lives: what it says of one stream is passed on."""
    talk = WebSocketOverHttp2()
    end(talk)
    talk.proxy.wait(10)
    assert closes(talk) == {(1006, "app"): 1}


def test_an_app_that_resets_has_broken_it_off(websocket: Opens) -> None:
    talk = websocket()
    talk.app_resets()
    talk.proxy.wait(10)
    assert closes(talk) == {(1006, "app"): 1}


def test_a_client_that_goes_without_close_has_broken_it_off(websocket: Opens) -> None:
    talk = websocket()
    talk.client_resets()
    assert closes(talk) == {(1006, "client"): 1}


def test_nothing_is_counted_while_it_lasts_and_nothing_twice(websocket: Opens) -> None:
    talk = websocket()
    assert closes(talk) == {}
    talk.client_sends(close_frame(4000, "", MASK))
    talk.client_resets()
    talk.proxy.wait(10)
    assert closes(talk) == {(4000, "client"): 1}


def test_an_upgrade_over_http2_that_is_refused_was_no_websocket() -> None:
    talk = answered(WEBSOCKET, ((b":status", b"403"),))
    talk.client_sends(reset(1, CANCEL))
    assert talk.proxy.context.counters.websocket_closes == {}
