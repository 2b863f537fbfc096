"""Whole rehearsals of a canary with a real Prometheus: the gate stops what is bad, and lets go on
what is not."""

import json
import shutil
from typing import Any

import pytest

from tests.rehearsal.started import refused, rehearse

GATED = (
    *("--strategy", "canary", "--gate", "--json", "--before", "500ms", "--after", "500ms"),
    *("--propagation-delay", "500ms", "--drain-delay", "1s", "--drain-quiet", "500ms"),
    *("--drain-spread", "1s"),
)
SMALL = ("--replicas", "1", "--http", "20", "--websocket", "4", "--sse", "2", "--grpc", "2")
# By fault: its options, how its signal begins, and how the clients say what they lost by it.
FAULTS = {
    "fails": (("--new-version-fails", "5%"), "errors", {"5xx from the app", "grpc INTERNAL"}),
    "slow": (("--new-version-slow", "300ms"), "latency p90", set[str]()),
    "drops": (("--new-version-drops-websockets",), "broken websockets", {"ws 1014"}),
}


def needs_prometheus() -> None:
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed (Debian: prometheus)")


def rehearsed(*arguments: str, code: int) -> dict[str, Any]:
    """What came of it, as JSON."""
    needs_prometheus()
    done = rehearse(*GATED, *arguments, timeout=400)
    assert done.returncode == code, done.stdout + done.stderr
    (result,) = json.loads(done.stdout)["rehearsals"]
    assert result["mishaps"] == []
    assert "Traceback" not in done.stderr
    return dict(result, said=done.stderr)


def lost(result: dict[str, Any]) -> set[str]:
    return {how for kind in result["kinds"].values() for how in kind["by_class"]}


def serving_in_the_end(result: dict[str, Any]) -> set[str]:
    return {r["version"] for r in result["replicas"] if r["state"] == "ready"}


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_version_that_fails_is_stopped_and_rolled_back() -> None:
    result = rehearsed(*SMALL, "--new-version-fails", "60%", code=1)

    gate = result["gate"]
    assert gate["verdict"] == "fail"
    assert gate["stopped_at"] < 25
    assert "errors" in {signal["signal"] for signal in gate["signals"]}
    assert serving_in_the_end(result) == {"v1"}
    assert {r["verdict"] for r in result["replicas"] if r["version"] == "v2"} == {"clean"}
    assert 0 < gate["users_struck"] < gate["users"] / 4
    assert gate["requests_of_new"] > 0
    assert f"The gate stopped it at {gate['stopped_at']} %" in result["said"]


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(480)
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_stopped_before_a_quarter_of_the_traffic_meets_it(fault: str) -> None:
    options, signal, losses = FAULTS[fault]
    result = rehearsed(*options, code=1)
    gate = result["gate"]
    assert (gate["verdict"], serving_in_the_end(result)) == ("fail", {"v1"})
    assert gate["stopped_at"] < 25
    assert gate["signals"][0]["signal"].startswith(signal)
    assert lost(result) <= losses
    assert 0 < gate["users_struck"] < gate["users"] / 4


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(480)
def test_a_healthy_version_goes_all_the_way_and_loses_nothing() -> None:
    result = rehearsed(code=0)
    gate = result["gate"]
    assert (gate["verdict"], gate["stopped_at"], gate["users_struck"]) == ("pass", None, 0)
    assert [step["weight"] for step in gate["steps"]] == list(range(5, 100, 5))
    assert lost(result) == set()
    assert serving_in_the_end(result) == {"v2"}
    assert "The gate let it pass 19 weights" in result["said"]


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(240)
def test_too_little_traffic_is_a_hold_and_goes_back() -> None:
    few = ("--replicas", "1", "--http", "1", "--websocket", "0", "--sse", "0", "--grpc", "0")
    result = rehearsed(*few, "--gate-timeout", "3s", code=3)
    assert (result["gate"]["verdict"], result["gate"]["stopped_at"]) == ("hold", 5)
    assert serving_in_the_end(result) == {"v1"}
    assert "came to no verdict in time" in result["said"]


def test_without_a_prometheus_it_does_not_take_place() -> None:
    done = refused(*GATED, "--prometheus", "/no/such/prometheus")
    assert "--prometheus /no/such/prometheus: there is no program of that name" in done.stderr


@pytest.mark.slow
def test_a_prometheus_that_is_none_has_its_last_words() -> None:
    done = rehearse(*GATED, *SMALL, "--prometheus", "/bin/false")
    assert done.returncode == 2
    assert "the prometheus exited 1; it said" in done.stderr
