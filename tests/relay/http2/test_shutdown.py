"""A client of HTTP/2 is asked to come again: nothing it has begun is lost, nothing runs twice."""

from collections.abc import Callable
from math import inf

import pytest

from drainproxy.relay.http2.deadlines import Deadline
from tests.relay.aged import goodbyes
from tests.relay.conversation import Conversation
from tests.relay.frames import (
    GET,
    MOST_STREAM,
    OK,
    POST,
    REFUSED_STREAM,
    SETTINGS_ACK,
    STREAM_CLOSED,
    TRAILERS,
    data,
    goaway,
    ping,
    priority,
    reset,
    settings,
    unknown,
    window_update,
)
from tests.relay.proxy import Proxy
from tests.relay.streams import ASKED, LIMITED, OUR_PING, OUR_PING_ACK, asked, begun, parted

# Saying it


def test_first_everything_is_allowed_and_on_the_ack_the_last_stream_is_named() -> None:
    talk = asked(1, 3)
    talk.proxy.leaves()
    assert talk.client_hears() == ASKED
    talk.client_asks(5)
    assert talk.app_hears() == [("headers", 5, GET, "end")]
    talk.client_sends(OUR_PING_ACK)
    assert talk.client_hears() == [("goaway", 5, 0)]
    assert talk.app_hears() == [], "the app has not asked for this ack"
    assert goodbyes(talk) == {("http2", "drain"): 1}


def test_a_client_that_does_not_answer_our_ping_is_told_the_last_stream_after_5_s() -> None:
    talk = asked()
    talk.proxy.leaves()
    talk.proxy.wait(4.75)
    talk.client_asks(3)
    assert talk.client_hears() == ASKED
    talk.proxy.wait(0.25)
    assert talk.client_hears() == [("goaway", 3, 0)]
    talk.client_sends(OUR_PING_ACK)
    assert talk.client_hears() == []
    assert goodbyes(talk) == {("http2", "drain"): 1}


def test_the_answers_to_other_pings_pass() -> None:
    talk = asked()
    talk.app_sends(ping())
    talk.proxy.leaves()
    talk.client_sends(ping(ack=True) + ping(b"\0" * 8, ack=True) + ping(OUR_PING))
    acks = [("ping ack", b"pingpong"), ("ping ack", b"\0" * 8)]
    assert talk.app_hears() == [*acks, ("ping", OUR_PING)]
    assert talk.client_hears() == [("ping", b"pingpong"), *ASKED]


def test_of_acks_that_come_twice_only_one_answers_our_ping() -> None:
    talk = asked()
    talk.proxy.leaves()
    talk.client_sends(OUR_PING_ACK * 2)
    assert talk.app_hears() == [("ping ack", OUR_PING)]


def test_nothing_is_said_before_the_apps_settings() -> None:
    talk = Conversation("auto")
    talk.client_begins(GET)
    talk.proxy.leaves()
    talk.proxy.wait(3)
    assert talk.client_hears() == []
    talk.app_sends(settings())
    assert talk.client_hears() == [LIMITED, *ASKED]
    talk.client_sends(SETTINGS_ACK + OUR_PING_ACK)
    assert talk.client_hears() == [("goaway", 1, 0)]


def test_who_has_only_just_connected_may_open_the_stream_for_which_it_has() -> None:
    talk = begun()
    talk.proxy.leaves()
    talk.proxy.wait(0.5)
    assert talk.client_hears() == []
    talk.client_asks()
    assert talk.client_hears() == ASKED
    assert talk.app_hears() == [("headers", 1, GET, "end")]


def test_who_has_connected_and_asks_for_nothing_is_told_a_little_later() -> None:
    talk = begun()
    talk.proxy.leaves()
    talk.proxy.wait(1)
    assert talk.client_hears() == ASKED
    talk.client_sends(OUR_PING_ACK)
    assert talk.client_hears() == [("goaway", 0, 0)]
    assert talk.client.state == "half-closed"


def test_who_has_asked_for_nothing_is_told_one_second_after_it_came_and_no_later() -> None:
    talk = begun()
    talk.proxy.wait(0.5)
    talk.proxy.leaves()
    talk.proxy.wait(0.25)
    assert talk.client_hears() == []
    talk.proxy.wait(0.25)
    assert talk.client_hears() == ASKED


