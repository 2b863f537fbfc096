"""A WebSocket hears Close where that loses nothing, and its handshake is completed: over HTTP/1 and
over HTTP/2, which are told apart by nothing here."""

from collections.abc import Callable

import pytest

from drainproxy.drain.interruption import (
    ANSWER_PATIENCE,
    HANDSHAKE_TIMEOUT,
    QUIET,
)
from drainproxy.wire.websocket import close_frame
from tests.relay.carried import (
    AGE,
    DRAIN,
    REBALANCE,
    WebSocket,
    WebSocketOverHttp1,
    WebSocketOverHttp2,
)
from tests.relay.frames import OK, data
from tests.relay.proxy import LIMITS, Proxy
from tests.relay.upgraded import ECHO, FRAGMENT, GOING_AWAY, LAST_FRAGMENT, SHOUT, TEXT

ANSWER_TIMEOUT = LIMITS.websocket_answer_timeout
Opens = type[WebSocket]
MESSAGE = FRAGMENT + LAST_FRAGMENT
# Others do not wait with a deadline for who hears one of these.
ASKS = (AGE, REBALANCE, DRAIN)
MIDDLE_FRAGMENT = b"\x00\x01x"
# The app's own.
APP_CLOSE = close_frame(1000)


def told(websocket: Opens) -> WebSocket:
    """Its client has just heard our Close."""
    talk = websocket()
    talk.proxy.leaves()
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY
    return talk


@pytest.fixture(params=ASKS)
def why(request: pytest.FixtureRequest) -> str:
    """Whyever it has to go, it goes in the same way."""
    chosen: str = request.param
    return chosen


# The handshake


def test_a_quiet_websocket_hears_close_and_its_answer_goes_to_the_app(
    websocket: Opens, why: str
) -> None:
    talk = websocket()
    talk.asked_to_end(why)
    assert talk.client_got() == b""
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY
    talk.client_sends(ECHO)
    assert talk.app_got() == ECHO
    talk.proxy.wait(1)
    assert talk.is_in_flight(), "the app may take its time with its own"
    talk.app_ends()
    assert talk.is_over()
    talk.client_ends()
    assert (talk.goodbyes, talk.ending) == ({("websocket", why): 1}, "goodbye")


def test_the_code_and_the_reason_are_those_of_the_settings(websocket: Opens) -> None:
    talk = websocket(websocket_close_code=1012, websocket_close_reason="restart")
    talk.proxy.leaves()
    talk.proxy.wait(0.25)
    assert talk.client_got() == close_frame(1012, "restart")


def test_nothing_of_the_app_follows_our_close(websocket: Opens) -> None:
    talk = told(websocket)
    for payload in (TEXT, FRAGMENT):
        talk.app_sends(payload)
    assert talk.client_got() == b""


def test_what_the_client_still_says_before_its_answer_reaches_the_app(websocket: Opens) -> None:
    talk = told(websocket)
    talk.client_sends(SHOUT + ECHO)
    assert talk.app_got() == SHOUT + ECHO


@pytest.mark.parametrize("says", [b"", SHOUT, SHOUT[:-1]])
def test_a_client_that_does_not_answer_is_let_go_after_five_seconds(
    websocket: Opens, says: bytes
) -> None:
    talk = told(websocket)
    if says:
        talk.client_sends(says)
    talk.proxy.wait(HANDSHAKE_TIMEOUT - 0.25)
    assert not talk.is_over()
    talk.proxy.wait(0.25)
    assert talk.is_over()
    assert talk.ending == "cut"


def test_an_app_that_goes_on_after_the_answer_is_let_go(websocket: Opens) -> None:
    talk = told(websocket)
    talk.client_sends(ECHO)
    talk.proxy.wait(HANDSHAKE_TIMEOUT)
    assert talk.is_over()
    assert talk.ending == "goodbye"


def test_a_close_of_the_app_is_no_answer_of_the_client(websocket: Opens) -> None:
    talk = told(websocket)
    talk.app_sends(APP_CLOSE)
    talk.proxy.wait(HANDSHAKE_TIMEOUT)
    assert talk.is_over()
    assert talk.client_got() == b""
    assert talk.ending == "cut"


def test_nor_is_the_end_of_the_app(websocket: Opens) -> None:
    talk = told(websocket)
    talk.app_ends()
    talk.proxy.wait(HANDSHAKE_TIMEOUT)
    assert talk.is_over()
    assert talk.ending == "cut"


def test_nor_is_the_loss_of_the_apps_connection_with_all_its_streams() -> None:
    """Over HTTP/2: the stream ends as after any Close, and the app has left nobody."""
    talk = told(WebSocketOverHttp2)
    talk.talk.app_resets()
    assert talk.talk.client_hears()[0] == ("data", 1, b"", "end")
    assert talk.ending == "cut"


def test_a_client_that_leaves_on_our_close_is_gone_without_a_goodbye(websocket: Opens) -> None:
    talk = told(websocket)
    talk.client_resets()
    assert talk.ending == "client_left"


