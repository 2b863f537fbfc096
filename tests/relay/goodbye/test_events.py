"""An event stream ends where an event does, for a client that comes again: over any transport."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.relay.goodbye.carried import EVENT_STREAMS, ChunkedEvents, Events
from tests.relay.goodbye_model import RETRY, is_boundary

Begins = type[Events]
EVENT = b"id: 7\ndata: x\n\n"
LINE = b"data: 1\n"


def grows_old(talk: Events) -> None:
    talk.talk.session.expire("max-connection-age")
    talk.proxy.settle()


ASKS: dict[str, Callable[[Events], None]] = {
    "drain": lambda talk: talk.proxy.leaves(),
    "max-connection-age": grows_old,
    "deadline": lambda talk: talk.proxy.cuts(),
}


@pytest.fixture(params=ASKS)
def why(request: pytest.FixtureRequest) -> str:
    """Whyever it has to end, it ends in the same way."""
    chosen: str = request.param
    return chosen


def test_between_two_events_it_ends_at_once(events: Begins, why: str) -> None:
    talk = events()
    talk.app_says(EVENT)
    ASKS[why](talk)
    assert talk.client_heard() == EVENT + RETRY
    assert talk.let_go()
    assert (talk.goodbyes, talk.ending) == ({("sse", why): 1}, "goodbye")


@pytest.mark.parametrize("cut", range(1, len(EVENT)))
def test_an_event_that_is_under_way_is_finished_first(events: Begins, why: str, cut: int) -> None:
    talk = events()
    talk.app_says(EVENT[:cut])
    ASKS[why](talk)
    assert talk.client_heard() == EVENT[:cut]
    talk.app_says(EVENT[cut:])
    assert talk.client_heard() == EVENT[cut:] + RETRY
    assert talk.let_go()


def test_it_ends_where_the_event_does_and_not_where_the_bytes_do(events: Begins, why: str) -> None:
    talk = events()
    talk.app_says(LINE)
    ASKS[why](talk)
    talk.app_says(b"data: 2\n\ndata: 3\n")
    assert talk.client_heard() == LINE + b"data: 2\n\n" + RETRY
    assert talk.ending == "goodbye"


def test_a_slow_event_reaches_the_client_line_by_line(events: Begins, why: str) -> None:
    talk = events()
    talk.app_says(LINE)
    ASKS[why](talk)
    talk.app_says(LINE)
    talk.proxy.wait(0.25)
    assert talk.client_heard() == LINE * 2
    talk.app_says(b"\n")
    assert talk.client_heard() == b"\n" + RETRY


def test_behind_an_event_that_ends_inside_a_chunk_the_chunk_ends_first() -> None:
    talk = ChunkedEvents()
    whole = b"%x\r\n%b\r\n" % (len(EVENT + LINE), EVENT + LINE)
    talk.talk.app_sends(whole[: 4 + len(EVENT)])
    assert talk.talk.client_got() == whole[: 4 + len(EVENT)]
    talk.proxy.leaves()
    assert talk.talk.client_got() == b""
    talk.talk.app_sends(whole[4 + len(EVENT) :])
    assert talk.talk.client_got() == whole[4 + len(EVENT) :]
    talk.app_says(b"\n")
    assert talk.client_heard() == b"\n" + RETRY


def test_who_waits_for_the_deadline_is_told_then(events: Begins) -> None:
    talk = events(ending=frozenset())
    talk.proxy.leaves()
    assert talk.client_heard() == b""
    talk.proxy.cuts()
    assert talk.client_heard() == RETRY
    assert talk.goodbyes == {("sse", "deadline"): 1}


def test_the_first_reason_counts(events: Begins) -> None:
    talk = events()
    talk.app_says(LINE)
    talk.proxy.leaves()
    talk.proxy.cuts()
    talk.app_says(b"\n")
    assert talk.goodbyes == {("sse", "drain"): 1}


def test_what_ends_by_itself_needs_no_goodbye(events: Begins, why: str) -> None:
    talk = events()
    talk.app_says(LINE)
    ASKS[why](talk)
    talk.app_ends()
    assert talk.client_heard() == LINE
    assert talk.let_go()
    assert (talk.goodbyes, talk.ending) == ({}, "finished")


def test_a_goodbye_that_has_found_no_place_is_taken_back(events: Begins) -> None:
    talk = events()
    talk.app_says(LINE)
    talk.proxy.leaves()
    talk.app_says(LINE)
    talk.proxy.stays()
    talk.app_says(b"\n" + EVENT)
    assert talk.client_heard() == LINE * 2 + b"\n" + EVENT
    assert talk.proxy.in_flight == {"sse": 1}


def test_what_age_wants_survives_a_drain_that_is_taken_back(events: Begins) -> None:
    talk = events()
    talk.app_says(LINE)
    grows_old(talk)
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.app_says(b"\n")
    assert talk.client_heard() == LINE + b"\n" + RETRY
    assert talk.goodbyes == {("sse", "max-connection-age"): 1}


def test_it_ends_at_the_age_of_what_carries_it(events: Begins) -> None:
    talk = events(age=100)
    talk.proxy.wait(99.75)
    assert talk.client_heard() == b""
    talk.proxy.wait(0.5)
    assert talk.client_heard() == RETRY
    assert talk.goodbyes == {("sse", "max-connection-age"): 1}


def test_an_idle_stream_is_told_to_come_again(events: Begins) -> None:
    talk = events(idle_timeout=30)
    talk.app_says(EVENT)
    talk.proxy.wait(31)
    assert talk.client_heard() == EVENT + RETRY
    assert talk.let_go()
    assert (talk.goodbyes, talk.ending) == ({("sse", "idle-timeout"): 1}, "goodbye")


def test_an_event_that_does_not_go_on_is_cut_by_idle_timeout(events: Begins) -> None:
    talk = events(idle_timeout=30)
    talk.app_says(LINE)
    talk.proxy.wait(31)
    assert talk.client_heard() == LINE
    assert (talk.goodbyes, talk.ending) == ({}, "cut")


@given(
    st.sampled_from(EVENT_STREAMS),
    st.sampled_from(sorted(ASKS)),
    st.lists(st.sampled_from([LINE, b"\n", b": ping\r\n\r\n", b"id: 1\r"]), max_size=12),
    st.lists(st.integers(0, 100), max_size=8),
    st.integers(0, 9),
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_wherever_the_goodbye_comes_what_arrives_is_whole_events(
    events: Begins, why: str, lines: list[bytes], cuts: list[int], when: int
) -> None:
    talk, body = events(), b"".join(lines)
    places = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    for step, (begin, end) in enumerate(pairwise(places)):
        if step == when:
            ASKS[why](talk)
        if begin < end and not talk.ending:
            talk.app_says(body[begin:end])
    talk.proxy.wait(0.25)
    heard = talk.client_heard()
    if talk.ending:
        assert heard.endswith(RETRY)
        heard = heard.removesuffix(RETRY)
        assert is_boundary("sse", heard) or not heard.strip(b"\r\n")
        assert body.startswith(heard)
    else:
        assert heard == body
