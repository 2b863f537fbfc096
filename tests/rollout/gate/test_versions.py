"""A version is what was found of its pods, and what of that counts."""

import pytest

from drainproxy.rollout.gate.judgement import Count, Tolerance
from drainproxy.rollout.gate.samples import Series, count
from drainproxy.rollout.gate.versions import compared, version
from tests.rollout.gate.fleet import INTERVAL, NOW, Fleet

REQUESTS = "drainproxy_requests_total"


def test_the_interval_of_scrapes_is_seen_in_the_samples() -> None:
    assert Fleet().version().scope.interval == INTERVAL
    assert version({}, NOW).scope.interval == INTERVAL


def test_a_restart_shows_where_the_labels_change_with_it() -> None:
    """As a StatefulSet's pod comes again under the same address, relabelled."""
    pod = {"namespace": "shop", "pod": "web-1", "instance": "10.0.0.1:9180"}
    moments = [NOW - 60, NOW - 50, NOW - 40, NOW - 30]
    metrics = {"process_start_time_seconds": (0.0, 0.0, NOW - 45, NOW - 45), REQUESTS: (5, 9, 9, 9)}
    found = {
        name: [
            Series({**pod, "role": role}, list(zip(moments, values, strict=True))[place:][:2])
            for role, place in (("canary", 0), ("stable", 2))
        ]
        for name, values in metrics.items()
    }
    its = version(found, NOW - 600)
    assert count(its.series(REQUESTS), lambda _: False, its.scope).total == 4 + 9


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
    found = compared("errors", canary, stable, Tolerance())
    assert found is not None
    assert found.verdict == verdict


def test_what_neither_had_is_no_signal() -> None:
    assert compared("errors", Count(0, 0), Count(0, 0), Tolerance()) is None
