"""The table of metrics: name, meaning, labels, and the function that reads the value at a scrape.

The data path counts plain integers. `exposition` renders this table as Prometheus' text, and
`markdown` as the table in deploy/METRICS.md.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Literal, NamedTuple

from drainproxy import __version__
from drainproxy.drain.goodbye import DEADLINE, DRAIN, MAX_AGE, REBALANCE
from drainproxy.drain.ledger import ENDINGS, KINDS
from drainproxy.drain.machine import Phase
from drainproxy.relay.counters import Histogram
from drainproxy.relay.goodbye.websocket import APP, CLIENT, US
from drainproxy.relay.methods import OTHER_METHODS
from drainproxy.sidecar.status import Observed, connections_by_kind, drain_seconds

Type = Literal["counter", "gauge", "histogram"]

# Values by label values, in the order of the metric's labels.
Series = Mapping[tuple[str, ...], float]
Histograms = Mapping[tuple[str, ...], Histogram]
Read = Callable[[Observed], Series | Histograms]

# Label values that are exposed from the start, since increase() misses the first event of a series
# that begins with it (prometheus#1673): kinds with answers, HTTP and gRPC statuses of failures, and
# the codes of WebSocket closes (RFC 6455 7.4.1).
_ANSWERED = ("http1", "http2", "grpc", "sse", "websocket")
_FAILURES = ("500", "502", "503", "504")
# The same as FAILED_CALLS of `rollout.gate.signals`.
CALL_FAILURES = ("2", "4", "12", "13", "14", "15")
_GOODBYES = (DRAIN, REBALANCE, MAX_AGE)
# What a client was turned away for; budgets of HTTP/2 and the admin port have more.
_REJECTED = ("app-away", "header-timeout", "leaving", "malformed", "max-connections")
_CLOSES, _OTHER_CLOSE = (1000, 1001, 1005, 1006, 1011, 1012), "other"


class Metric(NamedTuple):
    """One metric; `read` returns its current values of a sidecar."""

    name: str
    type: Type
    help: str
    labels: tuple[str, ...]
    read: Read


METRICS: list[Metric] = []


def markdown() -> str:
    """The table of metrics for deploy/METRICS.md."""
    rows = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    rows += [
        f"| `{metric.name}` | {metric.type} |"
        f" {', '.join(f'`{label}`' for label in metric.labels)} | {metric.help} |"
        for metric in METRICS
    ]
    return "\n".join(rows) + "\n"


def metric(name: str, type_: Type, meaning: str, *labels: str) -> Callable[[Read], Read]:
    """Register the decorated function as the `read` of this metric."""

    def register(read: Read) -> Read:
        METRICS.append(Metric(name, type_, meaning, labels, read))
        return read

    return register


def by_kind(counts: Mapping[str, float]) -> Series:
    """Counts by kind, with 0 for kinds without any."""
    return {(kind,): counts.get(kind, 0) for kind in (*KINDS, *counts)}


def alone(value: float) -> Series:
    """The only value of a metric without labels."""
    return {(): value}


def zeros(*labels: Iterable[str]) -> dict[tuple[str, ...], float]:
    """0 for every combination of these label values."""
    return dict.fromkeys(product(*labels), 0)


@metric(
    "drainproxy_requests_total",
    "counter",
    "Responses to HTTP requests, including those of the sidecar itself.",
    "kind",
    "code",
)
def _requests(sidecar: Observed) -> Series:
    codes = sidecar.context.counters.codes
    none = zeros(("http1", "http2", "grpc"), _FAILURES)
    return none | {
        (kind, str(code)): count for kind, counts in codes.items() for code, count in counts.items()
    }


@metric(
    "drainproxy_grpc_requests_total",
    "counter",
    "gRPC calls that ended, by grpc-status (a reset counts as the status that clients derive from"
    " it). Methods that the app does not know, or beyond 200 (first those that ever returned OK,"
    " then the most called), are method other.",
    "method",
    "grpc_status",
)
def _grpc_requests(sidecar: Observed) -> Series:
    calls = sidecar.context.counters.grpc
    names = {method: method.decode("ascii").lstrip("/") for method in (OTHER_METHODS, *calls)}
    none = zeros(names.values(), CALL_FAILURES)
    return none | {
        (names[method], status.decode("ascii")): count
        for method, counts in calls.items()
        for status, count in counts.items()
    }


@metric(
    "drainproxy_request_duration_seconds",
    "histogram",
    "Time from the head of a request to the end of its response.",
    "kind",
)
def _durations(sidecar: Observed) -> Histograms:
    return _answered(sidecar.context.counters.durations)


@metric(
    "drainproxy_time_to_first_byte_seconds",
    "histogram",
    "Time from the head of a request to the first byte of its response, counted when that arrives.",
    "kind",
)
def _first_bytes(sidecar: Observed) -> Histograms:
    return _answered(sidecar.context.counters.first_bytes())


def _answered(histograms: Mapping[str, Histogram]) -> Histograms:
    return {(kind,): histograms[kind] for kind in _ANSWERED}


@metric(
    "drainproxy_in_flight",
    "gauge",
    "Requests, event streams, WebSockets and TCP connections in flight, for which a drain waits.",
    "kind",
)
def _in_flight(sidecar: Observed) -> Series:
    return by_kind(sidecar.context.ledger.in_flight())


@metric(
    "drainproxy_connections",
    "gauge",
    "Open client connections, by protocol; unknown until their first bytes have arrived.",
    "kind",
)
def _connections(sidecar: Observed) -> Series:
    return by_kind(connections_by_kind(sidecar.context))


@metric(
    "drainproxy_connections_total",
    "counter",
    "Client connections accepted; one that is upgraded to a WebSocket counts twice.",
    "kind",
)
def _connections_total(sidecar: Observed) -> Series:
    return by_kind(sidecar.context.counters.connections)


@metric(
    "drainproxy_connection_age_seconds", "histogram", "Age of client connections when they end."
)
def _ages(sidecar: Observed) -> Histograms:
    return {(): sidecar.context.counters.ages}


@metric(
    "drainproxy_ended_total",
    "counter",
    "Requests, streams and connections that ended, by how: finished, goodbye, client_left or"
    " app_left (abandoned by that side), or cut by the sidecar.",
    "kind",
    "how",
)
def _ended(sidecar: Observed) -> Series:
    ended = sidecar.context.ledger.ended()
    return {
        (kind, how): count
        for kind, counts in ended.items()
        for how, count in zip(ENDINGS, counts, strict=True)
    }


@metric(
    "drainproxy_websocket_closes_total",
    "counter",
    "WebSockets that ended, by the status code of the first Close frame and by its sender: client,"
    " app or us (the sidecar). 1005 is a Close without a code, 1006 an end without a Close, also if"
    " the sidecar sent 1014 or 1012 for an app that had died.",
    "code",
    "by",
)
def _websocket_closes(sidecar: Observed) -> Series:
    codes = (*map(str, _CLOSES), _OTHER_CLOSE)
    closes = zeros(codes, (CLIENT, APP, US))
    for (code, by), count in sidecar.context.counters.websocket_closes.items():
        closes[str(code) if code in _CLOSES else _OTHER_CLOSE, by] += count
    return closes


@metric(
    "drainproxy_goodbyes_total",
    "counter",
    "Goodbyes sent to clients in their own protocol.",
    "kind",
    "why",
)
def _goodbyes(sidecar: Observed) -> Series:
    # A pod drains once: all its goodbyes may fall between two scrapes.
    values: dict[tuple[str, ...], float] = dict.fromkeys(product(_ANSWERED, _GOODBYES), 0)
    for labels, count in sidecar.context.counters.goodbyes.items():
        values[labels] = count
    return values


@metric(
    "drainproxy_unanswered_total",
    "counter",
    "Goodbyes sent to WebSocket clients whose last message the app had not answered.",
    "kind",
    "why",
)
def _unanswered(sidecar: Observed) -> Series:
    values: dict[tuple[str, ...], float] = {("websocket", DRAIN): 0}
    for labels, count in sidecar.context.counters.unanswered.items():
        values[labels] = count
    return values


@metric(
    "drainproxy_cut_total",
    "counter",
    "Requests, streams and connections that the sidecar ended before their own end.",
    "kind",
    "why",
)
def _cut(sidecar: Observed) -> Series:
    values: dict[tuple[str, ...], float] = {(kind, DEADLINE): 0 for kind in KINDS}
    for labels, count in sidecar.context.ledger.cuts.items():
        values[labels] = count
    return values


@metric(
    "drainproxy_rejected_total",
    "counter",
    "Connections and requests that the sidecar refused.",
    "reason",
)
def _rejected(sidecar: Observed) -> Series:
    values: dict[tuple[str, ...], float] = {(reason,): 0 for reason in _REJECTED}
    for reason, count in sidecar.context.counters.rejected.items():
        values[reason,] = count
    return values


@metric(
    "drainproxy_max_streams_reached_total",
    "counter",
    "How often a client reached max-streams on a connection and had to queue further HTTP/2"
    " streams, although the app would have accepted more.",
)
def _max_streams_reached(sidecar: Observed) -> Series:
    return alone(sidecar.context.counters.max_streams_reached)


@metric(
    "drainproxy_bytes_total",
    "counter",
    "Bytes received, by direction: from_clients or from_app.",
    "direction",
)
def _bytes(sidecar: Observed) -> Series:
    counters = sidecar.context.counters
    return {
        ("from_clients",): counters.bytes_from_clients,
        ("from_app",): counters.bytes_from_app,
    }


@metric(
    "drainproxy_app_connect_failures_total",
    "counter",
    "Connections to the app that could not be established.",
)
def _app_connect_failures(sidecar: Observed) -> Series:
    return alone(sidecar.context.counters.app_connect_failures)


@metric(
    "drainproxy_bypassed_connections",
    "gauge",
    "Connections to the app's ports that bypass the sidecar, so that a drain cannot wait for them;"
    " those from the node or the pod itself count only if they last longer than a probe.",
)
def _bypassed_connections(sidecar: Observed) -> Series:
    return alone(sidecar.bypass.connections)


@metric(
    "drainproxy_accept_failures_total",
    "counter",
    "How often accepting a connection failed because file descriptors or memory were exhausted; the"
    " clients wait.",
)
def _accept_failures(sidecar: Observed) -> Series:
    return alone(sidecar.context.counters.accept_failures)


@metric(
    "drainproxy_connections_limit",
    "gauge",
    "Maximum number of client connections: max-connections, or less if file descriptors limit it.",
)
def _connections_limit(sidecar: Observed) -> Series:
    return alone(sidecar.context.limits.max_connections)


@metric("drainproxy_phase", "gauge", "1 for the phase of the sidecar, 0 for the others.", "phase")
def _phase(sidecar: Observed) -> Series:
    return {(phase.value,): phase is sidecar.machine.phase for phase in Phase}


@metric(
    "drainproxy_drain_seconds",
    "gauge",
    "Duration of the current drain so far, or of the last one.",
)
def _drain_seconds(sidecar: Observed) -> Series:
    return alone(drain_seconds(sidecar))


@metric(
    "drainproxy_config_mistakes",
    "gauge",
    "Annotations without effect because they are invalid or need a restart; /status lists them.",
)
def _config_mistakes(sidecar: Observed) -> Series:
    return alone(len(sidecar.annotation_mistakes))


@metric(
    "drainproxy_build_info",
    "gauge",
    "Always 1; its labels are the versions that run.",
    "version",
    "python",
)
def _build_info(_: Observed) -> Series:
    return {(__version__, ".".join(map(str, sys.version_info[:3]))): 1}


# The usual metrics of a process (Prometheus, "Writing client libraries").


@metric("process_cpu_seconds_total", "counter", "Total user and system CPU time, in seconds.")
def _cpu(_: Observed) -> Series:
    return alone(time.process_time())


@metric("process_resident_memory_bytes", "gauge", "Resident memory size, in bytes.")
def _resident(_: Observed) -> Series:
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return {}  # no Linux
    return alone(int(pages) * os.sysconf("SC_PAGE_SIZE"))


@metric(
    "process_start_time_seconds",
    "gauge",
    "Start time of the process, in seconds since the Unix epoch.",
)
def _start_time(_: Observed) -> Series:
    try:
        # proc(5): behind the name in parentheses the 20th value is the start, in ticks after boot.
        ticks = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
        boot = next(
            line.split()[1]
            for line in Path("/proc/stat").read_text().splitlines()
            if line.startswith("btime")
        )
    except (OSError, StopIteration):
        return {}  # no Linux
    return alone(int(boot) + int(ticks) / os.sysconf("SC_CLK_TCK"))


@metric("process_open_fds", "gauge", "Number of open file descriptors.")
def _open_descriptors(_: Observed) -> Series:
    """The st_size of /proc/self/fd, since Linux 6.2. Where that is 0 the metric is left out, since
    listing 20,000 descriptors would block the loop for tens of milliseconds."""
    try:
        number = os.stat("/proc/self/fd").st_size
    except OSError:
        return {}
    return alone(number) if number else {}


@metric("process_max_fds", "gauge", "Maximum number of open file descriptors.")
def _most_descriptors(_: Observed) -> Series:
    import resource

    return alone(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
