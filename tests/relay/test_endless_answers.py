"""Answers without an end by themselves: those that are named end at leaving, in a pause."""

from collections.abc import Callable
from typing import Any

import pytest

from drainproxy.drain.stream_drain import StreamDrain
from tests.relay.aged import goodbyes
from tests.relay.conversation import Conversation, Proxy, head, request
from tests.relay.frames import CALL, GET, GRPC_OK, POST, Fields, data
from tests.relay.http1.test_events import chunk
from tests.relay.streaming import ASKED, OUR_PING_ACK, Streaming, begun

NAMED = StreamDrain(frozenset({b"application/x-ndjson"}), ("/watch",))
NDJSON = "Content-Type: Application/x-NDJSON; charset=utf-8"
CHUNKED = "Transfer-Encoding: chunked"
LINE = b'{"n": 1}\n'
END = b"0\r\n\r\n"


def over_http1(
    target: str, *fields: str, method: str = "GET", framing: str = CHUNKED, **about: Any
) -> Conversation:
    talk = Conversation(**about)
    talk.client_sends(request(target, method=method))
    body = chunk(LINE) if framing else LINE
    answer = head("HTTP/1.1 200 OK", *fields, *([framing] if framing else [])) + body
    talk.app_sends(answer)
    assert talk.client_got() == answer
    return talk


def over_http2(path: bytes, *fields: tuple[bytes, bytes], asks: Fields = GET, **about: Any) -> Any:
    talk = begun(**about)
    named = tuple((b":path", path) if field[0] == b":path" else field for field in asks)
    talk.client_asks(1, named)
    talk.app_sends(talk.answers.headers(1, ((b":status", b"200"), *fields)) + data(1, LINE))
    assert talk.client_hears()[-1] == ("data", 1, LINE)
    return talk


TYPE = (b"content-type", b"Application/x-NDJSON; charset=utf-8")
PLAIN = (b"content-type", b"application/json")
ENDS: dict[str, Callable[..., Conversation]] = {
    "type": lambda **about: over_http1("/x", NDJSON, **about),
    "path": lambda **about: over_http1("/watch?since=1", **about),
    "below": lambda **about: over_http1("/watch/pods", **about),
    "to the close": lambda **about: over_http1("/watch", framing="", **about),
    "type over http2": lambda **about: over_http2(b"/x", TYPE, **about),
    "path over http2": lambda **about: over_http2(b"/watch?since=1", PLAIN, **about),
    "below over http2": lambda **about: over_http2(b"/watch/pods", PLAIN, **about),
}
WAITS: dict[str, Callable[..., Conversation]] = {
    "another type": lambda **about: over_http1("/x", "Content-Type: text/plain", **about),
    "no type": lambda **about: over_http1("/x", **about),
    "another path": lambda **about: over_http1("/watcher", **about),
    "a post": lambda **about: over_http1("/watch", NDJSON, method="POST", **about),
    "another type over http2": lambda **about: over_http2(b"/x", PLAIN, **about),
    "another path over http2": lambda **about: over_http2(b"/watcher", PLAIN, **about),
    "a post over http2": lambda **about: over_http2(b"/watch", TYPE, asks=POST, **about),
}


def ended(talk: Conversation) -> list[str]:
    return [how for _, how in talk.proxy.endings]


@pytest.mark.parametrize("listen", ENDS.values(), ids=ENDS)
def test_what_is_named_ends_in_a_pause_and_whole(listen: Callable[..., Conversation]) -> None:
    talk = listen(stream_drain=NAMED)
    talk.proxy.leaves()
    talk.proxy.wait(0.75)
    assert ended(talk) == ["goodbye"]
    if isinstance(talk, Streaming):
        assert ("data", 1, b"", "end") in talk.client_hears()
        assert goodbyes(talk)["http2", "drain"] == 2, "that of its connection, and its own"
    else:
        assert talk.client_got() == (END if CHUNKED.encode() in talk.client.received else b"")
        assert goodbyes(talk) == {("http1", "drain"): 1}
    assert talk.app.lost or isinstance(talk, Streaming), "the app need not go on"


@pytest.mark.parametrize("listen", WAITS.values(), ids=WAITS)
def test_all_others_are_waited_for(listen: Callable[..., Conversation]) -> None:
    talk = listen(stream_drain=NAMED)
    talk.proxy.leaves()
    talk.proxy.wait(10)
    assert ended(talk) == []


@pytest.mark.parametrize("listen", ENDS.values(), ids=ENDS)
def test_where_nothing_is_named_all_are_waited_for(listen: Callable[..., Conversation]) -> None:
    talk = listen()
    talk.proxy.leaves()
    talk.proxy.wait(10)
    assert ended(talk) == []


