"""What stands behind the proxies: nginx and nghttpd for load, an asyncio app for idle ones."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from drainproxy.rehearsal.ports import free_ports
from loadtests.bench.launch import Launch, answers, answers_http2, tool

BODY_BYTES = 1_000_000

_SERVER = """
server {{
  listen 127.0.0.1:{port} backlog=4096;
  location / {{ default_type text/plain; return 200 "hello from the app\\n"; }}
  location = /body {{ default_type application/octet-stream; root {folder}; }}
}}
"""

_NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 15000; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_body_temp_path {folder}/client;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {servers}
}}
"""


def nginx(folder: Path, servers: str) -> list[str]:
    """The command that runs one nginx process out of `folder` with these server blocks.

    Without a master process nginx never changes its user, so it reads our folder as root too.
    """
    folder.mkdir(parents=True)
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, servers=servers))
    return [shutil.which("nginx") or "nginx", "-e", "stderr", "-p", str(folder), "-c", str(config)]


def load_app(folder: Path) -> Launch:
    """The app under load: a small answer on `/`, 1 MB on `/body`."""
    (port,) = free_ports(1)
    command = nginx(folder, _SERVER.format(folder=folder, port=port))
    (folder / "body").write_bytes(b"\0" * BODY_BYTES)
    return Launch(command, port, partial(answers, port))


def http2_app(folder: Path, files: Mapping[str, bytes], trailer: str | None = None) -> Launch:
    """The app under load over HTTP/2: these files, each answer with a trailer if one is given."""
    (port,) = free_ports(1)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    command = [tool("nghttpd"), "--no-tls", "--address=127.0.0.1", f"--htdocs={folder}"]
    command += [f"--trailer={trailer}"] if trailer else []
    return Launch([*command, str(port)], port, partial(answers_http2, port))


def flood_app() -> Launch:
    """The app that reads, or sends, small structures without end."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "loadtests.bench.flood", "app", str(port)]
    return Launch(command, port, partial(answers, port))


def idle_app() -> Launch:
    """The app that keeps thousands of connections and says nothing."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "loadtests.bench.idle_app", str(port)]
    return Launch(command, port, partial(answers, port))
