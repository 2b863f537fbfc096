"""A question that is open has its time before a goodbye comes, and is counted if it had too little:
websocket-answer-timeout, over any transport."""

from collections.abc import Callable

import pytest

from drainproxy.drain.goodbye import DRAIN
from drainproxy.relay.goodbye.websocket import WebSocketGoodbye
from tests.relay.carried import WebSocket
from tests.relay.goodbye.test_websocket import ASKS
from tests.relay.proxy import Proxy
from tests.relay.upgraded import GOING_AWAY, SHOUT, TEXT

Opens = type[WebSocket]
# RFC 6455 5.5: control frames say nothing that an answer could be to.
PING, PONG = b"\x89\x00", b"\x8a\x00"
SHOUTED_PING, SHOUTED_PONG = b"\x89\x80abcd", b"\x8a\x80abcd"
# STOMP 1.2, "Heart-beating".
APP_BEATS, CLIENT_BEATS = b"\x81\x01\n", b"\x81\x81\0\0\0\0\n"
DIGIT = b"\x81\x81\0\0\0\x003"


@pytest.fixture(params=ASKS)
def why(request: pytest.FixtureRequest) -> str:
    """Whyever it has to go."""
    chosen: str = request.param
    return chosen


def unanswered(talk: WebSocket) -> dict[tuple[str, str], int]:
    assert sum(talk.proxy.context.counters.unanswered.values()) == talk.proxy.books.unanswered
    return dict(talk.proxy.context.counters.unanswered)


@pytest.mark.parametrize("timeout", [0.5, 1, 3, 10])
def test_an_answer_within_the_timeout_is_heard(websocket: Opens, why: str, timeout: float) -> None:
    talk = websocket(websocket_answer_timeout=timeout)
    talk.client_sends(SHOUT)
    talk.asked_to_end(why)
    talk.proxy.wait(timeout - 0.25)
    assert talk.client_got() == b""
    talk.app_sends(TEXT)
    talk.proxy.wait(2)
    assert talk.client_got() == TEXT + GOING_AWAY
    assert unanswered(talk) == {}


@pytest.mark.parametrize("timeout", [0.5, 1, 3, 10])
def test_one_that_comes_later_is_not_and_that_is_counted(
    websocket: Opens, why: str, timeout: float
) -> None:
    talk = websocket(websocket_answer_timeout=timeout)
    talk.client_sends(SHOUT)
    talk.asked_to_end(why)
    talk.proxy.wait(max(timeout, 2) + 0.5)
    assert talk.client_got() == GOING_AWAY
    talk.app_sends(TEXT)
    assert talk.client_got() == b""
    assert unanswered(talk) == {("websocket", why): 1}


def test_who_asks_while_the_goodbye_waits_has_the_whole_time(websocket: Opens) -> None:
    talk = websocket(websocket_answer_timeout=5)
    talk.client_sends(SHOUT)
    talk.proxy.leaves()
    talk.proxy.wait(0.5)
    # The answer ends the first question, and the second is asked before a pause begins.
    talk.app_sends(TEXT)
    talk.client_sends(SHOUT)
    talk.proxy.wait(4.5)
    assert talk.client_got() == TEXT
    talk.app_sends(TEXT)
    talk.proxy.wait(0.5)
    assert talk.client_got() == TEXT + GOING_AWAY
    assert unanswered(talk) == {}


def test_at_the_deadline_nothing_is_waited_for_and_all_is_counted(websocket: Opens) -> None:
    talk = websocket(websocket_answer_timeout=60)
    talk.client_sends(SHOUT)
    talk.proxy.leaves()
    talk.proxy.wait(20)
    assert talk.client_got() == b""
    talk.proxy.says_last_goodbyes()
    assert talk.client_got() == GOING_AWAY
    assert unanswered(talk) == {("websocket", DRAIN): 1}


@pytest.mark.parametrize(
    ("said", "by"),
    [(SHOUTED_PING, "client"), (SHOUTED_PONG, "client"), (PING, "app"), (b"", "client")],
)
def test_what_is_no_question_is_not_waited_for(websocket: Opens, said: bytes, by: str) -> None:
    talk = websocket(websocket_answer_timeout=60)
    if by == "client":
        talk.client_sends(said)
    else:
        talk.app_sends(said)
    talk.proxy.leaves()
    talk.proxy.wait(0.5)
    assert talk.client_got().endswith(GOING_AWAY)
    assert unanswered(talk) == {}


@pytest.mark.parametrize("said", [PING, PONG, PING + PONG])
def test_what_is_no_answer_leaves_the_question_open(websocket: Opens, said: bytes) -> None:
    talk = websocket(websocket_answer_timeout=3)
    talk.client_sends(SHOUT)
    talk.app_sends(said)
    talk.proxy.leaves()
    talk.proxy.wait(1.5)
    assert talk.client_got() == said
    talk.proxy.wait(2)
    assert talk.client_got() == GOING_AWAY
    assert unanswered(talk) == {("websocket", DRAIN): 1}


