"""How many streams of an HTTP/2 connection may be reset, by whomever, on a clock that is moved."""

from collections.abc import Callable

import pytest

from tests.relay.budgets import ENDED, PEER, calmed, next_stream, noticed
from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GET,
    INTERNAL_ERROR,
    NO_ERROR,
    OK,
    POST,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
    data,
    ping,
    reset,
)
from tests.relay.streams import asked, begun

RESETS, RESETS_WINDOW = 500, 30


def reset_early(talk: Conversation) -> None:
    stream = next_stream(talk)
    talk.client_asks(stream)
    talk.client_sends(reset(stream))


def send_nonsense(talk: Conversation) -> None:
    talk.client_asks(next_stream(talk), GET[1:])


def send_wrong_trailers(talk: Conversation) -> None:
    stream = next_stream(talk)
    talk.client_asks(stream, POST, end=False)
    talk.client_asks(stream, GET)


def make_the_app_reset(code: int) -> Callable[[Conversation], None]:
    """CVE-2025-8671"""

    def cause(talk: Conversation) -> None:
        stream = next_stream(talk)
        talk.client_asks(stream)
        talk.app_sends(reset(stream, code))

    return cause


BLAMES = [PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, ENHANCE_YOUR_CALM]
SPENDERS = [
    *(reset_early, send_nonsense, send_wrong_trailers),
    *(make_the_app_reset(code) for code in BLAMES),
]


@pytest.mark.parametrize("spend", SPENDERS)
def test_so_many_streams_may_be_reset_in_a_while_and_no_more(
    spend: Callable[[Conversation], None],
) -> None:
    talk = begun(max_resets=RESETS)
    for _ in range(RESETS):
        spend(talk)
    assert not talk.session.closing.over
    spend(talk)
    assert calmed(talk, "max-resets")


@pytest.mark.parametrize("spend", SPENDERS)
def test_after_a_while_as_many_again_may_be(spend: Callable[[Conversation], None]) -> None:
    talk = begun(max_resets=5)
    for _ in range(3):
        for _ in range(5):
            spend(talk)
        talk.proxy.wait(RESETS_WINDOW)
    for _ in range(6):
        assert not talk.session.closing.over
        spend(talk)
    assert calmed(talk, "max-resets")


def test_all_resets_are_of_one_budget() -> None:
    talk = begun(max_resets=len(SPENDERS) - 1)
    for spend in SPENDERS:
        assert not talk.session.closing.over
        spend(talk)
    assert calmed(talk, "max-resets")


def serve(talk: Conversation, count: int) -> None:
    """So many calls, each answered."""
    for _ in range(count):
        stream = next_stream(talk)
        talk.client_asks(stream)
        talk.app_answers(stream)


RATIOS = [(200, 2000), (500, 0), (600, 600), (3000, 3000)]
# On a push all spenders by themselves, and one of four among good calls.
HALVES = [
    pytest.param(resets, good, spend, marks=[] if is_tried else [pytest.mark.slow])
    for resets, good in RATIOS
    for at, spend in enumerate(SPENDERS)
    for is_tried in [good == 0 or (good == 2000 and at % 4 == 0)]
]


@pytest.mark.parametrize(("resets", "good", "spend"), HALVES)
def test_resets_that_are_at_most_half_of_all_end_nothing(
    resets: int, good: int, spend: Callable[[Conversation], None]
) -> None:
    talk = begun(max_resets=500)
    serve(talk, good)
    for _ in range(resets):
        spend(talk)
    assert not talk.session.closing.over
    serve(talk, 1)
    assert talk.rejected.get("max-resets", 0) == 0


@pytest.mark.parametrize("spend", SPENDERS)
def test_resets_that_are_more_than_half_end_it_however_many_were_good(
    spend: Callable[[Conversation], None],
) -> None:
    talk = begun(max_resets=100)
    serve(talk, 300)
    for _ in range(300):
        spend(talk)
    assert not talk.session.closing.over
    spend(talk)
    assert calmed(talk, "max-resets")