def test_who_comes_while_we_leave_is_served_and_told_at_once() -> None:
    proxy = Proxy()
    proxy.leaves()
    talk = Conversation("auto", proxy=proxy)
    talk.client_begins(GET)
    talk.app_sends(settings() + SETTINGS_ACK)
    assert talk.client_hears() == [LIMITED, ("settings ack",), *ASKED]
    talk.app_answers(body=b"x")
    talk.client_sends(SETTINGS_ACK + OUR_PING_ACK)
    assert talk.client_hears() == [
        *(("headers", 1, OK), ("data", 1, b"x", "end"), ("goaway", 1, 0)),
    ]
    assert talk.client.state == "half-closed"


def test_our_frames_wait_for_the_end_of_the_apps_data() -> None:
    talk = asked()
    body = talk.answers.headers(1, OK) + data(1, b"x" * 100, pad=20)
    for at in range(0, len(body), 5):
        talk.app_sends(body[at : at + 5])
        if at == 60:
            talk.proxy.leaves()
    assert talk.client_hears() == [("headers", 1, OK), ("data", 1, b"x" * 100), *ASKED]


@pytest.mark.parametrize("push", [False, True])
def test_our_frames_never_tear_a_header_block(push: bool) -> None:
    talk = asked()
    block = talk.answers.push(1, 2, GET, most=5) if push else talk.answers.headers(1, OK, most=2)
    talk.app_sends(block[:16])
    talk.proxy.leaves()
    talk.app_sends(*(block[at : at + 1] for at in range(16, len(block))))
    said = ("push", 1, 2, GET) if push else ("headers", 1, OK)
    assert talk.client_hears() == [*ASKED, said]


def test_our_frames_wait_for_the_end_of_a_frame_of_a_type_unknown() -> None:
    talk = asked()
    frame = unknown(0, b"x" * 50)
    talk.app_sends(frame[:20])
    talk.proxy.leaves()
    talk.app_sends(frame[20:])
    assert talk.client_hears() == [("unknown", 0, b"x" * 50), *ASKED]


# After it

LATE: dict[str, Callable[[Conversation], bytes]] = {
    "data": lambda talk: data(5, b"x" * 10, pad=4),
    "trailers": lambda talk: talk.says.headers(5, TRAILERS, end=True),
    "reset": lambda talk: reset(5),
    "window": lambda talk: window_update(5, 9),
    "priority": lambda talk: priority(5),
    "unknown": lambda talk: unknown(5),
}


@pytest.mark.parametrize("late", LATE)
def test_a_stream_above_the_last_never_reaches_the_app(late: str) -> None:
    talk = parted(1, 3)
    talk.client_asks(5, POST, end=False)
    talk.client_sends(LATE[late](talk))
    assert talk.app_hears() == []
    window = [("window", 0, 15)] if late == "data" else []
    assert talk.client_hears() == [("reset", 5, REFUSED_STREAM), *window]
    assert talk.in_flight == {"http2": 2}
    talk.client_sends(data(3))
    assert talk.client_hears()[0][:3] == ("goaway", 3, STREAM_CLOSED), "other rules still hold"


def test_dropped_data_gives_the_window_of_the_connection_back_padding_included() -> None:
    talk = parted()
    talk.client_asks(3, POST, end=False)
    frames = data(3, b"x" * 1000, pad=255) + data(3) + data(3, b"", pad=0) + data(3, b"x", end=True)
    talk.client_sends(*(frames[at : at + 100] for at in range(0, len(frames), 100)))
    assert talk.client_hears() == [
        ("reset", 3, REFUSED_STREAM),
        *(("window", 0, size) for size in (1256, 1, 1)),
    ]
    assert talk.app_hears() == []


def test_header_compression_survives_blocks_that_are_left_out() -> None:
    talk = parted(1, end=False)
    secret = (*POST, (b"x-token", b"one"), (b"x-trace", b"1"))
    talk.client_asks(3, secret)
    talk.client_asks(5, (*POST, (b"x-token", b"two")))
    talk.client_asks(1, (*TRAILERS, (b"x-token", b"one"), (b"x-trace", b"2")))
    assert talk.app_hears() == [
        ("headers", 1, (*TRAILERS, (b"x-token", b"one"), (b"x-trace", b"2")), "end")
    ]


