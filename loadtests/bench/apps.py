"""What stands behind the proxies: nginx for load, a small asyncio app for idle connections."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from loadtests.bench.processes import free_port

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


def load_app(folder: Path) -> tuple[list[str], int]:
    """Command and port of the app under load: a small answer on `/`, 1 MB on `/body`."""
    port = free_port()
    command = nginx(folder, _SERVER.format(folder=folder, port=port))
    (folder / "body").write_bytes(b"\0" * BODY_BYTES)
    return command, port


def idle_app() -> tuple[list[str], int]:
    """Command and port of the app that keeps thousands of connections and says nothing."""
    port = free_port()
    return [sys.executable, "-m", "loadtests.bench.idle_app", str(port)], port
