"""Numbers and percentages of pods, and the patience of probes."""

import pytest

from drainproxy.rollout.check.amounts import duration, failures_for, patience, share
from drainproxy.rollout.check.place import FieldPlace, read_objects


def place(text: str) -> FieldPlace:
    (each,) = read_objects("x", f"apiVersion: v1\nkind: Pod\nvalue: {text}\n")
    return each.root.at("value")


@pytest.mark.parametrize(
    ("text", "up", "down"),
    [("0", 0, 0), ("2", 2, 2), ("'3'", 3, 3), ("25%", 2, 1), ("0%", 0, 0), ("100%", 6, 6)],
)
def test_a_share_of_six_pods_is_rounded_as_the_api_does(text: str, up: int, down: int) -> None:
    assert share(place(text), 6, up=True) == up
    assert share(place(text), 6, up=False) == down


@pytest.mark.parametrize("text", ["", "true", "0.5", "x", "25 %", "-1%", "[1]"])
def test_what_is_no_share_is_none(text: str) -> None:
    assert share(place(text), 6, up=True) is None


def test_a_probe_is_patient_for_its_tries() -> None:
    assert patience(place("{}")) == 30
    assert patience(place("{periodSeconds: 5, failureThreshold: 4}")) == 20
    assert patience(place("{periodSeconds: 0}")) == 30


@pytest.mark.parametrize(("drain", "failures"), [(29, 3), (30, 4), (31, 4)])
def test_one_try_more_outlasts_a_drain(drain: int, failures: int) -> None:
    probe = place("{periodSeconds: 10}")
    assert failures_for(probe, drain) == failures
    assert 10 * failures > drain


def test_a_duration_has_a_unit() -> None:
    assert duration("1m30s") == 90
    assert duration("90") is None
