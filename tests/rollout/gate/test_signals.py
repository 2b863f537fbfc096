"""Each golden signal is judged by itself, and what is rare holds nobody."""

from math import inf, nan

import pytest

from drainproxy.rollout.gate.judgement import SignalJudgement, Tolerance, overall
from drainproxy.rollout.gate.signals import judged, traffic
from drainproxy.rollout.gate.versions import Version
from tests.rollout.gate.fleet import Fleet

CLOSES = "drainproxy_websocket_closes_total"


def verdicts(canary: Version, stable: Version) -> dict[str, SignalJudgement]:
    return {each.signal: each for each in judged(canary, stable, Tolerance()).signals}


def healthy(pods: int = 1) -> Fleet:
    return Fleet(pods).requests(1000).times(900, 995, 999, 1000)


def test_a_healthy_canary_passes() -> None:
    found = verdicts(healthy().version(), healthy(5).version())
    assert {each.verdict for each in found.values()} == {"pass"}
    assert {"errors", "latency p90 within 0.1 s", "latency p99 within 0.5 s"} == found.keys()


def test_errors_fail() -> None:
    found = verdicts(healthy().requests(0, 30).version(), healthy(5).version())
    assert found["errors"].verdict == "fail"
    assert "30 of 1030 (2.91 %) beside 0 of 5000 (0 %)" in found["errors"].reason


@pytest.mark.parametrize(
    ("metric", "labels", "bad", "signal"),
    [
        (CLOSES, {"by": "app", "code": "1000"}, {"code": "1006"}, "broken websockets"),
        (CLOSES, {"by": "app", "code": "1001"}, {"code": "1011"}, "broken websockets"),
        (
            "drainproxy_ended_total",
            {"kind": "sse", "how": "finished"},
            {"how": "app_left"},
            "broken event streams",
        ),
        (
            "drainproxy_ended_total",
            {"kind": "http1", "how": "finished"},
            {"how": "app_left"},
            "broken answers",
        ),
        *(
            (
                "drainproxy_grpc_requests_total",
                {"method": "a.B/C", "grpc_status": "0"},
                {"grpc_status": status},
                "grpc errors",
            )
            for status in ("2", "4", "12", "13", "14", "15")
        ),
        *(
            (
                "drainproxy_ended_total",
                {"kind": kind, "how": "finished"},
                {"how": "client_left"},
                "abandoned requests",
            )
            for kind in ("http1", "http2", "grpc")
        ),
    ],
)
def test_what_no_error_rate_shows_is_a_signal_of_its_own(
    metric: str, labels: dict[str, str], bad: dict[str, str], signal: str
) -> None:
    stable = healthy(5).counter(metric, 200, **labels).version()
    fine = healthy().counter(metric, 200, **labels)
    assert verdicts(fine.version(), stable)[signal].verdict == "pass"
    broken = fine.counter(metric, 40, **(labels | bad)).version()
    assert verdicts(broken, stable)[signal].verdict == "fail"


def test_a_close_by_the_client_is_no_fault_of_the_app() -> None:
    stable = healthy(5).counter(CLOSES, 200, by="app", code="1000").version()
    canary = healthy().counter(CLOSES, 200, by="client", code="1006").version()
    assert verdicts(canary, stable)["broken websockets"].verdict == "pass"


@pytest.mark.parametrize(
    ("usual", "abandoned", "verdict"),
    [(0, 0, "pass"), (100, 100, "pass"), (100, 500, "fail"), (0, 900, "fail")],
)
def test_clients_that_give_up_are_compared_with_those_of_stable(
    usual: int, abandoned: int, verdict: str
) -> None:
    """Some always do; a canary that hangs has no answers that could be errors."""

    def left(fleet: Fleet, number: int) -> Version:
        for how, times in (("finished", 1000 - number), ("client_left", number)):
            fleet.counter("drainproxy_ended_total", times, kind="http1", how=how)
        return fleet.version()

    found = verdicts(left(healthy(), abandoned), left(healthy(5), usual))
    assert found["abandoned requests"].verdict == verdict


