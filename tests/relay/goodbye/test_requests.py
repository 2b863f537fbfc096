"""Plain requests: a goodbye loses no answer, and the connection ends behind the last one."""

from itertools import product

import pytest

from drainproxy.drain.goodbye import DEADLINE, DRAIN, IDLE, MAX_AGE, SIGNAL
from drainproxy.relay.goodbye.requests import APP_IS_LATE, app_owes, overdue_answer, why_last
from tests.relay.aged import ages, change
from tests.relay.carried import AGE, REBALANCE
from tests.relay.connected import Connected
from tests.relay.proxy import Proxy

Opens = type[Connected]
ASKS = (AGE, REBALANCE, DRAIN)
SENT_AND_TAKES = list(product((False, True), repeat=2))


@pytest.fixture(params=ASKS)
def why(request: pytest.FixtureRequest) -> str:
    """Whyever it has to go, it goes in the same way."""
    chosen: str = request.param
    return chosen


def test_what_is_in_flight_is_answered_and_the_connection_ends(connected: Opens, why: str) -> None:
    talk = connected()
    talk.asks()
    talk.asked_to_end(why)
    talk.proxy.wait(10)
    assert talk.proxy.in_flight == {talk.kind: 1}
    talk.app_answers()
    assert talk.client_got() == [200]
    assert talk.was_told
    assert talk.is_over()
    assert talk.goodbyes == {(talk.kind, why): 1}
    assert talk.proxy.endings == [(talk.kind, "finished")]


def test_a_body_that_has_begun_reaches_the_app_and_its_answer_the_client(
    connected: Opens, why: str
) -> None:
    talk = connected()
    talk.begins_to_ask()
    talk.asked_to_end(why)
    talk.proxy.wait(10)
    talk.ends_asking()
    talk.app_answers()
    assert talk.client_got() == [200]
    assert talk.app_got_body()
    assert talk.is_over()
    assert talk.proxy.endings == [(talk.kind, "finished")]


def test_who_has_just_been_answered_may_ask_once_more(connected: Opens, why: str) -> None:
    """The next request may be on its way: nobody's connection is closed under his feet."""
    talk = connected(idle_close=5)
    talk.asks()
    talk.app_answers()
    assert talk.client_got() == [200]
    talk.asked_to_end(why)
    talk.proxy.wait(4)
    assert not talk.is_over()
    talk.asks()
    talk.app_answers()
    assert talk.client_got() == [200]
    assert talk.was_told
    assert talk.is_over()


def test_who_asks_for_nothing_more_is_closed_after_idle_close(connected: Opens, why: str) -> None:
    talk = connected(idle_close=5)
    talk.asks()
    talk.app_answers()
    talk.asked_to_end(why)
    talk.proxy.wait(4.75)
    assert not talk.is_over()
    talk.proxy.wait(1.25)
    assert talk.is_over()
    assert talk.proxy.endings == [(talk.kind, "finished")]


def test_it_is_told_at_its_age_and_not_before(connected: Opens) -> None:
    talk = connected(age=100, idle_timeout=1e9)
    for moment in (0, 99.5):
        talk.proxy.wait(moment)
        talk.asks()
        talk.app_answers()
        assert talk.client_got() == [200]
    assert (talk.was_told, talk.goodbyes) == (False, {})
    talk.asks()
    talk.proxy.wait(0.5)
    talk.app_answers()
    assert talk.client_got() == [200]
    assert talk.was_told
    assert talk.goodbyes == {(talk.kind, MAX_AGE): 1}


def test_without_a_grace_an_answer_takes_as_long_as_it_takes(connected: Opens) -> None:
    talk = connected(age=100, idle_timeout=1e9)
    talk.asks()
    talk.proxy.wait(1_000)
    assert talk.proxy.in_flight == {talk.kind: 1}
    talk.app_answers()
    assert talk.client_got() == [200]


def test_who_has_no_answer_after_the_grace_hears_503_and_is_cut(connected: Opens) -> None:
    talk = connected(age=100, grace=30)
    talk.asks()
    talk.proxy.wait(129.75)
    assert talk.client_got() == []
    talk.proxy.wait(0.25)
    assert talk.client_got() == [503]
    assert talk.is_over()
    assert talk.proxy.endings == [(talk.kind, "cut")]
    assert talk.proxy.books.cuts == {(talk.kind, MAX_AGE): 1}


@pytest.mark.parametrize("leaving", [False, True])
def test_who_has_no_answer_at_the_deadline_hears_503_and_is_cut(
    connected: Opens, leaving: bool
) -> None:
    talk = connected()
    talk.asks()
    if leaving:
        talk.proxy.leaves()
    talk.proxy.says_last_goodbyes()
    talk.proxy.aborts()
    assert talk.client_got() == [503]
    assert talk.is_over()
    assert talk.proxy.endings == [(talk.kind, "cut")]
    assert talk.proxy.books.cuts == {(talk.kind, DEADLINE): 1}


