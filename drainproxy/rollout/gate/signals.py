"""The golden signals of two versions, each judged by itself.

Errors, latency, traffic and saturation (Google SRE book, "Monitoring distributed systems"), and
what no error rate shows: how WebSockets, event streams and responses ended.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Final

from msgspec import Struct

from .judgement import Count, SignalJudgement, Tolerance
from .latency import LATENCIES, NotJudged, judge_latency
from .samples import Series, count
from .saturation import judge_saturation
from .versions import RARE, Labels, Version, compared

_CONNECTIONS: Final = "drainproxy_connections_total"
_REFUSED: Final = "refused connections"
# RFC 6455 7.4.1: no Close, an internal error, a restart that nobody announced.
_BROKEN_CLOSES: Final = ("1006", "1011", "1012")
# What is an error of a server (OpenTelemetry, "Semantic conventions for gRPC"). The rules and the
# dashboard in deploy/monitoring ask for the same, and `sidecar.metrics` has them from the start.
FAILED_CALLS: Final[Mapping[str, str]] = {
    "2": "UNKNOWN",
    "4": "DEADLINE_EXCEEDED",
    "12": "UNIMPLEMENTED",
    "13": "INTERNAL",
    "14": "UNAVAILABLE",
    "15": "DATA_LOSS",
}


class ShareSignal(Struct, frozen=True):
    """One signal that is a share: of the events of a metric, those that are bad."""

    signal: str
    metric: str
    counts: Callable[[Labels], bool]
    is_bad: Callable[[Labels], bool]


def _kinds(*kinds: str) -> Callable[[Labels], bool]:
    return lambda labels: labels.get("kind") in kinds


RULES: Final = (
    ShareSignal(
        "errors",
        "drainproxy_requests_total",
        _kinds("http1", "http2", "sse"),
        lambda labels: labels.get("code", "").startswith("5"),
    ),
    ShareSignal(
        "grpc errors",
        "drainproxy_grpc_requests_total",
        lambda labels: True,
        lambda labels: labels.get("grpc_status") in FAILED_CALLS,
    ),
    ShareSignal(
        "broken answers",
        "drainproxy_ended_total",
        _kinds("http1", "http2", "grpc"),
        lambda labels: labels.get("how") == "app_left",
    ),
    # Of a request that got no answer nothing else counts. Streams end by their clients as a rule.
    ShareSignal(
        "abandoned requests",
        "drainproxy_ended_total",
        _kinds("http1", "http2", "grpc"),
        lambda labels: labels.get("how") == "client_left",
    ),
    ShareSignal(
        "broken event streams",
        "drainproxy_ended_total",
        _kinds("sse"),
        lambda labels: labels.get("how") == "app_left",
    ),
    ShareSignal(
        "broken websockets",
        "drainproxy_websocket_closes_total",
        lambda labels: True,
        lambda labels: labels.get("by") == "app" and labels.get("code") in _BROKEN_CLOSES,
    ),
)


class Judged(Struct, frozen=True):
    """Every signal of which there is anything to say, and what is none, with the reason."""

    signals: list[SignalJudgement]
    notes: list[str]


def judged(
    canary: Version, stable: Version, policy: Tolerance, weight: float | None = None
) -> Judged:
    """The verdict on each signal; `weight`: of the canary, in percent, if it is known."""
    shares = [_share(rule, canary, stable, policy) for rule in RULES]
    times = [judge_latency(each, canary, stable, policy) for each in LATENCIES]
    others = [_connects(canary, stable, policy), judge_saturation(canary, stable, weight)]
    found = [each for each in (*shares, *times, *others) if isinstance(each, SignalJudgement)]
    if not any(each.stable and each.stable.total >= RARE for each in found):
        reason = f"stable has had fewer than {RARE} events of any kind in the window"
        found.append(SignalJudgement("traffic", "hold", reason))
    if {each.signal for each in found} == {_REFUSED} and not _all_tcp(canary, stable):
        reason = "connections are counted, and nothing of what was asked on them"
        found.append(SignalJudgement("traffic", "hold", reason))
    notes = dict.fromkeys(str(each) for each in times if isinstance(each, NotJudged))
    return Judged(found, list(notes))


def _share(
    rule: ShareSignal, canary: Version, stable: Version, policy: Tolerance
) -> SignalJudgement | None:
    its, others = _counted(rule, canary), _counted(rule, stable)
    return compared(rule.signal, its, others, policy)


def _counted(rule: ShareSignal, version: Version) -> Count:
    series = [each for each in version.series(rule.metric) if rule.counts(each.labels)]
    return count(series, rule.is_bad, version.scope)


def _connects(canary: Version, stable: Version, policy: Tolerance) -> SignalJudgement | None:
    """Connections that the app did not take, or that were one too many."""
    return compared(_REFUSED, _refused(canary), _refused(stable), policy)


def _refused(version: Version) -> Count:
    rejected = version.series("drainproxy_rejected_total")
    failed = [
        *version.series("drainproxy_app_connect_failures_total"),
        *(each for each in rejected if each.labels.get("reason") == "max-connections"),
    ]
    bad = _all(failed, version, is_bad=True)
    good = _all(version.series(_CONNECTIONS), version, is_bad=False)
    return Count(bad.bad, bad.total + good.total, bad.intervals)


def _all_tcp(*versions: Version) -> bool:
    """Of these connections nobody knows more than that they are taken."""
    return not any(
        _all(
            [each for each in one.series(_CONNECTIONS) if each.labels.get("kind") != "tcp"],
            one,
            is_bad=False,
        ).total
        for one in versions
    )


def _all(series: Sequence[Series], version: Version, *, is_bad: bool) -> Count:
    return count(series, lambda _: is_bad, version.scope)


class Traffic(Struct, frozen=True):
    """The canary's share of what came in the window and of what stands, 0 to 1; None if nothing."""

    requests: float | None
    new_connections: float | None
    standing_connections: float | None


def traffic(canary: Version, stable: Version) -> Traffic:
    """How much of the traffic the canary gets: new connections follow a weight at once, standing
    ones only as they end."""

    def standing(version: Version) -> float:
        return sum(
            each.samples[-1][1] for each in version.series("drainproxy_connections") if each.samples
        )

    came = (
        [_all(one.series(metric), one, is_bad=False).total for one in (canary, stable)]
        for metric in ("drainproxy_requests_total", _CONNECTIONS)
    )
    shares = [_part(*pair) for pair in (*came, (standing(canary), standing(stable)))]
    return Traffic(*shares)


def _part(mine: float, others: float) -> float | None:
    whole = mine + others
    return mine / whole if whole and isfinite(whole) else None