@pytest.mark.parametrize("later", [MOST_STREAM, 5, 3, 1, 0])
@pytest.mark.parametrize("tell", [parted, asked])
def test_whatever_the_app_says_the_last_id_never_rises(
    tell: Callable[..., Conversation], later: int
) -> None:
    talk = tell(1, 3)
    talk.app_sends(goaway(later, 0, b"bye"))
    last = min(later, 3) if tell is parted else later
    assert talk.client_hears() == [("goaway", last, 0, "bye")]
    open_streams = [stream for stream in (1, 3) if stream <= last]
    assert [*talk.session.table.streams] == open_streams
    assert talk.endings == [("http2", "app_left")] * (2 - len(open_streams))
    if tell is parted and not open_streams:
        assert talk.client.state == "half-closed"
        return
    talk.app_sends(goaway(MOST_STREAM))
    assert talk.client_hears() == [("goaway", last, 0)]
    talk.proxy.leaves()
    talk.client_sends(OUR_PING_ACK)
    assert all(said[1] <= last for said in talk.client_hears() if said[0] == "goaway")


def test_a_goodbye_of_the_app_and_ours_are_both_said() -> None:
    talk = asked(1, 3)
    talk.app_sends(goaway(MOST_STREAM))
    talk.proxy.leaves()
    talk.app_sends(goaway(3))
    talk.client_sends(OUR_PING_ACK)
    assert talk.client_hears() == [
        *(("goaway", MOST_STREAM, 0), *ASKED, ("goaway", 3, 0), ("goaway", 3, 0)),
    ]


# The end


@pytest.mark.parametrize("size", [1, 50, 1000])
def test_the_connection_ends_with_its_last_stream_and_all_of_its_last_frame(size: int) -> None:
    talk = parted(1, 3)
    talk.app_answers(3)
    answer = talk.answers.headers(1, OK) + data(1, b"x" * 400, pad=9, end=True)
    for at in range(0, len(answer), size):
        assert talk.in_flight == {"http2": 1}
        assert talk.client.state == talk.app.state == "open"
        talk.app_sends(answer[at : at + size])
    assert talk.client_hears() == [
        *(("headers", 3, OK, "end"), ("headers", 1, OK), ("data", 1, b"x" * 400, "end")),
    ]
    assert talk.in_flight == {}
    assert (talk.client.state, talk.app.state) == ("half-closed", "closed")
    assert talk.endings == [("http2", "finished")] * 2
    talk.client_ends()
    assert talk.proxy.context.registry.sessions == set()


def test_an_upload_that_the_app_answers_early_still_reaches_it() -> None:
    talk = parted(1, end=False)
    talk.app_answers()
    upload = data(1, b"x" * 400, end=True)
    talk.client_sends(upload[:200])
    assert talk.app.state == "open"
    talk.client_sends(upload[200:])
    assert talk.app_hears() == [("data", 1, b"x" * 400, "end")]
    assert (talk.client.state, talk.app.state) == ("half-closed", "closed")


@pytest.mark.parametrize("how", ["client", "app"])
def test_the_connection_ends_with_the_reset_of_its_last_stream(how: str) -> None:
    talk = parted()
    if how == "client":
        talk.client_sends(reset(1))
        assert talk.app_hears() == [("reset", 1, 8)]
    else:
        talk.app_sends(reset(1))
        assert talk.client_hears() == [("reset", 1, 8)]
    assert (talk.client.state, talk.app.state) == ("half-closed", "closed")


def test_a_reset_of_the_client_does_not_tear_the_apps_frame() -> None:
    talk = parted()
    frame = talk.answers.headers(1, OK) + data(1, b"x" * 400)
    talk.app_sends(frame[:300])
    talk.client_sends(reset(1))
    assert talk.in_flight == {}
    talk.app_sends(frame[300:])
    assert talk.client_hears() == [("headers", 1, OK), ("data", 1, b"x" * 400)]
    assert talk.client.state == "half-closed"