def test_who_is_idle_at_the_deadline_was_not_cut(connected: Opens) -> None:
    talk = connected()
    talk.asks()
    talk.app_answers()
    talk.proxy.says_last_goodbyes()
    talk.proxy.aborts()
    assert talk.is_over()
    assert talk.proxy.endings == [(talk.kind, "finished")]
    assert talk.proxy.books.cuts == {}


def test_a_drain_says_nothing_to_who_has_heard_it_for_age(connected: Opens) -> None:
    talk = connected(age=100)
    talk.asks()
    talk.proxy.wait(100)
    talk.proxy.leaves()
    talk.app_answers()
    assert talk.client_got() == [200]
    assert talk.goodbyes == {(talk.kind, MAX_AGE): 1}


def test_what_age_wants_survives_a_drain_that_is_taken_back(connected: Opens) -> None:
    talk = connected(age=100)
    talk.asks()
    talk.proxy.wait(100)
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.app_answers()
    assert talk.client_got() == [200]
    assert talk.is_over()
    assert talk.goodbyes == {(talk.kind, MAX_AGE): 1}


def test_a_new_age_holds_for_those_who_are_there(connected: Opens) -> None:
    talk = connected(idle_timeout=1e9)
    talk.asks()
    talk.proxy.wait(50)
    change(talk.proxy, ages(**{talk.kind: 60}))
    talk.proxy.wait(10)
    talk.app_answers()
    assert talk.client_got() == [200]
    assert talk.goodbyes == {(talk.kind, MAX_AGE): 1}


def test_who_was_waiting_when_the_listener_closed_is_served_and_told(connected: Opens) -> None:
    proxy = Proxy()
    proxy.leaves()
    proxy.closes()
    proxy.wait(0.25)
    talk = connected(proxy=proxy)
    talk.asks()
    talk.app_answers()
    assert talk.client_got() == [200]
    assert talk.was_told
    assert talk.is_over()
    assert talk.goodbyes == {(talk.kind, DRAIN): 1}


def test_an_app_that_owes_its_answer_for_idle_timeout_is_at_fault(connected: Opens) -> None:
    talk = connected(idle_timeout=60)
    talk.asks()
    talk.proxy.wait(61)
    assert talk.client_got() == [504]
    assert talk.proxy.endings == [(talk.kind, "app_left")]


def test_a_client_that_does_not_end_its_request_within_idle_timeout_hears_408(
    connected: Opens,
) -> None:
    """RFC 9110 15.5.9."""
    talk = connected(idle_timeout=60)
    talk.begins_to_ask()
    talk.proxy.wait(61)
    assert talk.client_got() == [408]
    assert talk.is_over()
    assert talk.proxy.endings == [(talk.kind, "cut")]


def test_an_app_that_takes_no_more_of_a_request_within_idle_timeout_is_at_fault(
    connected: Opens,
) -> None:
    """RFC 9110 15.6.5."""
    talk = connected(idle_timeout=60)
    talk.asks_more_than_the_app_takes()
    talk.proxy.wait(121)
    assert talk.client_got() == [504]
    assert talk.proxy.endings == [(talk.kind, "app_left")]


def test_the_app_owes_the_answer_to_what_it_has_and_to_what_it_does_not_take() -> None:
    laws = {(sent, takes): app_owes(sent=sent, takes=takes) for sent, takes in SENT_AND_TAKES}
    assert [each for each, owed in laws.items() if not owed] == [(False, True)]
    assert overdue_answer(IDLE, owed=True) == APP_IS_LATE
    assert overdue_answer(IDLE, owed=False)[0] == 408


@pytest.mark.parametrize("owed", [True, False])
def test_when_time_is_up_who_has_no_answer_may_ask_elsewhere(owed: bool) -> None:
    for why in (DEADLINE, SIGNAL, MAX_AGE, ""):
        status, reason = overdue_answer(why, owed=owed)
        assert (status, bool(reason)) == (503, True)


def test_the_last_answer_is_one_behind_which_no_request_is_lost() -> None:
    for age, drain, sent in product(("", MAX_AGE), ("", DRAIN), (False, True)):
        assert why_last(age, drain, sent=sent, next_is_here=True) == ""
    assert why_last(MAX_AGE, "", sent=True, next_is_here=False) == MAX_AGE
    assert why_last(MAX_AGE, "", sent=False, next_is_here=False) == ""
    assert why_last(MAX_AGE, DRAIN, sent=False, next_is_here=False) == DRAIN
    assert why_last("", DRAIN, sent=True, next_is_here=False) == DRAIN
