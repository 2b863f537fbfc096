"""Event streams in HTTP/1: how they end for whoever must come again."""

from typing import Any

import pytest

from tests.relay.aged import CHUNKED_EVENTS, GOODBYE, LAST_EVENTS, goodbyes, one_request
from tests.relay.conversation import Conversation, chunk, request, response
from tests.relay.http1.test_connection import EVENTS

RETRY = b"retry: 550\n\n"
EVENT = b"id: 7\ndata: x\n\n"


def listening(answer: bytes = CHUNKED_EVENTS, method: str = "GET", **about: Any) -> Conversation:
    talk = Conversation(**about)
    talk.client_sends(request("/events", method=method))
    talk.app_sends(answer)
    talk.app_got()
    assert talk.client_got() == answer
    return talk


def test_between_two_events_the_stream_ends_at_once_and_whole() -> None:
    talk = listening()
    talk.app_sends(chunk(EVENT))
    talk.proxy.leaves()
    assert talk.client_got() == chunk(EVENT) + LAST_EVENTS
    assert talk.app.lost, "it need not go on"
    assert talk.proxy.endings == [("sse", "goodbye")]
    assert goodbyes(talk) == {("sse", "drain"): 1}
    assert talk.client.state == "open"


def test_the_connection_of_an_ended_stream_hears_close_with_its_next_answer() -> None:
    talk = listening()
    talk.proxy.leaves()
    talk.client_got()
    assert one_request(talk) == GOODBYE
    assert talk.client.state == "half-closed"


def test_a_chunk_is_made_shorter_where_the_event_ends_in_its_middle() -> None:
    talk = listening()
    talk.app_sends(chunk(b"data: 1\n"))
    talk.proxy.leaves()
    talk.app_sends(chunk(b"data: 2\n\ndata: 3\n") + chunk(b"\n"))
    assert talk.client_got() == chunk(b"data: 1\n") + chunk(b"data: 2\n\n") + LAST_EVENTS


def test_a_chunk_whose_head_is_out_passes_as_a_whole() -> None:
    talk = listening()
    whole = chunk(b"data: 1\n\ndata: 2\n")
    talk.app_sends(whole[:8])
    talk.proxy.leaves()
    talk.app_sends(whole[8:])
    assert talk.client_got() == whole
    talk.app_sends(chunk(b"\n"))
    assert talk.client_got() == chunk(b"\n") + LAST_EVENTS


def test_a_stream_without_chunks_ends_with_the_connection() -> None:
    talk = listening(EVENTS)
    talk.app_sends(b"data: 1")
    talk.proxy.leaves()
    talk.app_sends(b"\r\n\r\ndata: 2\r\n\r\n")
    assert talk.client_got() == b"data: 1\r\n\r\n" + RETRY
    assert talk.client.state == "half-closed"
    assert talk.proxy.endings == [("sse", "goodbye")]


def test_a_stream_that_begins_while_leaving_is_told_at_once() -> None:
    talk = Conversation()
    talk.proxy.leaves()
    talk.client_sends(request("/events"))
    talk.app_sends(CHUNKED_EVENTS)
    got = talk.client_got()
    assert b"\r\nConnection: close\r\n" in got
    assert got.endswith(LAST_EVENTS)
    assert talk.client.state == "half-closed"


def test_its_first_event_comes_with_it() -> None:
    talk = Conversation()
    talk.proxy.leaves()
    talk.client_sends(request("/events"))
    talk.app_sends(CHUNKED_EVENTS + chunk(EVENT * 2))
    assert talk.client_got().endswith(chunk(EVENT) + LAST_EVENTS)


@pytest.mark.parametrize(
    ("answer", "method"),
    [
        (CHUNKED_EVENTS, "POST"),
        (CHUNKED_EVENTS[:-2] + b"Content-Encoding: gzip\r\n\r\n", "GET"),
    ],
    ids=["nobody asks for the rest", "its events cannot be seen"],
)
def test_what_cannot_be_ended_without_a_loss_is_waited_for(answer: bytes, method: str) -> None:
    talk = Conversation()
    talk.client_sends(request("/tokens", method=method))
    talk.app_sends(answer)
    talk.proxy.leaves()
    talk.app_sends(chunk(EVENT) + b"0\r\n\r\n")
    assert talk.client_got() == answer + chunk(EVENT) + b"0\r\n\r\n"
    assert talk.proxy.endings == [("sse", "finished")]


def test_events_after_a_stream_that_ended_are_another_stream() -> None:
    talk = listening()
    talk.app_sends(b"0\r\n\r\n")
    talk.client_got()
    assert one_request(talk) == response()
    talk.proxy.leaves()
    assert one_request(talk) == GOODBYE
