"""From scores to verdicts, tables and pages."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from drainproxy.rehearsal import result, table
from drainproxy.rehearsal.about import about
from drainproxy.rehearsal.page import page
from drainproxy.rehearsal.plan import RehearsalPlan
from drainproxy.rehearsal.proxies import exchanges
from drainproxy.rehearsal.result import RehearsalResult, ReplicaResult
from drainproxy.rehearsal.scores import Clock, Score, percentile
from tests.rehearsal.test_gate_result import FAILED, PASSED


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def score(answered: int = 5, lost: Mapping[str, int] | None = None) -> Score:
    time = Time()
    made = Score(Clock(time))
    for number in range(answered):
        time.now = 100.0 + number / 2
        made.clock.stage = "during" if number > 2 else "before"
        made.answered("v1" if number < 3 else "v2", 0.02)
    for how, count in (lost or {}).items():
        for _ in range(count):
            made.lost(how, "so it is")
    made.exchanges = answered
    return made


def of(lost: Mapping[str, int] | None = None, **other: Any) -> RehearsalResult:
    http = score(lost=lost)
    made = RehearsalResult(
        proxy="drainproxy",
        balancer="kube-proxy",
        strategy="rolling",
        seconds=20.0,
        rollout=(2.0, 12.0),
        kinds={"http": result.kind_result(http, 3, 5)},
        replicas=[
            ReplicaResult("v1-1", "v1", "gone", 5.0, "clean", 0, {}, 0),
            ReplicaResult("v2-2", "v2", "ready", None, None, 0, {}, 7),
        ],
        refused_by_replicas=0,
        imbalance=0.1,
        marks=[(2.0, "rollout begins"), (3.0, "v1-1 is deleted"), (3.5, "<b>odd</b>")],
        timeline={"http": result.timeline(http)},
        connections=[(0.0, {"v1-1": 7}), (5.0, {"v1-1": 7}), (9.0, {"v2-2": 7})],
    )
    return replace(made, **other)


def printed(*results: RehearsalResult, width: int = 120) -> str:
    console = Console(width=width, record=True, quiet=True)
    with console.capture() as captured:
        console.quiet = False
        console.print(table.render(results))
    return captured.get()


def test_what_is_answered_is_counted_by_second_and_version_and_by_the_rollout() -> None:
    seen = score()
    assert [(s.second, dict(s.answered), s.failed) for s in result.timeline(seen)] == [
        (0, {"v1": 2}, 0),
        (1, {"v1": 1, "v2": 1}, 0),
        (2, {"v2": 1}, 0),
    ]
    assert (len(seen.times["before"]), len(seen.times["during"])) == (3, 2)


def test_nothing_lost_is_no_problem_and_the_table_says_so() -> None:
    assert of().problems() == []
    said = printed(of())
    assert "None of the 5 requests was lost." in said
    assert "differ by 10% in the end: even" in said
    assert "clients count" not in said
    assert table.verdict([of()]) == "rolling rollout with drainproxy: 0 of 5 requests failed"


def test_the_verdict_has_a_line_for_each_that_is_compared() -> None:
    lines = table.verdict([of(), of({"refused": 2}, proxy="none")]).splitlines()
    assert lines == [
        "rolling rollout with drainproxy: 0 of 5 requests failed",
        "rolling rollout without a proxy: 2 of 7 requests failed",
    ]
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize("times", [1, 1000])
def test_80_columns_are_enough_for_every_head_and_every_number(times: int) -> None:
    seen = replace(
        result.kind_result(score(), 3, 5),
        requests=1234 * times,
        failed=12 * times,
        goodbyes=123 * times,
        longest_gap=0.123 * times,
        p99_during=0.01 * times,
        by_class={"grpc RESOURCE_EXHAUSTED": 10 * times, "5xx from the proxy": 2 * times},
    )
    said = printed(of(kinds={"http": seen, "websocket": seen}), width=80)
    assert "…" not in said
    assert all(len(line.rstrip()) <= 80 for line in said.splitlines())
    heads = ("kind", "requests", "failed", "how", "goodbyes", "gap", "p50/p99", "rollout")
    assert all(head in said for head in heads)
    assert said.count(f"{1234 * times:,}") == 2


def test_kinds_without_clients_are_in_no_table_and_no_plot() -> None:
    http, none = result.kind_result(score(), 3, 5), result.kind_result(score(0), 0, 2)
    quiet = of(kinds={"http": http, "websocket": none})
    assert "WebSocket" not in printed(quiet)
    assert "WebSocket" not in page([quiet])
    served = of(kinds={"http": replace(none, proxies_counted=4)})
    assert "HTTP: the sidecars count 4 exchanges." in printed(served)


def test_what_was_lost_is_told_by_how_and_why() -> None:
    lost = of({"refused": 2, "ws 1006": 1})
    assert lost.failed == 3
    assert lost.problems() == [
        "HTTP: 2 lost, refused: so it is",
        "HTTP: 1 lost, ws 1006: so it is",
    ]
    assert "2 refused, 1 ws 1006" in printed(lost)


def test_what_went_wrong_is_a_problem_though_nothing_was_lost() -> None:
    wrong = of(mishaps=["v1-1: the app of v1-1 exited 3 by itself"])
    assert wrong.problems() == ["v1-1: the app of v1-1 exited 3 by itself"]


def test_where_clients_and_sidecars_count_differently_it_is_said() -> None:
    kind = result.kind_result(score(), 3, 4)
    assert "the clients count 5 exchanges, the sidecars 4" in printed(of(kinds={"http": kind}))


@pytest.mark.parametrize("whose", ["app", "proxy"])
def test_a_5xx_is_an_answer_to_sidecars_alone(whose: str) -> None:
    kind = result.kind_result(score(lost={f"5xx from the {whose}": 1}), 3, 6)
    assert "the clients count" not in printed(of(kinds={"http": kind}))


def test_the_json_has_everything_and_the_first_rehearsals_failures() -> None:
    said = about(RehearsalPlan(), ["rehearse"])
    body = json.loads(result.as_json([of(), of({"refused": 2}, proxy="none")], said))
    assert body["failed"] == 0
    assert body["about"]["command"] == "drainproxy rehearse"
    assert [each["proxy"] for each in body["rehearsals"]] == ["drainproxy", "none"]
    assert body["rehearsals"][1]["kinds"]["http"]["by_class"] == {"refused": 2}
    assert body["rehearsals"][0]["timeline"]["http"][1] == {
        "second": 1,
        "answered": {"v1": 1, "v2": 1},
        "failed": 0,
    }


def test_what_died_with_its_app_is_named_and_is_no_failure() -> None:
    http = score()
    http.died_with_app("5xx from the proxy")
    killed = of(kinds={"http": result.kind_result(http, 3, 9)}, strategy="kill-app")
    assert (killed.failed, killed.requests, killed.problems()) == (0, 6, [])
    said = printed(killed)
    assert "1 died with the app" in said
    assert "HTTP: 1 in progress in an app when it was killed: 5xx from the proxy." in said
    assert "No other of the 6 requests was lost." in said
    assert "clients count" not in said
    assert table.verdict([killed]) == (
        "kill of each app with drainproxy: 0 of 6 requests failed, 1 died with the app"
    )
    assert json.loads(result.as_json([killed]))["rehearsals"][0]["kinds"]["http"]["with_app"] == {
        "5xx from the proxy": 1
    }


def test_what_a_sidecar_has_left_unanswered_is_named() -> None:
    left = ReplicaResult("v1-1", "v1", "gone", 5.0, "unanswered 2", 0, {}, 0, unanswered=2)
    said = printed(of({"unanswered": 2}, replicas=[left]))
    assert "unanswered 2" in said
    assert "2 unanswered" in said
    assert "v1-1: WebSocket messages left unanswered: 2." in said


def test_what_came_while_there_was_no_replica_is_named() -> None:
    said = printed(of({"refused": 4}, unplaced=4, strategy="restart-app"))
    assert "New connections while no replica was ready, which reached no proxy: 4." in said
    assert "restart of each app with drainproxy" in said


def test_what_a_gate_has_stopped_is_a_problem_with_its_weights_and_reasons() -> None:
    stopped = of({"5xx from the app": 5}, strategy="canary", gate=FAILED)
    said = printed(stopped)
    assert stopped.problems()[0] == "The gate stopped it at 10 %, and it was rolled back."
    assert "fail: errors: 4 of 100 beside 0 of 1900" in said
    assert "5 of 2,000 users met a fault" in said
    assert [line.split()[:3] for line in said.splitlines() if " % " in line][:2] == [
        ["5", "%", "pass"],
        ["10", "%", "fail"],
    ]
    assert table.verdict([stopped]).endswith("; the gate stopped it at 10 %")
    assert "The gate stopped it at 10 %" in page([stopped])


def test_what_a_gate_has_let_pass_or_held_is_said_in_the_last_line() -> None:
    assert of(gate=PASSED).problems() == []
    assert table.verdict([of(gate=PASSED)]).endswith("; the gate let it pass")
    held = of(gate=replace(FAILED, verdict="hold"))
    assert table.verdict([held]).endswith("; the gate held it at 10 %")
    body = json.loads(result.as_json([held]))["rehearsals"][0]["gate"]
    assert (body["verdict"], body["stopped_at"], body["users_struck"]) == ("hold", 10, 5)
    assert body["signals"][0]["canary"] == {"bad": 4, "total": 100, "intervals": 0}


def test_what_stood_on_old_replicas_in_the_end_is_said() -> None:
    assert "on the old replicas when these were deleted: 0." in printed(of(left=0))
    assert "on the old replicas when" not in printed(of())


@pytest.mark.parametrize(
    ("counts", "apart"),
    [
        ([], None),
        ([0, 0], None),
        # An app that answers and closes: what is open in the end is chance.
        ([0, 0, 1], None),
        ([1, 1, 1], 0.0),
        ([5, 5], 0.0),
        ([4, 6], 0.4),
        ([9, 0], 2.0),
    ],
)
def test_imbalance_is_the_range_as_a_share_of_the_mean(
    counts: list[int], apart: float | None
) -> None:
    assert result.imbalance(counts) == (apart if apart is None else pytest.approx(apart))


@given(st.lists(st.floats(0, 10), min_size=1), st.floats(0, 1))
def test_a_percentile_is_one_of_the_values_and_no_more_than_its_share_lies_below(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value < found for value in values) <= share * len(values)


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile([], 0.5) is None


def test_the_sidecars_counts_are_read_by_the_kinds_of_the_clients() -> None:
    metrics = """
# TYPE drainproxy_requests_total counter
drainproxy_requests_total{code="200",kind="http1"} 7.0
drainproxy_requests_total{code="503",kind="http1"} 1.0
drainproxy_requests_total{code="101",kind="http1"} 3.0
drainproxy_requests_total{code="200",kind="sse"} 2.0
drainproxy_requests_total{code="200",kind="grpc"} 4.0
"""
    assert exchanges(metrics) == {"http": 8, "websocket": 3, "sse": 2, "grpc": 4}


def test_a_report_says_what_ended_how() -> None:
    ended = {"http1": {"finished": 3, "cut": 1}, "tcp": {"cut": 2}, "sse": {"cut": 0}}
    assert result.ended({"ended": ended}, "cut") == {"http1": 1, "tcp": 2}
    assert result.ended(None, "cut") == {}
