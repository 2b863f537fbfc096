"""How connections of HTTP/2 end: whoever still waits for something hears why it will not come."""

from collections.abc import Callable

import pytest

from drainproxy.relay.methods import OTHER_METHODS
from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CALL,
    CANCEL,
    GET,
    GRPC_OK,
    INTERNAL_ERROR,
    MOST_STREAM,
    NO_ERROR,
    OK,
    POST,
    PREFACE,
    SETTINGS_ACK,
    Heard,
    data,
    goaway,
    settings,
)
from tests.relay.proxy import RETRY_AFTER, Proxy
from tests.relay.streams import ASKED, OUR_PING_ACK, asked, begun, parted

REFUSED = "the app does not accept connections"
CLOSED = "the app closed the connection before the end of its answer"
OVER = "the time to drain is over"


def own(status: int, reason: str, stream: int = 1) -> Heard:
    """An answer of ours."""
    details = f'drainproxy; details="{reason}"'.encode()
    fields = (
        *((b":status", b"%d" % status), (b"proxy-status", details), (b"content-length", b"0")),
        (b"retry-after", b"%d" % RETRY_AFTER),
    )
    return "headers", stream, fields, "end"


def unavailable(reason: str, stream: int = 1, *, begun: bool = False) -> Heard:
    """What gRPC is told: in trailers if the answer has begun, or in trailers alone."""
    trailers = (
        (b"grpc-status", b"14"),
        (b"grpc-message", f"drainproxy: {reason}".encode()),
    )
    return "headers", stream, trailers if begun else (*GRPC_OK, *trailers), "end"


def knocking() -> Conversation:
    return Conversation("auto", app_listens=False)


# The app is not to be reached


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    ("fields", "answer"), [(GET, own(503, REFUSED)), (CALL, unavailable(REFUSED))]
)
def test_the_app_refuses(
    fields: tuple[tuple[bytes, bytes], ...], answer: Heard, at_once: bool, whole: bool
) -> None:
    """Many clients send their first request apart from the preface, and it is one all the same."""
    talk = knocking()
    if at_once:
        talk.client_begins(fields, end=whole)
    else:
        talk.client_begins()
        talk.client_asks(1, fields, end=whole)
    assert sum(talk.in_flight.values()) == 1
    talk.app_refuses()
    hears = [("settings", {}), ("settings ack",), answer]
    hears += [] if whole else [("reset", 1, NO_ERROR)]
    assert talk.client_hears() == [*hears, ("goaway", 1, NO_ERROR, REFUSED)]
    assert talk.client.state == "half-closed"
    assert [how for _, how in talk.endings] == ["app_left"]
    assert talk.in_flight == {}
    assert talk.proxy.context.counters.app_connect_failures == 1
    assert talk.rejected == {"app-away": 1}
    talk.client_ends()
    assert talk.proxy.context.registry.sessions == set()


def test_the_app_refuses_a_client_that_has_asked_for_nothing_yet() -> None:
    talk = knocking()
    talk.client_begins()
    talk.app_refuses()
    assert (talk.client_got(), talk.client.state) == (b"", "half-closed")


def test_each_request_is_counted_that_the_app_does_not_get() -> None:
    talk = knocking()
    talk.client_begins(GET, POST)
    talk.client_asks(5, CALL)
    talk.app_refuses()
    answers = [own(503, REFUSED), own(503, REFUSED, 3), unavailable(REFUSED, 5)]
    assert [each for each in talk.client_hears() if each[0] == "headers"] == answers
    assert talk.rejected == {"app-away": 3}


def test_each_of_the_clients_settings_is_acknowledged_in_place_of_the_app() -> None:
    talk = knocking()
    talk.client_sends(PREFACE + settings() + settings({4: 100}) + talk.says.headers(1, GET))
    talk.app_refuses()
    assert talk.client_hears()[:3] == [("settings", {}), *[("settings ack",)] * 2]


def test_the_app_accepts_too_late() -> None:
    talk = knocking()
    talk.client_begins(GET)
    talk.client_resets()
    assert talk.endings == [("http2", "client_left")]
    talk.app_accepts()
    assert talk.app.state == "aborted"


# The app goes

WAYS: dict[str, Callable[[Conversation], None]] = {
    "ends": Conversation.app_ends,
    "resets": Conversation.app_resets,
}


