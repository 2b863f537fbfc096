"""Who waits since max-streams are open is counted and said, where the limit is ours."""

from typing import Any

import pytest

from tests.relay.budgets import PEER, noticed
from tests.relay.conversation import Conversation
from tests.relay.frames import GET, MAX_STREAMS, SETTINGS_ACK, settings
from tests.relay.streams import asked


def reached(talk: Conversation) -> int:
    return talk.proxy.context.counters.max_streams_reached


def with_room_in_the_app(most: int | None, **limits: Any) -> Conversation:
    """The app says how many streams it takes, or nothing of it."""
    talk = Conversation("auto", **limits)
    talk.client_begins()
    talk.app_sends(settings(None if most is None else {MAX_STREAMS: most}) + SETTINGS_ACK)
    talk.client_sends(SETTINGS_ACK)
    return talk


def test_by_default_the_256th_stream_is_the_last_and_the_257th_would_wait() -> None:
    talk = with_room_in_the_app(1000)
    said = noticed(talk)
    for stream in range(1, 511, 2):
        talk.client_asks(stream)
    assert (reached(talk), said) == (0, [])
    talk.client_asks(511)
    assert (reached(talk), said) == (1, [("max-streams", PEER, 256, "further streams wait")])
    assert talk.rejected == {}


@pytest.mark.parametrize("app_takes", [None, 4, 1000])
def test_the_last_stream_that_there_may_be_is_counted_and_said_with_the_peer(
    app_takes: int | None,
) -> None:
    talk = with_room_in_the_app(app_takes, max_streams=3)
    said = noticed(talk)
    for stream in (1, 3):
        talk.client_asks(stream)
    assert (reached(talk), said) == (0, [])
    talk.client_asks(5)
    assert (reached(talk), said) == (1, [("max-streams", PEER, 3, "further streams wait")])
    assert talk.rejected == {}


def test_each_time_is_counted_and_the_first_one_said() -> None:
    talk = with_room_in_the_app(None, max_streams=2)
    said = noticed(talk)
    talk.client_asks(1)
    for stream in range(3, 203, 2):
        talk.client_asks(stream)
        talk.app_answers(stream)
    assert (reached(talk), len(said)) == (100, 1)


@pytest.mark.parametrize("app_takes", [1, 2, 3])
def test_a_limit_of_the_apps_own_is_not_ours(app_takes: int) -> None:
    talk = with_room_in_the_app(app_takes, max_streams=3)
    said = noticed(talk)
    for stream in (1, 3, 5):
        talk.client_asks(stream)
    assert (reached(talk), said) == (0, [])


def test_an_app_that_changes_its_limit_is_taken_at_its_last_word() -> None:
    talk = with_room_in_the_app(2, max_streams=2)
    talk.client_asks(1)
    talk.client_asks(3)
    assert reached(talk) == 0
    talk.app_answers(3)
    talk.app_sends(settings({MAX_STREAMS: 100}) + settings())
    talk.client_asks(5)
    assert reached(talk) == 1
    talk.app_answers(5)
    talk.app_sends(settings({MAX_STREAMS: 2}))
    talk.client_asks(7)
    assert reached(talk) == 1


def test_what_is_pushed_takes_no_place_and_is_not_counted() -> None:
    talk = asked(max_streams=2)
    talk.app_sends(talk.answers.push(1, 2, GET))
    assert reached(talk) == 0
    talk.client_asks(3)
    assert reached(talk) == 1


def test_a_client_that_does_not_know_the_limit_is_refused_and_said_once() -> None:
    talk = Conversation("auto", max_streams=2)
    said = noticed(talk)
    talk.client_begins(*[GET] * 50)
    assert (reached(talk), len(said)) == (1, 1)
    assert talk.rejected == {"max-streams": 48}
