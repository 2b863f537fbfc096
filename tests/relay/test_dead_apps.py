"""An app that dies: WebSockets hear Close, event streams end so that their clients come again."""

from collections.abc import Callable

import pytest

from drainproxy.wire.http2 import INTERNAL_ERROR
from drainproxy.wire.websocket import close_frame
from tests.relay.conversation import MASK, Conversation, head, request, response
from tests.relay.frames import GET, POST, WEBSOCKET, Fields, data
from tests.relay.goodbye_model import EVENTS, SWITCHED
from tests.relay.http1.test_connection import EVENTS as EVENTS_HEAD
from tests.relay.streaming import Streaming, answered, asked
from tests.relay.upgraded import FRAGMENT, SHOUT, TEXT, websocket

CLOSED = close_frame(1014, "the app has gone")
RESTARTS = close_frame(1012, "the app restarts")
KEY = b"\x05\x06\x07\x08"
DIES = pytest.mark.parametrize("dies", [Conversation.app_ends, Conversation.app_resets])
Dies = Callable[[Conversation], None]

ASKS_FOR_EVENTS = request("/", "Accept: text/event-stream")
EVENT = b"data: 1\n\n"


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


# WebSocket: RFC 6455 7.1.5, without a Close frame a client reports 1006


@DIES
@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("said", [b"", TEXT, FRAGMENT])
def test_a_websocket_of_a_dead_app_hears_close(dies: Dies, restarts: bool, said: bytes) -> None:
    """1012 where a restart is known, else 1014 (IANA, WebSocket Close Code Number Registry)."""
    talk = websocket()
    talk.proxy.context.app_restarts = lambda: restarts
    talk.app_sends(said)
    dies(talk)
    close = RESTARTS if restarts else CLOSED
    assert talk.client_got() == said + close
    assert talk.proxy.endings[1:] == [("websocket", "app_left")]
    code = 1012 if restarts else 1014
    assert talk.proxy.context.counters.websocket_closes == {(1006, "app"): 1}
    talk.client_sends(SHOUT + close_frame(code, "", KEY))
    talk.client_ends()
    assert talk.client.state == "closed"


@DIES
def test_a_client_that_does_not_answer_that_close_is_not_waited_for_without_end(dies: Dies) -> None:
    talk = websocket()
    dies(talk)
    talk.proxy.wait(4)
    assert not talk.client.lost
    talk.proxy.wait(7)
    assert talk.client.lost


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
    dies: Dies, theirs: bytes, answer: bytes
) -> None:
    """5.5.1: whoever receives a Close answers it; many apps just close the connection."""
    talk = websocket()
    talk.client_sends(theirs)
    dies(talk)
    assert talk.client_got() == answer
    assert [by for _, by in talk.proxy.context.counters.websocket_closes] == ["client"]
    assert talk.client.state == "closed"


@DIES
@pytest.mark.parametrize("part", [TEXT[:1], TEXT[:-1], FRAGMENT[:3]])
def test_in_the_middle_of_a_frame_nothing_can_be_said(dies: Dies, part: bytes) -> None:
    talk = websocket()
    talk.app_sends(part)
    dies(talk)
    assert talk.client_got() == part


@DIES
def test_an_app_that_has_said_close_itself_has_said_it(dies: Dies) -> None:
    talk = websocket()
    talk.app_sends(close_frame(1011, "oops"))
    dies(talk)
    assert talk.client_got() == close_frame(1011, "oops")


@DIES
def test_nobody_hears_close_twice(dies: Dies) -> None:
    talk = websocket()
    talk.proxy.leaves()
    talk.proxy.wait(0.25)
    assert talk.client_got() == close_frame(1001, "going away")
    dies(talk)
    talk.proxy.wait(6)
    assert talk.client_got() == b""


def open_stream(fields: Fields, answer: Fields) -> Streaming:
    talk = answered(fields, answer)
    talk.client_got()
    return talk


