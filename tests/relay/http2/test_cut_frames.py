"""Where an app's frame is cut nothing more can be said, and its client can tell (RFC 9113 8.1)."""

from collections.abc import Callable

import pytest

from tests.relay.conversation import Conversation
from tests.relay.frames import OK, data, goaway
from tests.relay.streams import asked, parted

WAYS: dict[str, Callable[[Conversation], None]] = {
    "ends": Conversation.app_ends,
    "resets": Conversation.app_resets,
}


def is_cut(talk: Conversation) -> bool:
    """Whether the client has got the end of its connection in the middle of a frame."""
    talk.client_hears()
    return talk.client.state == "half-closed" and not talk.says.between_frames


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("end", [True, False])
def test_the_app_goes_in_the_middle_of_a_frame_and_the_client_can_tell(way: str, end: bool) -> None:
    talk = asked()
    talk.app_sends(talk.answers.headers(1, OK) + data(1, b"x" * 100, end=end)[:50])
    WAYS[way](talk)
    assert is_cut(talk)
    assert talk.endings == [("http2", "app_left")]
    talk.proxy.wait(5.25)
    assert talk.proxy.context.registry.sessions == set()


@pytest.mark.parametrize("way", WAYS)
def test_answers_that_are_finished_still_get_to_a_client_that_reads_slowly(way: str) -> None:
    """A reset would take them away; of the frame that is cut it can tell (RFC 9113 8.1)."""
    talk = asked(1, 3)
    talk.client_stops_reading()
    talk.app_answers(1, b"x" * 9000)
    talk.app_sends(talk.answers.headers(3, OK) + data(3, b"y" * 100, end=True)[:50])
    WAYS[way](talk)
    talk.client_reads()
    assert talk.client_hears() == [
        ("headers", 1, OK),
        ("data", 1, b"x" * 9000, "end"),
        ("headers", 3, OK),
    ]
    assert is_cut(talk)
    assert talk.endings == [("http2", "finished"), ("http2", "app_left")]


def test_nobody_waits_for_a_client_that_does_not_read_them_at_all() -> None:
    talk = asked(1, 3)
    talk.client_stops_reading()
    talk.app_answers(1, b"x" * 9000)
    talk.app_sends(talk.answers.headers(3, OK) + data(3, b"y" * 100)[:50])
    talk.app_ends()
    talk.proxy.wait(11)
    assert talk.client.state == "reset"


@pytest.mark.parametrize("way", WAYS)
def test_the_app_goes_in_the_middle_of_the_last_frame_of_all(way: str) -> None:
    talk = parted()
    talk.app_sends(goaway(1) + talk.answers.headers(1, OK) + data(1, b"x" * 100, end=True)[:50])
    WAYS[way](talk)
    assert is_cut(talk)
    assert talk.endings == [("http2", "app_left")]


def test_after_the_deadline_what_is_in_the_middle_of_a_frame_ends_there() -> None:
    talk = asked()
    talk.app_sends(talk.answers.headers(1, OK) + data(1, b"x" * 100)[:50])
    talk.proxy.says_last_goodbyes()
    talk.proxy.aborts()
    assert talk.client_hears() == [("headers", 1, OK)]
    assert not talk.says.between_frames
    assert talk.client.state == "closed"
    assert talk.endings == [("http2", "cut")]
