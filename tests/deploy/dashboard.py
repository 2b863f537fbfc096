"""The Grafana dashboard: a table of panels, and the JSON that is made of it.

`python -m tests.deploy.monitoring` (`make manifests`) writes it.
"""

import json
from typing import Any, NamedTuple

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_PODS = 'namespace=~"$namespace", pod=~"$pod"'
# What tells one version from another: the labels that the PodMonitor copies.
_VERSIONS = ("pod_template_hash", "rollouts_pod_template_hash", "app_kubernetes_io_version")
# Whose duration is the time of an answer, and not the life of a stream.
_ANSWERED = 'kind=~"http1|http2|grpc"'
_WIDTH, _HEIGHT = 24, 8


class Panel(NamedTuple):
    """A graph: `queries` maps how a series is called to its PromQL, where `PODS` selects pods."""

    title: str
    help: str
    queries: dict[str, str]
    unit: str = "short"
    kind: str = "timeseries"
    stacked: bool = False
    width: int = 8


def _quantile(share: str, metric: str) -> str:
    buckets = f"rate({metric}_bucket{{PODS, {_ANSWERED}}}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by (le, $version) ({buckets}))"


ROWS: dict[str, list[Panel]] = {
    "Drains": [
        Panel(
            "Pods by phase",
            "Every drain is a step down of serving, and a way through the other phases.",
            {"{{phase}}": "sum by (phase) (drainproxy_phase{PODS})"},
            stacked=True,
        ),
        Panel(
            "Length of drains",
            "How long the drain of each pod has taken so far, or the last one took.",
            {"{{pod}}": "max by (pod) (drainproxy_drain_seconds{PODS}) > 0"},
            unit="s",
        ),
        Panel(
            "In flight",
            "What a drain waits for.",
            {"{{kind}}": "sum by (kind) (drainproxy_in_flight{PODS})"},
            stacked=True,
        ),
        Panel(
            "Goodbyes",
            "Said to clients in their own protocol, and why.",
            {
                "{{kind}} {{why}}": "sum by (kind, why)"
                " (increase(drainproxy_goodbyes_total{PODS}[$__rate_interval]))"
            },
            stacked=True,
        ),
        Panel(
            "Cuts",
            "What was ended before its own end. Anything but 0 is a loss.",
            {
                "{{kind}} {{why}}": "sum by (kind, why)"
                " (increase(drainproxy_cut_total{PODS}[$__rate_interval]))"
            },
            stacked=True,
        ),
        Panel(
            "How it ended",
            "Everything that was in flight, by how it ended.",
            {
                "{{kind}} {{how}}": "sum by (kind, how)"
                " (rate(drainproxy_ended_total{PODS}[$__rate_interval])) > 0"
            },
            unit="ops",
        ),
    ],
    "Golden signals by version": [
        Panel(
            "Traffic",
            "Answers by version: a canary should have the share that it was given.",
            {
                "{{$version}}": "sum by ($version)"
                " (rate(drainproxy_requests_total{PODS}[$__rate_interval]))"
            },
            unit="reqps",
            width=6,
        ),
        Panel(
            "Errors",
            "The share of answers of 5xx, failed calls of gRPC, and what was cut.",
            {
                "{{$version}}": "("
                'sum by ($version) (rate(drainproxy_requests_total{PODS, kind!="grpc",'
                ' code=~"5.."}[$__rate_interval]))'
                " + sum by ($version) (rate(drainproxy_grpc_requests_total{PODS,"
                ' grpc_status=~"2|4|12|13|14|15"}[$__rate_interval]))'
                ' + sum by ($version) (rate(drainproxy_ended_total{PODS, kind!~"grpc|tcp",'
                ' how="cut"}[$__rate_interval])))'
                " / sum by ($version) (rate(drainproxy_requests_total{PODS}[$__rate_interval]))"
            },
            unit="percentunit",
            width=6,
        ),
        Panel(
            "Latency",
            "From the head of a request to the end of its answer; streams are not in it.",
            {
                "p99 {{$version}}": _quantile("0.99", "drainproxy_request_duration_seconds"),
                "p50 {{$version}}": _quantile("0.5", "drainproxy_request_duration_seconds"),
            },
            unit="s",
            width=6,
        ),
        Panel(
            "Saturation",
            "Connections, as a share of those that are taken.",
            {
                "{{$version}}": "sum by ($version) (drainproxy_connections{PODS})"
                " / sum by ($version) (drainproxy_connections_limit{PODS})"
            },
            unit="percentunit",
            width=6,
        ),
        Panel(
            "Time to the first byte",
            "The 99th percentile of all kinds: what counts for streams.",
            {
                "{{kind}} {{$version}}": "histogram_quantile(0.99, sum by (le, kind, $version)"
                " (rate(drainproxy_time_to_first_byte_seconds_bucket{PODS}[$__rate_interval]))) > 0"
            },
            unit="s",
            width=12,
        ),
        Panel(
            "Connections by version",
            "Those that stand: they follow a shift of traffic only as they age.",
            {"{{$version}}": "sum by ($version) (drainproxy_connections{PODS})"},
            stacked=True,
            width=12,
        ),
    ],
    "Connections": [
        Panel(
            "Connections per pod",
            "Even again soon after a rollout, or connections do not age.",
            {"{{pod}}": "sum by (pod) (drainproxy_connections{PODS})"},
        ),
        Panel(
            "New connections per pod",
            "What the balancer does now.",
            {
                "{{pod}}": "sum by (pod)"
                " (rate(drainproxy_connections_total{PODS}[$__rate_interval]))"
            },
            unit="ops",
        ),
        Panel(
            "Age of connections at their end",
            "None should be much older than max-connection-age.",
            {
                "{{le}}": "sum by (le)"
                " (increase(drainproxy_connection_age_seconds_bucket{PODS}[$__rate_interval]))"
            },
            unit="s",
            kind="heatmap",
        ),
        Panel(
            "Ends of WebSockets",
            "By the code of the first Close and who said it; 1006 is an end without a Close.",
            {
                "{{code}} by {{by}}": "sum by (code, by)"
                " (increase(drainproxy_websocket_closes_total{PODS}[$__rate_interval])) > 0"
            },
        ),
        Panel(
            "Turned away",
            "Connections and requests that the sidecar refused, and why.",
            {
                "{{reason}}": "sum by (reason)"
                " (rate(drainproxy_rejected_total{PODS}[$__rate_interval]))"
            },
            unit="ops",
        ),
        Panel(
            "Past the sidecar",
            "Connections to the app that no drain sees, and those that the app did not take.",
            {
                "{{pod}} bypass": "sum by (pod) (drainproxy_bypassed_connections{PODS})",
                "{{pod}} connect failures per second": "sum by (pod)"
                " (rate(drainproxy_app_connect_failures_total{PODS}[$__rate_interval]))",
            },
        ),
    ],
    "Error budget": [
        Panel(
            "Budget that is left",
            "Of 30 days; below 0 the objective is missed.",
            {
                "{{namespace}} {{service}}": "drainproxy:error_budget_remaining:ratio"
                '{namespace=~"$namespace"}'
            },
            unit="percentunit",
            kind="stat",
        ),
        Panel(
            "Burn rate",
            "1 uses up the budget in 30 days; 14.4 in two, and somebody is called.",
            {
                f"{window} {{{{service}}}}": f"drainproxy:burn_rate:{window}"
                '{namespace=~"$namespace"}'
                for window in ("5m", "1h", "6h", "3d")
            },
            width=16,
        ),
    ],
    "The sidecars": [
        Panel(
            "CPU",
            "Cores.",
            {
                "{{pod}}": "sum by (pod)"
                " (rate(process_cpu_seconds_total{PODS}[$__rate_interval])"
                " and on (namespace, pod) drainproxy_build_info)"
            },
        ),
        Panel(
            "Memory",
            "Resident.",
            {
                "{{pod}}": "sum by (pod) (process_resident_memory_bytes{PODS}"
                " and on (namespace, pod) drainproxy_build_info)"
            },
            unit="bytes",
        ),
        Panel(
            "Bytes",
            "Received from clients and from the app.",
            {
                "{{direction}}": "sum by (direction)"
                " (rate(drainproxy_bytes_total{PODS}[$__rate_interval]))"
            },
            unit="Bps",
        ),
    ],
}

