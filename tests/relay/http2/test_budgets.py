"""What one client of HTTP/2 may ask for without giving anything, on a clock that is moved."""

from collections.abc import Callable

import pytest

from tests.relay.budgets import ENDED, PEER, calmed, noticed
from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CONNECT,
    ENHANCE_YOUR_CALM,
    GET,
    GRPC_OK,
    MOST_STREAM,
    OK,
    POST,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    SETTINGS_ACK,
    TRAILERS,
    WINDOW,
    Fields,
    continuation,
    data,
    goaway,
    ping,
    priority,
    reset,
    settings,
    unknown,
    window_update,
)
from tests.relay.streams import asked, begun, parted

CONTROL, CONTROL_WINDOW = 1000, 10
EMPTY = 100
CONTINUATIONS = 8
UNACKNOWLEDGED = 1000


def earns_nothing_more(talk: Conversation) -> None:
    """What has passed so far pays for none of the next frames, whose window has not begun."""
    for _ in range(2):
        talk.proxy.wait(CONTROL_WINDOW)
        talk.client_sends(ping())
    talk.proxy.wait(CONTROL_WINDOW)


# max-streams


def test_more_streams_than_the_client_may_open_are_refused() -> None:
    talk = asked(1, 3, max_streams=2)
    talk.client_asks(5, POST, end=False)
    talk.client_sends(data(5, b"xyz"))
    assert talk.client_hears() == [("reset", 5, REFUSED_STREAM), ("window", 0, 3)]
    assert talk.app_hears() == []
    assert talk.rejected == {"max-streams": 1}
    talk.app_answers(1)
    talk.client_asks(7)
    assert talk.app_hears() == [("headers", 7, GET, "end")]


@pytest.mark.parametrize("trailers", [True, False])
def test_a_stream_that_ends_makes_room_for_the_next_in_the_same_read(trailers: bool) -> None:
    talk = asked(end=False, max_streams=1)
    talk.app_answers()
    end = talk.says.headers(1, TRAILERS, end=True) if trailers else data(1, b"x", end=True)
    talk.client_sends(end + talk.says.headers(3, GET, end=True))
    assert talk.app_hears()[-1] == ("headers", 3, GET, "end")


def test_a_client_that_does_not_know_the_limit_yet_does_nothing_wrong() -> None:
    talk = Conversation("auto", max_streams=1, max_resets=3)
    talk.client_begins(GET)
    for stream in range(3, 203, 2):
        talk.client_asks(stream)
    assert talk.rejected == {"max-streams": 100}
    talk.app_sends(settings())
    assert talk.client_hears()[1:] == [
        ("reset", stream, REFUSED_STREAM) for stream in range(3, 203, 2)
    ]
    assert talk.client.state == "open"


def test_who_knows_the_limit_and_goes_on_beyond_it_is_sent_away() -> None:
    talk = asked(max_streams=1, max_resets=3)
    for stream in (3, 5, 7):
        talk.client_asks(stream)
    assert talk.client.state == "open"
    talk.client_asks(9)
    assert calmed(talk, "max-resets")
    assert talk.rejected == {"max-streams": 4, "max-resets": 1}


def test_refusals_before_the_limit_is_known_have_an_end_too() -> None:
    talk = Conversation("auto", max_streams=1)
    talk.client_begins(GET)
    for number in range(1100):
        if not talk.session.closing.over:
            talk.client_asks(3 + 2 * number)
    talk.app_sends(settings())
    assert talk.rejected["control-frames"] == 1
    assert talk.client_hears()[-1][:3] == ("goaway", 1, ENHANCE_YOUR_CALM)


def test_pushed_streams_take_nobodys_place() -> None:
    talk = asked(max_streams=2)
    talk.app_sends(talk.answers.push(1, 2, GET) + talk.answers.push(1, 4, GET))
    assert talk.in_flight == {"http2": 3}
    talk.client_asks(3)
    assert talk.app_hears() == [("headers", 3, GET, "end")]
    talk.client_asks(5)
    assert talk.client_hears()[-1] == ("reset", 5, REFUSED_STREAM)
    talk.app_answers(2)
    talk.client_asks(7)
    assert talk.client_hears()[-1] == ("reset", 7, REFUSED_STREAM)


