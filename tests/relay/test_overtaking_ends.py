"""A transport may tell of the client's end although reading is paused, as that of TLS does: what
waits for its turn then was said before."""

import pytest

from drainproxy.relay.turns import LARGE_READ
from tests.relay.conversation import Conversation, head, request, response
from tests.relay.frames import GET, OK, POST, PREFACE, SETTINGS_ACK, data, settings
from tests.relay.streams import asked, begun, leave


def overtaken(talk: Conversation, said: bytes) -> None:
    """The end comes while this waits."""
    assert len(said) >= LARGE_READ
    talk.proxy.context.turns.crowded = True
    talk.session.data_received(said)
    assert talk.session.client_rest
    assert talk.session.eof_received()
    talk.proxy.settle()


def uploading_over_http1() -> Conversation:
    talk = Conversation()
    talk.client_sends(head("POST / HTTP/1.1", "Host: a.example", f"Content-Length: {LARGE_READ}"))
    talk.app_got()
    return talk


def test_a_request_over_http1_is_read_to_its_end() -> None:
    talk = uploading_over_http1()
    overtaken(talk, b"x" * LARGE_READ)
    assert talk.app_got() == b"x" * LARGE_READ
    talk.app_sends(response())
    assert talk.client_got() == response()
    assert talk.endings == [("http1", "finished")]


def test_a_request_over_http1_that_is_not_whole_has_been_left() -> None:
    talk = Conversation()
    talk.client_sends(request())
    talk.app_sends(response())
    overtaken(talk, b"GET /" + b"x" * LARGE_READ)
    assert talk.client.state == "closed"
    assert talk.endings == [("http1", "finished")]


BODY = data(1, b"x" * 16000) * (LARGE_READ // 16000 + 1)


@pytest.mark.parametrize("leaves", [False, True])
def test_a_request_over_http2_is_read_to_its_end(leaves: bool) -> None:
    talk = asked(fields=POST, end=False)
    if leaves:
        leave(talk)
    overtaken(talk, BODY + data(1, end=True))
    assert talk.app_hears()[-1] == ("data", 1, b"", "end")
    talk.app_answers(1)
    assert ("headers", 1, OK, "end") in talk.client_hears()
    assert talk.endings == [("http2", "finished")]
    assert talk.client.state == "closed"


def test_a_connection_that_turns_out_to_be_http2_is_read_to_its_end() -> None:
    """Where only HTTP is forwarded, the first bytes are read as HTTP/1."""
    talk = Conversation("http")
    asks = talk.says.headers(1, POST)
    overtaken(talk, PREFACE + settings() + asks + BODY + data(1, end=True))
    talk.app_sends(settings() + SETTINGS_ACK)
    assert talk.app_hears()[-1] == ("data", 1, b"", "end")
    talk.app_answers(1)
    assert ("headers", 1, OK, "end") in talk.client_hears()
    assert talk.endings == [("http2", "finished")]
    assert talk.client.state == "closed"


def test_a_request_over_http2_that_is_not_whole_has_been_left() -> None:
    talk = asked(fields=POST, end=False)
    overtaken(talk, BODY)
    assert talk.app_hears()[-1][0] == "reset"
    assert talk.endings == [("http2", "client_left")]


def test_a_connection_of_http2_without_streams_is_not_ended_before_those_that_wait() -> None:
    talk = begun()
    talk.proxy.context.turns.crowded = True
    talk.session.data_received(talk.says.headers(1, POST) + BODY + data(1, end=True))
    assert talk.session.eof_received()
    talk.session.follow_up()
    talk.proxy.settle()
    assert talk.app_hears()[0] == ("headers", 1, POST)
    assert talk.in_flight == {"http2": 1}


def test_an_end_behind_what_breaks_the_rules_closes_the_connection() -> None:
    talk = asked(fields=GET)
    overtaken(talk, data(1, b"x") * LARGE_READ)
    assert talk.client_hears()[-1][0] == "goaway"
    assert talk.client.state == "closed"
