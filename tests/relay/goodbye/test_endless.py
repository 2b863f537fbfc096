"""Answers without an end by themselves: those that are named end at leaving, in a pause."""

from typing import Any

import pytest

from drainproxy.drain.interruption import PATIENCE
from drainproxy.drain.stream_drain import StreamDrain
from tests.relay.carried import ChunkedEndless, Endless, EndlessOverHttp2, EndlessUntilClose
from tests.relay.conversation import Conversation, chunk, head, request
from tests.relay.frames import CALL, EVENTS, GET, GRPC_OK, OK, Fields, data
from tests.relay.proxy import Proxy
from tests.relay.streams import ASKED, OUR_PING_ACK, begun

Begins = type[Endless]
NAMED = StreamDrain(frozenset({b"application/x-ndjson"}), ("/watch",))
LINE = b'{"n": 1}\n'
LAST_CHUNK = b"0\r\n\r\n"

NDJSON = "Application/x-NDJSON; charset=utf-8"
# What the request asks for, and how its answer is described.
ENDS: dict[str, dict[str, str]] = {
    "type": {"path": "/x", "media_type": NDJSON},
    "path": {"path": "/watch?since=1"},
    "path of another type": {"path": "/watch?since=1", "media_type": "application/json"},
    "below": {"path": "/watch/pods"},
}
WAITS: dict[str, dict[str, str]] = {
    "another type": {"path": "/x", "media_type": "text/plain"},
    "no type": {"path": "/x"},
    "another path": {"path": "/watcher"},
    "a post": {"media_type": NDJSON, "method": "POST"},
}
each_that_ends = pytest.mark.parametrize("about", ENDS.values(), ids=ENDS)
each_that_waits = pytest.mark.parametrize("about", WAITS.values(), ids=WAITS)
About = dict[str, str]


def flows(endless: Begins, **about: Any) -> Endless:
    """It has begun, and a line of it has come."""
    talk = endless(**about)
    talk.app_sends(LINE)
    assert talk.client_got() == LINE
    return talk


@each_that_ends
def test_what_is_named_ends_in_a_pause_and_whole(endless: Begins, about: About) -> None:
    talk = flows(endless, stream_drain=NAMED, **about)
    talk.proxy.leaves()
    assert not talk.is_over()
    talk.proxy.wait(0.75)
    assert talk.client_got() == b""
    assert talk.is_over()
    assert talk.ending == "goodbye"
    own_connection = talk.kind == "http2"
    assert talk.goodbyes == {(talk.kind, "drain"): 1 + own_connection}
    assert talk.talk.app.lost or own_connection, "the app need not go on"


def test_over_http1_the_last_chunk_ends_it_or_the_end_of_the_connection() -> None:
    for endless, end in ((ChunkedEndless, LAST_CHUNK), (EndlessUntilClose, b"")):
        talk = flows(endless, stream_drain=NAMED)
        talk.proxy.leaves()
        talk.proxy.wait(0.75)
        assert talk.talk.client_got() == end
        assert talk.talk.client.state == ("open" if end else "half-closed")


def test_over_http2_end_stream_ends_it() -> None:
    talk = flows(EndlessOverHttp2, stream_drain=NAMED).talk
    talk.proxy.leaves()
    talk.proxy.wait(0.75)
    assert ("data", 1, b"", "end") in talk.client_hears()


@each_that_waits
def test_all_others_are_waited_for(endless: Begins, about: About) -> None:
    talk = flows(endless, stream_drain=NAMED, **about)
    talk.proxy.leaves()
    talk.proxy.wait(10)
    assert talk.is_in_flight()


@each_that_ends
def test_where_nothing_is_named_all_are_waited_for(endless: Begins, about: About) -> None:
    talk = flows(endless, **about)
    talk.proxy.leaves()
    talk.proxy.wait(10)
    assert talk.is_in_flight()


def test_it_goes_on_when_the_drain_is_taken_back(endless: Begins) -> None:
    talk = flows(endless, stream_drain=NAMED)
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.proxy.wait(10)
    assert talk.is_in_flight()


def test_the_next_drain_looks_for_a_pause_of_its_own(endless: Begins) -> None:
    talk = flows(endless, stream_drain=NAMED)
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.proxy.wait(10)
    talk.proxy.leaves()
    assert talk.is_in_flight()
    talk.proxy.wait(0.75)
    assert talk.ending == "goodbye"