# Frames that cost nothing

CHEAP = {
    "ping": ping(),
    "ping ack": ping(ack=True),
    "settings": settings(),
    "settings ack": SETTINGS_ACK,
    "priority": priority(1),
    "window": window_update(0, 1),
    "window of a stream": window_update(1, 1),
    "unknown": unknown(),
    "unknown of a stream": unknown(1),
    "reset of what is closed": reset(3),
    "goaway": goaway(0),
}


@pytest.mark.parametrize("frame", CHEAP)
def test_frames_that_cost_nothing_are_counted(frame: str) -> None:
    talk = asked(end=False)
    talk.client_asks(3)
    talk.client_sends(reset(3))
    earns_nothing_more(talk)
    talk.client_sends(CHEAP[frame] * CONTROL)
    assert not talk.session.closing.over
    # Nothing of DATA has passed, so there is no credit.
    talk.client_sends(CHEAP[frame])
    assert calmed(talk, "control-frames")


def test_after_a_while_as_many_again_pass() -> None:
    talk = asked(end=False)
    for _ in range(4):
        talk.proxy.wait(CONTROL_WINDOW)
        talk.client_sends(ping() * CONTROL)
    assert not talk.session.closing.over


@pytest.mark.parametrize("who", ["client", "app"])
def test_each_data_frame_is_worth_some_more(who: str) -> None:
    talk = asked(end=False)
    earns_nothing_more(talk)
    talk.client_sends(ping())
    if who == "client":
        talk.client_sends(data(1, b"x") * 50)
    else:
        talk.app_sends(talk.answers.headers(1, OK) + data(1, b"x") * 50)
    talk.client_sends(ping() * (CONTROL - 1 + 500))
    assert not talk.session.closing.over
    talk.client_sends(ping())
    assert calmed(talk, "control-frames")


def test_data_of_long_ago_is_worth_nothing() -> None:
    talk = asked(end=False)
    talk.client_sends(data(1, b"x") * 500)
    for _ in range(2):
        talk.proxy.wait(CONTROL_WINDOW)
        talk.client_sends(ping())
    talk.client_sends(ping() * (CONTROL - 1))
    assert not talk.session.closing.over
    talk.client_sends(ping())
    assert calmed(talk, "control-frames")


def test_data_that_goes_nowhere_is_worth_nothing() -> None:
    talk = parted()
    earns_nothing_more(talk)
    talk.client_asks(3, POST, end=False)
    talk.client_sends(data(3, b"x") * 50 + ping() * CONTROL)
    assert calmed(talk, "control-frames")


def test_empty_frames_are_counted_and_the_last_of_a_body_is_not() -> None:
    talk = begun()
    for stream in range(1, 2 * EMPTY + 50, 2):
        talk.client_asks(stream, POST, end=False)
        talk.client_sends(data(stream, end=True))
        talk.app_answers(stream)
    talk.client_asks(999, POST, end=False)
    talk.client_sends(data(999) * EMPTY)
    assert not talk.session.closing.over
    talk.client_sends(data(999, b"x") + data(999))
    assert calmed(talk, "empty-frames")


def test_after_a_while_as_many_empty_frames_pass() -> None:
    talk = asked(end=False)
    for _ in range(4):
        talk.client_sends(data(1) * EMPTY)
        talk.proxy.wait(CONTROL_WINDOW)
    assert not talk.session.closing.over


def test_padding_is_not_nothing() -> None:
    talk = asked(end=False)
    talk.client_sends(data(1, pad=0) * 10 * EMPTY)
    assert not talk.session.closing.over


def test_empty_frames_of_streams_that_are_refused_are_counted_too() -> None:
    talk = parted()
    earns_nothing_more(talk)
    talk.client_asks(3, POST, end=False)
    talk.client_sends(data(3) * CONTROL)
    assert calmed(talk, "control-frames")