def test_how_clients_leave_streams_is_their_own_affair() -> None:
    def left(fleet: Fleet, number: int) -> Version:
        for kind in ("sse", "websocket", "tcp"):
            fleet.counter("drainproxy_ended_total", number, kind=kind, how="client_left")
        return fleet.version()

    found = verdicts(left(healthy(), 500), left(healthy(5), 0))
    assert "abandoned requests" not in found
    assert overall(found.values()) == "pass"


def test_connections_that_the_app_does_not_take_are_errors() -> None:
    stable = healthy(5).counter("drainproxy_connections_total", 100, kind="tcp").version()
    canary = healthy().counter("drainproxy_connections_total", 100, kind="tcp")
    canary.counter("drainproxy_app_connect_failures_total", 20)
    canary.counter("drainproxy_rejected_total", 900, reason="malformed")
    found = verdicts(canary.version(), stable)["refused connections"]
    assert (found.verdict, str(found.canary)) == ("fail", "20 of 120")


@pytest.mark.parametrize(
    ("kinds", "verdict"),
    [(("tcp",), "pass"), (("http1",), "hold"), (("tcp", "http2"), "hold"), ((), "hold")],
)
def test_connections_alone_pass_where_they_are_all_that_can_be_seen(
    kinds: tuple[str, ...], verdict: str
) -> None:
    """Of HTTP there must be something else: what was asked is not scraped, or was not asked."""
    sides = [Fleet(), Fleet(5)]
    for fleet in sides:
        for kind in kinds:
            fleet.counter("drainproxy_connections_total", 1000, kind=kind)
    found = verdicts(*(fleet.version() for fleet in sides))
    assert overall(found.values()) == verdict
    if kinds:
        assert found["refused connections"].verdict == "pass"


def test_an_idle_canary_holds() -> None:
    found = verdicts(Fleet().requests(0).version(), healthy(5).version())
    assert overall(found.values()) == "hold"
    assert found["errors"].missing == 186


def test_without_traffic_anywhere_it_is_a_hold() -> None:
    found = verdicts(Fleet().version(), Fleet().version())
    assert overall(found.values()) == "hold"


def test_what_stable_hardly_has_does_not_hold_the_rollout() -> None:
    stable = healthy(5).counter(CLOSES, 3, by="app", code="1000").version()
    found = verdicts(healthy().version(), stable)
    assert found["broken websockets"].verdict == "pass"
    assert "too rare" in found["broken websockets"].reason
    for bad, verdict in ((1, "hold"), (40, "fail")):
        worse = healthy().counter(CLOSES, bad, by="app", code="1006").version()
        assert verdicts(worse, stable)["broken websockets"].verdict == verdict


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_a_gauge_that_is_no_number_gives_no_share(value: float) -> None:
    odd = Fleet().gauge("drainproxy_connections", value, kind="http1").version()
    one = Fleet(2).gauge("drainproxy_connections", 1, kind="http1").version()
    assert traffic(odd, one).standing_connections is None
    assert traffic(one, odd).standing_connections is None


def test_the_share_of_traffic_is_that_of_new_and_of_standing_connections() -> None:
    canary = Fleet().requests(100).counter("drainproxy_connections_total", 10, kind="http1")
    canary.gauge("drainproxy_connections", 1, kind="http1")
    stable = Fleet().requests(300).counter("drainproxy_connections_total", 90, kind="http1")
    stable.gauge("drainproxy_connections", 99, kind="http1")
    found = traffic(canary.version(), stable.version())
    assert (found.requests, found.new_connections) == (0.25, 0.1)
    assert found.standing_connections == 0.01
    nothing = traffic(Fleet().version(), Fleet().version())
    assert nothing.requests is nothing.standing_connections is None
