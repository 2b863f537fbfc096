"""Counts are exact: nothing that a scrape saw is lost, extrapolated or counted twice."""

from itertools import accumulate
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.rollout.gate.samples import (
    Births,
    Increase,
    Scope,
    Series,
    births,
    count,
    intervals,
    quantile,
    slower,
    steps,
)

INTERVAL = 10.0
WINDOW = 1000.0
OLD = Births({"shop/web-1": 0.0}, {"shop/web-1": WINDOW})
SCOPE = Scope(OLD, WINDOW, INTERVAL)
POD = {"namespace": "shop", "pod": "web-1"}


def series(*values: float, first: float = WINDOW, **labels: str) -> Series:
    """Samples every ten seconds."""
    samples = [(first + place * INTERVAL, value) for place, value in enumerate(values)]
    return Series({**POD, **labels}, samples)


def counted(each: Series, born: Births = OLD, warm_up: float = 60.0) -> float:
    return sum(step.more for step in steps(each, Scope(born, WINDOW, INTERVAL, warm_up)))


@pytest.mark.parametrize(
    ("values", "more"),
    [((), 0), ((5,), 0), ((5, 5, 7), 2), ((5, 9, 3, 4), 8), ((5, 0, 0), 0), ((5, nan, 8), 3)],
)
def test_an_old_series_counts_its_differences_and_resets_from_zero(
    values: tuple[float, ...], more: float
) -> None:
    assert counted(series(*values)) == more


