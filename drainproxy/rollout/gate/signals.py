"""The golden signals of two versions, each judged by itself.

Errors, latency, traffic and saturation (Google SRE book, "Monitoring distributed systems"), and
what no error rate shows: how WebSockets, event streams and responses ended.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from statistics import median
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from .judgement import Count, Judgement, Policy, judge
from .samples import WARM_UP, Scope, Series, births, count, quantile, slower
from .sidecars import joined

Labels = Mapping[str, str]
Found = Mapping[str, Sequence[Series]]

# RFC 6455 7.4.1: no Close, an internal error, a restart that nobody announced.
_BROKEN_CLOSES: Final = ("1006", "1011", "1012")
# UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE.
_BROKEN_CALLS: Final = ("2", "4", "13", "14")
# Of what stable had fewer in the window, the canary's few can hold no rollout.
_RARE: Final = 100
# A scrape interval where none can be told.
_USUAL_INTERVAL: Final = 15.0
# Pods of the canary may be so many times as busy as one of stable with all of the traffic, if they
# are busy at all.
_BUSIER: Final = 2.0
_BUSY: Final = 10.0


class Rule(Struct, frozen=True):
    """One signal that is a share: of the events of a metric, those that are bad."""

    signal: str
    metric: str
    counts: Callable[[Labels], bool]
    is_bad: Callable[[Labels], bool]


def _kinds(*kinds: str) -> Callable[[Labels], bool]:
    return lambda labels: labels.get("kind") in kinds


RULES: Final = (
    Rule(
        "errors",
        "drainproxy_requests_total",
        _kinds("http1", "http2", "sse"),
        lambda labels: labels.get("code", "").startswith("5"),
    ),
    Rule(
        "grpc errors",
        "drainproxy_grpc_requests_total",
        lambda labels: True,
        lambda labels: labels.get("grpc_status") in _BROKEN_CALLS,
    ),
    Rule(
        "broken answers",
        "drainproxy_ended_total",
        _kinds("http1", "http2", "grpc"),
        lambda labels: labels.get("how") == "app_left",
    ),
    # Of a request that got no answer nothing else counts. Streams end by their clients as a rule.
    Rule(
        "abandoned requests",
        "drainproxy_ended_total",
        _kinds("http1", "http2", "grpc"),
        lambda labels: labels.get("how") == "client_left",
    ),
    Rule(
        "broken event streams",
        "drainproxy_ended_total",
        _kinds("sse"),
        lambda labels: labels.get("how") == "app_left",
    ),
    Rule(
        "broken websockets",
        "drainproxy_websocket_closes_total",
        lambda labels: True,
        lambda labels: labels.get("by") == "app" and labels.get("code") in _BROKEN_CLOSES,
    ),
)


class Latency(Struct, frozen=True):
    """One signal that is a time: `share` of stable's events keep within a bound."""

    signal: str
    metric: str
    kinds: tuple[str, ...]
    share: float


_DURATION: Final = "drainproxy_request_duration_seconds_bucket"
_FIRST_BYTE: Final = "drainproxy_time_to_first_byte_seconds_bucket"
LATENCIES: Final = tuple(
    Latency(f"{what} p{share * 100:.0f}", metric, kinds, share)
    for what, metric, kinds in (
        ("latency", _DURATION, ("http1", "http2")),
        ("first byte", _FIRST_BYTE, ("grpc", "sse")),
    )
    for share in (0.9, 0.99)
)


class Version(Struct, frozen=True):
    """What was found of one version, and what of it counts."""

    found: Found
    scope: Scope

    def series(self, metric: str) -> Sequence[Series]:
        """Those of one metric."""
        return self.found.get(metric, ())


def version(found: Found, window: float, warm_up: float = WARM_UP) -> Version:
    """What was found, by metric, in the window that begins then (seconds since 1970)."""
    starts = found.get("process_start_time_seconds", ())
    others = [each for series in found.values() for each in series]
    gaps = [
        later[0] - earlier[0]
        for each in starts
        for earlier, later in zip(each.samples, each.samples[1:], strict=False)
    ]
    interval = median(gaps) if gaps else _USUAL_INTERVAL
    counted = {metric: joined(series) for metric, series in found.items()}
    return Version(counted, Scope(births(starts, others), window, interval, warm_up))


def judged(canary: Version, stable: Version, policy: Policy) -> list[Judgement]:
    """Every signal of which there is anything to say."""
    shares = [_share(rule, canary, stable, policy) for rule in RULES]
    times = [_latency(each, canary, stable, policy) for each in LATENCIES]
    others = [_connects(canary, stable, policy), _saturation(canary, stable)]
    found = [each for each in (*shares, *times, *others) if each is not None]
    if not any(each.stable and each.stable.total >= _RARE for each in found):
        reason = f"stable has had fewer than {_RARE} events of any kind in the window"
        found.append(Judgement("traffic", "hold", reason))
    return found


