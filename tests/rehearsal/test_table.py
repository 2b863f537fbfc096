"""What came of a drain, and whether that is good enough."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from drainproxy.rehearsal.table import (
    KINDS,
    DrainReport,
    Outcome,
    Row,
    reasons,
    render,
    render_timeline,
    rows,
    summary,
    timeline,
)

NOTHING = {"finished": 0, "goodbye": 0, "client_left": 0, "app_left": 0, "cut": 0}


def report(verdict: str = "clean", websockets_cut: int = 0) -> DrainReport:
    return {
        "verdict": verdict,
        "seconds": 7.5,
        "phases": {"serving": 100.0, "announced": 1.0, "leaving": 1.0, "closed": 6.0},
        "in_flight_at_start": {"http1": 12, "grpc": 4, "sse": 3, "websocket": 9, "tcp": 2},
        "ended": {
            "http1": NOTHING | {"finished": 1234},
            "grpc": NOTHING | {"finished": 60},
            "sse": NOTHING | {"finished": 3},
            "websocket": NOTHING | {"goodbye": 9 - websockets_cut, "cut": websockets_cut},
            "tcp": NOTHING | {"finished": 2},
        },
    }


GOOD = Outcome(
    report=report(),
    exit_code=0,
    seconds=7.6,
    served=7.5,
    timeout=20.0,
    goodbyes={"http1": 12, "grpc": 5, "websocket": 9},
    lost={kind: [] for kind in KINDS},
)


def printed(outcome: Outcome) -> str:
    console = Console(file=StringIO(), width=120)
    console.print(render(outcome))
    if outcome.report:
        console.print(render_timeline(outcome.report))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_each_kind_has_a_row_from_the_report_and_from_the_clients() -> None:
    outcome = replace(GOOD, report=report("cut 4", 4), lost={"websocket": ["no answer"]})

    assert rows(outcome) == [
        Row("http1", 12, 1234, 0, 0, 0),
        Row("grpc", 4, 60, 0, 0, 0),
        Row("sse", 3, 3, 0, 0, 0),
        Row("websocket", 9, 0, 5, 4, 1),
        Row("tcp", 2, 2, 0, 0, 0),
    ]


def test_without_a_report_only_the_clients_tell() -> None:
    outcome = replace(GOOD, report=None, lost={"http1": ["reset", "reset"]})

    assert rows(outcome)[0] == Row("http1", None, None, None, None, 2)
    assert "-" in printed(outcome)


def test_a_clean_drain_in_which_nobody_lost_anything_gives_no_reason() -> None:
    assert reasons(GOOD) == []


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (replace(GOOD, exit_code=3), "the sidecar exited 3"),
        (replace(GOOD, exit_code=-9), "the sidecar was ended by signal 9"),
        (
            replace(GOOD, exit_code=None, seconds=25.0),
            "the sidecar was still there 25.0 s after the signal",
        ),
        (replace(GOOD, report=None), "the sidecar left no report"),
        (replace(GOOD, report=report("cut 4", 4)), "the sidecar's report says: cut 4"),
        (replace(GOOD, seconds=20.0), "the drain took 20.0 s, all of its 20 s"),
        (replace(GOOD, lost={"sse": ["a gap"]}), "SSE: 1 lost: a gap"),
    ],
)
def test_whatever_is_not_good_is_a_reason(outcome: Outcome, reason: str) -> None:
    assert reasons(outcome) == [reason]


def test_equal_losses_are_counted_and_many_different_ones_are_summed_up() -> None:
    lost = ["reset"] * 7 + ["refused"] * 5 + ["timeout"] * 3 + ["gap", "closed"]

    assert reasons(replace(GOOD, lost={"tcp": lost})) == [
        "TCP: 7 lost: reset",
        "TCP: 5 lost: refused",
        "TCP: 3 lost: timeout",
        "TCP: and 2 other reasons",
    ]


def test_the_timeline_shows_the_drain_alone_each_phase_after_the_other() -> None:
    phases = {"starting": 0.2, "serving": 50.0, "announced": 1.0, "leaving": 1.0, "closed": 2.0}

    assert timeline(phases, width=8) == [
        ("announced", 1.0, "━━"),
        ("leaving", 1.0, "  ━━"),
        ("closed", 2.0, "    ━━━━"),
    ]


def test_a_drain_that_took_no_time_has_a_timeline_too() -> None:
    assert timeline({"serving": 1.0, "announced": 0.0}) == [("announced", 0.0, "")]
    assert timeline({}) == []


def test_the_table_shows_every_column_and_the_phases() -> None:
    text = printed(GOOD)

    for column in ("in flight when the drain began", "finished", "said goodbye", "cut", "lost"):
        assert column in text
    assert "1,234" in text
    assert "leaving" in text
    assert "serving" not in text


def test_the_summary_says_how_long_it_took_and_who_was_told() -> None:
    text = " ".join(summary(GOOD))

    assert "12 keep-alive connections" in text
    assert "5 gRPC channels" in text
    assert "9 WebSockets" in text
    assert "done after 7.5 s" in text
    assert "exited 0 after 7.6 s (of 20 s)" in text
