"""The proxy in front of a replica: drainproxy, or none."""

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from drainproxy.rehearsal.balancer import Address
from drainproxy.rehearsal.processes import Process, Processes, answers

_PATIENCE = aiohttp.ClientTimeout(total=5.0)
_AS_LONG_AS_IT_TAKES = aiohttp.ClientTimeout(total=None)


@dataclass(frozen=True, slots=True)
class Site:
    """Where one replica is: its own loopback address, the ports on it, and those of its app.

    Ports by service. Apps bind to 127.0.0.1 or to everything, so each has ports of its own.
    """

    name: str
    host: str
    ports: Mapping[str, int]
    admin_port: int
    app_ports: Mapping[str, int]
    folder: Path


class Proxy(Protocol):
    """One instance beside one app."""

    process: Process | None

    @property
    def addresses(self) -> Mapping[str, Address]:
        """Where clients reach the replica, by service."""

    def start(self) -> None:
        """Start it; StartFailed if it cannot be."""

    async def ready(self) -> bool:
        """Whether the replica may get traffic."""

    async def prestop(self, of: str) -> None:
        """The preStop hook of a container: `of` is app or sidecar."""

    async def counts(self) -> Mapping[str, int]:
        """How many exchanges it has seen, by kind of the report; empty if it does not count so."""

    async def phase(self) -> tuple[str, int]:
        """What it says of itself, and how much is in flight."""

    async def rebalance(self, percent: float, over: float) -> None:
        """Send this share of the connections elsewhere, politely, in so many seconds."""

    def annotate(self, annotations: str) -> None:
        """Let it have these annotations, as the downward API writes them, instead of others."""

    def report(self) -> dict[str, Any] | None:
        """What it has left of its drain."""


class Drainproxy:
    """The sidecar."""

    process: Process | None = None

    def __init__(
        self,
        processes: Processes,
        probe: aiohttp.ClientSession,
        site: Site,
        flags: tuple[str, ...],
        annotations: str = "",
    ) -> None:
        self._processes = processes
        self._probe = probe
        self._site = site
        self._annotations = site.folder / f"{site.name}-annotations"
        if annotations:
            self.annotate(annotations)
            flags = (*flags, f"--annotations-file={self._annotations}")
        self._flags = flags
        self._report_file = site.folder / f"{site.name}-report.json"
        self._admin = f"http://{site.host}:{site.admin_port}"

    @property
    def addresses(self) -> Mapping[str, Address]:
        return {service: (self._site.host, port) for service, port in self._site.ports.items()}

    def start(self) -> None:
        site = self._site
        forwards = [
            f"--forward={site.host}:{site.ports[service]}=127.0.0.1:{port}"
            for service, port in site.app_ports.items()
        ]
        self.process = self._processes.start(
            f"sidecar of {site.name}",
            sys.executable,
            "-m",
            "drainproxy",
            "run",
            *forwards,
            f"--admin={site.host}:{site.admin_port}",
            f"--report-file={self._report_file}",
            *self._flags,
        )

    async def ready(self) -> bool:
        return await answers(self._probe, self._admin + "/readyz")

    async def prestop(self, of: str) -> None:
        with suppress(aiohttp.ClientError):
            async with self._probe.get(
                f"{self._admin}/prestop?of={of}", timeout=_AS_LONG_AS_IT_TAKES
            ) as answer:
                await answer.read()

    async def counts(self) -> Mapping[str, int]:
        try:
            async with self._probe.get(
                self._admin + "/metrics", timeout=_PATIENCE, raise_for_status=True
            ) as answer:
                return exchanges(await answer.text())
        except (aiohttp.ClientError, TimeoutError):
            return {}

    async def phase(self) -> tuple[str, int]:
        try:
            async with self._probe.get(self._admin + "/status", timeout=_PATIENCE) as answer:
                status = await answer.json()
        except (aiohttp.ClientError, TimeoutError):
            return "", 0
        return status["phase"], sum(status["in_flight"].values())

    async def rebalance(self, percent: float, over: float) -> None:
        url = f"{self._admin}/rebalance?percent={percent:g}&over={over * 1000:.0f}ms"
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self._probe.post(url, timeout=_PATIENCE) as answer:
                await answer.read()

    def annotate(self, annotations: str) -> None:
        # As a whole, as the kubelet does it: the sidecar must not read the half of it.
        new = self._annotations.with_suffix(".new")
        new.write_text(annotations)
        new.replace(self._annotations)

    def report(self) -> dict[str, Any] | None:
        with suppress(FileNotFoundError, json.JSONDecodeError):
            report: dict[str, Any] = json.loads(self._report_file.read_text(encoding="utf-8"))
            return report
        return None


# Kinds of the sidecar's metrics, as the clients of a rehearsal are called; an upgrade is an answer
# of HTTP/1 there.
_OURS = {"http1": "http"}
_SWITCHING_PROTOCOLS = "101"


def exchanges(metrics: str) -> Mapping[str, int]:
    """What the sidecar has counted, by kind of the report."""
    seen: Counter[str] = Counter()
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name == "drainproxy_requests_total":
                kind, code = sample.labels["kind"], sample.labels["code"]
                name = "websocket" if code == _SWITCHING_PROTOCOLS else _OURS.get(kind, kind)
                seen[name] += int(sample.value)
    return seen


class Direct:
    """No proxy: clients reach the app, whose preStop sleeps or is not there."""

    process: Process | None = None

    def __init__(self, site: Site, prestop_sleep: float) -> None:
        self._site = site
        self._sleep = prestop_sleep

    @property
    def addresses(self) -> Mapping[str, Address]:
        return {service: ("127.0.0.1", port) for service, port in self._site.app_ports.items()}

    def start(self) -> None:
        pass

    async def ready(self) -> bool:
        return all([await accepts(port) for port in self._site.app_ports.values()])

    async def prestop(self, of: str) -> None:
        await asyncio.sleep(self._sleep)

    async def counts(self) -> Mapping[str, int]:
        return {}

    async def phase(self) -> tuple[str, int]:
        return "", 0

    async def rebalance(self, percent: float, over: float) -> None:
        pass

    def annotate(self, annotations: str) -> None:
        pass

    def report(self) -> dict[str, Any] | None:
        return None


async def accepts(port: int) -> bool:
    """Whether somebody listens on this loopback port."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


async def end(process: Process, within: float) -> int | None:
    """SIGTERM; the exit code, None if it does not exit in time."""
    process.signal(signal.SIGTERM)
    return await process.wait(within)
