"""A goodbye waits for a pause, or for an answer, and makes do with less the more urgent it is."""

from itertools import product
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.drain.goodbye import (
    DEADLINE,
    DRAIN,
    IDLE,
    MAX_AGE,
    MAX_STREAM_AGE,
    REBALANCE,
    SIGNAL,
)
from drainproxy.drain.interruption import (
    ANSWER_PATIENCE,
    ENDLESS,
    EVENT_RULES,
    GRPC,
    GRPC_UNANSWERED,
    HANDSHAKE_TIMEOUT,
    PATIENCE,
    QUIET,
    RULES,
    UNANSWERED_PATIENCE,
    WEBSOCKET,
    Pending,
    Place,
    Urgency,
    may_stand,
    new_pending,
    pause_begins,
    urgency,
)

NOW = 1000.0
PATIENT, HURRIED, LAST = (RULES[WEBSOCKET, each] for each in Urgency)
INSIDE, FRAME, ANSWER, PAUSE = Place

kinds = st.sampled_from([WEBSOCKET, GRPC, GRPC_UNANSWERED])
places = st.sampled_from(Place)
urgencies = st.sampled_from(Urgency)
spans = st.floats(0, 100)


def waiting(seconds: float = 0.0, quiet: float = 0.0) -> Pending:
    """Its turn came so many seconds ago; so many seconds ago something moved."""
    since = NOW - seconds
    return Pending(DRAIN, Urgency.DRAIN, since, NOW - quiet, NOW, asked=max(since, NOW - quiet))


@pytest.mark.parametrize(
    ("why", "level"),
    [
        *((MAX_AGE, Urgency.PATIENT), (MAX_STREAM_AGE, Urgency.PATIENT)),
        *((REBALANCE, Urgency.PATIENT), (DRAIN, Urgency.DRAIN)),
        *((DEADLINE, Urgency.LAST), (SIGNAL, Urgency.LAST), (IDLE, Urgency.LAST)),
    ],
)
def test_only_a_drain_is_in_a_hurry_and_only_the_end_of_time_is_in_a_greater_one(
    why: str, level: Urgency
) -> None:
    assert urgency(why) is level
    assert new_pending(why, NOW) == Pending(why, level, NOW, NOW, NOW + QUIET, NOW)


def test_an_answer_has_more_time_than_a_pause_and_a_drain_has_none_to_lose() -> None:
    assert 0 < 10 * QUIET <= ANSWER_PATIENCE < PATIENCE <= 2
    assert PATIENCE < UNANSWERED_PATIENCE <= HANDSHAKE_TIMEOUT <= 5
    assert (QUIET, ANSWER_PATIENCE, PATIENCE) == (0.1, 1, 2), "as the pages for operators say"


def test_there_is_a_rule_for_every_kind_and_every_urgency() -> None:
    kinds = product((WEBSOCKET, GRPC, GRPC_UNANSWERED), Urgency)
    assert RULES.keys() == {*kinds, (ENDLESS, Urgency.DRAIN)}
    assert EVENT_RULES.keys() == {*product(("auto", "end", "wait"), Urgency)}


def test_a_reason_may_be_more_urgent_than_usual() -> None:
    assert new_pending(MAX_AGE, NOW, Urgency.LAST).urgency is Urgency.LAST


def test_what_moves_puts_off_the_pause_but_not_the_look_for_it() -> None:
    goodbye = new_pending(DRAIN, NOW)
    goodbye.move(NOW + 0.05)
    assert (goodbye.moved, goodbye.poll_at) == (NOW + 0.05, NOW + QUIET)
    goodbye.poll_at = inf
    goodbye.move(NOW + 7)
    assert goodbye.poll_at == NOW + 7 + QUIET


def test_a_pause_is_100_ms_but_nobody_waits_for_it_without_end() -> None:
    for each in (PATIENT, HURRIED):
        assert pause_begins(each, waiting(), question=0) == NOW + QUIET
        assert pause_begins(each, waiting(10), question=0) == NOW - 10 + PATIENCE


@pytest.mark.parametrize("question", [0.5, 1, 5, 60])
@pytest.mark.parametrize("waited", [0, 1, 100])
def test_a_question_has_its_time_however_long_the_goodbye_has_waited(
    question: float, waited: float
) -> None:
    for rule in (PATIENT, HURRIED):
        asked = waiting(waited)
        assert pause_begins(rule, asked, question=question) == NOW + question
        assert not may_stand(rule, asked, PAUSE, NOW, question=question)


def test_of_questions_that_do_not_end_the_oldest_counts() -> None:
    goodbye = waiting(10, quiet=5)
    goodbye.moved = NOW
    assert pause_begins(HURRIED, goodbye, question=5) == NOW
    assert pause_begins(HURRIED, goodbye, question=7) == NOW + 2


def test_when_time_is_up_no_question_is_waited_for() -> None:
    assert pause_begins(LAST, waiting(), question=60) == NOW


