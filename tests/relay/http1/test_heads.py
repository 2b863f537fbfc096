"""Heads are remembered, since clients repeat themselves, and long ones are not."""

from drainproxy.relay.http1.heads import LONGEST_REMEMBERED
from drainproxy.relay.http1.state import NO_ANSWER
from drainproxy.wire.sniff import HTTP2_PREFACE
from tests.relay.conversation import Conversation, request, response


def test_a_long_head_is_not_remembered_and_the_next_request_is_read_as_any_other() -> None:
    talk = Conversation()
    long = request("/", "Cookie: " + "c" * LONGEST_REMEMBERED)
    for _ in range(2):
        talk.client_sends(long)
        assert talk.session.heads.sent.startswith(b"GET / ")
        talk.app_sends(response())
        assert talk.session.heads.sent == b""
        assert talk.session.heads.asked.head == b""
    talk.client_sends(request(), request())
    assert talk.session.heads.asked.head == request()


def test_behind_a_long_head_that_was_forgotten_nobody_changes_to_http2() -> None:
    talk = Conversation()
    talk.client_sends(request("/", "Cookie: " + "c" * LONGEST_REMEMBERED))
    talk.app_sends(response())
    talk.client_got()
    talk.client_sends(HTTP2_PREFACE)
    assert talk.client_got().startswith(b"HTTP/1.1 505 ")


def test_a_long_head_of_an_answer_is_not_remembered() -> None:
    talk = Conversation()
    talk.client_sends(request())
    talk.app_sends(response(200, "X-Long: " + "x" * LONGEST_REMEMBERED))
    assert talk.session.heads.answered_head == b""


def test_empty_lines_before_a_request_are_passed_over_but_not_without_end() -> None:
    """RFC 9112 2.2: at least one; as many as a head may have bytes nobody means."""
    talk = Conversation(max_header_bytes=65536)
    talk.client_sends(b"\r\n" * 32768, request())
    assert talk.app_got() == request()
    flood = Conversation(max_header_bytes=65536)
    flood.client_sends(b"\r\n" * 32769)
    assert flood.client_got().startswith(b"HTTP/1.1 400 ")


def test_an_answer_that_announces_a_body_it_cannot_have_goes_on_without_the_announcement() -> None:
    """RFC 9112 6.1: clients that believe it wait for a chunk."""
    talk = Conversation()
    for status in b"204 No", b"304 Same", b"204 No":
        talk.client_sends(request())
        talk.app_sends(b"HTTP/1.1 %b\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n" % status)
        assert talk.client_got() == b"HTTP/1.1 %b\r\nA: b\r\n\r\n" % status
        assert talk.session.heads.answered is None


def test_the_rest_of_a_head_may_look_like_the_head_of_the_answer_before() -> None:
    talk = Conversation()
    for _ in range(2):
        talk.client_sends(request())
        talk.app_sends(response())
        assert talk.client_got() == response()
    talk.client_sends(request())
    talk.app_sends(b"HTTP/1.1 404 No\r\nX-Log: ")
    assert talk.client_got() == b""
    talk.app_sends(response())
    assert talk.client_got() == b"HTTP/1.1 404 No\r\nX-Log: " + response()


def test_the_answer_to_head_has_no_body_though_its_head_came_before_with_one() -> None:
    """RFC 9110 9.3.2."""
    talk = Conversation()
    talk.client_sends(request())
    talk.app_sends(response())
    talk.client_got()
    answer_head = response().partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    for sent in (request().replace(b"GET", b"HEAD", 1), request()):
        talk.client_sends(sent)
        talk.app_sends(answer_head if b"HEAD" in sent else response())
        assert talk.session.answer_state is NO_ANSWER