def test_no_age_and_no_cut_ends_it_as_if_it_were_whole(endless: Begins) -> None:
    talk = flows(endless, stream_drain=NAMED)
    talk.asked_to_end("max-connection-age")
    talk.proxy.wait(0.75)
    assert talk.is_in_flight()
    talk.proxy.says_last_goodbyes()
    talk.proxy.aborts()
    assert talk.ending == "cut"
    assert talk.talk.client.state in ("closed", "reset", "aborted")
    assert LAST_CHUNK not in talk.talk.client.received
    assert (talk.kind, "drain") not in talk.goodbyes


def test_what_flows_without_a_pause_ends_between_two_parts_of_it(endless: Begins) -> None:
    talk = flows(endless, stream_drain=NAMED)
    talk.proxy.leaves()
    said, began = b"", talk.proxy.time
    while talk.proxy.time < began + PATIENCE - 0.1:
        talk.app_sends(LINE)
        talk.proxy.wait(0.0625)
        said += LINE
        assert talk.is_in_flight()
    talk.app_sends(LINE)
    talk.proxy.wait(0.0625)
    assert talk.client_got() == said + LINE
    talk.proxy.wait(0.0625)
    assert talk.ending == "goodbye"


def test_who_says_goodbye_again_does_not_put_it_off(endless: Begins) -> None:
    talk = flows(endless, stream_drain=NAMED)
    talk.proxy.leaves()
    began = talk.proxy.time
    while talk.proxy.time < began + PATIENCE + 0.25:
        talk.app_sends(LINE)
        talk.proxy.wait(0.0625)
        talk.proxy.leaves()
    assert talk.ending == "goodbye"


@pytest.mark.parametrize("endless", [ChunkedEndless, EndlessOverHttp2])
def test_it_does_not_end_inside_a_part_of_it(endless: Begins) -> None:
    """In an answer without framing there is no such place."""
    talk = flows(endless, stream_drain=NAMED)
    coded = talk.coded(LINE)
    talk.proxy.leaves()
    talk.talk.app_sends(coded[:-4])
    talk.proxy.wait(5)
    assert talk.is_in_flight()
    talk.talk.app_sends(coded[-4:])
    talk.proxy.wait(0.75)
    assert talk.client_got() == LINE
    assert talk.ending == "goodbye"


def test_what_has_arrived_and_was_not_read_yet_is_no_pause(endless: Begins) -> None:
    talk = flows(endless, stream_drain=NAMED)
    talk.proxy.leaves()
    talk.talk.app.sends(talk.coded(LINE))
    talk.proxy.time += 0.5
    talk.proxy.context.registry.sweep()
    assert talk.is_in_flight()
    talk.proxy.settle()
    assert talk.client_got() == LINE
    talk.proxy.wait(0.75)
    assert talk.ending == "goodbye"


def test_before_its_answer_has_begun_it_is_waited_for() -> None:
    """Over HTTP/1 nothing is known of it by then."""
    talk = begun(stream_drain=NAMED)
    talk.client_asks(1, tuple((dict(GET) | {b":path": b"/watch"}).items()))
    talk.proxy.leaves()
    talk.proxy.wait(10)
    assert talk.endings == []
    talk.app_sends(talk.answers.headers(1, OK))
    talk.proxy.wait(0.75)
    assert talk.endings == [("http2", "goodbye")]


LENGTH = (b"content-length", b"100")
WITH_LENGTH: dict[str, Fields] = {
    "path": (*OK, LENGTH),
    "type": (*OK, (b"content-type", b"application/x-ndjson"), LENGTH),
    "events": (*EVENTS, LENGTH),
}