@pytest.mark.parametrize("goes", ["app_ends", "app_resets", "client_resets"])
def test_whoever_goes_after_the_client_has_answered_it_was_a_goodbye(
    websocket: Opens, goes: str
) -> None:
    talk = told(websocket)
    talk.client_sends(ECHO)
    getattr(talk, goes)()
    talk.client_ends()
    assert talk.ending == "goodbye"


@pytest.mark.parametrize("again", [Proxy.leaves, Proxy.says_last_goodbyes])
def test_close_is_said_once(websocket: Opens, again: Callable[[Proxy], None]) -> None:
    talk = told(websocket)
    again(talk.proxy)
    talk.asked_to_end(REBALANCE)
    talk.proxy.wait(1)
    assert talk.client_got() == b""
    assert talk.goodbyes == {("websocket", "drain"): 1}


# A pause


@pytest.mark.parametrize("cut", range(1, len(MESSAGE)))
def test_the_end_of_a_message_is_waited_for(websocket: Opens, why: str, cut: int) -> None:
    talk = websocket()
    talk.app_sends(MESSAGE[:cut])
    talk.asked_to_end(why)
    assert talk.client_got() == MESSAGE[:cut]
    talk.proxy.wait(0.25)
    talk.app_sends(MESSAGE[cut:] + TEXT)
    assert talk.client_got() == MESSAGE[cut:] + TEXT
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY


def test_a_question_on_its_way_gets_its_answer_before(websocket: Opens, why: str) -> None:
    talk = websocket()
    talk.asked_to_end(why)
    talk.client_sends(SHOUT)
    talk.app_sends(TEXT)
    assert talk.client_got() == TEXT
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY


@pytest.mark.parametrize("half", [SHOUT[:-1], SHOUT[:1]])
def test_a_question_that_is_half_said_is_no_pause(websocket: Opens, why: str, half: bytes) -> None:
    talk = websocket()
    talk.client_sends(half)
    talk.asked_to_end(why)
    talk.proxy.wait(ANSWER_PATIENCE)
    assert talk.client_got() == b""
    talk.client_sends(SHOUT[len(half) :])
    talk.app_sends(TEXT)
    assert talk.client_got() == TEXT + GOING_AWAY


@pytest.mark.parametrize(("by_app", "pause"), [(False, ANSWER_TIMEOUT), (True, QUIET)])
def test_a_pause_begins_with_the_last_byte_and_is_longer_if_that_may_be_answered(
    websocket: Opens, why: str, by_app: bool, pause: float
) -> None:
    talk = websocket()
    talk.asked_to_end(why)
    talk.proxy.wait(QUIET * 0.5)
    if by_app:
        talk.app_sends(TEXT)
    else:
        talk.client_sends(SHOUT)
    talk.proxy.wait(pause * 0.75)
    assert talk.client_got() == TEXT * by_app
    talk.proxy.wait(pause * 0.5)
    assert talk.client_got() == GOING_AWAY


def test_who_asked_before_its_turn_came_may_still_be_answered(websocket: Opens, why: str) -> None:
    talk = websocket()
    talk.client_sends(SHOUT)
    talk.asked_to_end(why)
    talk.proxy.wait(ANSWER_TIMEOUT - 0.25)
    assert talk.client_got() == b""
    talk.app_sends(TEXT)
    talk.proxy.wait(0.25)
    assert talk.client_got() == TEXT + GOING_AWAY


@pytest.mark.parametrize("by_app", [True, False])
def test_what_has_arrived_and_was_not_read_yet_is_no_pause(websocket: Opens, by_app: bool) -> None:
    talk = websocket()
    talk.proxy.leaves()
    talk.client_got()
    speaks = talk.talk.app if by_app else talk.talk.client
    speaks.sends(talk.coded(TEXT if by_app else SHOUT))
    talk.proxy.time += QUIET
    talk.proxy.context.registry.sweep()
    talk.proxy.settle()
    assert (talk.client_got(), talk.app_got()) == ((TEXT, b"") if by_app else (b"", SHOUT))
    if not by_app:
        talk.app_sends(TEXT)
        assert talk.client_got() == TEXT
    talk.proxy.wait(0.5)
    assert talk.client_got() == GOING_AWAY


# No pause


def test_in_a_talk_without_a_pause_close_comes_right_behind_an_answer(
    websocket: Opens, why: str
) -> None:
    talk = websocket()
    talk.asked_to_end(why)
    said, began = b"", talk.proxy.time
    while talk.proxy.time < began + ANSWER_PATIENCE:
        talk.client_sends(SHOUT)
        talk.app_sends(TEXT)
        talk.proxy.wait(0.0625)
        said += talk.client_got()
    assert said == TEXT * 16
    talk.client_sends(SHOUT)
    talk.app_sends(TEXT + TEXT)
    assert talk.client_got() == TEXT + TEXT + GOING_AWAY


def test_behind_an_answer_is_not_in_the_middle_of_the_next(websocket: Opens, why: str) -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.asked_to_end(why)
    talk.proxy.wait(ANSWER_PATIENCE + 0.5)
    for octet in LAST_FRAGMENT[:-1]:
        talk.app_sends(bytes((octet,)))
    assert talk.client_got() == MESSAGE[:-1]
    talk.app_sends(LAST_FRAGMENT[-1:])
    assert talk.client_got() == LAST_FRAGMENT[-1:] + GOING_AWAY


