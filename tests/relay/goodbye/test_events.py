"""An event stream ends where an event does, for a client that comes again: over any transport."""

import pytest

from tests.relay.carried import AGE, DEADLINE, DRAIN, ChunkedEvents, Events
from tests.relay.kinds import RETRY, RETRY_LATER

Begins = type[Events]
EVENT = b"id: 7\ndata: x\n\n"
LINE = b"data: 1\n"


# After how many milliseconds a client comes again, by the luck of these tests: whoever has its own
# turn after 100 to 1000, and after 1000 to 5000 if all end at once.
RETRIES = {DRAIN: RETRY, AGE: RETRY, DEADLINE: RETRY_LATER}


@pytest.fixture(params=RETRIES)
def why(request: pytest.FixtureRequest) -> str:
    """Whyever it has to end, it ends in the same way."""
    chosen: str = request.param
    return chosen


def test_between_two_events_it_ends_at_once(events: Begins, why: str) -> None:
    talk = events()
    talk.app_sends(EVENT)
    talk.asked_to_end(why)
    assert talk.client_got() == EVENT + RETRIES[why]
    assert talk.is_over()
    assert (talk.goodbyes, talk.ending) == ({("sse", why): 1}, "goodbye")


def test_where_a_drain_says_all_goodbyes_at_once_they_come_back_later(events: Begins) -> None:
    talk = events(goodbyes_are_spread=False)
    talk.app_sends(EVENT)
    talk.asked_to_end(DRAIN)
    assert talk.client_got() == EVENT + RETRY_LATER
    old = events(goodbyes_are_spread=False)
    old.app_sends(EVENT)
    old.asked_to_end(AGE)
    assert old.client_got() == EVENT + RETRY, "an age comes to each in its own time"


@pytest.mark.parametrize("cut", range(1, len(EVENT)))
def test_an_event_that_is_under_way_is_finished_first(events: Begins, why: str, cut: int) -> None:
    talk = events()
    talk.app_sends(EVENT[:cut])
    talk.asked_to_end(why)
    assert talk.client_got() == EVENT[:cut]
    talk.app_sends(EVENT[cut:])
    assert talk.client_got() == EVENT[cut:] + RETRIES[why]
    assert talk.is_over()


def test_it_ends_where_the_event_does_and_not_where_the_bytes_do(events: Begins, why: str) -> None:
    talk = events()
    talk.app_sends(LINE)
    talk.asked_to_end(why)
    talk.app_sends(b"data: 2\n\ndata: 3\n")
    assert talk.client_got() == LINE + b"data: 2\n\n" + RETRIES[why]
    assert talk.ending == "goodbye"


def test_a_slow_event_reaches_the_client_line_by_line(events: Begins, why: str) -> None:
    talk = events()
    talk.app_sends(LINE)
    talk.asked_to_end(why)
    talk.app_sends(LINE)
    talk.proxy.wait(0.25)
    assert talk.client_got() == LINE * 2
    talk.app_sends(b"\n")
    assert talk.client_got() == b"\n" + RETRIES[why]


def test_behind_an_event_that_ends_inside_a_chunk_the_chunk_ends_first() -> None:
    talk = ChunkedEvents()
    whole = b"%x\r\n%b\r\n" % (len(EVENT + LINE), EVENT + LINE)
    talk.talk.app_sends(whole[: 4 + len(EVENT)])
    assert talk.talk.client_got() == whole[: 4 + len(EVENT)]
    talk.proxy.leaves()
    assert talk.talk.client_got() == b""
    talk.talk.app_sends(whole[4 + len(EVENT) :])
    assert talk.talk.client_got() == whole[4 + len(EVENT) :]
    talk.app_sends(b"\n")
    assert talk.client_got() == b"\n" + RETRY


def test_who_waits_for_the_deadline_is_told_then(events: Begins) -> None:
    talk = events(kinds_ended_by_drain=frozenset())
    talk.proxy.leaves()
    assert talk.client_got() == b""
    talk.proxy.says_last_goodbyes()
    assert talk.client_got() == RETRY_LATER
    assert talk.goodbyes == {("sse", "deadline"): 1}


def test_the_first_reason_counts(events: Begins) -> None:
    talk = events()
    talk.app_sends(LINE)
    talk.proxy.leaves()
    talk.proxy.says_last_goodbyes()
    talk.app_sends(b"\n")
    assert talk.goodbyes == {("sse", "drain"): 1}