@pytest.mark.parametrize("answer", WITH_LENGTH.values(), ids=WITH_LENGTH)
@pytest.mark.parametrize("when", ["begun", "asked", "late"])
def test_over_http2_what_has_announced_its_length_is_waited_for(when: str, answer: Fields) -> None:
    """RFC 9113 8.1.1: with less than its content-length it would be malformed."""
    proxy = Proxy(stream_drain=NAMED)
    if when == "late":
        proxy.leaves()
        proxy.wait(0.5)
    talk = begun(proxy)
    talk.client_asks(1, tuple((dict(GET) | {b":path": b"/watch"}).items()))
    if when == "asked":
        proxy.leaves()
    talk.app_sends(talk.answers.headers(1, answer) + data(1, b"data: x\n\n"))
    if when == "begun":
        proxy.leaves()
    elif when == "late":
        proxy.closes()
    proxy.wait(10)
    assert talk.endings == []
    talk.app_sends(data(1, b"x" * 91, end=True))
    body = b"".join(each[2] for each in talk.client_hears() if each[0] == "data")
    assert len(body) == 100
    assert talk.endings == [("http2", "finished")]


@pytest.mark.parametrize("media_type", ["text/plain", NDJSON, "text/event-stream"])
@pytest.mark.parametrize("late", [True, False])
def test_over_http1_what_has_announced_its_length_is_waited_for(
    late: bool, media_type: str
) -> None:
    """RFC 9112 6.3: with less than its Content-Length it would be incomplete."""
    proxy = Proxy(stream_drain=NAMED)
    if late:
        proxy.leaves()
        proxy.wait(0.5)
    talk = Conversation(proxy=proxy)
    talk.client_sends(request("/watch"))
    fields = "Content-Type: " + media_type, "Content-Length: 100"
    talk.app_sends(head("HTTP/1.1 200 OK", *fields) + b"data: x\n\n")
    proxy.closes()
    proxy.wait(10)
    assert talk.endings == []
    talk.app_sends(b"x" * 91)
    assert talk.client_got().endswith(b"\r\n\r\ndata: x\n\n" + b"x" * 91)
    assert talk.endings == [("http1", "finished")]


def test_the_next_request_on_its_connection_hears_close() -> None:
    talk = flows(ChunkedEndless, stream_drain=NAMED).talk
    talk.proxy.leaves()
    talk.proxy.wait(0.75)
    talk.client_got()
    talk.client_sends(request())
    talk.app_sends(head("HTTP/1.1 200 OK", "Content-Length: 0"))
    assert b"\r\nConnection: close\r\n" in talk.client_got()


def test_one_that_has_ended_by_itself_takes_nothing_with_it() -> None:
    talk = flows(ChunkedEndless, stream_drain=NAMED).talk
    talk.proxy.leaves()
    talk.app_sends(LAST_CHUNK)
    talk.client_got()
    talk.client_sends(request("/download"))
    talk.app_sends(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunk(LINE))
    talk.proxy.wait(5)
    assert LAST_CHUNK not in talk.client_got()


def test_a_method_of_grpc_that_is_named_ends_with_unavailable() -> None:
    path = dict(CALL)[b":path"].decode()
    for streams, end in ((StreamDrain(prefixes=(path,)), True), (NAMED, False)):
        talk = begun(stream_drain=streams)
        talk.client_asks(1, CALL, end=False)
        talk.app_sends(talk.answers.headers(1, GRPC_OK) + data(1, LINE))
        talk.proxy.leaves()
        talk.proxy.wait(0.75)
        assert talk.endings == ([("grpc", "goodbye")] if end else [])


@each_that_ends
def test_one_that_begins_late_ends_when_the_listener_closes(endless: Begins, about: About) -> None:
    proxy = Proxy(stream_drain=NAMED)
    proxy.leaves()
    proxy.wait(0.5)
    talk = flows(endless, proxy=proxy, **about)
    proxy.wait(3)
    assert talk.is_in_flight()
    proxy.closes()
    proxy.wait(0.75)
    assert talk.ending == "goodbye"


def test_over_http2_its_connection_parts_well() -> None:
    talk = flows(EndlessOverHttp2, stream_drain=NAMED).talk
    talk.proxy.leaves()
    assert talk.client_hears() == ASKED
    talk.client_sends(OUR_PING_ACK)
    talk.proxy.wait(0.75)
    assert talk.client.state != "open"


def test_no_age_ends_what_a_drain_that_was_taken_back_had_asked_to_end(endless: Begins) -> None:
    talk = flows(endless, stream_drain=NAMED)
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.asked_to_end("max-connection-age")
    talk.proxy.wait(10)
    assert talk.is_in_flight()