@pytest.mark.parametrize("begins", [TEXT, b"\x01\x02hi", b"\x82\x7e\x01\x00" + bytes(20)])
def test_an_answer_that_has_begun_is_one(websocket: Opens, begins: bytes) -> None:
    talk = websocket()
    talk.client_sends(SHOUT)
    talk.app_sends(begins)
    talk.proxy.leaves()
    talk.proxy.wait(30)
    talk.client_got()
    assert unanswered(talk) == {}


def test_a_question_that_ends_behind_an_answer_is_open(websocket: Opens) -> None:
    talk = websocket(websocket_answer_timeout=3)
    talk.client_sends(SHOUT[:-1])
    talk.app_sends(TEXT)
    talk.client_sends(SHOUT[-1:])
    talk.proxy.leaves()
    talk.proxy.wait(1.5)
    assert talk.client_got() == TEXT
    talk.app_sends(TEXT)
    talk.proxy.wait(0.5)
    assert talk.client_got() == TEXT + GOING_AWAY


def test_where_clients_expect_no_answer_none_is_waited_for_or_counted(websocket: Opens) -> None:
    talk = websocket(websocket_answer_timeout=0)
    talk.client_sends(SHOUT)
    talk.proxy.leaves()
    talk.proxy.wait(0.5)
    assert talk.client_got() == GOING_AWAY
    assert unanswered(talk) == {}


def parts_by_itself(talk: WebSocket) -> None:
    talk.client_sends(b"\x88\x80abcd")
    talk.app_sends(b"\x88\x00")


def breaks(talk: WebSocket) -> None:
    talk.client_resets()


@pytest.mark.parametrize("goes", [parts_by_itself, breaks])
def test_whoever_goes_by_himself_was_left_by_nobody(
    websocket: Opens, goes: Callable[[WebSocket], None]
) -> None:
    talk = websocket()
    talk.client_sends(SHOUT)
    talk.proxy.leaves()
    goes(talk)
    talk.proxy.wait(10)
    assert unanswered(talk) == {}


def test_who_has_only_said_that_it_is_there_waits_for_nothing(websocket: Opens, why: str) -> None:
    talk = websocket()
    talk.app_sends(APP_BEATS)
    talk.client_sends(CLIENT_BEATS)
    talk.asked_to_end(why)
    talk.proxy.wait(0.25)
    assert talk.client_got() == APP_BEATS + GOING_AWAY
    assert unanswered(talk) == {}


def test_that_the_app_is_there_answers_nothing(websocket: Opens, why: str) -> None:
    talk = websocket()
    talk.client_sends(SHOUT)
    talk.asked_to_end(why)
    talk.app_sends(APP_BEATS)
    talk.proxy.wait(0.75)
    assert talk.client_got() == APP_BEATS
    talk.proxy.wait(2)
    assert talk.client_got() == GOING_AWAY
    assert unanswered(talk) == {("websocket", why): 1}


def test_what_looks_like_a_heartbeat_inside_a_message_is_a_part_of_it(websocket: Opens) -> None:
    talk = websocket(websocket_answer_timeout=3)
    talk.app_sends(b"\x82\x03")
    talk.client_sends(SHOUT)
    talk.app_sends(APP_BEATS)
    talk.client_sends(b"\x82\x87\0\0\0\0")
    talk.app_sends(TEXT)
    talk.client_sends(CLIENT_BEATS)
    talk.proxy.leaves()
    talk.proxy.wait(1.5)
    assert talk.client_got() == b"\x82\x03" + APP_BEATS + TEXT
    talk.proxy.wait(2)
    assert talk.client_got() == GOING_AWAY
    assert unanswered(talk) == {("websocket", DRAIN): 1}


def test_the_end_of_an_answer_that_looks_like_a_heartbeat_is_one(websocket: Opens) -> None:
    talk = websocket(websocket_answer_timeout=60)
    talk.app_sends(b"\x82\x03")
    talk.client_sends(SHOUT)
    talk.app_sends(APP_BEATS)
    talk.proxy.leaves()
    talk.proxy.wait(0.5)
    assert talk.client_got().endswith(GOING_AWAY)
    assert unanswered(talk) == {}


@pytest.mark.parametrize(
    ("path", "asks"),
    [("/socket.io/?EIO=4&transport=websocket", False), ("/game", True), ("/", True)],
)
def test_a_digit_is_a_heartbeat_of_engine_io_and_a_question_of_all_others(
    path: str, asks: bool
) -> None:
    goodbye = WebSocketGoodbye(Proxy().context, path)
    goodbye.feed_client(DIGIT)
    assert goodbye.asks is asks
