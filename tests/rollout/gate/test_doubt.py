"""Nonsense is a hold that says why: never a verdict, and never an exception."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.rollout.gate.doubt import doubt, uncounted, vanished
from drainproxy.rollout.gate.judgement import Tolerance
from drainproxy.rollout.gate.queries import COUNTED, GAUGES
from drainproxy.rollout.gate.report import report
from drainproxy.rollout.gate.samples import Series
from drainproxy.rollout.gate.signals import judged, traffic
from drainproxy.rollout.gate.versions import version
from tests.cases import dear
from tests.rollout.gate.fleet import INTERVAL, NOW, WINDOW, Fleet

REQUESTS = "drainproxy_requests_total"
CONNECTIONS = "drainproxy_connections_total"
DURATION = "drainproxy_request_duration_seconds_bucket"
STABLE = Fleet(5).requests(1000).found


def test_two_versions_that_were_scraped_leave_no_doubt() -> None:
    assert doubt(Fleet().requests(1000).times(1, 2, 3, 4).found, STABLE) is None
    assert doubt({}, {}) is None


@pytest.mark.parametrize(
    ("metric", "labels", "samples", "reason"),
    [
        (REQUESTS, {}, [(1.0, -1.0)], "at -1"),
        (REQUESTS, {}, [(1.0, 1.0), (2.0, 1e300)], "at 1e+300"),
        (REQUESTS, {}, [(2.0, 1.0), (1.0, 2.0)], "order of time"),
        (REQUESTS, {}, [(1.0, 1.0), (1.0, 2.0)], "order of time"),
        (REQUESTS, {}, [(1.0, 1.0), (2.0, inf)], "at inf"),
        (REQUESTS, {}, [(1.0, 1.0), (2.0, -inf)], "at -inf"),
        (REQUESTS, {}, [(1.0, nan), (2.0, 1.0), (3.0, nan), (4.0, nan)], "are no numbers"),
        (DURATION, {}, [(1.0, 1.0)], "bucket"),
        (DURATION, {"le": "wide"}, [(1.0, 1.0)], "bucket"),
        (DURATION, {"le": "NaN"}, [(1.0, 1.0)], "bucket"),
    ],
)
def test_what_no_sidecar_has_counted_is_in_doubt_on_either_side(
    metric: str, labels: dict[str, str], samples: list[tuple[float, float]], reason: str
) -> None:
    found = {metric: [Series({"pod": "web-1", **labels}, samples)]}
    for both in ((found, STABLE), (STABLE, found)):
        said = doubt(*both)
        assert said is not None
        assert reason in said
        assert said.startswith(f"{metric}{{")
        assert 'pod="web-1"' in said


def test_a_mark_that_a_series_has_ended_is_in_no_doubt() -> None:
    """VictoriaMetrics may hand out the NaN of Prometheus."""
    for values in ([nan], [1.0, nan], [1.0, nan, 2.0, nan]):
        ended = Series({"pod": "web-1"}, [*enumerate(values, start=1)])
        assert doubt({REQUESTS: [ended]}, STABLE) is None


@pytest.mark.parametrize(
    "metric",
    ["process_start_time_seconds", CONNECTIONS, "drainproxy_app_connect_failures_total"],
)
def test_what_is_not_scraped_and_has_no_witness_is_noted(metric: str) -> None:
    full = Fleet().requests(1000).counter(CONNECTIONS, 10, kind="http1")
    found = full.counter("drainproxy_app_connect_failures_total", 0).found
    assert [*uncounted(found, found)] == [*uncounted({}, {})] == []
    without = {name: series for name, series in found.items() if name != metric}
    (note,) = uncounted(found, without)
    assert note.startswith(f"{metric} of stable is not scraped: ")


def test_a_version_is_not_compared_with_itself_nor_with_all_pods() -> None:
    canary = Fleet().requests(1000).found
    everything = {name: [*canary[name], *STABLE[name]] for name in canary}
    for stable in (canary, everything):
        assert "shop/web-1-0" in (doubt(canary, stable) or "")


def whole(fleet: Fleet) -> Fleet:
    """All families of a sidecar, each with something in it."""
    fleet.requests(1000).requests(10, kind="grpc")
    for kind in ("http1", "http2", "websocket", "tcp"):
        fleet.counter(CONNECTIONS, 100, kind=kind)
    fleet.counter("drainproxy_ended_total", 1000, kind="http1", how="finished")
    fleet.counter("drainproxy_grpc_requests_total", 10, method="a.B/C", grpc_status="0")
    return fleet.counter("drainproxy_websocket_closes_total", 10, code="1000", by="client")


@pytest.mark.parametrize(
    "family",
    [
        "drainproxy_requests_total",
        "drainproxy_ended_total",
        "drainproxy_websocket_closes_total",
        "drainproxy_grpc_requests_total",
    ],
)
@pytest.mark.parametrize("side", [0, 1])
def test_a_family_that_is_not_scraped_is_in_doubt_on_either_side(family: str, side: int) -> None:
    sides = [whole(Fleet()).found, whole(Fleet(5)).found]
    assert doubt(*sides) is None
    sides[side].pop(family, None)
    said = doubt(*sides) or ""
    assert family in said
    assert ("the canary", "stable")[side] in said


@pytest.mark.parametrize("kind", ["tcp", "http1", "websocket"])
def test_of_a_kind_that_nobody_uses_or_that_has_no_requests_no_family_is_missed(kind: str) -> None:
    its = Fleet().counter(CONNECTIONS, 100 if kind == "tcp" else 0, kind=kind).found
    assert doubt(its, {}) is None


@pytest.mark.parametrize(
    ("silence", "interval", "gone"),
    [(60, 15, False), (61, 15, True), (180, 60, False), (181, 60, True)],
)
def test_who_misses_three_scrapes_and_a_minute_has_vanished(
    silence: float, interval: float, gone: bool
) -> None:
    its = Fleet().requests(1000).found
    assert (vanished(its, interval, NOW + silence) is not None) == gone


def test_the_app_beside_a_dead_sidecar_does_not_stand_for_it() -> None:
    its = Fleet().requests(1000).found
    started = [Series({"pod": "web-1-0", "job": "app"}, [(NOW + 100, 1.0)])]
    its |= {"process_start_time_seconds": started}
    assert "100 s ago" in (vanished(its, INTERVAL, NOW + 100) or "")


def test_one_pod_that_is_scraped_is_enough_and_none_is_another_matter() -> None:
    its = {REQUESTS: Fleet().scraped(REQUESTS, 0) + Fleet().requests(9).scraped(REQUESTS, NOW)}
    assert vanished(its, INTERVAL, NOW) is None
    assert vanished({}, INTERVAL, NOW) is None
    assert vanished({REQUESTS: [Series({}, [])]}, INTERVAL, NOW) is None


names = st.dictionaries(
    st.sampled_from(["pod", "kind", "code", "how", "by", "reason", "le", "instance"]),
    st.sampled_from(["", "a", "http1", "sse", "500", "app", "app_left", "1006", "0.1", "1", "+Inf"])
    | st.text(max_size=3),
)
values = st.floats() | st.sampled_from([0.0, -0.0, 1.0, 500.0, 2.0**53, 1e308, inf, nan])
samples = st.lists(st.tuples(st.floats(), values), max_size=4) | st.lists(values, max_size=6).map(
    lambda held: [(NOW - WINDOW + 10 * place, value) for place, value in enumerate(held)]
)
answers = st.dictionaries(
    st.sampled_from([*COUNTED, *GAUGES]),
    st.lists(st.builds(Series, names, samples), max_size=3),
    max_size=6,
)


@dear
@given(answers, answers)
def test_whatever_is_answered_there_is_a_report(
    canary: dict[str, list[Series]], stable: dict[str, list[Series]]
) -> None:
    if doubt(canary, stable) is None:
        its, others = (version(each, NOW - WINDOW) for each in (canary, stable))
        found = judged(its, others, Tolerance())
        said = report(found.signals, [], traffic(its, others), notes=found.notes)
        assert said.as_text()
        assert said.as_json()
