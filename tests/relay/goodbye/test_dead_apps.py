"""An app that dies: WebSockets hear Close, event streams end so that their clients come again."""

from collections.abc import Callable

import pytest

from drainproxy.wire.websocket import close_frame
from tests.relay.aged import CHUNKED_EVENTS
from tests.relay.carried import (
    Carried,
    ChunkedEvents,
    Events,
    EventsUntilClose,
    WebSocket,
    WebSocketOverHttp1,
    WebSocketOverHttp2,
)
from tests.relay.conversation import Conversation, chunk, request, response
from tests.relay.frames import EVENTS, INTERNAL_ERROR, POST, data
from tests.relay.kinds import RETRY_LATER
from tests.relay.streams import answered
from tests.relay.upgraded import FRAGMENT, GOING_AWAY, SHOUT, TEXT

CLOSED = close_frame(1014, "the app has gone")
RESTARTS = close_frame(1012, "the app restarts")
KEY = b"\x05\x06\x07\x08"
DIES = pytest.mark.parametrize("dies", [Conversation.app_ends, Conversation.app_resets])
Dies = Callable[[Conversation], None]
EVENT = b"data: 1\n\n"


def closes(talk: Carried) -> dict[tuple[int, str], int]:
    return dict(talk.proxy.context.counters.websocket_closes)


# WebSocket: RFC 6455 7.1.5, without a Close frame a client reports 1006


@DIES
@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("said", [b"", TEXT, FRAGMENT])
def test_a_websocket_of_a_dead_app_hears_close(
    websocket: type[WebSocket], dies: Dies, restarts: bool, said: bytes
) -> None:
    """1012 where a restart is known, else 1014 (IANA, WebSocket Close Code Number Registry)."""
    talk = websocket()
    talk.proxy.context.app_restarts = lambda: restarts
    if said:
        talk.app_sends(said)
    dies(talk.talk)
    assert talk.client_got() == said + (RESTARTS if restarts else CLOSED)
    assert talk.ending == "app_left"
    assert closes(talk) == {(1006, "app"): 1}
    assert talk.goodbyes == {}


@DIES
@pytest.mark.parametrize(
    ("theirs", "answer"),
    [
        (close_frame(1000, "done", KEY), close_frame(1000)),
        (close_frame(4001, "", KEY), close_frame(4001)),
        # No code is answered by none (7.1.5, 1005), and what no frame may carry is not echoed.
        (b"\x88\x80" + KEY, b"\x88\x00"),
        (close_frame(1006, "", KEY), b"\x88\x00"),
    ],
)
def test_a_client_that_has_said_close_gets_the_answer_that_it_waits_for(
    websocket: type[WebSocket], dies: Dies, theirs: bytes, answer: bytes
) -> None:
    """5.5.1: whoever receives a Close answers it; many apps just close the connection."""
    talk = websocket()
    talk.client_sends(theirs)
    dies(talk.talk)
    assert talk.client_got() == answer
    assert [by for _, by in closes(talk)] == ["client"]
    assert talk.is_over()


@DIES
@pytest.mark.parametrize("part", [TEXT[:1], TEXT[:-1], FRAGMENT[:3]])
def test_in_the_middle_of_a_frame_nothing_can_be_said(
    websocket: type[WebSocket], dies: Dies, part: bytes
) -> None:
    talk = websocket()
    talk.app_sends(part)
    dies(talk.talk)
    assert talk.client_got() == part
    assert talk.is_over()
    talk.proxy.wait(6)
    assert closes(talk) == {(1006, "app"): 1}
    assert talk.ending == "app_left"


@DIES
def test_an_app_that_has_said_close_itself_has_said_it(
    websocket: type[WebSocket], dies: Dies
) -> None:
    talk = websocket()
    talk.app_sends(close_frame(1011, "oops"))
    dies(talk.talk)
    assert talk.client_got() == close_frame(1011, "oops")


@DIES
def test_nobody_hears_close_twice(websocket: type[WebSocket], dies: Dies) -> None:
    talk = websocket()
    talk.proxy.leaves()
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY
    dies(talk.talk)
    talk.proxy.wait(6)
    assert talk.client_got() == b""


# A connection of HTTP/1 waits for the answer to Close, a stream of HTTP/2 ends behind it