@pytest.mark.parametrize(
    ("place", "rules"),
    [(INSIDE, []), (FRAME, []), (ANSWER, [HURRIED]), (PAUSE, [PATIENT, HURRIED])],
)
def test_behind_an_answer_a_drain_does_not_wait_for_the_clients_message(
    place: Place, rules: list[object]
) -> None:
    soon, late = waiting(ANSWER_PATIENCE - 0.01), waiting(ANSWER_PATIENCE)
    for rule in (PATIENT, HURRIED):
        assert not may_stand(rule, soon, place, NOW, question=0)
        assert may_stand(rule, late, place, NOW, question=0) is (rule in rules)
        assert not may_stand(rule, late, place, NOW, question=1)


def test_a_drain_tears_a_message_when_its_patience_is_over_and_an_age_never_does() -> None:
    soon, late = waiting(PATIENCE - 0.01), waiting(PATIENCE)
    for question in (0, 1):
        soon.asked = late.asked = NOW - question
        assert not may_stand(HURRIED, soon, FRAME, NOW, question=question)
        assert may_stand(HURRIED, late, FRAME, NOW, question=question)
        assert not may_stand(PATIENT, waiting(1e6), FRAME, NOW, question=question)
        assert not may_stand(PATIENT, waiting(1e6), ANSWER, NOW, question=question)


def test_when_time_is_up_any_frame_will_do_at_once_and_not_without_end() -> None:
    assert may_stand(LAST, waiting(), FRAME, NOW, question=1)
    assert LAST.gives_up == HANDSHAKE_TIMEOUT
    assert {rule.gives_up for key, rule in RULES.items() if rule is not LAST} == {inf}


def test_a_call_without_an_answer_gets_more_time_and_no_pause_counts() -> None:
    for level in Urgency:
        rule = RULES[GRPC_UNANSWERED, level]
        moment = NOW + UNANSWERED_PATIENCE
        assert pause_begins(rule, waiting(), question=0) == moment
        assert not may_stand(rule, waiting(), FRAME, moment - 0.01, question=0)
        assert may_stand(rule, waiting(), FRAME, moment, question=0)


def test_between_the_messages_of_a_call_there_is_a_pause_or_its_patience_ends() -> None:
    rule = RULES[GRPC, Urgency.DRAIN]
    assert pause_begins(rule, waiting(), question=0) == NOW + QUIET
    assert not may_stand(rule, waiting(PATIENCE - 0.01), PAUSE, NOW, question=0)
    assert may_stand(rule, waiting(PATIENCE), FRAME, NOW, question=0)


def test_for_a_call_no_reason_is_more_patient_than_another() -> None:
    for kind in (GRPC, GRPC_UNANSWERED):
        assert len({RULES[kind, level] for level in Urgency}) == 1


def test_only_a_drain_ends_an_answer_of_which_nothing_is_known() -> None:
    rule = RULES[ENDLESS, Urgency.DRAIN]
    assert pause_begins(rule, waiting(), question=0) == NOW + QUIET
    assert not may_stand(rule, waiting(PATIENCE - 0.01), FRAME, NOW, question=0)
    assert may_stand(rule, waiting(PATIENCE), FRAME, NOW, question=0)
    assert {level for kind, level in RULES if kind == ENDLESS} == {Urgency.DRAIN}


@pytest.mark.parametrize(("kind", "level"), RULES)
def test_nothing_is_ever_said_inside_a_frame(kind: str, level: Urgency) -> None:
    for seconds, quiet, question in product((0, 1, 5, 1e6), (0, 1, 1e6), (0, 1, 5)):
        goodbye = waiting(seconds, min(seconds, quiet))
        assert not may_stand(RULES[kind, level], goodbye, INSIDE, NOW, question=question)


@pytest.mark.parametrize("waited", [PATIENCE, 1e6])
def test_who_tears_no_message_waits_for_a_pause_however_late_it_is(waited: float) -> None:
    """What has arrived and was not read yet is asked for where a pause is, and not behind it."""
    assert not may_stand(PATIENT, waiting(waited, quiet=waited), PAUSE, NOW, question=0)
    assert pause_begins(PATIENT, waiting(waited, quiet=waited), question=0) <= NOW


@given(kinds, urgencies, places, spans, spans, st.sampled_from([0, 1, 5]))
def test_the_better_the_place_and_the_greater_the_hurry_the_sooner(
    kind: str, level: Urgency, place: Place, seconds: float, quiet: float, question: float
) -> None:
    goodbye = waiting(seconds, min(seconds, quiet))
    if may_stand(RULES[kind, level], goodbye, place, NOW, question=question):
        for better in Place:
            for greater in Urgency:
                if better >= place and greater >= level:
                    rule = RULES[kind, greater]
                    here = may_stand(rule, goodbye, better, NOW, question=question)
                    ends = pause_begins(rule, goodbye, question=question)
                    assert here or (better is PAUSE and ends <= NOW)


@pytest.mark.parametrize(("drain", "level"), EVENT_RULES)
def test_of_event_streams_only_a_drain_spares_those_that_cannot_be_resumed(
    drain: str, level: Urgency
) -> None:
    spared = EVENT_RULES[drain, level].resumable
    assert spared == ((drain, level) == ("auto", Urgency.DRAIN))


@pytest.mark.parametrize(("drain", "level"), EVENT_RULES)
def test_event_sources_come_again_soon_unless_all_do(drain: str, level: Urgency) -> None:
    retry = EVENT_RULES[drain, level].retry
    assert retry == ((1000, 5000) if level is Urgency.LAST else (100, 1000))
