"""The queries to Prometheus: raw samples of the sidecars' metrics, for one version."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from .latency import LATENCIES

# Counters and histograms, whose samples are counted by us.
COUNTED: Final = (
    "process_start_time_seconds",
    "drainproxy_requests_total",
    "drainproxy_grpc_requests_total",
    "drainproxy_ended_total",
    "drainproxy_websocket_closes_total",
    "drainproxy_request_duration_seconds_bucket",
    "drainproxy_time_to_first_byte_seconds_bucket",
    "drainproxy_connections_total",
    "drainproxy_app_connect_failures_total",
    "drainproxy_rejected_total",
)
# Of buckets there are many: only those that are judged are fetched.
_KINDS: Final = {each.metric: "|".join(each.kinds) for each in LATENCIES}
# Gauges, of which the present value is enough.
GAUGES: Final = ("drainproxy_in_flight", "drainproxy_connections")

_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXAMPLE: Final = "rollouts_pod_template_hash"
# One matcher of PromQL: a label, an operator and a text in double quotes.
_MATCHER: Final = re.compile(r'\s*[A-Za-z_][A-Za-z0-9_]*\s*(?:=~|!~|!=|=)\s*"(?:[^"\\\n]|\\.)+"\s*')
# What a matcher or a selector becomes whose variable is not set, in a pipeline or in a chart.
_UNSET: Final = re.compile(r'(?<!!)=~?\s*""\s*(?=[,}]|$)|^\s*\{\s*\}\s*$')


def is_unset(text: str) -> bool:
    """Whether nothing is selected by what was to be put in there: `{}`, or `version=""`."""
    return bool(_UNSET.search(text))


def selector(text: str) -> str:
    """Matchers as PromQL has them between braces; ValueError if they would select everything."""
    inside = text.strip().removeprefix("{").removesuffix("}").strip().rstrip(",")
    at = 0
    while at < len(inside):
        found = _MATCHER.match(inside, at)
        if found is None or (found.end() < len(inside) and inside[found.end()] != ","):
            raise ValueError(
                f'{text!r} is no selector: write matchers such as namespace="shop",'
                'rollouts_pod_template_hash="6d5f9c", each with a value in double quotes'
            )
        at = found.end() + 1
    if not inside:
        raise ValueError("the selector is empty: it would select every pod there is")
    return inside


def hash_selector(namespace: str, label: str, value: str) -> str:
    """The pods of one version by their template hash, which an engine hands over; ValueError if it
    has not, since a hash that is empty would select pods of no version, or if that is no label."""
    if not value.strip():
        raise ValueError(f"no value for {label}: it is given by the engine (argo: valueFrom)")
    if not _LABEL.fullmatch(label):
        raise ValueError(f"{label!r} is no name of a label in Prometheus, such as {_EXAMPLE}")
    matchers = {label: value.strip()} | ({"namespace": namespace} if namespace else {})
    return ",".join(f'{name}="{_quoted(text)}"' for name, text in matchers.items())


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def queries(matchers: str, seconds: float) -> Mapping[str, str]:
    """The query for each metric of the pods that these matchers select."""
    window = f"[{max(int(seconds), 1)}s]"
    ranges = {name: f"{name}{{{_of_kinds(name, matchers)}}}{window}" for name in COUNTED}
    return ranges | {name: f"{name}{{{matchers}}}" for name in GAUGES}


def _of_kinds(metric: str, matchers: str) -> str:
    kinds = _KINDS.get(metric)
    return f'{matchers},kind=~"{kinds}"' if kinds else matchers


def texts(found: Iterable[Mapping[str, str]]) -> list[str]:
    """All queries of these, each once, as the report names them."""
    return list(dict.fromkeys(query for each in found for query in each.values()))
