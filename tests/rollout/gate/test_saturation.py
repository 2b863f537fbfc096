"""A canary whose pods bear too much holds the rollout, and one with its share of the traffic does
not."""

from math import inf, nan

import pytest

from drainproxy.rollout.gate.saturation import judge_saturation
from drainproxy.rollout.gate.versions import Version
from tests.rollout.gate.fleet import Fleet

WEIGHTS = [5, 30, 50, 70, 95, 100]


def busy(pods: int, each: float, metric: str = "drainproxy_in_flight") -> Version:
    """So many requests in flight, or connections, in each pod."""
    return Fleet(pods).gauge(metric, each, kind="http1").version()


def holds(canary: Version, stable: Version, weight: float | None = None) -> bool:
    found = judge_saturation(canary, stable, weight)
    return found is not None and found.verdict == "hold"


@pytest.mark.parametrize("metric", ["drainproxy_in_flight", "drainproxy_connections"])
@pytest.mark.parametrize("weight", [None, 10])
def test_a_canary_that_is_far_busier_than_stable_holds(metric: str, weight: float | None) -> None:
    stable = busy(5, 20, metric)
    assert holds(busy(1, 100, metric), stable, weight)
    assert not holds(busy(1, 30, metric), stable, weight)


def test_one_pod_beside_one_pod_is_held_above_twice_its_load() -> None:
    assert not holds(busy(1, 40), busy(1, 20), weight=50)
    found = judge_saturation(busy(1, 41), busy(1, 20), weight=50)
    assert found is not None
    assert found.reason == "41 in_flight per pod, beside 20 by stable's at a weight of 50 %"


def test_without_a_weight_the_load_of_one_pod_beside_one_says_nothing() -> None:
    """It may have any part of the traffic."""
    assert not holds(busy(1, 500), busy(1, 20))


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("is_known", [False, True])
def test_stable_that_idles_as_the_weight_grows_holds_nobody(weight: float, is_known: bool) -> None:
    """A router leaves all pods of stable there, and the canary has as many as its weight wants."""
    all_of_it, pods = 1000, 10
    its = max(round(pods * weight / 100), 1)
    canary = busy(its, all_of_it * weight / 100 / its)
    stable = busy(pods, all_of_it * (1 - weight / 100) / pods)
    assert not holds(canary, stable, weight if is_known else None)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_as_many_pods_as_stable_hold_nobody_whatever_their_weight(weight: float) -> None:
    pods, all_of_it = 5, 1000
    canary = busy(pods, all_of_it * weight / 100 / pods)
    stable = busy(pods, all_of_it * (1 - weight / 100) / pods)
    assert not holds(canary, stable, weight)


@pytest.mark.parametrize("weight", [None, 50])
def test_half_of_the_traffic_on_one_pod_of_ten_holds(weight: float | None) -> None:
    assert holds(busy(1, 500), busy(10, 50), weight)


def test_the_idle_connections_that_a_router_keeps_to_every_pod_hold_nobody() -> None:
    metric = "drainproxy_connections"
    assert not holds(busy(1, 20, metric), busy(10, 20, metric), weight=5)


def test_a_canary_that_is_hardly_busy_holds_nobody_beside_an_idle_stable() -> None:
    assert not holds(busy(1, 10), busy(1, 0), weight=50)
    assert holds(busy(1, 11), busy(1, 0), weight=50)


def test_without_gauges_of_both_nothing_is_compared() -> None:
    for sides in ((Fleet().version(), busy(1, 1)), (busy(1, 50), Fleet().version())):
        assert judge_saturation(*sides, 50) is None


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_a_gauge_that_is_no_number_holds(value: float) -> None:
    for sides in ((busy(1, value), busy(5, 20)), (busy(1, 20), busy(5, value))):
        found = judge_saturation(*sides)
        assert found is not None
        assert "no number" in found.reason