@pytest.mark.parametrize("listen", ENDS.values(), ids=ENDS)
def test_it_goes_on_when_the_drain_is_taken_back(listen: Callable[..., Conversation]) -> None:
    talk = listen(stream_drain=NAMED)
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.proxy.wait(10)
    assert ended(talk) == []


@pytest.mark.parametrize("listen", ENDS.values(), ids=ENDS)
def test_the_next_drain_looks_for_a_pause_of_its_own(listen: Callable[..., Conversation]) -> None:
    talk = listen(stream_drain=NAMED)
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.proxy.wait(10)
    talk.proxy.leaves()
    assert ended(talk) == []
    talk.proxy.wait(0.75)
    assert ended(talk) == ["goodbye"]


@pytest.mark.parametrize("listen", ENDS.values(), ids=ENDS)
def test_no_age_and_no_cut_ends_it_as_if_it_were_whole(listen: Callable[..., Conversation]) -> None:
    talk = listen(stream_drain=NAMED)
    talk.proxy.says_last_goodbyes()
    talk.proxy.aborts()
    assert ended(talk) == ["cut"]
    assert END not in talk.client_got()
    assert goodbyes(talk).get(("http1", "drain"), 0) == 0


def test_what_flows_without_a_pause_ends_between_two_chunks() -> None:
    talk = over_http1("/watch", stream_drain=NAMED)
    talk.proxy.leaves()
    got = b""
    for _ in range(8):
        talk.app_sends(chunk(LINE)[:-4], chunk(LINE)[-4:])
        talk.proxy.wait(0.25)
        got += talk.client_got()
    talk.proxy.wait(0.25)
    got += talk.client_got()
    assert got == chunk(LINE) * 8 + END


def test_it_does_not_end_inside_a_chunk() -> None:
    talk = over_http1("/watch", stream_drain=NAMED)
    talk.proxy.leaves()
    talk.app_sends(chunk(LINE)[:5])
    talk.proxy.wait(5)
    assert ended(talk) == []
    talk.app_sends(chunk(LINE)[5:])
    talk.proxy.wait(0.75)
    assert talk.client_got() == chunk(LINE) + END


def test_the_next_request_on_its_connection_hears_close() -> None:
    talk = over_http1("/watch", stream_drain=NAMED)
    talk.proxy.leaves()
    talk.proxy.wait(0.75)
    talk.client_got()
    talk.client_sends(request())
    talk.app_sends(head("HTTP/1.1 200 OK", "Content-Length: 0"))
    assert b"\r\nConnection: close\r\n" in talk.client_got()


def test_one_that_has_ended_by_itself_takes_nothing_with_it() -> None:
    talk = over_http1("/watch", stream_drain=NAMED)
    talk.proxy.leaves()
    talk.app_sends(END)
    talk.client_got()
    talk.client_sends(request("/download"))
    talk.app_sends(head("HTTP/1.1 200 OK", CHUNKED) + chunk(LINE))
    talk.proxy.wait(5)
    assert END not in talk.client_got()


def test_a_method_of_grpc_that_is_named_ends_with_unavailable() -> None:
    path = dict(CALL)[b":path"].decode()
    for streams, end in ((StreamDrain(prefixes=(path,)), True), (NAMED, False)):
        talk = begun(stream_drain=streams)
        talk.client_asks(1, CALL, end=False)
        talk.app_sends(talk.answers.headers(1, GRPC_OK) + data(1, LINE))
        talk.proxy.leaves()
        talk.proxy.wait(0.75)
        assert talk.endings == ([("grpc", "goodbye")] if end else [])


@pytest.mark.parametrize("listen", ENDS.values(), ids=ENDS)
def test_one_that_begins_late_ends_when_the_listener_closes(
    listen: Callable[..., Conversation],
) -> None:
    proxy = Proxy(stream_drain=NAMED)
    proxy.leaves()
    proxy.wait(0.5)
    talk = listen(proxy=proxy)
    proxy.wait(3)
    assert ended(talk) == []
    proxy.closes()
    proxy.wait(0.75)
    assert ended(talk) == ["goodbye"]


def test_over_http2_its_connection_parts_well() -> None:
    talk = ENDS["type over http2"](stream_drain=NAMED)
    assert isinstance(talk, Streaming)
    talk.proxy.leaves()
    assert talk.client_hears() == ASKED
    talk.client_sends(OUR_PING_ACK)
    talk.proxy.wait(0.75)
    assert talk.client.state != "open"