@pytest.mark.parametrize(("first", "second"), [(DRAIN, AGE), (AGE, DRAIN)])
def test_of_two_that_wait_the_first_is_counted(events: Begins, first: str, second: str) -> None:
    talk = events()
    talk.app_sends(LINE)
    talk.asked_to_end(first)
    talk.asked_to_end(second)
    talk.app_sends(b"\n")
    assert talk.client_got() == LINE + b"\n" + RETRY
    assert talk.goodbyes == {("sse", first): 1}


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_line_that_ends_slowly_has_ended(events: Begins, end: bytes) -> None:
    talk = events()
    talk.app_sends(b"data: 1")
    talk.proxy.leaves()
    talk.app_sends(end)
    talk.proxy.wait(0.25)
    assert talk.client_got() == b"data: 1" + end
    talk.app_sends(end)
    assert talk.client_got() == end + RETRY


def test_what_ends_by_itself_needs_no_goodbye(events: Begins, why: str) -> None:
    talk = events()
    talk.app_sends(LINE)
    talk.asked_to_end(why)
    talk.app_ends()
    assert talk.client_got() == LINE
    assert talk.is_over()
    assert (talk.goodbyes, talk.ending) == ({}, "finished")


def test_a_goodbye_that_has_found_no_place_is_taken_back(events: Begins) -> None:
    talk = events()
    talk.app_sends(LINE)
    talk.proxy.leaves()
    talk.app_sends(LINE)
    talk.proxy.stays()
    talk.app_sends(b"\n" + EVENT)
    assert talk.client_got() == LINE * 2 + b"\n" + EVENT
    assert talk.proxy.in_flight == {"sse": 1}


def test_what_age_wants_survives_a_drain_that_is_taken_back(events: Begins) -> None:
    talk = events()
    talk.app_sends(LINE)
    talk.asked_to_end(AGE)
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.app_sends(b"\n")
    assert talk.client_got() == LINE + b"\n" + RETRY
    assert talk.goodbyes == {("sse", "max-connection-age"): 1}


def test_it_ends_at_the_age_of_what_carries_it(events: Begins) -> None:
    talk = events(age=100)
    talk.proxy.wait(99.75)
    assert talk.client_got() == b""
    talk.proxy.wait(0.5)
    assert talk.client_got() == RETRY
    assert talk.goodbyes == {("sse", "max-connection-age"): 1}


def test_an_idle_stream_is_told_to_come_again(events: Begins) -> None:
    talk = events(idle_timeout=30)
    talk.app_sends(EVENT)
    talk.proxy.wait(31)
    assert talk.client_got() == EVENT + RETRY_LATER
    assert talk.is_over()
    assert (talk.goodbyes, talk.ending) == ({("sse", "idle-timeout"): 1}, "goodbye")


def test_an_event_that_does_not_go_on_is_cut_by_idle_timeout(events: Begins) -> None:
    talk = events(idle_timeout=30)
    talk.app_sends(LINE)
    talk.proxy.wait(31)
    assert talk.client_got() == LINE
    assert (talk.goodbyes, talk.ending) == ({}, "cut")


# Which of them a drain may end: sse-drain (WHATWG HTML 9.2.4: who has the id of an event asks for
# those that follow, by Last-Event-ID)

NAMES_IDS = {
    "in each event": EVENT * 2,
    "behind the data": b"data: x\r\nid: 7\r\n\r\n",
    "in an event without data": b"id: 7\n\n",
    "and others do not": EVENT + b"data: ping\n\n",
    "behind a byte order mark": b"\xef\xbb\xbfid:7\rdata: x\r\r",
    "with a comment behind it": EVENT + b": ping\n",
}
NAMES_NONE = {
    "no event so far": b"",
    "comments alone": b": ping\n\n: ping\n\n",
    "data alone": b"data: x\n\n",
    "another field": b"idea: 7\ndata: id: 7\n\n",
    "an id in an event that is under way": b"data: x\n\nid: 7\n",
    "an empty one, which takes the other back": EVENT + b"id\ndata: x\n\n",
    "one that is ignored": b"id: \0\ndata: x\n\n",
}


@pytest.mark.parametrize("said", NAMES_IDS.values(), ids=NAMES_IDS)
def test_a_drain_ends_a_stream_that_can_be_resumed(events: Begins, said: bytes) -> None:
    talk = events(sse_drain="auto")
    talk.app_sends(said)
    talk.proxy.leaves()
    assert talk.client_got() == said + RETRY
    assert (talk.goodbyes, talk.ending) == ({("sse", "drain"): 1}, "goodbye")