@pytest.mark.parametrize("way", WAYS)
def test_the_app_goes_and_each_stream_is_told_in_its_own_way(way: str) -> None:
    talk = asked(1, 3)
    talk.client_asks(5, CALL)
    talk.client_asks(7, CALL, end=False)
    talk.client_asks(9, POST, end=False)
    talk.app_sends(talk.answers.headers(3, OK) + talk.answers.headers(7, GRPC_OK))
    talk.client_hears()
    WAYS[way](talk)
    assert talk.client_hears() == [
        own(502, CLOSED),
        ("reset", 3, INTERNAL_ERROR),
        unavailable(CLOSED, 5),
        unavailable(CLOSED, 7, begun=True),
        ("reset", 7, NO_ERROR),
        own(502, CLOSED, 9),
        ("reset", 9, NO_ERROR),
        ("goaway", 9, NO_ERROR, CLOSED),
    ]
    assert talk.client.state == "half-closed"
    assert sorted(talk.endings) == [("grpc", "app_left")] * 2 + [("http2", "app_left")] * 3
    counters = talk.proxy.context.counters
    assert counters.grpc == {b"/a.Service/Do": {b"14": 1}, OTHER_METHODS: {b"14": 1}}
    assert counters.codes["http2"] == {502: 2, 200: 1}


@pytest.mark.parametrize("way", WAYS)
def test_the_app_goes_before_its_settings(way: str) -> None:
    talk = Conversation("auto")
    talk.client_begins(GET)
    WAYS[way](talk)
    assert talk.client_hears() == [
        *(("settings", {}), ("settings ack",), own(502, CLOSED), ("goaway", 1, 0, CLOSED)),
    ]


@pytest.mark.parametrize("way", WAYS)
def test_the_app_goes_in_the_middle_of_its_settings(way: str) -> None:
    talk = Conversation("auto")
    talk.client_begins(GET)
    talk.app_sends(settings({4: 5})[:12])
    WAYS[way](talk)
    assert talk.client_hears()[:3] == [("settings", {}), ("settings ack",), own(502, CLOSED)]


@pytest.mark.parametrize("way", WAYS)
def test_the_app_goes_while_nothing_is_asked(way: str) -> None:
    talk = begun()
    WAYS[way](talk)
    assert talk.client_hears() == [("goaway", 0, NO_ERROR, CLOSED)]
    assert talk.client.state == "half-closed"


