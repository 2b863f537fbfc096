"""Age beside drains, and ages that change while connections grow old."""

from dataclasses import replace

from drainproxy.drain.aging import Aging
from drainproxy.drain.goodbye import MAX_AGE, REBALANCE
from drainproxy.relay.age import Age
from tests.relay.aged import GOODBYE, ages, change, goodbyes, one_request, opaque
from tests.relay.conversation import Conversation, request, response
from tests.relay.http1.test_connection import POST
from tests.relay.proxy import Proxy
from tests.relay.upgraded import GOING_AWAY, websocket

# Drains


def test_an_undrain_does_not_take_back_what_is_due_to_age() -> None:
    talk = Conversation(aging=ages(http1=100))
    talk.client_sends(request())
    talk.proxy.wait(100)
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.app_sends(response())
    assert talk.client_got() == GOODBYE


def test_a_drain_finds_old_connections_as_it_finds_others() -> None:
    proxy = Proxy(aging=ages(http1=100), idle_close=50)
    idle, busy, early = (Conversation(proxy=proxy) for _ in range(3))
    proxy.wait(9)
    assert one_request(idle) == response()
    busy.client_sends(request())
    early.client_sends(POST[:-1])
    proxy.wait(91)
    proxy.leaves()
    busy.app_sends(response())
    assert busy.client_got() == GOODBYE
    early.app_sends(response())
    assert early.client_got() == GOODBYE
    assert goodbyes(busy) == {("http1", "max-connection-age"): 1, ("http1", "drain"): 1}
    proxy.wait(50)
    assert idle.client.state == "closed"
    proxy.aborts()
    assert proxy.in_flight == {}
    assert proxy.endings == [("http1", "finished")] * 3


# Ages that change


def test_only_a_goodbye_that_has_become_early_is_taken_back() -> None:
    def taken_back(why: str, changed: float) -> bool:
        age = Age(0.0, 0.5)
        age.count(Aging({"http1": 100.0}), "http1", 0.0)
        if why:
            age.tell(why, 100.0)
        return age.recount(Aging({"http1": changed}), "http1", 0.0, 110.0)

    assert [taken_back(MAX_AGE, changed) for changed in (50, 110, 111)] == [False, False, True]
    assert not any(taken_back(why, changed) for why in ("", REBALANCE) for changed in (50, 200))


def test_a_new_age_holds_for_those_who_are_connected() -> None:
    proxy = Proxy(idle_timeout=1e9)
    talks = [Conversation("auto", proxy=proxy), Conversation("tcp", proxy=proxy), websocket(proxy)]
    assert one_request(talks[0]) == response()
    proxy.wait(50)
    change(proxy, ages(http1=60, tcp=60, websocket=60, grace=1))
    proxy.wait(9.75)
    assert one_request(talks[0]) == response()
    proxy.wait(0.25)
    assert one_request(talks[0]) == GOODBYE
    proxy.wait(1)
    assert talks[1].client.state == "reset"
    assert talks[2].client_got() == GOING_AWAY


def test_who_is_too_old_for_a_new_age_does_not_go_in_one_wave() -> None:
    samples = iter([0.0, 0.25, 0.75])
    proxy = Proxy(uniform=lambda: next(samples), idle_timeout=1e9)
    talks = [Conversation(proxy=proxy) for _ in range(3)]
    proxy.wait(9)
    for talk in talks:
        assert one_request(talk) == response()
    proxy.wait(1_000)
    change(proxy, ages(http1=100, jitter=0.2))
    for age, told in [(0.25, 1), (9.75, 2), (20.25, 3)]:
        proxy.wait(age)
        assert sum(talk.session.age.told_at <= proxy.time for talk in talks) == told


def test_a_goodbye_that_a_new_age_makes_early_is_not_said() -> None:
    talk = Conversation(aging=ages(http1=100))
    talk.client_sends(request())
    talk.proxy.wait(100)
    change(talk.proxy, ages(http1=200))
    talk.app_sends(response())
    assert talk.client_got() == response()
    talk.proxy.wait(100)
    assert one_request(talk) == GOODBYE
    assert goodbyes(talk) == {("http1", "max-connection-age"): 1}


def test_a_new_grace_counts_from_when_it_is_set() -> None:
    talk = opaque(ages(tcp=100))
    talk.proxy.wait(1000)
    change(talk.proxy, ages(tcp=100, grace=10))
    talk.proxy.wait(9.75)
    assert talk.client.state == "open"
    talk.proxy.wait(0.25)
    assert talk.client.state == "reset"


def test_without_the_grace_those_are_spared_who_waited_for_its_end() -> None:
    talk = opaque(ages(tcp=100, grace=10))
    talk.proxy.wait(105)
    change(talk.proxy, ages(tcp=100))
    talk.proxy.wait(1000)
    assert talk.client.state == "open"


def test_other_limits_leave_the_ages_alone() -> None:
    talk = opaque(ages(tcp=100, grace=10))
    talk.proxy.wait(105)
    talk.proxy.context.apply_limits(replace(talk.proxy.context.limits, max_connections=5))
    assert talk.proxy.context.limits.max_connections == 5
    talk.proxy.wait(5)
    assert talk.client.state == "reset"
