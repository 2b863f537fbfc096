"""A rehearsal of what never answers is stopped with what has failed, and what would help."""

from dataclasses import replace

import pytest

from drainproxy.rehearsal import beforehand
from drainproxy.rehearsal.clients import Target
from drainproxy.rehearsal.processes import StartFailed
from drainproxy.rehearsal.rehearsal import Rehearsal
from drainproxy.rehearsal.scores import Clock, Score
from tests.rehearsal.test_rehearsals import QUICK, THEIRS

OWN = Target(1, 0, built_in=False, path="/hello")


def score(answered: int = 0, failed: int = 0, how: str = "wrong answer: status 404") -> Score:
    made = Score(Clock())
    for _ in range(answered):
        made.answered("v1")
    for _ in range(failed):
        made.lost(*how.split(": "))
    return made


def test_where_everything_of_a_kind_fails_it_is_said_how_and_what_was_asked_for() -> None:
    scores = {"http": score(failed=321), "websocket": score(answered=1, failed=5), "sse": score()}
    assert list(beforehand.failures(scores, OWN)) == [
        "HTTP: all 321 failed before the rollout, wrong answer: status 404; they ask for /hello, "
        "--path names another"
    ]


def test_what_the_built_in_app_is_asked_for_over_http_is_no_option() -> None:
    failed = {"http": score(failed=1), "sse": score(failed=2), "grpc": score(failed=3)}
    http, sse, grpc = beforehand.failures(failed, Target(1, 0))
    assert http == "HTTP: all 1 failed before the rollout, wrong answer: status 404"
    assert sse.endswith("they ask for /events, --events-path names another")
    assert grpc.endswith("status 404")


def test_it_is_decided_when_each_kind_with_clients_was_answered_or_has_failed() -> None:
    scores = {"http": score(answered=1), "sse": score(), "websocket": score()}
    assert beforehand.undecided(scores, {"http": 1, "sse": 2, "websocket": 0})
    assert not beforehand.undecided(scores, {"http": 1, "sse": 0, "websocket": 0})
    assert not beforehand.undecided({"sse": score(failed=1)}, {"sse": 1})


@pytest.mark.slow
async def test_an_app_that_does_not_know_the_path_is_not_rolled_out() -> None:
    plan = replace(QUICK, app=THEIRS, path="/no-such-page", replicas=1, proxy="none")
    rehearsal = Rehearsal(plan)
    with pytest.raises(StartFailed, match=r"HTTP: all .* status 404; they ask for /no-such-page"):
        await rehearsal.run()
    assert "rollout begins" not in [text for _, text in rehearsal.marks]
