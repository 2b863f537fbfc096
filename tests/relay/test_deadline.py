"""What an HTTP/1 client hears that still waits for an answer when the time to drain is over."""

import pytest

from drainproxy.drain.goodbye import DEADLINE, SIGNAL
from tests.relay.conversation import head, request
from tests.relay.http1.test_connection import POST, asked
from tests.relay.http1.test_exchange import starts
from tests.relay.upgraded import UPGRADE


@pytest.mark.parametrize("why", [DEADLINE, SIGNAL])
@pytest.mark.parametrize("part", [b"", head("HTTP/1.1 103 E"), head("HTTP/1.1 200 OK")[:-2]])
@pytest.mark.parametrize("question", [request(), request(method="HEAD"), POST, POST[:-1], UPGRADE])
def test_at_the_deadline_a_request_without_an_answer_hears_503(
    question: bytes, part: bytes, why: str
) -> None:
    """RFC 9110 15.6.4, as on a stream of HTTP/2; an empty reply is an error of the network."""
    talk = asked(question)
    talk.app_sends(part)
    for session in list(talk.proxy.context.registry.sessions):
        session.abort(why)
    talk.proxy.settle()
    answer = talk.client_got()
    if part.startswith(b"HTTP/1.1 1"):
        answer = answer.removeprefix(part)
    assert starts(answer, 503)
    assert b"\r\nConnection: close\r\n" in answer
    assert b"\r\nRetry-After: 3\r\n" in answer
    assert answer.endswith(b"\r\n\r\n") == question.startswith(b"HEAD")
    assert (talk.client.state, talk.app.state) == ("half-closed", "aborted")
    assert talk.proxy.endings == [("http1", "cut")]
    assert talk.proxy.context.ledger.cuts == {("http1", why): 1}
