"""The figures: each measure takes its samples round by round, one target after the other."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from loadtests.bench import http2, small
from loadtests.bench.apps import BODY_BYTES
from loadtests.bench.ground import Ground, Target
from loadtests.bench.idle import GET, UPGRADE, held
from loadtests.bench.load import CpuWatch, paced, wrk

HTTP1_CONNECTIONS = 32
BODY_CONNECTIONS = 8
_HEADS = ("same", "varying")
# Requests a second in all, over so many connections: little enough that nobody waits for a core.
_PACE, _PACED_CONNECTIONS = 400, 8
_SETTLE_SECONDS = 1.0


def http1(ground: Ground) -> None:
    """Keep-alive GETs with a small answer, with one head and with a new head every time."""
    with ground.load_app() as app_port, ground.all_targets(app_port) as targets:
        for target in targets:
            with ground.or_left_out(target.name):
                for heads in _HEADS:
                    wrk(target.port, "/", HTTP1_CONNECTIONS, 1, heads)
        for round_, target in ground.rounds(targets):
            with ground.or_left_out(target.name):
                for heads in _HEADS:
                    _http1_round(ground, round_, target, heads)


def _http1_round(ground: Ground, round_: int, target: Target, heads: str) -> None:
    with CpuWatch(target.process) as watch:
        result = wrk(target.port, "/", HTTP1_CONNECTIONS, ground.plan.seconds, heads)
    values = {
        "requests_per_s": result.requests / result.micros * 1e6,
        "p50_us": result.p50_us,
        "p99_us": result.p99_us,
        "errors": result.errors,
    }
    cpu = watch.figures("cpu_us", 1e6 / result.requests)
    ground.samples.add(f"http1-{heads}", target.name, round_, **values, **cpu)


def latency(ground: Ground) -> None:
    """Keep-alive GETs at a pace that leaves every target idle most of the time."""
    with ground.load_app() as app_port, ground.all_targets(app_port) as targets:
        for round_, target in ground.rounds(targets):
            with ground.or_left_out(target.name):
                log = ground.folder / f"latency-{target.name}-{round_}"
                took = paced(target.port, _PACED_CONNECTIONS, _PACE, ground.plan.seconds, log)
                values = {"p50_us": took.p50_us, "p99_us": took.p99_us, "errors": took.errors}
                ground.samples.add("latency", target.name, round_, **values)


def bodies(ground: Ground) -> None:
    """Answers of 1 MB."""
    with ground.load_app() as app_port, ground.all_targets(app_port) as targets:
        for target in targets:
            with ground.or_left_out(target.name):
                wrk(target.port, "/body", BODY_CONNECTIONS, 1)
        for round_, target in ground.rounds(targets):
            with ground.or_left_out(target.name):
                _bodies_round(ground, round_, target)


def _bodies_round(ground: Ground, round_: int, target: Target) -> None:
    with CpuWatch(target.process) as watch:
        result = wrk(target.port, "/body", BODY_CONNECTIONS, ground.plan.seconds)
    # By bytes, for the bodies under way at the end of a round cost as well.
    megabytes = result.bytes / BODY_BYTES
    values = {
        "mb_per_s": megabytes / result.micros * 1e6,
        "errors": result.errors,
    }
    cpu = watch.figures("cpu_ms_per_mb", 1e3 / megabytes)
    ground.samples.add("bodies", target.name, round_, **values, **cpu)


def memory(ground: Ground) -> None:
    """Idle keep-alive connections, then idle WebSockets, each kind on a fresh process."""
    with ground.idle_app() as app_port:
        for name in ground.proxies():
            with ground.or_left_out(name):
                asyncio.run(_idle(ground, "idle-http1", name, app_port, GET))
                asyncio.run(_idle(ground, "idle-websocket", name, app_port, UPGRADE))


async def _idle(
    ground: Ground, measure: str, name: str, app_port: int, conversation: tuple[bytes, bytes]
) -> None:
    with ground.target(name, app_port) as target:
        assert target.process
        before = target.process.rss_kb()
        async with held(target.port, ground.plan.idle, conversation) as clients:
            await asyncio.sleep(_SETTLE_SECONDS)
            after = target.process.rss_kb()
            values = {
                "rss_mb": before / 1024,
                "rss_then_mb": after / 1024,
                "kb_each": (after - before) / ground.plan.idle,
                "errors": clients.lost,
            }
    ground.samples.add(measure, name, 0, **values)


def start(ground: Ground) -> None:
    """From the spawn of the process until it says that it is ready."""
    with ground.load_app() as app_port:
        for round_ in range(ground.plan.rounds):
            for name in ground.proxies():
                with ground.or_left_out(name), ground.target(name, app_port) as target:
                    ground.samples.add("start", name, round_, seconds=target.ready_seconds)


@dataclass(frozen=True, slots=True)
class Measure:
    """How it is taken, the names of its samples, and the programs and modules that it needs."""

    take: Callable[[Ground], None]
    names: tuple[str, ...]
    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """What it needs and this machine has not."""
        programs = [name for name in self.programs if not shutil.which(name)]
        return programs + [name for name in self.modules if not find_spec(name)]


# What `--only` chooses from.
MEASURES = {
    "http1": Measure(http1, ("http1-same", "http1-varying"), ("wrk", "nginx")),
    "latency": Measure(latency, ("latency",), ("h2load", "nginx")),
    "http2": Measure(http2.same, ("http2",), ("h2load", "nghttpd")),
    "http2-varying": Measure(http2.varying, ("http2-varying",), ("nghttpd",), ("hpack",)),
    "bodies": Measure(bodies, ("bodies",), ("wrk", "nginx")),
    "memory": Measure(memory, ("idle-http1", "idle-websocket")),
    "start": Measure(start, ("start",), ("nginx",)),
    "small": Measure(small.small, ("small-chunks", "small-frames", "small-events", "small-data")),
}
