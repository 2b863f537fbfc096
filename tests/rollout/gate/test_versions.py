"""A version is what was found of its pods, and what of that counts."""

import pytest

from drainproxy.rollout.gate.judgement import Count, Policy
from drainproxy.rollout.gate.versions import compared, version
from tests.rollout.gate.fleet import INTERVAL, NOW, Fleet


def test_the_interval_of_scrapes_is_seen_in_the_samples() -> None:
    assert Fleet().version().scope.interval == INTERVAL
    assert version({}, NOW).scope.interval == INTERVAL


def test_requests_are_those_of_the_kinds_that_are_asked_for() -> None:
    its = Fleet(2).requests(10, 1).requests(5, kind="grpc").version()
    assert its.requests(("http1", "http2")) == 22
    assert its.requests(("grpc", "http1")) == 32
    assert version({}, NOW).requests(("http1",)) == 0


@pytest.mark.parametrize(
    ("canary", "stable", "verdict"),
    [
        (Count(0, 20), Count(0, 99), "pass"),
        (Count(1, 20), Count(0, 99), "hold"),
        (Count(0, 20), Count(0, 100), "hold"),
        (Count(20, 20, 2), Count(0, 99), "fail"),
    ],
)
def test_of_what_stable_hardly_had_a_few_good_ones_are_enough(
    canary: Count, stable: Count, verdict: str
) -> None:
    found = compared("errors", canary, stable, Policy())
    assert found is not None
    assert found.verdict == verdict


def test_what_neither_had_is_no_signal() -> None:
    assert compared("errors", Count(0, 0), Count(0, 0), Policy()) is None
