"""What is written down of each exchange: counters, the access log, what is in flight."""

from drainproxy.relay.context import Access
from tests.relay.conversation import Conversation, request, response
from tests.relay.http1.test_connection import EVENTS, asked


def test_every_exchange_is_counted_and_logged_once() -> None:
    talk = Conversation()
    lines: list[Access] = []
    talk.proxy.context.access_log = lines.append
    talk.client_sends(request("/a?b"))
    talk.proxy.wait(2)
    talk.app_sends(EVENTS)
    talk.proxy.wait(1)
    talk.app_ends()

    told = {b"host": b"a.example"}
    assert lines == [("sse", "192.0.2.7:50000", "GET", "/a?b", 200, 3.0, len(EVENTS), told)]
    counters = talk.proxy.context.counters
    assert counters.codes["sse"] == {200: 1}
    assert counters.codes["http1"] == {}
    assert counters.durations["sse"].total == 3.0
    assert counters.bytes_from_clients == len(request("/a?b"))
    assert counters.bytes_from_app == len(EVENTS)


def test_the_time_of_an_exchange_begins_with_its_own_request() -> None:
    talk = asked()
    talk.app_sends(response())
    talk.proxy.wait(100)
    talk.client_sends(request())
    talk.proxy.wait(1)
    talk.app_sends(response())
    assert talk.proxy.context.counters.durations["http1"].total == 1.0


def test_an_exchange_without_an_answer_has_no_code() -> None:
    talk = asked()
    lines: list[Access] = []
    talk.proxy.context.access_log = lines.append
    talk.client_resets()
    assert [line.status for line in lines] == [0]
    assert talk.proxy.context.counters.codes["http1"] == {}
    assert sum(talk.proxy.context.counters.durations["http1"].counts) == 0


def test_a_code_counts_for_its_own_request_only() -> None:
    talk = asked()
    talk.app_sends(response())
    talk.client_sends(request())
    talk.client_resets()
    assert talk.proxy.context.counters.codes["http1"] == {200: 1}


def test_the_path_in_flight_is_what_the_client_wrote() -> None:
    talk = asked(request("/slow?x=1"))
    (hold,) = talk.proxy.books.holds
    assert (hold.path, hold.peer, hold.opened) == ("/slow?x=1", "192.0.2.7:50000", 1000.0)
    talk.app_sends(response())
    assert talk.session.path == ""