# Marks on every graph.
DRAIN_BEGINS = 'sum by (pod) (drainproxy_phase{PODS, phase=~"announced|leaving"}) > 0'


def queries() -> dict[str, list[str]]:
    """The PromQL of every panel by its title, marks and variables included."""
    found = {
        panel.title: [_selected(query) for query in panel.queries.values()]
        for panels in ROWS.values()
        for panel in panels
    }
    return found | {"Drains begin": [_selected(DRAIN_BEGINS)]}


def dashboard() -> str:
    """The JSON that Grafana imports."""
    panels: list[dict[str, Any]] = []
    below = 0
    for title, row in ROWS.items():
        place = {"x": 0, "y": below, "w": _WIDTH, "h": 1}
        panels.append(
            {"type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}
        )
        below += 1
        left = 0
        for panel in row:
            if left + panel.width > _WIDTH:
                left, below = 0, below + _HEIGHT
            place = {"x": left, "y": below, "w": panel.width, "h": _HEIGHT}
            panels.append(_panel(panel, place))
            left += panel.width
        below += _HEIGHT
    made = {
        "uid": "drainproxy",
        "title": "drainproxy",
        "description": "Drains, connections and golden signals of the apps behind drainproxy.",
        "tags": ["drainproxy"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": _variables()},
        "annotations": {"list": [_marks()]},
        "panels": [{"id": number, **panel} for number, panel in enumerate(panels, 1)],
    }
    return json.dumps(made, indent=2) + "\n"


def _selected(query: str) -> str:
    return query.replace("PODS", _PODS)


def _panel(panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {
            "refId": chr(ord("A") + index),
            "datasource": _SOURCE,
            "expr": _selected(query),
            "legendFormat": name.replace("$version", "${version}"),
            "format": "heatmap" if panel.kind == "heatmap" else "time_series",
        }
        for index, (name, query) in enumerate(panel.queries.items())
    ]
    custom: dict[str, Any] = {"fillOpacity": 10, "showPoints": "never"}
    if panel.stacked:
        custom |= {"fillOpacity": 40, "stacking": {"mode": "normal", "group": "A"}}
    defaults = {"unit": panel.unit, "custom": custom if panel.kind == "timeseries" else {}}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.help,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"calculate": False} if panel.kind == "heatmap" else {},
    }


def _variables() -> list[dict[str, Any]]:
    source = {"name": "datasource", "label": "Data source", "type": "datasource"}
    pods = 'label_values(drainproxy_build_info{namespace=~"$namespace"}, pod)'
    return [
        source | {"query": "prometheus"},
        _values("namespace", "label_values(drainproxy_build_info, namespace)"),
        _values("pod", pods),
        {
            "name": "version",
            "label": "Version by",
            "type": "custom",
            "query": ",".join(_VERSIONS),
            "options": [
                {"text": name, "value": name, "selected": name == _VERSIONS[0]}
                for name in _VERSIONS
            ],
            "current": {"text": _VERSIONS[0], "value": _VERSIONS[0]},
        },
    ]


def _values(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _marks() -> dict[str, Any]:
    return {
        "name": "Drains begin",
        "datasource": _SOURCE,
        "enable": True,
        "expr": _selected(DRAIN_BEGINS),
        "titleFormat": "{{pod}} drains",
        "iconColor": "orange",
    }