@pytest.mark.parametrize("trailers", [True, False])
def test_a_header_block_has_so_many_frames(trailers: bool) -> None:
    talk = asked(end=False)
    stream, fields = (1, TRAILERS) if trailers else (3, GET)
    head = talk.says.headers(stream, fields, end=True, most=1)[:10]
    talk.client_sends(head + continuation(stream) * (CONTINUATIONS - 1))
    assert not talk.session.closing.over
    talk.client_sends(continuation(stream))
    assert calmed(talk, "continuations")
    assert talk.app_hears() == []


def test_the_app_has_no_budgets() -> None:
    talk = asked()
    talk.app_sends((ping() + priority(1) + data(1)) * 2 * CONTROL)
    assert not talk.session.closing.over


# SETTINGS that wait for their acknowledgement (RFC 9113 6.5.3)


def test_settings_of_a_client_that_the_app_does_not_acknowledge_are_so_many_at_most() -> None:
    talk = asked(end=False)
    for _ in range(10):
        talk.proxy.wait(CONTROL_WINDOW)
        talk.client_sends(settings({WINDOW: 70000}) * (UNACKNOWLEDGED // 10))
    assert not talk.session.closing.over
    talk.client_sends(settings())
    *_, last = talk.client_hears()
    assert last[:3] == ("goaway", 1, ENHANCE_YOUR_CALM)
    assert talk.in_flight == {}


def test_settings_of_an_app_that_the_client_does_not_acknowledge_are_so_many_at_most() -> None:
    talk = asked()
    talk.app_sends(settings() * UNACKNOWLEDGED)
    assert not talk.session.closing.over
    talk.client_hears()
    talk.app_sends(settings())
    answer, going = talk.client_hears()
    assert dict(answer[2])[b":status"] == b"502"
    assert (
        going[3] == "the app breaks the rules of HTTP/2: over 1000 SETTINGS wait to be acknowledged"
    )


def test_settings_that_are_acknowledged_may_be_any_number() -> None:
    talk = asked()
    for _ in range(12):
        talk.app_sends(settings() * (UNACKNOWLEDGED // 10))
        talk.client_sends(SETTINGS_ACK * (UNACKNOWLEDGED // 10))
        talk.proxy.wait(CONTROL_WINDOW)
    assert not talk.session.closing.over


# A push tries what stands for all of them.
RARE = pytest.mark.slow
HONEST = [
    pytest.param(lambda stream: window_update(stream, 5), id="opens its window", marks=RARE),
    pytest.param(lambda stream: priority(stream) + window_update(0, 5), id="browser"),
    pytest.param(lambda stream: ping(), id="pings", marks=RARE),
    pytest.param(lambda stream: unknown(0, b"u=1", kind=0x10), id="PRIORITY_UPDATE", marks=RARE),
]


@pytest.mark.parametrize("beside", HONEST)
@pytest.mark.parametrize("answer", ["304", pytest.param("trailers only", marks=pytest.mark.slow)])
def test_who_asks_for_much_may_say_as_much_beside_it(
    beside: Callable[[int], bytes], answer: str
) -> None:
    """No DATA passes in either direction: conditional requests, or calls that fail. So Envoy
    reckons: WINDOW_UPDATE and PRIORITY have budgets that grow with the streams."""
    talk = begun()
    for stream in range(1, 4 * CONTROL, 2):
        talk.client_sends(talk.says.headers(stream, GET, end=True) + beside(stream))
        talk.app_answers(stream, fields=OK if answer == "304" else GRPC_OK)
    assert talk.rejected == {}
    assert talk.client.state == "open"


def test_each_stream_but_the_first_is_worth_ten_of_them_for_two_windows() -> None:
    talk = begun()
    earns_nothing_more(talk)
    talk.client_sends(ping())
    for stream in range(1, 103, 2):
        talk.client_asks(stream)
        talk.app_answers(stream)
    talk.client_sends(ping() * (CONTROL - 1 + 500))
    assert not talk.session.closing.over
    talk.proxy.wait(CONTROL_WINDOW)
    talk.client_sends(ping() * (CONTROL + 500))
    assert not talk.session.closing.over
    talk.proxy.wait(CONTROL_WINDOW)
    talk.client_sends(ping() * CONTROL)
    assert not talk.session.closing.over
    talk.client_sends(ping())
    assert calmed(talk, "control-frames")


def test_numbers_that_are_passed_over_are_worth_nothing() -> None:
    """A client may go to the last number there is in one step."""
    talk = begun()
    talk.proxy.wait(CONTROL_WINDOW)
    talk.client_asks(MOST_STREAM)
    talk.client_sends(ping() * CONTROL)
    assert not talk.session.closing.over
    talk.client_sends(ping())
    assert calmed(talk, "control-frames")


@pytest.mark.parametrize(
    ("fields", "most", "spent"),
    [
        pytest.param(GET[1:], 2, 0, id="malformed"),
        pytest.param(CONNECT, 2, 50, id="CONNECT"),
        pytest.param(GET, 1, 0, id="max-streams"),
    ],
)
def test_streams_that_the_app_never_hears_of_are_worth_nothing(
    fields: Fields, most: int, spent: int
) -> None:
    talk = asked(max_streams=most)
    earns_nothing_more(talk)
    for stream in range(3, 103, 2):
        talk.client_asks(stream, fields)
    talk.client_sends(ping() * (CONTROL - spent))
    assert not talk.session.closing.over
    talk.client_sends(ping())
    assert calmed(talk, "control-frames")


# What is said of it


def test_too_many_control_frames_are_said_once() -> None:
    talk = asked(end=False)
    said = noticed(talk)
    earns_nothing_more(talk)
    talk.client_sends(ping() * 3 * CONTROL)
    assert said == [("control-frames", PEER, CONTROL + 1, ENDED)]


def test_too_many_empty_frames_are_said_once() -> None:
    talk = asked(end=False)
    said = noticed(talk)
    talk.client_sends(data(1) * 3 * EMPTY)
    assert said == [("empty-frames", PEER, EMPTY + 1, ENDED)]


def test_too_many_continuations_are_said_once() -> None:
    talk = asked(end=False)
    said = noticed(talk)
    head = talk.says.headers(3, GET, end=True, most=1)[:10]
    talk.client_sends(head + continuation(3) * 3 * CONTINUATIONS)
    assert said == [("continuations", PEER, CONTINUATIONS + 1, ENDED)]


def test_who_just_breaks_the_rules_has_passed_no_budget() -> None:
    talk = asked()
    said = noticed(talk)
    talk.client_sends(window_update(0, 0))
    assert talk.session.closing.over
    assert said == []


# What is remembered is bounded


def test_streams_that_were_passed_over_and_gone_astray_are_forgotten_in_time() -> None:
    talk = begun(max_resets=10_000)
    for stream in range(1, 20_001, 4):
        talk.client_asks(stream, GET[1:], end=False)
    assert not talk.session.closing.over
    assert len(talk.session.table.late_frames) == 1000
    assert len(talk.session.table._gaps) == 100
    talk.client_sends(data(19_997, b"x"))
    assert talk.client_hears()[-1] == ("window", 0, 1)
    talk.client_sends(data(19_995, b"x"))
    assert talk.client_hears()[-1][2] == PROTOCOL_ERROR


def test_streams_that_nobody_wants_are_forgotten_in_time() -> None:
    talk = begun(request_timeout=1, max_streams=10)
    for stream in range(1, 2 * 1100, 2):
        talk.client_asks(stream)
        talk.proxy.wait(1)
    assert talk.in_flight == {}
    assert len(talk.session.table.unwanted) == 1000
    talk.client_hears()
    talk.app_answers(2199 - 2, b"late")
    assert talk.client_hears() == []