@pytest.mark.parametrize("said", NAMES_NONE.values(), ids=NAMES_NONE)
def test_a_drain_waits_for_any_other_up_to_its_deadline(events: Begins, said: bytes) -> None:
    talk = events(sse_drain="auto")
    talk.app_sends(said)
    talk.proxy.leaves()
    talk.proxy.wait(60)
    assert talk.client_got() == said
    assert not talk.ending
    talk.proxy.says_last_goodbyes()
    end = b"\n" if said.endswith(b"7\n") else b""
    if end:
        assert talk.client_got() == b"", "an event that is under way is finished first"
        talk.app_sends(end)
    assert talk.client_got() == end + RETRY_LATER
    assert (talk.goodbyes, talk.ending) == ({("sse", "deadline"): 1}, "goodbye")


def test_what_is_waited_for_is_held_up_by_nothing(events: Begins) -> None:
    talk = events(sse_drain="auto")
    talk.proxy.leaves()
    for part in (b"data: 1", b"\ndata: 2\n\ndata: 3\n", b"\n"):
        talk.app_sends(part)
        assert talk.client_got() == part


def test_it_ends_once_an_event_with_an_id_has_come_through(events: Begins) -> None:
    talk = events(sse_drain="auto")
    talk.proxy.leaves()
    talk.app_sends(b"data: x\n\n")
    assert talk.client_got() == b"data: x\n\n"
    talk.app_sends(EVENT)
    assert talk.client_got() == EVENT + RETRY
    assert (talk.goodbyes, talk.ending) == ({("sse", "drain"): 1}, "goodbye")


@pytest.mark.parametrize("said", [b"", b": ping\n\n"])
def test_who_has_come_with_an_id_needs_no_other(events: Begins, said: bytes) -> None:
    talk = events(sse_drain="auto", last_event_id="7")
    talk.app_sends(said)
    talk.proxy.leaves()
    assert talk.client_got() == said + RETRY


def test_an_app_that_then_says_none_is_waited_for(events: Begins) -> None:
    talk = events(sse_drain="auto", last_event_id="7")
    talk.app_sends(b"data: x\n\n")
    talk.proxy.leaves()
    assert talk.client_got() == b"data: x\n\n"


def test_an_age_ends_it_whether_or_not_it_can_be_resumed(events: Begins) -> None:
    talk = events(sse_drain="auto")
    talk.app_sends(b"data: x\n\n")
    talk.asked_to_end(AGE)
    assert talk.client_got() == b"data: x\n\n" + RETRY


def test_a_drain_that_is_taken_back_ends_none(events: Begins) -> None:
    talk = events(sse_drain="auto")
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.app_sends(EVENT)
    talk.proxy.wait(1)
    assert talk.client_got() == EVENT


# Where it may end: WHATWG HTML 9.2.6

BETWEEN = {
    "comments": b"data: x\n\n:\n",
    "a comment with words": b"data: x\n\n: ping\n",
    "the time to come again": b"data: x\n\nretry: 500\n",
    "both": b"data: x\n\nretry: 500\n:\n",
    "a comment at the beginning": b": hello\n",
    "CR": b"data: x\r\r:\r",
    "CRLF": b"data: x\r\n\r\n:\r\n",
    "line ends of all kinds": b"data: x\r\n\r:\nretry: 1\r",
    "a byte order mark": b"\xef\xbb\xbf",
    "a comment behind it": b"\xef\xbb\xbf:\n",
}


@pytest.mark.parametrize("said", BETWEEN.values(), ids=BETWEEN)
def test_behind_what_belongs_to_no_event_it_may_end(events: Begins, why: str, said: bytes) -> None:
    talk = events()
    talk.app_sends(said)
    talk.asked_to_end(why)
    assert talk.client_got() == said + RETRIES[why]
    assert talk.ending == "goodbye"


@pytest.mark.parametrize("said", [BETWEEN["comments"], BETWEEN["CR"]], ids=["LF", "CR"])
def test_a_comment_that_comes_later_is_a_place_as_well(events: Begins, said: bytes) -> None:
    talk = events()
    talk.app_sends(said[:1])
    talk.proxy.leaves()
    talk.app_sends(said[1:-1])
    # The event has ended in it.
    assert talk.client_got() == said[:-2] + RETRY


def test_in_the_middle_of_a_comment_it_may_not_end(events: Begins, why: str) -> None:
    talk = events()
    talk.app_sends(b"data: x\n\n: pi")
    talk.asked_to_end(why)
    assert talk.client_got() == b"data: x\n\n: pi"
    talk.app_sends(b"ng\ndata: y\n\n")
    assert talk.client_got() == b"ng\n" + RETRIES[why]
