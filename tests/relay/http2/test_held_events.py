"""An event stream over HTTP/2 ends where an event does, wherever its frames end."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from drainproxy.drain.interruption import QUIET
from drainproxy.relay.http2.deadlines import Deadline
from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CANCEL,
    EVENTS,
    GET,
    MAX_FRAME,
    NO_ERROR,
    OK,
    SETTINGS_ACK,
    TRAILERS,
    WINDOW,
    Heard,
    data,
    reset,
    settings,
    window_update,
)
from tests.relay.kinds import RETRY, RETRY_LATER
from tests.relay.proxy import Proxy
from tests.relay.streams import answered, asked, begun, leave


def held(part: bytes = b"data: 1\n\ndata: 2\n", **about: Any) -> Conversation:
    """The goodbye waits, since an event has begun to pass; `part` comes in a frame of its own."""
    talk = asked(**about)
    talk.app_sends(talk.answers.headers(1, EVENTS) + data(1, b"data: 0\n"))
    talk.client_hears()
    assert leave(talk) == []
    talk.app_sends(data(1, part))
    return talk


def test_an_event_stream_ends_inside_a_frame_where_the_event_does() -> None:
    talk = held(b"\ndata: 1\n\ndata: 2\n")
    assert talk.client_hears() == [
        *(("data", 1, b"\n"), ("data", 1, RETRY), ("data", 1, b"", "end")),
    ]
    left_out = 18 - len(b"\n" + RETRY)
    assert talk.app_hears() == [("reset", 1, CANCEL), ("window", 0, left_out)]
    assert talk.endings == [("sse", "goodbye")]


def test_an_event_that_goes_on_is_waited_for_with_what_has_come_of_it() -> None:
    talk = held(b"data: 1\n")
    assert talk.client_hears() == []
    talk.app_sends(data(1, b"data: 2\n\ndata: 3\n", pad=5))
    assert talk.client_hears() == [
        *(("data", 1, b"data: 1\ndata: 2\n\n"), ("data", 1, RETRY), ("data", 1, b"", "end")),
    ]


def test_nobody_waits_for_a_part_of_a_slow_event() -> None:
    talk = held(b"data: 1")
    talk.proxy.wait(0.25)
    assert talk.client_hears() == [("data", 1, b"data: 1")]
    talk.app_sends(data(1, b"\n\nid: 9\n"))
    assert talk.client_hears() == [
        *(("data", 1, b"\n\n"), ("data", 1, RETRY), ("data", 1, b"", "end")),
    ]


def test_a_slow_event_passes_a_pause_after_its_last_frame() -> None:
    talk = held(b"data: 1")
    assert talk.session.deadlines.get(Deadline.GOODBYES) == talk.proxy.time + QUIET
    talk.proxy.wait(QUIET)
    assert talk.client_hears() == [("data", 1, b"data: 1")]


@pytest.mark.parametrize("again", [Proxy.leaves, Proxy.says_last_goodbyes])
def test_a_goodbye_that_comes_again_inside_a_frame_has_its_place_in_it(
    again: Callable[[Proxy], None],
) -> None:
    talk = held(b"data: 1\n")
    frame = data(1, b"data: 2\n\ndata: 3\n")
    talk.app_sends(frame[:11])
    talk.proxy.stays()
    again(talk.proxy)
    talk.app_sends(frame[11:])
    passed = b"".join(each[2] for each in talk.client_hears() if each[0] == "data")
    assert passed.partition(b"retry")[0] == b"data: 1\ndata: 2\n\n"
    assert talk.endings == [("sse", "goodbye")]


def test_what_was_held_takes_of_the_clients_window_once() -> None:
    talk = begun()
    room = len(b"data: 0\ndata: 1\n\n" + RETRY)
    talk.client_sends(settings({WINDOW: room}))
    talk.app_sends(SETTINGS_ACK)
    talk.client_asks(1)
    talk.app_sends(talk.answers.headers(1, EVENTS) + data(1, b"data: 0\n"))
    talk.client_hears()
    assert leave(talk) == []
    talk.app_sends(data(1, b"data: 1\n") + data(1, b"\n"))
    assert talk.client_hears()[-2:] == [("data", 1, RETRY), ("data", 1, b"", "end")]


def test_a_window_that_was_opened_before_the_answer_counts() -> None:
    talk = asked()
    talk.client_sends(window_update(0, 1 << 20) + window_update(1, 1 << 20))
    talk.app_sends(talk.answers.headers(1, EVENTS))
    for _ in range(10):
        talk.app_sends(data(1, b"x" * 10000))
    talk.app_sends(data(1, b"\ndata: 0\n"))
    talk.client_hears()
    leave(talk)
    talk.app_sends(data(1, b"data: 1\n\n"))
    assert talk.client_hears()[-2:] == [("data", 1, RETRY), ("data", 1, b"", "end")]


def test_the_end_of_an_app_is_said_once_though_the_client_has_more_to_say() -> None:
    talk = asked(end=False)
    talk.app_sends(talk.answers.headers(1, EVENTS) + data(1, b"data: 0\n"))
    talk.client_hears()
    assert leave(talk) == []
    talk.app_sends(data(1, b"x", end=True))
    talk.proxy.wait(3)
    assert talk.client_hears() == [("data", 1, b"x"), ("data", 1, b"", "end")]
    talk.client_sends(data(1, end=True))
    assert talk.endings == [("sse", "finished")]


def test_nobody_waits_for_the_parts_of_a_long_event() -> None:
    talk = held(b"x" * 10000)
    talk.app_sends(data(1, b"y" * 10000))
    passed = [each[2] for each in talk.client_hears()]
    assert passed == [b"x" * 10000 + b"y" * 6384, b"y" * 3616]


@pytest.mark.parametrize("how", ["data", "trailers", "reset"])
def test_an_app_that_ends_the_stream_itself_is_heard_to_its_end(how: str) -> None:
    talk = held(b"data: 1\n")
    said: list[Heard]
    if how == "data":
        talk.app_sends(data(1, b"x", end=True))
        said = [("data", 1, b"data: 1\nx"), ("data", 1, b"", "end")]
    elif how == "trailers":
        talk.app_sends(talk.answers.headers(1, TRAILERS, end=True))
        said = [("data", 1, b"data: 1\n"), ("headers", 1, TRAILERS, "end")]
    else:
        talk.app_sends(reset(1))
        said = [("data", 1, b"data: 1\n"), ("reset", 1, CANCEL)]
    assert talk.client_hears() == said
    assert talk.endings == [("sse", "app_left" if how == "reset" else "finished")]
    assert not any(kind == "sse" for kind, _ in talk.proxy.context.counters.goodbyes)


def test_what_was_held_for_a_drain_that_was_taken_back_passes() -> None:
    talk = held(b"data: 1\n")
    frame = data(1, b"data: 2\n\n")
    talk.app_sends(frame[:-3])
    talk.proxy.stays()
    assert talk.client_hears() == [("data", 1, b"data: 1\ndata: ")]
    talk.app_sends(frame[-3:] + data(1, b"data: 3\n"))
    assert b"".join(each[2] for each in talk.client_hears()) == b"2\n\ndata: 3\n"
    talk.app_sends(data(1, b"data: 4\n\n"))
    assert talk.client_hears() == [("data", 1, b"data: 4\n\n")]
    talk.app_sends(data(1, b"data: 5\n\n")[:-3])
    assert talk.client.received.endswith(b"data: "), "nothing is held any more"


def test_what_is_held_waits_for_a_client_that_has_made_its_window_smaller() -> None:
    talk = held(b"data: 1\n")
    talk.client_sends(settings({WINDOW: 10}))
    talk.app_sends(data(1, b"\ndata: 2\n"))
    assert talk.client_hears() == []
    talk.client_sends(window_update(1, 100))
    assert talk.client_hears() == [
        *(("data", 1, b"data: 1\n\n"), ("data", 1, RETRY), ("data", 1, b"", "end")),
    ]


def test_what_is_held_passes_into_a_window_of_just_its_size() -> None:
    talk = held(b"data: 1\n")
    talk.client_sends(settings({WINDOW: len(b"data: 0\ndata: 1\n\n")}))
    talk.app_sends(data(1, b"\n"))
    assert talk.client_hears() == [("data", 1, b"data: 1\n\n"), ("data", 1, b"", "end")]


def test_what_comes_behind_the_place_does_not_pass_in_part() -> None:
    """The goodbye waits between two events for the end of a frame of another stream."""
    talk = answered(GET, EVENTS)
    talk.client_asks(3)
    other = talk.answers.headers(3, OK) + data(3, b"x" * 100)
    talk.app_sends(other[:-10])
    talk.proxy.leaves()
    talk.app_sends(other[-10:] + data(1, b"data: 1\n\n"))
    talk.proxy.wait(0.25)
    assert [each for each in talk.client_hears() if each[:2] == ("data", 1)] == [
        *(("data", 1, RETRY), ("data", 1, b"", "end")),
    ]


def test_nothing_overtakes_what_is_held_when_settings_change() -> None:
    """A reload asks for an id that these events do not have, and then they are waited for."""
    talk = held(b"data: 1\n")
    context = talk.proxy.context
    context.apply_limits(replace(context.limits, sse_drain="auto"))
    talk.app_sends(data(1, b"data: 2\n\n"))
    talk.proxy.wait(0.25)
    assert talk.client_hears() == [("data", 1, b"data: 1\ndata: 2\n\n")]
    assert talk.in_flight == {"sse": 1}


# The windows of the connection (RFC 9113 6.9)

ALL = 65535


def given_back(talk: Conversation) -> int:
    """How far the app has heard that it may go on."""
    return sum(each[2] for each in talk.app_hears() if each[:2] == ("window", 0))


def of_bodies(heard: list[Heard]) -> int:
    return sum(len(each[2]) for each in heard if each[0] == "data")


def fills(talk: Conversation, room: int) -> None:
    """The app sends as much of another answer as it may."""
    while room:
        part = min(room, 16384)
        talk.app_sends(data(3, b"y" * part))
        room -= part


def test_of_a_window_that_the_app_has_filled_nothing_held_is_taken_twice() -> None:
    """Else the client has to end the connection with FLOW_CONTROL_ERROR (6.9.1)."""
    talk = answered(GET, EVENTS)
    talk.client_sends(settings({WINDOW: 1 << 20}))
    talk.client_asks(3)
    talk.app_sends(SETTINGS_ACK + talk.answers.headers(3, OK) + data(1, b"data: 0\n"))
    taken = of_bodies(talk.client_hears())
    leave(talk)
    talk.app_hears()
    talk.app_sends(data(1, b"x" * 10_000))
    fills(talk, ALL - taken - 10_000 + given_back(talk))
    talk.client_sends(window_update(0, 30_000))
    more = given_back(talk)
    talk.proxy.wait(0.25)
    fills(talk, more + given_back(talk))
    assert taken + of_bodies(talk.client_hears()) == ALL + 30_000


def test_no_more_is_held_than_the_client_has_room_for() -> None:
    """What is larger than a whole window of the connection would wait for ever."""
    talk = held(b"x" * 10_000)
    assert given_back(talk) == 0
    talk.app_sends(data(1, b"y" * 10_000))
    assert given_back(talk) == 0


def test_padding_of_what_was_held_is_given_back_when_the_rest_has_passed() -> None:
    """6.1: the client does not get it, and will not give it back."""
    talk = held(b"data: 1\n")
    talk.app_sends(data(1, b"data: 2\n", pad=9))
    talk.proxy.stays()
    assert talk.client_hears() == [("data", 1, b"data: 1\ndata: 2\n")]
    assert given_back(talk) == 1 + 9


def test_what_is_held_of_a_stream_that_its_client_resets_is_given_back() -> None:
    talk = held(b"data: 1\n")
    talk.client_sends(reset(1))
    assert talk.app_hears() == [("reset", 1, CANCEL), ("window", 0, len(b"data: 1\n"))]


@pytest.mark.parametrize("last", [b"x", b""])
def test_an_end_that_was_held_is_said_before_the_reset_that_follows_it(last: bytes) -> None:
    """8.1: a server may end its answer, and ask with NO_ERROR to hear no more of the request."""
    talk = held(b"data: 1\n")
    talk.app_sends(data(1, last, end=True) + reset(1, NO_ERROR))
    assert talk.client_hears() == [
        *(("data", 1, b"data: 1\n" + last), ("data", 1, b"", "end"), ("reset", 1, NO_ERROR)),
    ]
    assert talk.endings == [("sse", "finished")]


def test_an_end_that_has_passed_is_not_said_again_before_a_reset() -> None:
    talk = asked(end=False)
    talk.app_sends(talk.answers.headers(1, EVENTS) + data(1, b"data: 0\n"))
    talk.client_hears()
    leave(talk)
    talk.app_sends(data(1, b"x", end=True))
    assert talk.client_hears()[-1] == ("data", 1, b"", "end")
    talk.app_sends(reset(1, NO_ERROR))
    assert talk.client_hears() == [("reset", 1, NO_ERROR)]


@pytest.mark.parametrize("code", [NO_ERROR, CANCEL])
@pytest.mark.parametrize("uploads", [False, True])
def test_a_reset_behind_an_end_for_which_there_is_no_room_waits_with_it(
    code: int, uploads: bool
) -> None:
    talk = held(b"data: 1\n", end=not uploads)
    talk.client_sends(settings({WINDOW: 10}))
    talk.app_sends(data(1, b"x", end=True) + reset(1, code))
    talk.proxy.wait(1)
    assert (talk.client_hears(), talk.in_flight) == ([], {"sse": 1})
    talk.client_sends(window_update(1, 100))
    said = [("data", 1, b"data: 1\nx"), ("data", 1, b"", "end")]
    assert talk.client_hears() == [*said, *([("reset", 1, code)] if uploads else [])]
    assert (talk.endings, talk.in_flight) == ([("sse", "finished")], {})
    if uploads:
        talk.client_sends(data(1, b"late", end=True))
        assert talk.rejected == {}


def test_what_waits_with_a_reset_for_room_is_cut_in_the_end() -> None:
    talk = held(b"data: 1\n", end=False)
    talk.client_sends(settings({WINDOW: 10}))
    talk.app_sends(data(1, b"x", end=True) + reset(1, NO_ERROR))
    talk.client_hears()
    talk.proxy.says_last_goodbyes()
    talk.proxy.aborts()
    assert talk.client_hears()[0] == ("reset", 1, CANCEL)
    assert talk.endings == [("sse", "cut")]


def test_a_client_that_gives_up_what_waits_for_its_room_has_left() -> None:
    talk = held(b"data: 1\n", end=False)
    talk.client_sends(settings({WINDOW: 10}))
    talk.app_sends(data(1, b"x", end=True) + reset(1, NO_ERROR))
    talk.client_sends(reset(1))
    assert talk.endings == [("sse", "client_left")]
    talk.client_sends(window_update(0, 100))
    assert talk.client_hears() == []


# Frames that are larger than what is held


def held_in_frame(payload: bytes, *, end: bool = False) -> tuple[Conversation, Iterator[bytes]]:
    """The goodbye waits while one large frame comes in these pieces, the first of which has."""
    talk = answered(GET, EVENTS)
    talk.client_sends(settings({MAX_FRAME: 1 << 20, WINDOW: 1 << 20}) + window_update(0, 1 << 20))
    talk.app_sends(SETTINGS_ACK + data(1, b"data: 0\n"))
    talk.client_hears()
    assert leave(talk) == []
    frame = data(1, payload, end=end)
    pieces = (frame[at : at + 5000] for at in range(0, len(frame), 5000))
    talk.app_sends(next(pieces))
    return talk, pieces


def test_of_a_large_frame_no_more_is_held_than_of_small_ones() -> None:
    """A client may allow frames of 16 MB (RFC 9113 6.5.2)."""
    payload = b"x" * 200_000
    talk, pieces = held_in_frame(payload)
    passed = b""
    for piece in pieces:
        talk.app_sends(piece)
        assert talk.session.table.tracked[1].goodbye.held <= 16384
        passed += b"".join(each[2] for each in talk.client_hears())
    talk.proxy.wait(0.25)
    assert passed + b"".join(each[2] for each in talk.client_hears()) == payload
    talk.app_sends(data(1, b"\n\n"))
    assert talk.client_hears()[-1] == ("data", 1, b"", "end")


def test_inside_a_large_frame_a_stream_ends_where_the_event_does() -> None:
    talk, pieces = held_in_frame(b"x" * 4000 + b"\n\n" + b"y" * 90_000)
    said = [("data", 1, b"x" * 4000 + b"\n\n"), ("data", 1, RETRY), ("data", 1, b"", "end")]
    assert talk.client_hears() == said
    assert talk.endings == [("sse", "goodbye")]
    talk.app_sends(*pieces)
    assert talk.client_hears() == []
    talk.app_sends(data(0, b"z")[:9])
    assert talk.session.outbound.between_frames


def test_an_app_that_ends_in_a_large_frame_is_heard_to_its_end() -> None:
    payload = b"x" * 4000 + b"\n\n" + b"y" * 90_000
    talk, pieces = held_in_frame(payload, end=True)
    talk.app_sends(*pieces)
    heard = talk.client_hears()
    assert b"".join(each[2] for each in heard) == payload
    assert (heard[-1], talk.endings) == (("data", 1, b"", "end"), [("sse", "finished")])


def test_a_drain_that_is_taken_back_inside_a_large_frame_ends_nothing() -> None:
    payload = b"x" * 6000 + b"\n\n" + b"y" * 6000
    talk, pieces = held_in_frame(payload)
    talk.proxy.stays()
    talk.app_sends(*pieces)
    talk.app_sends(data(1, b"\n\n"))
    assert b"".join(each[2] for each in talk.client_hears()) == payload + b"\n\n"
    assert talk.in_flight == {"sse": 1}


def test_of_a_stream_that_is_over_nothing_more_is_held() -> None:
    talk, pieces = held_in_frame(b"x" * 90_000)
    goodbye = talk.session.table.tracked[1].goodbye
    before = goodbye.held
    talk.client_sends(reset(1))
    talk.app_sends(*pieces)
    assert goodbye.held == before


# An app that dies meanwhile

LONG = b"data: 1\n\ndata: " + b"x" * 100
PASSED = len(b"data: 0\n")
EVENT_ENDS = len(b"data: 1\n\n")


@pytest.mark.parametrize("dies", [Conversation.app_ends, Conversation.app_resets])
@pytest.mark.parametrize(
    ("room", "said"),
    [
        (EVENT_ENDS - 1, []),
        (EVENT_ENDS, [b"data: 1\n\n"]),
        (EVENT_ENDS + len(RETRY_LATER) - 1, [b"data: 1\n\n"]),
        (EVENT_ENDS + len(RETRY_LATER), [b"data: 1\n\n", RETRY_LATER]),
        (len(LONG) - 1, [b"data: 1\n\n", RETRY_LATER]),
    ],
)
def test_what_is_held_of_a_dead_app_passes_up_to_its_last_event_if_there_is_room(
    dies: Callable[[Conversation], None], room: int, said: list[bytes]
) -> None:
    talk = held(b"data: 1\n")
    talk.client_sends(settings({WINDOW: PASSED + room}))
    talk.app_sends(data(1, LONG.removeprefix(b"data: 1\n")))
    assert talk.client_hears() == []
    dies(talk)
    heard = [each for each in talk.client_hears() if each[:2] == ("data", 1)]
    assert heard == [*(("data", 1, part) for part in said), ("data", 1, b"", "end")]
    assert talk.endings == [("sse", "app_left")]
