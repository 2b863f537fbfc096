"""The report says the verdict, why, with which numbers, and what was asked."""

from msgspec import json

from drainproxy.rollout.gate.judgement import Count, SignalJudgement
from drainproxy.rollout.gate.report import held, report
from drainproxy.rollout.gate.signals import Traffic

PASSED = SignalJudgement(
    "errors", "pass", "0 of 900", Count(0, 900), Count(1, 9000), 0.0144, None, 1.0
)
HELD = SignalJudgement("latency", "hold", "9 more", Count(0, 10), Count(0, 90), 0.02, 9)
FAILED = SignalJudgement("grpc errors", "fail", "9 of 10", Count(9, 10, 3), Count(0, 90), 0.02)


def test_one_signal_that_fails_decides() -> None:
    said = report([PASSED, HELD, FAILED], ["up"])
    assert (said.verdict, said.reason) == ("fail", "grpc errors: 9 of 10")


def test_a_hold_names_the_signal_that_misses_most() -> None:
    more = SignalJudgement("sse", "hold", "500 more", missing=500)
    assert report([PASSED, HELD, more], []).reason == "sse: 500 more (and 1 more)"
    assert report([], []).reason == "there is nothing to judge"


def test_the_json_has_verdict_and_signals_with_counts_on_both_sides() -> None:
    said = json.decode(report([PASSED, FAILED], ["up"], notes=["latency: not judged"]).as_json())
    assert said["verdict"] == "fail"
    assert [each["verdict"] for each in said["signals"]] == ["pass", "fail"]
    assert said["signals"][1]["canary"] == {"bad": 9, "total": 10, "intervals": 3, "share": 0.9}
    assert said["queries"] == ["up"]
    assert said["notes"] == ["latency: not judged"]


def test_the_text_has_a_line_for_each_signal_and_the_shares() -> None:
    shares = Traffic(0.05, None, 0.01)
    text = report([PASSED, HELD], ["up"], shares, 5.0, ["latency: not judged"]).as_text()
    assert text.splitlines() == [
        "hold: latency: 9 more",
        "  pass  errors   0 of 900",
        "  hold  latency  9 more",
        "  latency: not judged",
        "  the canary's share: 5 % of requests, none of new connections, 1 % of standing"
        " connections; its weight is 5 %",
        "  asked: up",
    ]


def test_where_nothing_could_be_judged_it_is_a_hold() -> None:
    assert held("no answer").as_text() == "hold: no answer"
