"""Results as one self-contained HTML page: tables, and plots as SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drainproxy.rehearsal import plots, table
from drainproxy.rehearsal.about import About
from drainproxy.rehearsal.plan import INSTEAD
from drainproxy.rehearsal.result import KindResult, RehearsalResult, ReplicaResult
from drainproxy.rehearsal.scores import KINDS

_TEMPLATE = "report.html.jinja"
# Results that are compared stand in one row, where there is room for it.
_THREE = 3


@dataclass(frozen=True, slots=True)
class Head:
    """That of a column, whose cells may be numbers. On narrow screens each cell has it, or
    `alone`, which says more where the columns beside it do not help."""

    text: str
    number: bool = True
    alone: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One line of a table; `bad` if something was lost."""

    name: str
    cells: Sequence[tuple[Head, str]]
    bad: bool = False


_KIND = (
    *(Head("clients"), Head("requests"), Head("failed"), Head("how they failed", number=False)),
    *(Head("goodbyes"), Head("longest gap")),
    Head("p50/p99 ms", alone="p50/p99 ms before"),
    Head("in the rollout", alone="p50/p99 ms during"),
)
_REPLICA = (
    *(Head("in the end", number=False), Head("drain")),
    *(Head("the sidecar's verdict", number=False), Head("connections")),
)


def page(results: Sequence[RehearsalResult], about: About | None = None) -> str:
    """The whole page; more than one result stand side by side, in the same scales."""
    from jinja2 import Environment, StrictUndefined

    # Of one file in this folder, so that it is found in every kind of installation.
    source = Path(__file__).with_name(_TEMPLATE).read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source).render(_context(results, about)).lstrip() + "\n"


def _context(results: Sequence[RehearsalResult], about: About | None) -> dict[str, Any]:
    several = len(results) > 1
    return {
        "about": about,
        "titles": [table.title(result) for result in results],
        "verdicts": [
            {"bad": bool(result.problems()), "text": table.verdict([result])} for result in results
        ],
        "what": INSTEAD.get(results[0].strategy, "a rollout"),
        "several": several,
        "columns": "threes" if len(results) == _THREE else "plots",
        "size": (plots.WIDTH, plots.HEIGHT),
        "lines": plots.LINES,
        "heads": _KIND,
        "kinds": list(_kinds(results)),
        "versions": plots.versions(results),
        "answers": list(_answers(results)),
        "connections": list(_connections(results)),
        "replica_heads": _REPLICA,
        "details": [
            {
                "title": table.title(result),
                "remarks": list(table.remarks(result)),
                "replicas": [_replica(replica) for replica in result.replicas],
                "marks": result.marks,
            }
            for result in results
        ],
    }


def _asked(results: Sequence[RehearsalResult]) -> Sequence[str]:
    """The kinds that any of them had clients of."""
    return [kind for kind in KINDS if any(kind in result.asked for result in results)]


def _kinds(results: Sequence[RehearsalResult]) -> Iterator[TableRow]:
    """By kind, so that those who are compared stand beside each other."""
    for kind in _asked(results):
        for result in results:
            if seen := result.asked.get(kind):
                cells = list(zip(_KIND, _numbers(seen), strict=True))
                yield TableRow(_name(kind, result, results), cells, bool(seen.failed))


def _name(kind: str, result: RehearsalResult, results: Sequence[RehearsalResult]) -> str:
    beside = f" {table.in_front(result)}" if len(results) > 1 else ""
    return KINDS[kind] + beside


def _numbers(seen: KindResult) -> Sequence[str]:
    return (
        *(f"{seen.clients}", f"{seen.requests:,}", f"{seen.failed:,}", table.classes(seen)),
        *(f"{seen.goodbyes:,}", f"{seen.longest_gap:.1f} s"),
        table.milliseconds(seen.p50_before, seen.p99_before),
        table.milliseconds(seen.p50_during, seen.p99_during),
    )


def _replica(replica: ReplicaResult) -> TableRow:
    cells = (
        *(replica.state, table.drain(replica), replica.verdict or "-"),
        table.last_connections(replica),
    )
    return TableRow(replica.name, list(zip(_REPLICA, cells, strict=True)))


def _answers(results: Sequence[RehearsalResult]) -> Iterator[plots.Plot]:
    for kind in _asked(results):
        scale = plots.scale_of_answers(results, kind)
        for result in results:
            yield plots.answers(result, kind, scale, _name(kind, result, results))


def _connections(results: Sequence[RehearsalResult]) -> Iterator[dict[str, Any]]:
    scale = plots.scale_of_connections(results)
    for result in results:
        plot = plots.connections(result, scale, table.in_front(result))
        yield {"plot": plot, "colors": plots.colors(result)}