@pytest.mark.parametrize("way", WAYS)
def test_the_app_goes_in_the_middle_of_a_header_block(way: str) -> None:
    talk = asked()
    talk.app_sends(talk.answers.headers(1, OK, most=2)[:14])
    WAYS[way](talk)
    assert talk.client_hears() == [own(502, CLOSED), ("goaway", 1, NO_ERROR, CLOSED)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("last", [MOST_STREAM, 1, 0])
def test_an_app_that_has_said_goaway_has_said_it_all(way: str, last: int) -> None:
    talk = asked()
    talk.app_sends(goaway(last))
    WAYS[way](talk)
    served = [own(502, CLOSED)] if last else []
    assert talk.client_hears() == [("goaway", last, NO_ERROR), *served]
    assert talk.client.state == "half-closed"
    assert talk.endings == [("http2", "app_left")]


def test_the_app_goes_after_the_last_stream_was_named() -> None:
    talk = parted(1, 3)
    talk.app_ends()
    assert talk.client_hears() == [
        *(own(502, CLOSED), own(502, CLOSED, 3), ("goaway", 3, NO_ERROR, CLOSED)),
    ]


def test_what_the_app_said_before_it_went_is_heard() -> None:
    talk = asked()
    talk.client_stops_reading()
    talk.app_answers(body=b"x" * 10)
    talk.app_resets()
    talk.client_reads()
    assert talk.client_hears() == [
        *(("headers", 1, OK), ("data", 1, b"x" * 10, "end"), ("goaway", 1, 0, CLOSED)),
    ]
    assert talk.endings == [("http2", "finished")]


def test_an_app_that_speaks_something_else_is_let_go() -> None:
    for words, begun_first in ((b"HTTP/1.1 400 Bad Request\r\n\r\n", False), (b"\xff" * 9, True)):
        talk = asked() if begun_first else Conversation("auto")
        if not begun_first:
            talk.client_begins(GET)
        talk.app_sends(words)
        *_, answer, last = talk.client_hears()
        assert dict(answer[2])[b":status"] == b"502"
        assert last[:3] == ("goaway", 1, NO_ERROR)
        assert "the app breaks the rules of HTTP/2" in last[3]
        assert talk.app.state == "closed"
        assert talk.endings == [("http2", "app_left")]


# The client goes


@pytest.mark.parametrize("where", ["a request", "a body", "an answer", "its last frame"])
def test_a_client_that_breaks_off_takes_its_streams_with_it(where: str) -> None:
    talk = asked(1, 3, end=where != "a body")
    if where == "a body":
        talk.client_sends(data(1, b"x" * 100)[:50])
    if where == "its last frame":
        talk.app_sends(talk.answers.headers(1, OK) + data(1, b"x" * 100, end=True)[:50])
    talk.client_resets()
    assert talk.endings == [("http2", "client_left")] * 2
    assert talk.in_flight == {}
    assert talk.app.state == "aborted"
    assert talk.proxy.context.registry.sessions == set()


# The deadline


def test_the_deadline_tells_each_stream_in_its_own_way() -> None:
    talk = asked(1, 3)
    talk.client_asks(5, CALL)
    talk.client_asks(7, CALL, end=False)
    talk.app_sends(talk.answers.headers(3, OK) + talk.answers.headers(7, GRPC_OK))
    talk.client_hears()
    talk.app_hears()
    talk.proxy.leaves()
    talk.proxy.says_last_goodbyes()
    assert talk.client_hears() == [
        *ASKED,
        *(own(503, OVER), ("reset", 3, CANCEL), unavailable(OVER, 5)),
        *(unavailable(OVER, 7, begun=True), ("reset", 7, NO_ERROR), ("goaway", 7, NO_ERROR)),
    ]
    assert talk.app_hears() == [("reset", stream, CANCEL) for stream in (1, 3, 5, 7)]
    assert (talk.client.state, talk.app.state) == ("half-closed", "closed")
    assert talk.endings == [("http2", "cut")] * 2 + [("grpc", "cut")] * 2
    talk.proxy.aborts()
    assert talk.client.lost
    assert talk.proxy.context.registry.sessions == set()


@pytest.mark.parametrize("end", [True, False])
def test_at_the_deadline_the_apps_frame_may_end(end: bool) -> None:
    talk = asked()
    frame = talk.answers.headers(1, OK) + data(1, b"x" * 100, end=end)
    talk.app_sends(frame[:50])
    talk.proxy.says_last_goodbyes()
    assert talk.endings == [("http2", "cut")]
    talk.app_sends(frame[50:])
    told = [("data", 1, b"x" * 100, "end")] if end else [("data", 1, b"x" * 100), ("reset", 1, 8)]
    assert talk.client_hears() == [("headers", 1, OK), *told, ("goaway", 1, NO_ERROR)]
    assert talk.client.state == "half-closed"


@pytest.mark.parametrize("listens", [True, False])
def test_at_the_deadline_we_speak_for_an_app_that_has_said_nothing(listens: bool) -> None:
    talk = Conversation("auto", app_listens=listens)
    talk.client_begins(GET, CALL)
    talk.proxy.says_last_goodbyes()
    assert talk.client_hears() == [
        *(("settings", {}), ("settings ack",), own(503, OVER), unavailable(OVER, 3)),
        ("goaway", 3, NO_ERROR, OVER),
    ]
    assert talk.endings == [("http2", "cut"), ("grpc", "cut")]
    assert talk.client.state == "half-closed"


def test_who_asks_for_nothing_is_told_the_last_stream_at_the_deadline() -> None:
    talk = begun()
    talk.proxy.aborts()
    assert talk.client_hears() == [("goaway", 0, NO_ERROR)]
    assert talk.client.lost


def test_a_connection_may_be_cut_twice_and_when_it_is_over() -> None:
    talk = parted()
    talk.app_answers()
    talk.proxy.says_last_goodbyes()
    talk.proxy.says_last_goodbyes()
    assert talk.client_hears() == [("headers", 1, OK, "end")]
    talk.proxy.aborts()
    talk.proxy.aborts()
    assert talk.client.lost
    assert talk.endings == [("http2", "finished")]


def test_the_end_of_all_holds_is_told() -> None:
    """It is what a drain waits for."""
    proxy = Proxy()
    told: list[float] = []
    proxy.books.on_empty = lambda: told.append(proxy.time)
    talk = asked(1, 3, proxy=proxy)
    talk.app_answers(1)
    assert told == []
    frame = talk.answers.headers(3, OK) + data(3, b"x", end=True)
    talk.app_sends(frame[:-1])
    assert told == []
    talk.app_sends(frame[-1:])
    assert told == [proxy.time]


def test_a_goodbye_does_not_get_into_the_way_of_an_end() -> None:
    talk = Conversation("auto")
    talk.client_begins(GET)
    talk.proxy.leaves()
    talk.app_ends()
    assert talk.client_hears()[-2:] == [own(502, CLOSED), ("goaway", 1, NO_ERROR, CLOSED)]
    talk.client_sends(SETTINGS_ACK + OUR_PING_ACK)
    talk.proxy.wait(20)
    assert talk.client_hears() == []
    assert talk.client.lost