def test_a_quantile_walks_over_each_series_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each bound takes ten times as long, in which others wait."""
    walked: list[Series] = []

    def watched(each: Series, scope: Scope) -> list[Increase]:
        walked.append(each)
        return steps(each, scope)

    monkeypatch.setattr("drainproxy.rollout.gate.samples.steps", watched)
    bounds = [*(str(bound) for bound in range(1, 20)), "+Inf"]
    buckets = [series(0, min(place + 1, 20), le=le) for place, le in enumerate(bounds)]
    assert str(quantile(buckets, 0.9, SCOPE)) == "17 to 18 s"
    assert len(walked) == len(buckets)


def test_the_first_error_of_a_pod_that_began_in_the_window_counts() -> None:
    young = Births({"shop/web-1": WINDOW - 50}, {"shop/web-1": WINDOW + 20})
    assert counted(series(7, first=WINDOW + 20), young) == 0
    younger = Births({"shop/web-1": WINDOW + 1}, {"shop/web-1": WINDOW + 70})
    assert counted(series(7, first=WINDOW + 70), younger) == 7


def test_a_series_that_comes_later_than_its_pod_was_born_with_what_it_holds() -> None:
    assert counted(series(3, 4, first=WINDOW + INTERVAL)) == 4


def test_what_happened_while_the_pod_was_warming_up_does_not_count() -> None:
    young = Births({"shop/web-1": WINDOW + 5}, {"shop/web-1": WINDOW + 10})
    values = series(*range(1, 11), first=WINDOW + 10)
    assert counted(values, young) == 10 - 6
    assert counted(values, young, warm_up=0) == 10


def test_a_pod_that_restarts_stays_the_same_pod() -> None:
    starts = series(100.0, 100.0, 1025.0, 1025.0)
    restarts = {"shop/web-1": frozenset([WINDOW + 20])}
    born = Births({"shop/web-1": 100.0}, {"shop/web-1": WINDOW}, restarts)
    assert births([starts], []) == born
    assert counted(series(10, 14, 2, 3), births([starts], [])) == 4 + 2 + 1


def test_other_series_tell_when_a_pod_was_seen_first() -> None:
    found = births([], [series(1, first=WINDOW + 30), series(1), Series(POD, [])])
    assert found == Births({}, {"shop/web-1": WINDOW})


def test_without_a_pod_it_is_the_target_that_counts() -> None:
    assert Series({"instance": "10.0.0.1:9180"}, []).pod == "/10.0.0.1:9180"


@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=5), min_size=1, max_size=4))
def test_whatever_happens_between_restarts_all_that_was_seen_counts(
    lives: list[list[int]],
) -> None:
    """Also where a life has overtaken the one before until its first scrape."""
    values = [float(held) for life in lives for held in accumulate(life)]
    starts = [WINDOW + 100 * number for number, life in enumerate(lives) for _ in life]
    born = births([series(*starts)], [])
    assert counted(series(*values), born, warm_up=-inf) == sum(map(sum, lives))


@pytest.mark.parametrize(
    ("starts", "values", "more"),
    [
        ((50, 50, 1015, 1015), (5, 9, 12, 14), 4 + 12 + 2),
        # The restart falls into a gap of the counter.
        ((50, 50, 1015, 1015), (5, 9, nan, 14), 4 + 14),
        # The clock of the node was set back, or its second of the boot moved on.
        ((50, 51, 50, 51), (5, 9, 12, 14), 9),
        ((50, 40, 40, 40), (5, 9, 12, 14), 9),
        # Nobody says when it began: then a fall is all that shows.
        ((), (5, 9, 12, 14), 9),
        ((), (5, 9, 2, 14), 4 + 2 + 12),
    ],
)
def test_a_restart_shows_in_the_start_of_the_process_where_the_counter_does_not_fall(
    starts: tuple[float, ...], values: tuple[float, ...], more: float
) -> None:
    old = series(1.0)
    assert counted(series(*values), births([series(*starts)], [old])) == more


def test_restarts_of_one_pod_are_none_of_another() -> None:
    born = births([series(50, 50, 1015, pod="web-2"), series(50, 50, 50)], [])
    assert counted(series(5, 9, 12), born) == 7
    assert counted(series(5, 9, 12, pod="web-2"), born) == 4 + 12


def test_what_else_is_scraped_of_a_pod_does_not_make_its_counters_young() -> None:
    """An app with metrics of its own, which is scraped before the sidecar."""
    proxy = series(5000, 5003, first=WINDOW + 9, instance="10.0.0.1:9180")
    started = series(0.0, 0.0, first=WINDOW + 9, instance="10.0.0.1:9180")
    app = series(WINDOW + 2, WINDOW + 2, first=WINDOW + 1, instance="10.0.0.1:8080")
    assert counted(proxy, births([app, started], [proxy])) == 3


# Counts


def test_bad_events_are_told_by_their_labels_and_their_intervals() -> None:
    total = count(
        [
            series(10, 20, 30, code="200"),
            series(0, 1, 1, code="500"),
            series(0, 0, 2, code="503"),
        ],
        lambda labels: labels["code"].startswith("5"),
        SCOPE,
    )
    assert (total.bad, total.total, total.intervals) == (3, 23, 2)


@pytest.mark.parametrize(
    ("moments", "number"),
    [((), 0), ((5, 5, 5), 1), ((5, 12, 14), 1), ((5, 15), 2), ((30, 5, 16, 7), 3)],
)
def test_what_several_pods_saw_of_one_burst_is_one_interval(
    moments: tuple[float, ...], number: int
) -> None:
    assert intervals(moments, INTERVAL) == number


# Histograms

BUCKETS = [
    series(0, 50, le="0.1"),
    series(0, 98, le="0.5"),
    series(0, 99, le="1.0"),
    series(0, 100, le="+Inf"),
]


@pytest.mark.parametrize(("bound", "late"), [(0.1, 50), (0.5, 2), (1.0, 1)])
def test_what_took_longer_than_a_bound_is_late(bound: float, late: int) -> None:
    seen = slower(BUCKETS, bound, SCOPE)
    assert (seen.bad, seen.total, seen.intervals) == (late, 100, 1)


def test_pods_and_kinds_are_summed_up() -> None:
    both = [
        *BUCKETS,
        series(0, 1, le="0.5", pod="web-2", kind="grpc"),
        series(0, 4, le="+Inf", pod="web-2", kind="grpc"),
    ]
    born = Births({}, {"shop/web-1": WINDOW, "shop/web-2": WINDOW})
    seen = slower(both, 0.5, Scope(born, WINDOW, INTERVAL))
    assert (seen.bad, seen.total) == (5, 104)


@pytest.mark.parametrize(
    ("share", "edges"),
    [
        (0.5, "0 to 0.1 s"),
        (0.9, "0.1 to 0.5 s"),
        (0.98, "0.1 to 0.5 s"),
        (0.99, "0.5 to 1 s"),
        (0.999, "over 1 s"),
    ],
)
def test_a_quantile_lies_within_the_smallest_bound_that_holds_so_many(
    share: float, edges: str
) -> None:
    assert str(quantile(BUCKETS, share, SCOPE)) == edges


def test_a_histogram_without_events_has_no_quantile() -> None:
    silent = [series(0, 0, le=le) for le in ("0.1", "+Inf")]
    assert quantile(silent, 0.99, SCOPE) is None
    assert quantile([], 0.99, SCOPE) is None