def _share(rule: Rule, canary: Version, stable: Version, policy: Policy) -> Judgement | None:
    its, others = _counted(rule, canary), _counted(rule, stable)
    return _compared(rule.signal, its, others, policy)


def _counted(rule: Rule, version: Version) -> Count:
    series = [each for each in version.series(rule.metric) if rule.counts(each.labels)]
    return count(series, rule.is_bad, version.scope)


def _compared(
    signal: str, canary: Count, stable: Count, policy: Policy, most_of_rare: float = 0
) -> Judgement | None:
    """None if neither had any. What is rare may fail a rollout, and does not hold it as long as no
    more than so many bad ones happen."""
    if not canary.total and not stable.total:
        return None
    found = judge(signal, canary, stable, policy)
    if found.verdict == "hold" and stable.total < _RARE and canary.bad <= most_of_rare:
        reason = f"{canary} beside {stable}: too rare to hold a rollout"
        return Judgement(signal, "pass", reason, canary, stable, found.bound, None, found.evidence)
    return found


def _latency(each: Latency, canary: Version, stable: Version, policy: Policy) -> Judgement | None:
    its, others = (
        [series for series in one.series(each.metric) if series.labels.get("kind") in each.kinds]
        for one in (canary, stable)
    )
    usually = quantile(others, each.share, stable.scope)
    if usually is None or usually.within == inf:
        return None
    bound = usually.within
    late = slower(its, bound, canary.scope)
    usual = slower(others, bound, stable.scope)
    rest = 1 - each.share
    if usual.total < round(1 / rest):
        return None  # of nine events nobody can say what one in ten of them exceeds
    tolerated = Policy(policy.times, policy.times * rest, rest / 10)
    signal = f"{each.signal} within {bound:g} s"
    # Some are always late: what few of stable keep to, the canary misses by chance now and then.
    found = _compared(signal, late, usual, tolerated, most_of_rare=late.total / 2)
    now = quantile(its, each.share, canary.scope)
    if found is None or now is None:
        return found
    shown = f"p{each.share * 100:.0f} {now} beside {usually}"
    return replace(found, reason=f"{shown}; slower: {found.reason}")


def _connects(canary: Version, stable: Version, policy: Policy) -> Judgement | None:
    """Connections that the app did not take, or that were one too many."""
    return _compared("refused connections", _refused(canary), _refused(stable), policy)


def _refused(version: Version) -> Count:
    rejected = version.series("drainproxy_rejected_total")
    failed = [
        *version.series("drainproxy_app_connect_failures_total"),
        *(each for each in rejected if each.labels.get("reason") == "max-connections"),
    ]
    bad = _all(failed, version, is_bad=True)
    good = _all(version.series("drainproxy_connections_total"), version, is_bad=False)
    return Count(bad.bad, bad.total + good.total, bad.intervals)


def _all(series: Sequence[Series], version: Version, *, is_bad: bool) -> Count:
    return count(series, lambda _: is_bad, version.scope)


def _saturation(canary: Version, stable: Version) -> Judgement | None:
    """How busy a pod of the canary is, beside one of stable that bore all of the traffic: what the
    pods of stable still bear says nothing, since they idle as the canary's weight grows."""
    for metric in ("drainproxy_in_flight", "drainproxy_connections"):
        its, others = (_by_pod(one.series(metric)) for one in (canary, stable))
        if not its or not others:
            continue
        per_pod = sum(its.values()) / len(its)
        usual = (sum(its.values()) + sum(others.values())) / len(others)
        if per_pod > _BUSY and per_pod > _BUSIER * usual:
            what = metric.removeprefix("drainproxy_")
            reason = f"{per_pod:.0f} {what} per pod, beside {usual:.0f} if stable bore all"
            return Judgement("saturation", "hold", reason)
    return None


def _by_pod(series: Iterable[Series]) -> Mapping[str, float]:
    pods: dict[str, float] = {}
    for each in series:
        if each.samples:
            pods[each.pod] = pods.get(each.pod, 0.0) + each.samples[-1][1]
    return pods


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
        for metric in ("drainproxy_requests_total", "drainproxy_connections_total")
    )
    shares = [_part(*pair) for pair in (*came, (standing(canary), standing(stable)))]
    return Traffic(*shares)


def _part(mine: float, others: float) -> float | None:
    return mine / (mine + others) if mine + others else None
