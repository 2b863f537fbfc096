"""Results for a console."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from drainproxy.rehearsal.gate_result import GateResult
from drainproxy.rehearsal.plan import KILL, RESTART
from drainproxy.rehearsal.result import KindResult, RehearsalResult, ReplicaResult
from drainproxy.rehearsal.scores import APP_5XX, KINDS, PROXY_5XX

# The bound on how uneven connections may be that the documentation speaks of.
EVEN = 0.2
_LEAST_HOW = 10
_WHAT = {RESTART: "restart of each app", KILL: "kill of each app"}


def title(result: RehearsalResult) -> str:
    """What was rehearsed, in words."""
    what = _WHAT.get(result.strategy, f"{result.strategy} rollout")
    behind = "" if result.balancer == "kube-proxy" else f" behind {result.balancer}"
    return f"{what} {in_front(result)}{behind}"


def in_front(result: RehearsalResult) -> str:
    """What stands in front of each replica, in words."""
    if result.proxy != "none":
        return f"with {result.proxy}"
    if result.prestop_sleep:
        return f"with preStop: sleep {result.prestop_sleep:g}"
    return "without a proxy"


def render(results: Sequence[RehearsalResult]) -> RenderableType:
    """Everything that there is to say, one result after the other."""
    return Group(*(part for result in results for part in _render(result)))


def _render(result: RehearsalResult) -> Iterator[RenderableType]:
    if result.requests:
        yield _kinds(result)
        yield Text()
    yield _replicas(result)
    yield Text()
    if result.gate:
        yield _steps(result.gate)
        yield Text()
    for line in remarks(result):
        yield Text(line)
    yield Text()


def _table(**about: Any) -> Table:
    return Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), **about
    )


def _kinds(result: RehearsalResult) -> Table:
    # Numbers are never cut: what gives way in 80 columns is how something failed.
    table = _table(title=title(result), title_justify="left")
    table.add_column("kind", no_wrap=True)
    for name in ("requests", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("how", overflow="fold", min_width=_LEAST_HOW)
    for name in ("goodbyes", "gap\ns", "p50/p99\nms", "in the\nrollout"):
        table.add_column(name, justify="right", no_wrap=True)
    for kind, seen in result.asked.items():
        table.add_row(
            KINDS[kind],
            f"{seen.requests:,}",
            Text(f"{seen.failed:,}", style="red" if seen.failed else "green"),
            classes(seen),
            f"{seen.goodbyes:,}",
            f"{seen.longest_gap:.1f}",
            milliseconds(seen.p50_before, seen.p99_before),
            milliseconds(seen.p50_during, seen.p99_during),
        )
    return table


def classes(seen: KindResult) -> str:
    """`3 refused, 1 ws 1006`; behind it what died with the app, which is no failure."""
    by_count = sorted(seen.by_class.items(), key=lambda item: -item[1])
    if died := sum(seen.with_app.values()):
        by_count.append(("died with the app", died))
    return ", ".join(f"{count:,} {how}" for how, count in by_count)


def milliseconds(*seconds: float | None) -> str:
    """`20/45`; empty if there are none."""
    return "/".join(f"{1000 * value:.0f}" for value in seconds if value is not None)


def _replicas(result: RehearsalResult) -> Table:
    table = _table()
    for name in ("replica", "in the end", "drain", "the sidecar's verdict", "connections"):
        table.add_column(name, justify="right" if name in {"drain", "connections"} else "left")
    for replica in result.replicas:
        table.add_row(
            *(replica.name, replica.state, drain(replica), replica.verdict or "-"),
            last_connections(replica),
        )
    return table


def _steps(gate: GateResult) -> Table:
    table = _table()
    for name in ("weight", "the gate", "after", "requests of the new version"):
        table.add_column(name, justify="left" if name == "the gate" else "right")
    for step in gate.steps:
        after, requests = f"{step.seconds:.1f} s", f"{step.requests_of_new:,}"
        table.add_row(f"{step.weight} %", step.verdict, after, requests)
    return table


def drain(replica: ReplicaResult) -> str:
    """How long it took to go."""
    return "-" if replica.drain_seconds is None else f"{replica.drain_seconds:.1f} s"


def last_connections(replica: ReplicaResult) -> str:
    """How many it had in the end, if it was still there."""
    return str(replica.connections) if replica.drain_seconds is None else "-"


# One branch for each thing that may be worth a line; they share nothing.
def remarks(result: RehearsalResult) -> Iterator[str]:  # noqa: C901
    """What the tables do not say."""
    began, ended = result.rollout
    what = "rollout" if result.strategy not in _WHAT else title(result)
    yield f"The {what} took {ended - began:.1f} s."
    if result.gate:
        yield from result.gate.remarks()
    if result.left is not None:
        yield f"Connections on the old replicas when these were deleted: {result.left:,}."
    if result.refused_by_replicas:
        yield f"New connections that replicas refused: {result.refused_by_replicas:,}."
    if result.unplaced:
        yield (
            f"New connections while no replica was ready, which reached no proxy:"
            f" {result.unplaced:,}."
        )
    for kind, seen in result.kinds.items():
        for how, count in seen.with_app.items():
            yield f"{KINDS[kind]}: {count:,} in progress in an app when it was killed: {how}."
    if result.imbalance is not None:
        fair = "even" if result.imbalance <= EVEN else "uneven"
        yield f"Connections per replica differ by {result.imbalance:.0%} in the end: {fair}."
    # Served for others there are no clients of ours, and all that there is was theirs.
    kinds = result.asked if result.requests else result.kinds
    counted = {k: s for k, s in kinds.items() if s.proxies_counted is not None}
    # A 5xx is to a sidecar an answer of HTTP, whatever was asked for, and to a client none.
    comparable = not (result.died_with_app or result.unplaced) and not any(
        {APP_5XX, PROXY_5XX} & {*k.by_class} for k in result.kinds.values()
    )
    for kind, seen in counted.items():
        if result.requests and comparable and seen.proxies_counted != seen.exchanges:
            yield (
                f"{KINDS[kind]}: the clients count {seen.exchanges:,} exchanges, the sidecars "
                f"{seen.proxies_counted:,}."
            )
    for replica in result.replicas:
        if replica.unanswered:
            yield f"{replica.name}: WebSocket messages left unanswered: {replica.unanswered:,}."
    for kind, seen in result.kinds.items():
        if seen.crossed:
            yield f"{KINDS[kind]}: crossed a goodbye on the wire, no loss: {seen.crossed:,}."
    yield from result.problems()
    if not result.requests:
        for kind, seen in counted.items():
            yield f"{KINDS[kind]}: the sidecars count {seen.proxies_counted:,} exchanges."
    elif not result.problems():
        none = "No other" if result.died_with_app else "None"
        yield f"{none} of the {result.requests:,} requests was lost."


def verdict(results: Sequence[RehearsalResult]) -> str:
    """A line for each, to remember: what was lost of how much, by what stood in front."""
    return "\n".join(
        f"{title(result)}: {result.failed:,} of {result.requests:,} requests failed"
        f"{_died(result)}{_said(result)}"
        for result in results
    )


def _died(result: RehearsalResult) -> str:
    return f", {result.died_with_app:,} died with the app" if result.died_with_app else ""


def _said(result: RehearsalResult) -> str:
    if result.gate is None:
        return ""
    if result.gate.verdict == "pass":
        return "; the gate let it pass"
    what = "stopped it" if result.gate.verdict == "fail" else "held it"
    return f"; the gate {what} at {result.gate.stopped_at} %"
