"""An app that says its SETTINGS late: what has waited for them stands before all else it says."""

import pytest

from tests.relay.conversation import Conversation
from tests.relay.frames import MAX_STREAMS, NO_ERROR, OK, goaway, reset, settings


@pytest.mark.parametrize("values", [{}, {MAX_STREAMS: 100}], ids=["no limit", "a limit"])
def test_our_answer_comes_before_what_the_app_makes_of_its_stream(
    values: dict[int, int],
) -> None:
    """RFC 9113 8.1: an app that wants no more of a request answers, and resets with NO_ERROR; to a
    client that has no answer yet that would be the end of its stream."""
    talk = Conversation("auto", request_timeout=1)
    talk.client_begins()
    talk.client_asks(1)
    talk.proxy.wait(1.25)
    assert talk.client_hears() == []
    talk.app_sends(
        settings(values)
        + talk.answers.headers(1, OK, end=True)
        + reset(1, NO_ERROR)
        + goaway(0, NO_ERROR)
    )
    heard = [each[0] for each in talk.client_hears()]
    assert heard[:2] == ["settings", "headers"]
    assert heard.index("goaway") > 1
    assert talk.in_flight == {}


def test_a_client_that_was_not_read_is_read_again() -> None:
    talk = Conversation("auto")
    talk.client_begins()
    stream = 1
    while talk.client.is_reading():
        talk.client_asks(stream, ((b":method", b"CONNECT"), (b":authority", b"a")))
        stream += 2
    talk.app_sends(settings({MAX_STREAMS: 100}))
    assert talk.client.is_reading()
    assert talk.session.outbound.waiting == 0
    assert [each[0] for each in talk.client_hears()] == ["settings", *["headers"] * (stream // 2)]
