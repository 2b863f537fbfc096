"""What is seen of one sidecar in several series counts once, or is told."""

import pytest

from drainproxy.rollout.gate.doubt import doubt
from drainproxy.rollout.gate.samples import Series
from drainproxy.rollout.gate.sidecars import differing, joined, seen_by_both, seen_twice
from drainproxy.rollout.gate.versions import version

REQUESTS = "drainproxy_requests_total"
STARTS = "process_start_time_seconds"
EVENT = {"kind": "http1", "code": "200"}
MONITORED = {
    "namespace": "shop",
    "pod": "web-1",
    "instance": "10.0.0.1:9180",
    "job": "shop/proxies",
}
ANNOTATED = {**MONITORED, "job": "kubernetes-pods"}


def series(labels: dict[str, str], *values: float, first: float = 0.0, **own: str) -> Series:
    """Samples every ten seconds."""
    samples = [(first + 10.0 * place, value) for place, value in enumerate(values)]
    return Series({**EVENT, **labels, **own}, samples)


def without(labels: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name not in names}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (MONITORED, ANNOTATED),
        (MONITORED, {**ANNOTATED, "instance": "web-1"}),
        (MONITORED, without(ANNOTATED, "pod", "namespace")),
        (without(MONITORED, "pod"), without(ANNOTATED, "pod")),
        ({**MONITORED, "prometheus_replica": "0"}, {**MONITORED, "prometheus_replica": "1"}),
        ({**MONITORED, "endpoint": "admin"}, {**MONITORED, "endpoint": "metrics"}),
    ],
)
def test_a_sidecar_that_is_seen_twice_at_the_same_time_is_in_doubt(
    one: dict[str, str], other: dict[str, str]
) -> None:
    both = {REQUESTS: [series(one, 1, 2, 3), series(other, 1, 2, first=5)]}
    stable = {REQUESTS: [series({"pod": "web-2"}, 1, 2, 3)]}
    first, second = differing(*both[REQUESTS])
    for sides in ((both, stable), (stable, both)):
        said = doubt(*sides) or ""
        assert f"seen twice, with {first} and with {second}" in said


def test_both_jobs_are_named() -> None:
    both = {REQUESTS: [series(MONITORED, 1, 2), series(ANNOTATED, 1, 2)]}
    said = doubt(both, {}) or ""
    assert (
        'shop/web-1 is seen twice, with job="shop/proxies" and with job="kubernetes-pods"' in said
    )


def test_the_same_series_twice_in_one_answer_is_in_doubt() -> None:
    both = {REQUESTS: [series(MONITORED, 1, 2), series(MONITORED, 1, 2)]}
    said = "a series of shop/web-1 comes twice in one answer, with the same labels"
    assert doubt(both, {}) == doubt({}, both) == said


@pytest.mark.parametrize("metric", [REQUESTS, STARTS, "drainproxy_ended_total"])
def test_what_names_no_sidecar_may_be_there_twice_and_is_in_doubt(metric: str) -> None:
    nameless = {metric: [series(without(MONITORED, "pod", "instance"), 1, 2)]}
    assert "neither pod nor instance" in (doubt(nameless, {}) or "")
    assert "neither pod nor instance" in (doubt({}, nameless) or "")


@pytest.mark.parametrize(
    "other",
    [
        series({**MONITORED, "pod": "web-2", "instance": "10.0.0.2:9180"}, 1, 2),
        series(MONITORED, 1, 2, code="500"),
        # Another cluster: the same address, or a set's pod of the same name.
        series({**MONITORED, "pod": "web-2", "cluster": "b"}, 1, 2),
        series({**MONITORED, "instance": "10.9.0.1:9180", "cluster": "b"}, 1, 2),
        # It goes on, under other labels.
        series({**MONITORED, "role": "stable"}, 3, 4, first=20),
        Series({**EVENT, **ANNOTATED}, []),
    ],
)
def test_what_is_of_another_sidecar_or_of_another_time_is_in_no_doubt(other: Series) -> None:
    found = {REQUESTS: [series(MONITORED, 1, 2), other]}
    assert doubt(found, {}) is None


def test_an_app_with_metrics_of_its_own_is_no_second_sidecar() -> None:
    app = {**ANNOTATED, "instance": "10.0.0.1:8080"}
    starts = [Series(MONITORED, [(0.0, 1.0)]), Series(app, [(0.0, 1.0)])]
    assert doubt({STARTS: starts, REQUESTS: [series(MONITORED, 1, 2)]}, {}) is None


def test_a_pod_that_two_jobs_give_to_the_two_versions_is_of_both() -> None:
    said = doubt({REQUESTS: [series(MONITORED, 1, 2)]}, {REQUESTS: [series(ANNOTATED, 1, 2)]})
    assert "both versions have the same pod" in (said or "")


@pytest.mark.parametrize("later", [{"role": "stable"}, {"job": "kubernetes-pods"}, {}])
def test_a_series_that_goes_on_under_other_labels_holds_nothing_new(later: dict[str, str]) -> None:
    """As ephemeral metadata changes at a promotion: 5,000 requests came once."""
    before = series({**MONITORED, "role": "canary"}, 5000, 5001)
    after = series({**MONITORED, **later}, 5003, 5004, first=20)
    found = {REQUESTS: [after, before], STARTS: [Series(MONITORED, [(0.0, -900.0)])]}
    (one,) = version(found, 0.0).series(REQUESTS)
    assert [value for _, value in one.samples] == [5000, 5001, 5003, 5004]
    assert one.labels == before.labels


def test_a_pod_of_the_same_name_at_another_address_is_a_new_one() -> None:
    again = {**MONITORED, "instance": "10.0.0.7:9180"}
    both = [series(MONITORED, 1, 2), series(again, 1, 2, first=20)]
    assert joined(both) == both
    assert joined([Series(MONITORED, [])]) == []


def test_what_overlaps_stays_as_it_is() -> None:
    both = [series(MONITORED, 1, 2), series(ANNOTATED, 1, 2)]
    assert joined(both) == both
    assert next(seen_twice(both)) == (both[0], both[1])
    assert next(seen_by_both(both, both[1:])) == (both[0], both[1])