@pytest.mark.parametrize(("why", "waits"), [(AGE, True), (REBALANCE, True), (DRAIN, False)])
def test_behind_an_answer_a_drain_does_not_wait_for_what_the_client_has_begun(
    websocket: Opens, why: str, waits: bool
) -> None:
    talk = websocket()
    talk.client_sends(SHOUT[:-1])
    talk.asked_to_end(why)
    talk.proxy.wait(ANSWER_PATIENCE)
    talk.app_sends(TEXT)
    assert talk.client_got() == TEXT + GOING_AWAY * (not waits)


def test_between_two_fragments_is_not_behind_an_answer(websocket: Opens, why: str) -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.asked_to_end(why)
    talk.proxy.wait(ANSWER_PATIENCE + 0.25)
    talk.app_sends(MIDDLE_FRAGMENT)
    talk.proxy.wait(0.25)
    assert talk.client_got() == FRAGMENT + MIDDLE_FRAGMENT
    talk.app_sends(LAST_FRAGMENT)
    assert talk.client_got() == LAST_FRAGMENT + GOING_AWAY


# A Close of theirs


def test_a_close_of_the_app_that_comes_first_is_enough(websocket: Opens) -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    talk.app_sends(APP_CLOSE)
    talk.proxy.wait(5)
    assert talk.client_got() == FRAGMENT + APP_CLOSE
    assert not talk.is_over(), "the client may still answer"
    talk.proxy.wait(0.5)
    assert talk.is_over()
    assert (talk.goodbyes, talk.ending) == ({}, "finished")


@pytest.mark.parametrize("tell", [Proxy.leaves, Proxy.says_last_goodbyes])
@pytest.mark.parametrize("by_app", [True, False])
def test_a_handshake_of_the_two_that_does_not_end_is_not_waited_for_without_end(
    websocket: Opens, tell: Callable[[Proxy], None], by_app: bool
) -> None:
    talk = websocket()
    if by_app:
        talk.app_sends(APP_CLOSE)
    else:
        talk.client_sends(ECHO)
    talk.proxy.wait(60)
    assert not talk.is_over(), "serving, nothing presses"
    tell(talk.proxy)
    talk.proxy.wait(HANDSHAKE_TIMEOUT - 0.5)
    assert talk.is_in_flight()
    talk.proxy.wait(0.5)
    assert talk.is_over()
    assert (talk.goodbyes, talk.ending) == ({}, "finished")


@pytest.mark.parametrize("tell", [Proxy.leaves, Proxy.says_last_goodbyes])
@pytest.mark.parametrize("pause", [0, 1])
def test_a_client_that_goes_by_itself_gets_its_answer_from_the_app(
    websocket: Opens, tell: Callable[[Proxy], None], pause: float
) -> None:
    talk = websocket()
    talk.app_sends(FRAGMENT[:1])
    tell(talk.proxy)
    talk.client_sends(ECHO)
    talk.proxy.wait(pause)
    rest = MESSAGE[1:] + APP_CLOSE
    talk.app_sends(rest)
    talk.proxy.wait(pause)
    assert talk.client_got() == FRAGMENT[:1] + rest
    assert talk.goodbyes == {}


def test_an_app_that_ends_without_close_leaves_the_client_five_seconds(websocket: Opens) -> None:
    """For one that dies Close is said; one that lives may end a stream of HTTP/2 as it likes."""
    talk = websocket()
    talk.app_sends(FRAGMENT)
    talk.proxy.leaves()
    talk.app_ends()
    talk.proxy.wait(6)
    dies = websocket is WebSocketOverHttp1
    assert talk.client_got() == FRAGMENT + close_frame(1014, "the app has gone") * dies
    assert talk.ending == ("app_left" if dies else "finished")
    assert talk.goodbyes == {}


def test_a_frame_of_another_stream_is_no_place() -> None:
    """A connection of HTTP/1 carries nothing else."""
    talk = WebSocketOverHttp2()
    talk.talk.client_asks(3)
    frame = talk.talk.answers.headers(3, OK) + data(3, b"x" * 100)
    talk.talk.app_sends(frame[:-10])
    talk.proxy.leaves()
    talk.proxy.wait(1)
    assert talk.goodbyes == {}
    talk.talk.app_sends(frame[-10:])
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY
    assert talk.goodbyes == {("websocket", "drain"): 1}


def test_a_close_for_the_app_bears_a_mask_and_stands_between_two_frames_of_the_client() -> None:
    """Over HTTP/2 the app hears of the end by a reset of the stream."""
    for says in (b"", SHOUT[:-1]):
        talk = WebSocketOverHttp1()
        talk.proxy.leaves()
        talk.proxy.wait(0.25)
        if says:
            talk.client_sends(says)
        talk.proxy.wait(HANDSHAKE_TIMEOUT)
        heard = talk.app_got()
        assert heard.startswith(says)
        assert (heard == says) is bool(says)
