"""The result of a rehearsal: plain values, from which tables, pages and JSON are made. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from drainproxy.rehearsal.about import About
from drainproxy.rehearsal.gate_result import GateResult
from drainproxy.rehearsal.scores import KINDS, Score, percentile

_MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class KindResult:
    """The clients of one kind; seconds.

    `proxies_counted` is what the proxies say of `exchanges`, None where they do not count.
    """

    clients: int
    requests: int
    failed: int
    by_class: Mapping[str, int]
    reasons: Mapping[str, int]
    goodbyes: int
    # Questions that met a goodbye on the wire, as it may happen with any peer.
    crossed: int
    longest_gap: float
    p50_before: float | None
    p99_before: float | None
    p50_during: float | None
    p99_during: float | None
    exchanges: int
    proxies_counted: int | None
    # What was in an app that was killed on purpose, by how it looked; it is not in `failed`.
    with_app: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReplicaResult:
    """One replica; `verdict` is that of its report, `connections` how many it had last."""

    name: str
    version: str
    state: str
    drain_seconds: float | None
    verdict: str | None
    cut: int
    # What its report says of goodbyes, by the kinds of the report.
    goodbyes: Mapping[str, int]
    connections: int
    # Questions on WebSockets that its Close came before the answer of, as its report says.
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class SecondResult:
    """One second of one kind: what came back, by version, and what was lost."""

    second: int
    answered: Mapping[str, int]
    failed: int


@dataclass(frozen=True, slots=True)
class RehearsalResult:
    """One rehearsal. Times in seconds since its beginning; `connections` are samples by replica."""

    proxy: str
    balancer: str
    strategy: str
    seconds: float
    rollout: tuple[float, float]
    kinds: Mapping[str, KindResult]
    replicas: Sequence[ReplicaResult]
    # Connections that the balancer gave to a replica that did not take them.
    refused_by_replicas: int
    # Largest less smallest count of connections per replica in the end, as a share of the mean.
    imbalance: float | None
    marks: Sequence[tuple[float, str]]
    timeline: Mapping[str, Sequence[SecondResult]]
    connections: Sequence[tuple[float, Mapping[str, int]]]
    mishaps: Sequence[str] = field(default_factory=tuple)
    # Connections on the old replicas when these were deleted, where they were given time to age.
    left: int | None = None
    # Connections that came while no replica was ready.
    unplaced: int = 0
    # What the gate said, where one was asked.
    gate: GateResult | None = None
    # How long the preStop hook of an app without a proxy slept, in seconds.
    prestop_sleep: float = 0.0

    @property
    def asked(self) -> Mapping[str, KindResult]:
        """The kinds that there were clients of."""
        return {kind: seen for kind, seen in self.kinds.items() if seen.clients}

    @property
    def requests(self) -> int:
        """Of all kinds."""
        return sum(kind.requests for kind in self.kinds.values())

    @property
    def failed(self) -> int:
        """Of all kinds."""
        return sum(kind.failed for kind in self.kinds.values())

    @property
    def died_with_app(self) -> int:
        """Of all kinds, what no proxy could have kept."""
        return sum(sum(kind.with_app.values()) for kind in self.kinds.values())

    def problems(self) -> list[str]:
        """Why the rollout was not good enough; empty if nothing was lost or went wrong."""
        stopped = self.gate.problems() if self.gate else ()
        return [*stopped, *self._losses(), *self.mishaps]

    def _losses(self) -> Iterator[str]:
        for kind, seen in self.kinds.items():
            for why, count in Counter(seen.reasons).most_common(_MOST_REASONS):
                yield f"{KINDS[kind]}: {count} lost, {why}"


def kind_result(score: Score, clients: int, proxies_counted: int | None) -> KindResult:
    """What one score says."""
    return KindResult(
        clients=clients,
        requests=score.requests,
        failed=score.failed.total(),
        by_class=dict(score.failed),
        reasons=dict(score.reasons),
        goodbyes=score.goodbyes,
        crossed=score.crossed,
        longest_gap=score.longest_gap,
        p50_before=percentile(score.times["before"], 0.5),
        p99_before=percentile(score.times["before"], 0.99),
        p50_during=percentile(score.times["during"], 0.5),
        p99_during=percentile(score.times["during"], 0.99),
        exchanges=score.exchanges,
        proxies_counted=proxies_counted,
        with_app=dict(score.with_app),
    )


def timeline(score: Score) -> list[SecondResult]:
    """Its seconds, in order."""
    return [
        SecondResult(second, dict(seen.answered), seen.failed)
        for second, seen in sorted(score.seconds.items())
    ]


def imbalance(connections: Sequence[int]) -> float | None:
    """How far the counts are apart, as a share of their mean; None where that says nothing: of
    fewer connections than replicas, as of an app that closes each, one is without."""
    if not connections or sum(connections) < len(connections):
        return None
    return (max(connections) - min(connections)) * len(connections) / sum(connections)


def ended(report: Mapping[str, Any] | None, how: str) -> Mapping[str, int]:
    """How much a sidecar's report says ended so, by its kinds; only what did."""
    by_kind = report["ended"] if report else {}
    return {kind: counts[how] for kind, counts in by_kind.items() if counts.get(how)}


def as_json(results: Sequence[RehearsalResult], about: About | None = None) -> str:
    """The results as a JSON object, `rehearsals` in the order given."""
    failed = sum(result.failed for result in results[:1])
    body = {"about": about, "rehearsals": results, "failed": failed}
    return msgspec.json.format(msgspec.json.encode(body), indent=2).decode() + "\n"
