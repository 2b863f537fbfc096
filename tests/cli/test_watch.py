"""A drain is shown as it goes on, until it is over."""

import sys
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import click
import pytest
from rich.console import Console

from drainproxy.cli import watch
from drainproxy.cli.watch import follow

Body = dict[str, Any]


def body(phase: str, left: float | None = None, **in_flight: int) -> Body:
    blocking = [
        {"kind": kind, "age": 1.25, "peer": "192.0.2.7:5000", "path": f"/{kind}"}
        for kind in in_flight
    ]
    return {
        "phase": phase,
        "since": 2.0,
        "drain_seconds": 5.0,
        "deadline": left,
        "in_flight": in_flight,
        "blocking": blocking,
    }


def answers(*given: Body | Exception) -> Callable[[], Body]:
    """What a sidecar says, one after the other."""
    each: Iterator[Body | Exception] = iter(given)

    def ask() -> Body:
        answer = next(each)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_EVERY", 0)


def shown(given: Body) -> str:
    console = Console(width=80, record=True, file=StringIO())
    console.print(watch._view(given))
    return console.export_text()


def test_it_ends_when_drained_with_what_was_said_last() -> None:
    last = body("drained")
    assert follow(answers(body("serving"), body("leaving", 9.0, sse=2), last)) is last


def test_a_sidecar_that_goes_when_its_drain_is_over_is_no_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gone = click.ClickException("no sidecar")
    leaving = body("closed", 3.0, http1=1)
    assert follow(answers(leaving, gone)) is leaving
    assert "has ended" in capsys.readouterr().err


def test_where_rich_is_missing_each_change_is_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("rich", "rich.live"):
        monkeypatch.setitem(sys.modules, module, None)
    again = body("leaving", 8.5, sse=2, grpc=1)
    follow(answers(body("serving"), body("leaving", 9.0, sse=2, grpc=1), again, body("drained")))
    assert capsys.readouterr().out.splitlines() == [
        *("serving: idle", "leaving: 2 sse, 1 grpc, 9.0 s left", "drained: idle"),
    ]


def test_into_a_pipe_lines_come_while_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watch, "_LINE_EVERY", 0.0)
    seen = []

    def ask() -> Body:
        seen.append(capsys.readouterr().out)
        return body("drained" if len(seen) > 3 else "leaving", 9.0, sse=2)

    follow(ask)
    # Also of what does not change, and each before the next is asked for.
    assert seen[1:] == ["leaving: 2 sse, 9.0 s left\n"] * 3


def test_it_says_what_is_waited_for_when_nothing_is_in_flight() -> None:
    waiting = {**body("closed", 3.0), "awaited": 2}
    assert "idle, 2 connections may be used again" in shown(waiting)


@pytest.mark.parametrize("before", [[], [body("serving")]])
def test_a_sidecar_that_is_not_there_is_one(before: list[Body]) -> None:
    with pytest.raises(click.ClickException, match="no sidecar"):
        follow(answers(*before, click.ClickException("no sidecar")))


def test_ctrl_c_ends_it_and_nothing_else() -> None:
    serving = body("serving")

    def ask() -> Body:
        if asked:
            raise KeyboardInterrupt
        asked.append(True)
        return serving

    asked: list[bool] = []
    assert follow(ask) is serving


def test_it_shows_how_far_the_drain_is_and_what_it_waits_for() -> None:
    text = shown(body("closed", 15.0, websocket=3, grpc=1))
    first, bar, flying, *blocking = text.splitlines()
    assert first.strip() == "closed for 2.0 s, 15.0 s left"
    assert bar.strip()
    assert flying.strip() == "3 websocket, 1 grpc"
    assert [line.split() for line in blocking] == [
        ["websocket", "1.2", "s", "192.0.2.7:5000", "/websocket"],
        ["grpc", "1.2", "s", "192.0.2.7:5000", "/grpc"],
    ]


def test_without_a_drain_there_is_nothing_to_be_far_in() -> None:
    assert [line.strip() for line in shown(body("serving")).splitlines()][:2] == [
        "serving for 2.0 s",
        "idle",
    ]
