"""Ages that come beside a drain, or change while a goodbye waits: for every kind of stream that is
told in its middle, over every transport."""

from typing import NamedTuple

import pytest

from drainproxy.drain.goodbye import DRAIN, MAX_AGE
from tests.relay.aged import ages, change
from tests.relay.carried import EVENT_STREAMS, WEBSOCKETS, Carried
from tests.relay.kinds import RETRY
from tests.relay.upgraded import FRAGMENT, GOING_AWAY, LAST_FRAGMENT

Opens = type[Carried]
pytestmark = pytest.mark.parametrize(
    "opens", [*WEBSOCKETS, *EVENT_STREAMS], ids=lambda each: each.__name__
)


class Words(NamedTuple):
    """Something that is half said, its end, and the goodbye that may follow then."""

    half: bytes
    rest: bytes
    goodbye: bytes


WORDS = {
    "websocket": Words(FRAGMENT, LAST_FRAGMENT, GOING_AWAY),
    "sse": Words(b"data: 1\n", b"\n", RETRY),
}


def half_said(opens: Opens, age: float = 100) -> tuple[Carried, Words]:
    """No goodbye may stand here."""
    talk = opens(age=age, idle_timeout=1e9)
    words = WORDS[talk.kind]
    talk.app_sends(words.half)
    assert talk.client_got() == words.half
    return talk, words


def is_told(talk: Carried, words: Words, why: str) -> None:
    """As soon as the rest has come, and for this reason."""
    assert talk.client_got() == b""
    talk.app_sends(words.rest)
    talk.proxy.wait(0.25)
    assert talk.client_got() == words.rest + words.goodbye
    assert talk.goodbyes == {(talk.kind, why): 1}


def is_not_told(talk: Carried, words: Words) -> None:
    talk.app_sends(words.rest)
    talk.proxy.wait(10)
    assert talk.client_got() == words.rest
    assert talk.goodbyes == {}
    assert talk.is_in_flight()


def test_a_goodbye_that_is_due_to_age_survives_a_drain_that_is_taken_back(opens: Opens) -> None:
    talk, words = half_said(opens)
    talk.proxy.wait(100)
    talk.proxy.leaves()
    talk.proxy.stays()
    is_told(talk, words, MAX_AGE)


def test_a_drain_that_is_taken_back_leaves_what_age_wants_by_then(opens: Opens) -> None:
    talk, words = half_said(opens)
    talk.proxy.wait(99)
    talk.proxy.leaves()
    talk.proxy.wait(1)
    talk.proxy.stays()
    talk.proxy.wait(1)
    is_told(talk, words, MAX_AGE)


def test_a_drain_that_is_taken_back_before_the_age_tells_nobody(opens: Opens) -> None:
    talk, words = half_said(opens)
    talk.proxy.leaves()
    talk.proxy.wait(1)
    talk.proxy.stays()
    is_not_told(talk, words)


def test_a_new_age_holds_for_those_who_are_there(opens: Opens) -> None:
    talk, words = half_said(opens, age=0)
    talk.app_sends(words.rest)
    assert talk.client_got() == words.rest
    talk.proxy.wait(50)
    change(talk.proxy, ages(**{talk.aged_as: 60}))
    talk.proxy.wait(9.75)
    assert talk.client_got() == b""
    talk.proxy.wait(0.5)
    assert talk.client_got() == words.goodbye
    assert talk.goodbyes == {(talk.kind, MAX_AGE): 1}


@pytest.mark.parametrize("later", [0, 200])
def test_a_goodbye_that_a_new_age_makes_early_is_not_said(opens: Opens, later: float) -> None:
    talk, words = half_said(opens)
    talk.proxy.wait(100)
    change(talk.proxy, ages(**{talk.aged_as: later}))
    is_not_told(talk, words)


def test_a_new_age_does_not_take_the_goodbye_of_a_drain_back(opens: Opens) -> None:
    talk, words = half_said(opens, age=0)
    talk.proxy.leaves()
    change(talk.proxy, ages(**{talk.aged_as: 200}))
    is_told(talk, words, DRAIN)


def test_nor_that_of_one_that_was_too_old_already(opens: Opens) -> None:
    talk, words = half_said(opens)
    talk.proxy.wait(100)
    talk.proxy.leaves()
    change(talk.proxy, ages())
    talk.app_sends(words.rest)
    talk.proxy.wait(0.25)
    assert talk.client_got() == words.rest + words.goodbye


def test_a_goodbye_that_waits_keeps_nobody_who_is_idle(opens: Opens) -> None:
    """The app hangs in the middle of what it says, so the goodbye never has its place."""
    talk = opens(age=3, idle_timeout=60)
    talk.app_sends(WORDS[talk.kind].half)
    talk.proxy.wait(59)
    assert talk.is_in_flight()
    talk.proxy.wait(12)
    assert not talk.is_in_flight()
    talk.proxy.wait(6)
    assert talk.proxy.context.registry.sessions == set()
