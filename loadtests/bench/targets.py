"""How each proxy is started: the same job for all, one thread, forwarded headers, no access log."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from drainproxy.rehearsal.ports import free_ports
from loadtests.bench.apps import nginx
from loadtests.bench.envoy import binary, envoy
from loadtests.bench.launch import Launch, Missing, answers, answers_http2, tool

# From the folder for its files and the port of the app.
Launcher = Callable[[Path, int], Launch]
Launchers = Mapping[str, Launcher | None]


def drainproxy(folder: Path, app_port: int) -> Launch:
    if not importlib.util.find_spec("drainproxy"):
        raise Missing("drainproxy is not importable")
    port, admin = free_ports(2)
    forward = f"127.0.0.1:{port}=127.0.0.1:{app_port}"
    command = [sys.executable, "-m", "drainproxy", "run"]
    command += ["--forward", forward, "--admin", f"127.0.0.1:{admin}"]
    return Launch(command, port, partial(answers, admin, "/startupz"))


def pipe(folder: Path, app_port: int, *, http2: bool = False) -> Launch:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "loadtests.bench.pipe", str(port), str(app_port)]
    return Launch(command, port, partial(answers_http2 if http2 else answers, port))


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
  bind 127.0.0.1:{port} backlog 4096 {proto}
  http-request add-header X-Forwarded-Proto http
  http-request add-header X-Forwarded-Host %[req.hdr(host)]
  default_backend app
backend app
  server app 127.0.0.1:{app_port} {proto}
"""


def haproxy(folder: Path, app_port: int, *, http2: bool = False) -> Launch:
    (port,) = free_ports(1)
    folder.mkdir(parents=True)
    config = folder / "haproxy.cfg"
    proto = "proto h2" if http2 else ""
    config.write_text(_HAPROXY.format(port=port, app_port=app_port, proto=proto))
    command = [tool("haproxy"), "-db", "-q", "-f", str(config)]
    return Launch(command, port, partial(answers_http2 if http2 else answers, port))


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
    tool("nginx")
    (port,) = free_ports(1)
    command = nginx(folder, _NGINX.format(port=port, app_port=app_port))
    return Launch(command, port, partial(answers, port))


# In the order of the table. `direct` stands for no proxy at all and has nothing to start.
TARGETS: Launchers = {
    "direct": None,
    "pipe": pipe,
    "drainproxy": drainproxy,
    "haproxy": haproxy,
    "envoy": envoy,
    "nginx": nginx_proxy,
}

# The same over HTTP/2 on both sides, which nginx does not speak to an app.
HTTP2_TARGETS: Launchers = {
    "direct": None,
    "pipe": partial(pipe, http2=True),
    "drainproxy": drainproxy,
    "haproxy": partial(haproxy, http2=True),
    "envoy": partial(envoy, http2=True),
}


def versions() -> dict[str, str]:
    """What the tools on this machine call themselves, first line of each."""
    asked = dict.fromkeys(("haproxy", "nginx", "wrk"), "-v")
    asked |= dict.fromkeys(("h2load", "nghttpd"), "--version")
    found = {name: _first_line(name, how) for name, how in asked.items() if shutil.which(name)}
    with suppress(Missing):
        found["envoy"] = _first_line(binary(), "--version")
    return found


def _first_line(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else ""
