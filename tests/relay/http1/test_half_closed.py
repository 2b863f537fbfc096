"""A client that half-closes behind its last request gets every answer (RFC 9112 9.6)."""

import pytest

from tests.relay.conversation import Conversation, chunk, request, response

# More chunks than are read in one turn of the loop, and none that are found as a run
# (`wire.chunked`).
CHUNKED = request("/upload", "Transfer-Encoding: chunked", method="POST")
UPLOAD = CHUNKED + b"01\r\nx\r\n" * 1900 + chunk(b"")
COUNTED = request("/upload", method="POST", body=b"x" * 60_000)


def drained(talk: Conversation, answers: int) -> bytes:
    """What the app got, which has answered everything."""
    got = b""
    for _ in range(answers):
        got += talk.app_got()
        talk.app_sends(response())
    return got


@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize(
    "last", [request("/last"), UPLOAD, COUNTED], ids=["get", "chunks", "length"]
)
def test_all_that_came_with_the_end_is_answered(last: bytes, before: int) -> None:
    talk = Conversation()
    asked = request() * before + last
    talk.client_sends(asked)
    talk.client_ends()
    assert drained(talk, before + 1) == asked
    assert talk.client_got() == response() * (before + 1)
    assert talk.client.state == "closed"
    assert talk.proxy.endings == [("http1", "finished")] * (before + 1)


@pytest.mark.parametrize("missing", [1, 5, 9_000])
@pytest.mark.parametrize("upload", [UPLOAD, COUNTED], ids=["chunks", "length"])
def test_an_upload_that_can_never_be_whole_is_not_waited_for(upload: bytes, missing: int) -> None:
    talk = Conversation()
    talk.client_sends(request() + upload[:-missing])
    talk.client_ends()
    talk.app_sends(response())
    assert talk.client_got() == response()
    assert talk.client.state == "closed"
    assert talk.app.state == "aborted"
    assert talk.proxy.endings == [("http1", "finished"), ("http1", "client_left")]


def test_an_upload_is_answered_though_its_app_accepts_late() -> None:
    talk = Conversation(app_listens=False)
    talk.client_sends(UPLOAD)
    talk.client_ends()
    talk.app_accepts()
    assert talk.app_got() == UPLOAD
    talk.app_sends(response())
    assert talk.client_got() == response()


def test_an_early_answer_to_an_upload_that_is_whole_is_no_reason_to_break_off() -> None:
    talk = Conversation()
    talk.client_sends(request() + UPLOAD)
    talk.client_ends()
    talk.app.sends(response())
    talk.proxy.soon.popleft()()
    assert len(talk.session.client_rest) > 0
    talk.app_sends(response())
    assert talk.client_got() == response() * 2
    assert talk.proxy.endings == [("http1", "finished")] * 2