@DIES
@pytest.mark.parametrize("code", [1012, 1014])
def test_over_http1_the_client_may_answer_that_close(dies: Dies, code: int) -> None:
    talk = WebSocketOverHttp1()
    talk.proxy.context.app_restarts = lambda: code == 1012
    dies(talk.talk)
    assert not talk.talk.client.lost
    talk.client_sends(SHOUT + close_frame(code, "", KEY))
    talk.client_ends()
    assert talk.talk.client.state == "closed"


@DIES
def test_over_http1_a_client_that_does_not_answer_is_not_waited_for_without_end(
    dies: Dies,
) -> None:
    talk = WebSocketOverHttp1()
    dies(talk.talk)
    talk.proxy.wait(4)
    assert not talk.talk.client.lost
    talk.proxy.wait(7)
    assert talk.talk.client.lost


@DIES
@pytest.mark.parametrize("restarts", [False, True])
def test_over_http2_its_stream_ends_behind_it(dies: Dies, restarts: bool) -> None:
    talk = WebSocketOverHttp2().talk
    talk.proxy.context.app_restarts = lambda: restarts
    talk.app_sends(data(1, TEXT))
    assert talk.client_hears() == [("data", 1, TEXT)]
    dies(talk)
    close = RESTARTS if restarts else CLOSED
    assert talk.client_hears()[:2] == [("data", 1, close), ("data", 1, b"", "end")]


@DIES
def test_over_http2_a_frame_that_is_not_whole_is_reset(dies: Dies) -> None:
    talk = WebSocketOverHttp2().talk
    talk.app_sends(data(1, TEXT[:-1]))
    talk.client_hears()
    dies(talk)
    assert talk.client_hears()[0][:2] == ("reset", 1)


# Event streams: WHATWG HTML 9.2.3, at the end of a stream an EventSource connects again, and 9.2.6,
# what is not whole at the end is dropped


@DIES
@pytest.mark.parametrize(
    ("said", "retry"), [(EVENT, RETRY_LATER), (b"data: 1\nda", b""), (EVENT + b"data: 2", b"")]
)
def test_an_event_stream_of_a_dead_app_ends_and_part_of_an_event_is_not_made_whole(
    events: type[Events], dies: Dies, said: bytes, retry: bytes
) -> None:
    talk = events()
    talk.app_sends(said)
    dies(talk.talk)
    # An end of the connection may be that of the stream, which passes as it is.
    ends_itself = events is EventsUntilClose and dies is Conversation.app_ends
    assert talk.client_got() == said + (b"" if ends_itself else retry)
    assert talk.is_over()
    assert talk.ending == ("finished" if ends_itself else "app_left")
    assert talk.goodbyes == {}


@DIES
def test_the_connection_of_a_chunked_one_is_good_for_more(dies: Dies) -> None:
    talk = ChunkedEvents()
    talk.app_sends(EVENT)
    dies(talk.talk)
    assert talk.talk.client_got() == chunk(EVENT) + chunk(RETRY_LATER) + b"0\r\n\r\n"
    talk.talk.client_sends(request())
    talk.talk.app_sends(response())
    assert talk.talk.client_got() == response()


@DIES
def test_in_the_middle_of_a_chunk_the_connection_ends(dies: Dies) -> None:
    """An error of the network, after which an EventSource connects again as well."""
    talk = ChunkedEvents().talk
    talk.app_sends(chunk(EVENT)[:-4])
    dies(talk)
    assert talk.client_got() == chunk(EVENT)[:-4]
    assert talk.client.state == "closed"


@DIES
def test_one_that_ends_with_the_connection_is_not_reset(dies: Dies) -> None:
    talk = EventsUntilClose()
    talk.app_sends(EVENT)
    dies(talk.talk)
    assert talk.talk.client.state == "half-closed"


@DIES
def test_what_answers_another_method_than_get_never_looks_whole(dies: Dies) -> None:
    talk = Conversation()
    talk.client_sends(request("/", "Content-Length: 0", method="POST"))
    talk.app_sends(CHUNKED_EVENTS + chunk(EVENT))
    dies(talk)
    assert talk.client_got() == CHUNKED_EVENTS + chunk(EVENT)
    assert talk.client.state == "closed"

    talk = answered(POST, EVENTS)
    talk.app_sends(data(1, EVENT))
    dies(talk)
    assert talk.client_hears()[:2] == [("data", 1, EVENT), ("reset", 1, INTERNAL_ERROR)]