@DIES
@pytest.mark.parametrize("restarts", [False, True])
def test_a_websocket_over_http2_hears_the_same(dies: Dies, restarts: bool) -> None:
    talk = open_stream(WEBSOCKET, SWITCHED)
    talk.proxy.context.app_restarts = lambda: restarts
    talk.app_sends(data(1, TEXT))
    assert talk.client_hears() == [("data", 1, TEXT)]
    dies(talk)
    heard = talk.client_hears()
    assert heard[0] == ("data", 1, RESTARTS if restarts else CLOSED)
    assert heard[1] == ("data", 1, b"", "end")
    assert talk.proxy.context.counters.websocket_closes == {(1006, "app"): 1}
    assert talk.endings == [("websocket", "app_left")]


@DIES
def test_over_http2_a_client_that_has_said_close_gets_its_answer(dies: Dies) -> None:
    talk = open_stream(WEBSOCKET, SWITCHED)
    talk.client_sends(data(1, close_frame(1000, "", MASK)))
    dies(talk)
    assert talk.client_hears()[:2] == [("data", 1, close_frame(1000)), ("data", 1, b"", "end")]


@DIES
def test_over_http2_nothing_is_said_in_the_middle_of_a_frame(dies: Dies) -> None:
    talk = open_stream(WEBSOCKET, SWITCHED)
    talk.app_sends(data(1, TEXT[:-1]))
    talk.client_hears()
    dies(talk)
    assert talk.client_hears()[0][:2] == ("reset", 1)


# Event streams: WHATWG HTML 9.2.3, at the end of a stream an EventSource connects again, and 9.2.6,
# what is not whole at the end is dropped


