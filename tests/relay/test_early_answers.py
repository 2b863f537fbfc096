"""An exchange whose answer is out as a whole has finished, however the rest of its body ends."""

from collections.abc import Callable

import pytest

from tests.relay.conversation import Conversation, response
from tests.relay.frames import POST
from tests.relay.http1.test_connection import POST as HTTP1_POST
from tests.relay.http1.test_connection import asked as asked_over_http1
from tests.relay.streams import asked


def over_http1() -> Conversation:
    """An app has answered a request of whose body the end is missing."""
    talk = asked_over_http1(HTTP1_POST[:-1], idle_timeout=60)
    talk.app_sends(response())
    assert talk.client_got() == response()
    return talk


def over_http2() -> Conversation:
    """The same on a stream."""
    talk = asked(fields=POST, end=False, idle_timeout=60)
    talk.app_answers(body=b"early")
    assert talk.client_got()
    return talk


def deadline(talk: Conversation) -> None:
    talk.proxy.leaves()
    talk.proxy.says_last_goodbyes()
    talk.proxy.aborts()


TRANSPORTS = {"HTTP/1": over_http1, "HTTP/2": over_http2}
ENDS: dict[str, Callable[[Conversation], object]] = {
    "deadline": deadline,
    "signal": lambda talk: talk.proxy.aborts(),
    "idle-timeout": lambda talk: talk.proxy.wait(61),
    "the client resets": Conversation.client_resets,
    "the app goes": Conversation.app_resets,
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("end", ENDS)
def test_who_has_the_whole_answer_was_not_cut(transport: str, end: str) -> None:
    talk = TRANSPORTS[transport]()
    assert len(talk.proxy.endings) == 0
    ENDS[end](talk)
    talk.proxy.settle()
    assert [how for _, how in talk.proxy.endings] == ["finished"]
