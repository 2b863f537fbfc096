"""The time to the first byte of an answer is counted when it comes, to the last one at the end."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.relay.counters import Counters, Histogram
from tests.relay.conversation import Conversation, head, request, response
from tests.relay.frames import CALL, EVENTS, GRPC_OK, OK, data
from tests.relay.streams import answered, asked


@pytest.mark.parametrize(
    ("value", "bucket"), [(0.0, 0), (1.0, 0), (1.1, 1), (2.0, 1), (5.0, 2), (5.1, 3), (1e9, 3)]
)
def test_a_bound_is_the_most_that_its_bucket_holds(value: float, bucket: int) -> None:
    histogram = Histogram((1.0, 2.0, 5.0))
    histogram.observe(value)
    assert histogram.counts == [int(place == bucket) for place in range(4)]
    assert histogram.total == value


@given(st.lists(st.floats(0, 1e6), max_size=50))
def test_every_value_is_counted_once(values: list[float]) -> None:
    histogram = Counters().durations["http1"]
    for value in values:
        histogram.observe(value)
    assert sum(histogram.counts) == len(values)
    assert histogram.total == pytest.approx(sum(values))
    for place, bound in enumerate(histogram.bounds):
        assert sum(histogram.counts[: place + 1]) == sum(value <= bound for value in values)


ends = st.builds(
    SimpleNamespace,
    kind=st.sampled_from(["http2", "grpc", "sse"]),
    status=st.sampled_from([200, 404]),
    opened=st.sampled_from([0.0, 1.0, 2.5]),
    begun=st.booleans(),
)


@given(st.lists(ends, max_size=9))
def test_answers_that_end_together_count_as_one_after_the_other(
    exchanges: list[SimpleNamespace],
) -> None:
    one_by_one, together = Counters(), Counters()
    for exchange in exchanges:
        one_by_one.answered(exchange, 3.0)
    together.all_answered(exchanges, 3.0)
    assert together.codes == one_by_one.codes
    for counted in (lambda counters: counters.durations, Counters.first_bytes):
        alone, among = counted(one_by_one), counted(together)
        assert [each.counts for each in among.values()] == [e.counts for e in alone.values()]
        totals = [each.total for each in alone.values()]
        assert [each.total for each in among.values()] == pytest.approx(totals)


def times(talk: Conversation) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Number and sum of the times to the first byte and of those to the last one, by kind."""
    counters = talk.proxy.context.counters
    first, last = (
        {kind: [sum(each.counts), each.total] for kind, each in counted.items() if each.total}
        for counted in (counters.first_bytes(), counters.durations)
    )
    return first, last


def test_of_an_answer_in_one_read_both_times_are_the_same() -> None:
    talk = Conversation()
    for seconds in (1, 2):
        talk.client_sends(request())
        talk.proxy.wait(seconds)
        talk.app_sends(response())
    assert times(talk) == ({"http1": [2, 3]}, {"http1": [2, 3]})


def test_an_answer_in_parts_has_its_first_byte_before_its_last() -> None:
    talk = Conversation()
    talk.client_sends(request())
    talk.proxy.wait(1)
    whole = response(body=b"hello")
    talk.app_sends(whole[:-3])
    assert times(talk) == ({"http1": [1, 1]}, {})
    talk.proxy.wait(4)
    talk.app_sends(whole[-3:])
    assert times(talk) == ({"http1": [1, 1]}, {"http1": [1, 5]})
    talk.client_sends(request())
    talk.proxy.wait(1)
    talk.app_sends(whole)
    assert times(talk) == ({"http1": [2, 2]}, {"http1": [2, 6]})


def test_an_answer_that_comes_before_the_end_of_the_request_is_timed_when_it_comes() -> None:
    talk = Conversation()
    talk.client_sends(request("/", "Content-Length: 5", method="POST") + b"ab")
    talk.proxy.wait(1)
    talk.app_sends(response())
    assert times(talk) == ({"http1": [1, 1]}, {})
    talk.proxy.wait(1)
    talk.client_sends(b"cde")
    assert times(talk) == ({"http1": [1, 1]}, {"http1": [1, 2]})


def test_the_first_byte_of_an_event_stream_is_counted_while_it_lasts() -> None:
    talk = Conversation()
    talk.client_sends(request())
    talk.proxy.wait(1)
    talk.app_sends(head("HTTP/1.1 200 OK", "Content-Type: text/event-stream"))
    assert times(talk) == ({"sse": [1, 1]}, {})


def test_streams_in_one_read_have_both_times_the_same() -> None:
    talk = asked(1, 3)
    talk.proxy.wait(1)
    whole = b"".join(talk.answers.headers(s, OK) + data(s, b"x", end=True) for s in (1, 3))
    talk.app_sends(whole)
    assert times(talk) == ({"http2": [2, 2]}, {"http2": [2, 2]})


def test_a_stream_that_goes_on_has_its_first_byte_whatever_ends_beside_it() -> None:
    talk = asked(1, 3)
    talk.proxy.wait(1)
    talk.app_sends(
        talk.answers.headers(1, EVENTS) + talk.answers.headers(3, OK) + data(3, b"x", end=True)
    )
    assert times(talk) == ({"sse": [1, 1], "http2": [1, 1]}, {"http2": [1, 1]})
    talk.proxy.wait(2)
    talk.app_sends(data(1, b"", end=True))
    assert times(talk) == ({"sse": [1, 1], "http2": [1, 1]}, {"http2": [1, 1], "sse": [1, 3]})


def test_a_call_of_grpc_has_its_first_byte_with_its_head() -> None:
    talk = answered(CALL, GRPC_OK)
    talk.proxy.wait(2)
    talk.app_answers(1, fields=((b"grpc-status", b"0"),))
    first, last = (
        talk.proxy.context.counters.first_bytes()["grpc"],
        talk.proxy.context.counters.durations,
    )
    assert (first.total, last["grpc"].total) == (0, 2)
    assert sum(first.counts) == 1