@DIES
def test_an_event_stream_of_a_dead_app_ends_whole(dies: Dies) -> None:
    talk = Conversation()
    talk.client_sends(ASKS_FOR_EVENTS)
    begin = head("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
    talk.app_sends(begin + chunk(EVENT))
    dies(talk)
    retry = b"retry: 3000\n\n"
    assert talk.client_got() == begin + chunk(EVENT) + chunk(retry) + b"0\r\n\r\n"
    assert talk.proxy.endings == [("sse", "app_left")]
    # The connection is good for more.
    talk.client_sends(request())
    talk.app_sends(response())
    assert talk.client_got() == response()


@DIES
def test_a_part_of_an_event_is_not_made_whole(dies: Dies) -> None:
    talk = Conversation()
    talk.client_sends(ASKS_FOR_EVENTS)
    begin = head("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
    talk.app_sends(begin + chunk(b"data: 1\nda"))
    dies(talk)
    assert talk.client_got() == begin + chunk(b"data: 1\nda") + b"0\r\n\r\n"


@DIES
def test_in_the_middle_of_a_chunk_the_connection_ends(dies: Dies) -> None:
    """An error of the network, after which an EventSource connects again as well."""
    talk = Conversation()
    talk.client_sends(ASKS_FOR_EVENTS)
    begin = head("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
    talk.app_sends(begin + chunk(EVENT)[:-4])
    dies(talk)
    assert talk.client_got() == begin + chunk(EVENT)[:-4]
    assert talk.client.state == "closed"


@DIES
def test_an_event_stream_that_ends_with_the_connection_is_not_reset(dies: Dies) -> None:
    talk = Conversation()
    talk.client_sends(ASKS_FOR_EVENTS)
    talk.app_sends(EVENTS_HEAD + EVENT)
    dies(talk)
    assert talk.client_got().startswith(EVENTS_HEAD + EVENT)
    assert talk.client.state == "half-closed"


@DIES
def test_what_answers_another_method_than_get_never_looks_whole(dies: Dies) -> None:
    talk = Conversation()
    talk.client_sends(request("/", "Content-Length: 0", method="POST"))
    begin = head("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
    talk.app_sends(begin + chunk(EVENT))
    dies(talk)
    assert talk.client_got() == begin + chunk(EVENT)
    assert talk.client.state == "closed"


@DIES
@pytest.mark.parametrize(("said", "retry"), [(EVENT, b"retry: 3000\n\n"), (b"data: 1\nda", b"")])
def test_an_event_stream_over_http2_ends_likewise(dies: Dies, said: bytes, retry: bytes) -> None:
    talk = open_stream(GET, EVENTS)
    talk.app_sends(data(1, said))
    assert talk.client_hears() == [("data", 1, said)]
    dies(talk)
    heard = talk.client_hears()
    assert b"".join(each[2] for each in heard if each[0] == "data") == retry
    assert ("data", 1, b"", "end") in heard
    assert talk.endings == [("sse", "app_left")]


# Whoever asks for events waits until the app is back


@DIES
def test_whoever_asks_for_events_waits_for_an_app_that_closes_without_a_word(dies: Dies) -> None:
    talk = Conversation()
    talk.client_sends(ASKS_FOR_EVENTS)
    for _ in range(3):
        dies(talk)
        assert talk.client_got() == b""
        talk.proxy.wait(0.5)
    assert talk.app_got() == ASKS_FOR_EVENTS
    talk.app_sends(EVENTS_HEAD + EVENT)
    assert talk.client_got() == EVENTS_HEAD + EVENT
    assert talk.proxy.in_flight == {"sse": 1}


@DIES
@pytest.mark.parametrize(
    ("fields", "comes_again"),
    [
        ((*GET, (b"accept", b"text/event-stream")), True),
        ((*GET, (b"accept", b"application/json, TEXT/Event-Stream")), True),
        ((*GET, (b"accept", b"text/html")), False),
        (GET, False),
        ((*POST, (b"accept", b"text/event-stream")), False),
    ],
)
def test_over_http2_whoever_asks_for_events_hears_no_answer_but_an_error_of_the_network(
    dies: Dies, fields: Fields, comes_again: bool
) -> None:
    """9.2.3: after that an EventSource comes again, and after a 502 never. The connection ends with
    that of the app, so nobody waits on it."""
    talk = asked(fields=fields)
    dies(talk)
    heard = talk.client_hears()
    assert (("reset", 1, INTERNAL_ERROR) in heard) is comes_again
    assert any(each[0] == "headers" for each in heard) is not comes_again


def test_over_http2_an_app_that_answers_nonsense_is_told_of_whoever_asks() -> None:
    """As over HTTP/1: it would answer the same again."""
    talk = asked(fields=(*GET, (b"accept", b"text/event-stream")))
    talk.app_sends(talk.answers.headers(1, ((b":status", b"two hundred"),)))
    heard = next(each for each in talk.client_hears() if each[0] == "headers")
    assert (b":status", b"502") in heard[2]


@DIES
def test_not_longer_than_connect_timeout(dies: Dies) -> None:
    talk = Conversation(connect_timeout=2)
    talk.client_sends(ASKS_FOR_EVENTS)
    for _ in range(5):
        dies(talk)
        talk.proxy.wait(0.5)
    answer = talk.client_got()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 3\r\n" in answer
    assert talk.proxy.context.counters.rejected == {"app-away": 1}
    assert talk.proxy.endings == [("http1", "app_left")]


@pytest.mark.parametrize(
    "question",
    [
        request("/", "Accept: application/json"),
        request("/", "Accept: text/event-stream", "Content-Length: 0", method="POST"),
        request("/", "Accept: text/event-stream", method="HEAD"),
    ],
)
def test_whoever_asks_for_anything_else_hears_at_once_that_the_app_has_closed(
    question: bytes,
) -> None:
    talk = Conversation()
    talk.client_sends(question)
    talk.app_ends()
    assert talk.client_got().startswith(b"HTTP/1.1 502 ")


def test_whoever_has_got_a_part_of_an_answer_does_not_wait_for_another() -> None:
    talk = Conversation()
    talk.client_sends(ASKS_FOR_EVENTS)
    talk.app_sends(head("HTTP/1.1 103 Early Hints"))
    talk.app_ends()
    assert b"HTTP/1.1 502 " in talk.client_got()


def test_a_client_that_leaves_while_it_waits_is_gone() -> None:
    talk = Conversation()
    talk.client_sends(ASKS_FOR_EVENTS)
    talk.app_ends()
    talk.client_resets()
    talk.proxy.wait(1)
    assert talk.proxy.endings == [("http1", "client_left")]
    assert len(talk.apps) == 1


def test_at_the_deadline_it_waits_no_longer() -> None:
    talk = Conversation()
    talk.client_sends(ASKS_FOR_EVENTS)
    talk.app_ends()
    talk.proxy.aborts()
    assert talk.client_got().startswith(b"HTTP/1.1 503 ")
    talk.proxy.wait(1)
    assert talk.proxy.endings == [("http1", "cut")]