def test_all_is_over_before_the_ack() -> None:
    talk = asked()
    talk.proxy.leaves()
    talk.app_answers()
    assert talk.client.state == "open", "another stream may be on its way"
    talk.client_asks(3)
    talk.client_sends(OUR_PING_ACK)
    talk.app_answers(3)
    assert talk.client_hears()[-2:] == [("goaway", 3, 0), ("headers", 3, OK, "end")]
    assert talk.client.state == "half-closed"


def test_what_the_client_still_says_after_the_end_is_read_and_dropped() -> None:
    talk = parted()
    talk.app_answers()
    talk.client_sends(ping() + b"\xff" * 100)
    assert talk.client.waiting == 0
    talk.proxy.wait(4.75)
    assert talk.client.state == "half-closed"
    talk.proxy.wait(0.5)
    assert talk.client.lost
    assert talk.rejected == {}


def test_who_never_stops_talking_after_the_end_is_cut_off() -> None:
    talk = parted()
    talk.app_answers()
    for _ in range(16):
        talk.client_sends(b"x" * (1 << 20))
    assert talk.client.state == "half-closed"
    talk.client_sends(b"x")
    assert talk.client.lost


def test_talking_after_the_end_does_not_put_off_the_end_of_all() -> None:
    talk = parted(idle_timeout=100)
    talk.app_answers()
    for _ in range(5):
        talk.client_sends(ping())
        talk.proxy.wait(1)
    assert talk.client.state == "aborted"


def test_an_app_that_takes_nothing_more_goes_with_the_client() -> None:
    talk = parted(1, 3)
    talk.app_stops_reading()
    talk.client_sends(reset(1) + reset(3))
    assert talk.client.state == "half-closed"
    assert talk.app.state == "open", "the resets are still on their way"
    talk.client_ends()
    assert talk.app.lost


def test_who_has_said_nothing_to_a_silent_app_is_parted_from_without_a_word() -> None:
    talk = Conversation("auto", idle_close=5)
    talk.client_begins()
    talk.proxy.leaves()
    talk.proxy.wait(6)
    assert (talk.client_got(), talk.client.state) == (b"", "half-closed")


def test_idle_connections_are_parted_from_without_waiting_for_an_ack() -> None:
    talk = asked(idle_close=2)
    talk.app_answers()
    talk.client_hears()
    talk.proxy.wait(4)
    talk.proxy.leaves()
    talk.proxy.wait(1.5)
    assert talk.client_hears() == ASKED, "it may have asked for something meanwhile"
    talk.proxy.wait(1)
    assert talk.client_hears() == [("goaway", 1, 0)]
    assert talk.client.state == "half-closed"


def test_who_may_still_open_a_stream_is_awaited() -> None:
    talk = asked()
    context = talk.proxy.context
    assert context.registry.expects_request(5)
    talk.proxy.wait(10)
    assert not context.registry.expects_request(5)
    talk.proxy.leaves()
    assert context.registry.expects_request(5), "until the ack"
    talk.client_sends(OUR_PING_ACK)
    assert not context.registry.expects_request(5)


# Taken back


def test_what_was_not_said_is_not_said_after_an_undrain() -> None:
    talk = begun(idle_timeout=100)
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.proxy.wait(50)
    talk.client_asks()
    talk.app_answers()
    assert talk.client_hears() == [("headers", 1, OK, "end")]
    talk.proxy.wait(101)
    assert talk.client_hears() == [("goaway", 1, 0)], "it can be idle as any other"


def test_what_was_said_cannot_be_taken_back() -> None:
    talk = asked(1, 3)
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.client_sends(OUR_PING_ACK)
    assert talk.client_hears() == [*ASKED, ("goaway", 3, 0)]
    talk.client_asks(5)
    assert talk.client_hears() == [("reset", 5, REFUSED_STREAM)]


def test_no_moment_is_waited_for_once_it_was_said_or_taken_back() -> None:
    """Else each sweep would find the deadline of the connection over, for as long as it lasts."""
    taken_back = begun()
    taken_back.proxy.leaves()
    taken_back.proxy.stays()
    for talk in (parted(), taken_back):
        assert talk.session.deadlines.get(Deadline.PING) == inf


def test_a_second_drain_says_what_the_first_did_not() -> None:
    talk = begun()
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.client_asks()
    talk.proxy.leaves()
    talk.proxy.leaves()
    assert talk.client_hears() == ASKED
    assert goodbyes(talk) == {("http2", "drain"): 1}
