"""Connections retire at their age, each a little earlier or later than the others."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.drain.aging import Aging

AGING = Aging({"http1": 100.0, "tcp": 0.0}, jitter=0.1, grace=5.0)

ages = st.floats(0.001, 1e6)
jitters = samples = st.floats(0, 1)
moments = st.floats(0, 1e9)


@pytest.mark.parametrize(
    ("sample", "expires_at"), [(0.0, 1090.0), (0.25, 1095.0), (0.5, 1100.0), (0.75, 1105.0)]
)
def test_the_age_varies_by_the_jitter_either_way(sample: float, expires_at: float) -> None:
    assert AGING.expires_at("http1", 1000.0, sample) == pytest.approx(expires_at)


@pytest.mark.parametrize("kind", ["tcp", "websocket"])
def test_an_age_of_0_or_none_is_never(kind: str) -> None:
    assert AGING.expires_at(kind, 1000.0, 0.0) == inf


def test_without_being_told_otherwise_nothing_retires() -> None:
    assert Aging().expires_at("http1", 0.0, 0.5) == inf


def test_without_a_jitter_all_retire_at_their_age() -> None:
    aging = Aging({"http1": 100.0})
    assert {aging.expires_at("http1", 1000.0, sample) for sample in (0.0, 0.3, 0.99)} == {1100.0}


def test_what_has_retired_is_cut_after_the_grace() -> None:
    assert AGING.grace_ends_at(1100.0) == 1105.0


def test_without_a_grace_nothing_is_cut() -> None:
    assert Aging({"http1": 100.0}).grace_ends_at(1100.0) == inf


@pytest.mark.parametrize(("sample", "expires_at"), [(0.0, 5000.0), (0.5, 5010.0), (0.75, 5015.0)])
def test_who_is_too_old_for_a_new_age_retires_within_the_width_of_the_jitter(
    sample: float, expires_at: float
) -> None:
    assert AGING.recomputed_expiry("http1", 5000.0, sample) == pytest.approx(expires_at)


@given(ages, jitters, moments, samples)
def test_nobody_retires_outside_of_the_jitter(
    age: float, jitter: float, since: float, sample: float
) -> None:
    expires_at = Aging({"x": age}, jitter).expires_at("x", since, sample)
    assert since + age * (1 - jitter) <= expires_at + 1e-6
    assert expires_at <= since + age * (1 + jitter) + 1e-6


@given(ages, jitters, moments, samples)
def test_catching_up_takes_no_longer_than_the_jitter_is_wide(
    age: float, jitter: float, now: float, sample: float
) -> None:
    expires_at = Aging({"x": age}, jitter).recomputed_expiry("x", now, sample)
    assert now <= expires_at <= now + 2 * jitter * age + 1e-6


@given(ages, st.floats(0.01, 1), st.lists(samples, min_size=2, unique=True))
def test_a_larger_sample_expires_later(age: float, jitter: float, samples: list[float]) -> None:
    aging = Aging({"x": age}, jitter)
    retire = [aging.expires_at("x", 0.0, sample) for sample in sorted(samples)]
    assert retire == sorted(retire)
