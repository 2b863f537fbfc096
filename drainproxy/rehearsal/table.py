"""What came of a drain: rows and a verdict from plain values, and how they look. Pure.

The sidecar's own report says what was in flight and how it ended, the clients say what they lost.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from rich.table import Table

# Names of the sidecar's report, and what people call them.
KINDS = {
    "http1": "HTTP/1.1",
    "grpc": "gRPC",
    "sse": "SSE",
    "websocket": "WebSocket",
    "tcp": "TCP",
}

_COLUMNS = ("in flight when the drain began", "finished", "said goodbye", "cut", "lost")
_BAR = 40
_MOST_REASONS = 3


class DrainReport(TypedDict):
    """What the sidecar writes to `report-file`; seconds, counts by kind."""

    verdict: str
    seconds: float
    phases: dict[str, float]
    in_flight_at_start: dict[str, int]
    ended: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One drain as seen from outside.

    `report` is None if the sidecar left none, `exit_code` if it did not exit. In seconds from the
    signal on: `served`, when the last client had what it wanted, `seconds`, when the sidecar was
    gone, and `timeout`, when it had to be. What the clients say, by kind: `goodbyes`, connections
    that were ended politely, and `lost`, why what was lost was lost.
    """

    report: DrainReport | None
    exit_code: int | None
    seconds: float
    served: float
    timeout: float
    goodbyes: Mapping[str, int] = field(default_factory=dict)
    lost: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; None where there is no report to tell."""

    kind: str
    in_flight: int | None
    finished: int | None
    goodbye: int | None
    cut: int | None
    lost: int


def rows(outcome: Outcome) -> list[Row]:
    """A row for every kind, in the order of `KINDS`."""
    return [_row(kind, outcome) for kind in KINDS]


def _row(kind: str, outcome: Outcome) -> Row:
    lost = len(outcome.lost.get(kind, ()))
    if outcome.report is None:
        return Row(kind, None, None, None, None, lost)
    ended = outcome.report["ended"][kind]
    in_flight = outcome.report["in_flight_at_start"][kind]
    return Row(kind, in_flight, ended["finished"], ended["goodbye"], ended["cut"], lost)


def reasons(outcome: Outcome) -> list[str]:
    """Why the drain was not good enough; empty if nothing was lost."""
    return [*_of_the_sidecar(outcome), *_of_the_clients(outcome.lost)]


def _of_the_sidecar(outcome: Outcome) -> Iterator[str]:
    if outcome.exit_code is None:
        yield f"the sidecar was still there {outcome.seconds:.1f} s after the signal"
    elif outcome.exit_code < 0:
        yield f"the sidecar was ended by signal {-outcome.exit_code}"
    elif outcome.exit_code:
        yield f"the sidecar exited {outcome.exit_code}"
    if outcome.report is None:
        yield "the sidecar left no report"
    elif outcome.report["verdict"] != "clean":
        yield f"the sidecar's report says: {outcome.report['verdict']}"
    if outcome.exit_code is not None and outcome.seconds >= outcome.timeout:
        yield f"the drain took {outcome.seconds:.1f} s, all of its {outcome.timeout:g} s"


def _of_the_clients(lost: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for kind, name in KINDS.items():
        counted = Counter(lost.get(kind, ()))
        for why, count in counted.most_common(_MOST_REASONS):
            yield f"{name}: {count} lost: {why}"
        if len(counted) > _MOST_REASONS:
            yield f"{name}: and {len(counted) - _MOST_REASONS} other reasons"


def summary(outcome: Outcome) -> list[str]:
    """What the table does not show of a drain in which nothing was lost."""
    http, grpc, websocket = (
        outcome.goodbyes.get(kind, 0) for kind in ("http1", "grpc", "websocket")
    )
    return [
        f"{http} keep-alive connections heard `Connection: close`, {grpc} gRPC channels GOAWAY, "
        f"{websocket} WebSockets 1001.",
        f"The last client was done after {outcome.served:.1f} s, the sidecar exited 0 after "
        f"{outcome.seconds:.1f} s (of {outcome.timeout:g} s).",
        "Nothing was lost.",
    ]


def timeline(phases: Mapping[str, float], width: int = _BAR) -> list[tuple[str, float, str]]:
    """(phase, seconds, bar) for each phase of the drain, the bars one after the other."""
    drain = {name: seconds for name, seconds in phases.items() if name not in _BEFORE}
    scale = width / max(sum(drain.values()), 0.001)
    lines, at = [], 0.0
    for name, seconds in drain.items():
        start, end = round(at * scale), round((at + seconds) * scale)
        lines.append((name, seconds, " " * start + "━" * (end - start)))
        at += seconds
    return lines


# Phases that the report tells of, but that are not part of the drain.
_BEFORE = {"starting", "serving"}


def render(outcome: Outcome) -> Table:
    """The rows, for a console."""
    table = Table(caption="finished: what began while draining is counted too")
    table.add_column("kind")
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for row in rows(outcome):
        counts = (row.in_flight, row.finished, row.goodbye, row.cut, row.lost)
        table.add_row(KINDS[row.kind], *("-" if n is None else f"{n:,}" for n in counts))
    return table


def render_timeline(report: DrainReport) -> Table:
    """The phases of the drain, for a console."""
    table = Table.grid(padding=(0, 2))
    for name, seconds, bar in timeline(report["phases"]):
        table.add_row(name, f"{seconds:.1f} s", bar)
    return table