def test_cancels_among_good_calls_are_honest_in_whatever_order_they_come() -> None:
    talk = begun(max_resets=20)
    for _ in range(100):
        serve(talk, 9)
        reset_early(talk)
        talk.proxy.wait(0.25)
    assert not talk.session.closing.over


def test_good_calls_of_long_ago_excuse_nothing() -> None:
    talk = begun(max_resets=20)
    serve(talk, 1000)
    talk.proxy.wait(RESETS_WINDOW + 1)
    for _ in range(20):
        reset_early(talk)
    assert not talk.session.closing.over
    reset_early(talk)
    assert calmed(talk, "max-resets")


def test_any_30_seconds_count_and_not_only_those_that_begin_with_the_first_reset() -> None:
    talk = begun(max_resets=20)
    reset_early(talk)
    talk.proxy.wait(RESETS_WINDOW - 2)
    for _ in range(15):
        reset_early(talk)
    talk.proxy.wait(3)
    for _ in range(5):
        reset_early(talk)
    assert not talk.session.closing.over
    reset_early(talk)
    assert calmed(talk, "max-resets")


def test_streams_that_are_passed_over_have_not_begun() -> None:
    talk = begun(max_resets=20)
    for number in range(21):
        assert not talk.session.closing.over
        stream = 1001 + 1000 * number
        talk.client_asks(stream)
        talk.client_sends(reset(stream))
    assert calmed(talk, "max-resets")


def test_a_client_that_wants_none_of_what_the_app_pushes_asks_for_something_all_the_same() -> None:
    talk = asked(max_resets=3)
    for stream in range(2, 22, 2):
        talk.app_sends(talk.answers.push(1, stream, GET))
        if stream % 4:
            talk.client_sends(reset(stream))
    assert not talk.session.closing.over


# What is said of it


@pytest.mark.parametrize("spend", SPENDERS)
def test_too_many_resets_are_said_once_with_the_peer_and_their_number(
    spend: Callable[[Conversation], None],
) -> None:
    talk = begun(max_resets=5)
    said = noticed(talk)
    for _ in range(6):
        assert said == []
        spend(talk)
    talk.client_sends(ping())
    assert said == [("max-resets", PEER, 6, ENDED)]


@pytest.mark.parametrize("code", [NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, 99])
def test_a_reset_of_the_app_for_its_own_reasons_is_not_the_clients(code: int) -> None:
    talk = begun(max_resets=3)
    for _ in range(10):
        make_the_app_reset(code)(talk)
    assert not talk.session.closing.over


def test_who_has_had_its_answer_or_waited_for_it_may_go() -> None:
    talk = begun(max_resets=3)
    for _ in range(10):
        stream = next_stream(talk)
        talk.client_asks(stream, POST, end=False)
        talk.app_answers(stream)
        talk.client_sends(reset(stream))
    for _ in range(10):
        stream = next_stream(talk)
        talk.client_asks(stream)
        talk.proxy.wait(1)
        talk.client_sends(reset(stream))
    assert not talk.session.closing.over


def test_the_blame_of_the_app_is_heard_before_the_end() -> None:
    talk = asked(max_resets=0)
    talk.app_sends(reset(1, PROTOCOL_ERROR))
    assert talk.client_hears() == [
        ("reset", 1, PROTOCOL_ERROR),
        ("goaway", 1, ENHANCE_YOUR_CALM, "too many streams were reset"),
    ]
    assert talk.endings == [("http2", "app_left")]


def test_in_the_middle_of_the_apps_frame_a_client_that_is_to_blame_hears_no_more() -> None:
    talk = asked(1, 3, 5, max_resets=0)
    resets = reset(1, PROTOCOL_ERROR) + reset(3, PROTOCOL_ERROR)
    talk.app_sends(resets + talk.answers.headers(5, OK) + data(5, b"x" * 9)[:12])
    assert len(talk.client_hears()) == 3
    assert not talk.says.between_frames
    assert talk.client.state == "half-closed"
    assert talk.endings == [*[("http2", "app_left")] * 2, ("http2", "client_left")]
