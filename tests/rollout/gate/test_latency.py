"""Latency is judged by a bound that stable keeps and all histograms have, or it is said why not."""

import pytest

from drainproxy.rollout.gate.judgement import SignalJudgement, Tolerance
from drainproxy.rollout.gate.latency import DURATION
from drainproxy.rollout.gate.samples import Series
from drainproxy.rollout.gate.signals import judged
from drainproxy.rollout.gate.versions import Version
from tests.rollout.gate.fleet import Fleet

P90, P99 = "latency p90 within 0.1 s", "latency p99 within 0.5 s"


def verdicts(canary: Version, stable: Version) -> dict[str, SignalJudgement]:
    return {each.signal: each for each in judged(canary, stable, Tolerance()).signals}


def healthy(pods: int = 1) -> Fleet:
    return Fleet(pods).requests(1000).times(900, 995, 999, 1000)


def without(fleet: Fleet, *bounds: str) -> Fleet:
    """Its histogram has not these bounds."""
    buckets = fleet.found[DURATION]
    fleet.found[DURATION] = [each for each in buckets if each.labels["le"] not in bounds]
    return fleet


def test_a_slow_canary_fails_by_the_bound_that_stable_keeps() -> None:
    slow = Fleet().requests(1000).times(100, 800, 900, 1000).version()
    found = verdicts(slow, healthy(5).version())
    assert found["latency p90 within 0.1 s"].verdict == "fail"
    assert found["latency p99 within 0.5 s"].verdict == "fail"
    assert "p99 over 1 s beside 0.1 to 0.5 s" in found["latency p99 within 0.5 s"].reason
    assert found["errors"].verdict == "pass"


def test_late_ones_of_what_is_rare_do_not_hold_the_rollout_either() -> None:
    stable = healthy(5).times(12, 12, 12, 12, kind="sse", what="time_to_first_byte").version()
    for (soon, all_), verdict in (((30, 40), "pass"), ((40, 120), "fail")):
        its = (soon, all_, all_, all_)
        canary = healthy().times(*its, kind="sse", what="time_to_first_byte").version()
        found = verdicts(canary, stable)
        assert found["first byte p90 within 0.1 s"].verdict == verdict, found
        assert "first byte p99 within 0.1 s" not in found


def test_most_of_what_is_rare_may_not_be_late() -> None:
    stable = healthy(5).times(2, 2, 2, 2, kind="sse", what="time_to_first_byte").version()
    canary = healthy().times(18, 40, 40, 40, kind="sse", what="time_to_first_byte").version()
    assert verdicts(canary, stable)["first byte p90 within 0.1 s"].verdict == "hold"


def test_of_fewer_than_ten_events_there_is_no_share_of_one_in_ten() -> None:
    stable = healthy(3).times(3, 3, 3, 3, kind="sse", what="time_to_first_byte").version()
    canary = healthy().times(1, 90, 90, 90, kind="sse", what="time_to_first_byte").version()
    assert not any("first byte" in signal for signal in verdicts(canary, stable))


def test_a_bound_that_the_canary_does_not_have_is_none_to_judge_by() -> None:
    """Nothing of it lies within that bound: it looked as if all of it was slower."""
    found = verdicts(without(healthy(), "0.1").version(), healthy(5).version())
    assert P90 not in found
    assert found["latency p90 within 0.5 s"].verdict == "pass"
    assert found[P99].verdict == "pass"


def test_a_bound_that_is_missing_in_one_pod_of_stable_is_none_either() -> None:
    stable, one = healthy(5), without(Fleet().requests(1000).times(900, 995, 999, 1000), "0.1")
    stable.found[DURATION] += one.found[DURATION]
    assert P90 not in verdicts(healthy(2).version(), stable.version())


def test_without_a_shared_bound_that_stable_keeps_it_is_a_hold() -> None:
    for its, others in ((("0.1", "0.5", "1.0"), ()), (("0.5", "1.0"), ("0.1",))):
        canary, stable = without(healthy(), *its), without(healthy(5), *others)
        for each in ("latency p90", "latency p99"):
            found = verdicts(canary.version(), stable.version())[each]
            assert (found.verdict, "share no bound" in found.reason) == ("hold", True)


def test_bounds_are_numbers_however_they_are_written() -> None:
    canary = healthy()
    spelt = {"0.1": "1e-1", "0.5": "0.50", "1.0": "1", "+Inf": "+Inf"}
    canary.found[DURATION] = [
        Series({**each.labels, "le": spelt[each.labels["le"]]}, each.samples)
        for each in canary.found[DURATION]
    ]
    assert {P90, P99} <= verdicts(canary.version(), healthy(5).version()).keys()


def test_a_canary_whose_histogram_is_not_scraped_is_a_hold() -> None:
    found = verdicts(Fleet().requests(1000).version(), healthy(5).version())
    assert found["latency p90"].reason == "no histogram of the canary is scraped"


@pytest.mark.parametrize(
    ("stable", "notes"),
    [
        (healthy(5), []),
        (Fleet(5).requests(1000), ["latency: not judged, no histogram is scraped"]),
        (
            Fleet(5).requests(1000).times(1, 2, 3, 1000),
            [
                "latency p90: not judged, of stable it is over 1 s, the last bound",
                "latency p99: not judged, of stable it is over 1 s, the last bound",
            ],
        ),
        (
            Fleet().requests(50).times(45, 50, 50, 50),
            ["latency p99: not judged, stable has had 50 of the 100 that it takes"],
        ),
        (Fleet(5), []),
        (
            healthy(5).requests(9, kind="sse"),
            ["first byte: not judged, no histogram is scraped"],
        ),
    ],
)
def test_why_it_is_not_judged_is_said_and_decides_nothing(stable: Fleet, notes: list[str]) -> None:
    found = judged(healthy(2).version(), stable.version(), Tolerance())
    assert found.notes == notes
