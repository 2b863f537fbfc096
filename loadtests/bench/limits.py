"""What drainproxy must keep, in one table: the only place where a limit is written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from loadtests.bench.samples import Samples

SUBJECT = "drainproxy"


@dataclass(frozen=True, slots=True)
class Limit:
    """`value` of `measure` is at most `most`: absolute, or as a ratio to the target `beside`."""

    measure: str
    value: str
    most: float
    beside: str | None = None

    def __str__(self) -> str:
        unit = f"x {self.beside}" if self.beside else ""
        return f"{self.measure} {self.value} at most {self.most:g}{unit}"


LIMITS = (
    Limit("http1-same", "cpu_us", 1.35, beside="haproxy"),
    Limit("http1-same", "cpu_us", 0.60, beside="envoy"),
    Limit("http1-varying", "cpu_us", 1.35, beside="haproxy"),
    Limit("http1-varying", "cpu_us", 0.60, beside="envoy"),
    Limit("http2", "cpu_us", 1.00, beside="haproxy"),
    Limit("http2", "cpu_us", 0.50, beside="envoy"),
    Limit("http2-varying", "cpu_us", 1.30, beside="haproxy"),
    Limit("bodies", "cpu_ms_per_mb", 1.00, beside="haproxy"),
    Limit("idle-http1", "rss_mb", 45),
    Limit("idle-http1", "kb_each", 8),
    Limit("idle-websocket", "kb_each", 8),
    Limit("start", "seconds", 0.6),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A limit held against what was seen; `seen` is None where there was nothing to judge."""

    limit: Limit
    seen: float | None

    @property
    def holds(self) -> bool | None:
        return None if self.seen is None else self.seen <= self.limit.most


def judge(samples: Samples, measures: Iterable[str]) -> list[Verdict]:
    """The verdict on every limit of the measures that were asked for."""
    asked = set(measures)
    return [Verdict(limit, _seen(samples, limit)) for limit in LIMITS if limit.measure in asked]


def _seen(samples: Samples, limit: Limit) -> float | None:
    if limit.beside:
        return samples.ratio(limit.measure, limit.value, SUBJECT, limit.beside)
    return samples.median(limit.measure, limit.value, SUBJECT)
