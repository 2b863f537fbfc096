"""One round of wrk or h2load against one target, with the CPU time the proxy spent on it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from loadtests.bench.processes import Process

_SCRIPT = Path(__file__).with_name("wrk.lua")


class LoadFailed(Exception):
    """The client did not come to a result; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Result:
    """What wrk counted in `micros`; latencies in microseconds; errors include bad statuses."""

    requests: int
    bytes: int
    micros: int
    p50_us: int
    p99_us: int
    errors: int


def wrk(port: int, path: str, connections: int, seconds: int, heads: str = "same") -> Result:
    """Keep-alive GETs from one thread; `heads` is `same` or `varying`."""
    environment = os.environ | {"BENCH_HEADS": heads, "BENCH_STAMP": f"{time.time_ns():x}"}
    command = [shutil.which("wrk") or "wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    command += ["-s", str(_SCRIPT), f"http://127.0.0.1:{port}{path}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    try:
        result = Result(**json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, ValueError) as error:
        raise LoadFailed(done.stdout + done.stderr) from error
    if not result.requests:
        raise LoadFailed(f"no answer to any request for {path}, {result.errors} errors")
    return result


@dataclass(frozen=True, slots=True)
class Outcome:
    """Requests over HTTP/2 that were answered as they should be, and those that were not."""

    requests: int
    requests_per_s: float
    errors: int


_RATE = re.compile(r"^finished in \S+, (\S+) req/s", re.MULTILINE)
_COUNTS = re.compile(r"^requests: .* (\d+) succeeded, (\d+) failed", re.MULTILINE)
_SILENT_SECONDS = 10


def h2load(port: int, connections: int, streams: int, requests: int) -> Outcome:
    """GETs over HTTP/2 without TLS, from one thread, the same fields every time.

    As many as that and not for a time: with `-D` h2load does not count what a lost connection
    took along.
    """
    command = [shutil.which("h2load") or "h2load", f"-c{connections}", f"-m{streams}"]
    command += [f"-n{requests}", f"-N{_SILENT_SECONDS}", f"http://127.0.0.1:{port}/"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rate, counts = _RATE.search(done.stdout), _COUNTS.search(done.stdout)
    if not rate or not counts:
        raise LoadFailed(done.stdout + done.stderr)
    succeeded, failed = map(int, counts.groups())
    if not succeeded:
        raise LoadFailed(f"no good answer to any of {failed} requests over HTTP/2")
    return Outcome(succeeded, float(rate[1]), failed)


@dataclass(frozen=True, slots=True)
class Latencies:
    """Of requests that came at their own pace: from the request to the end of its answer, in
    microseconds; errors include bad statuses."""

    p50_us: float
    p99_us: float
    errors: int


def paced(port: int, connections: int, rate: int, seconds: int, log: Path) -> Latencies:
    """GETs over HTTP/1.1 at `rate` a second in all, whatever the answers take; `log` is written."""
    command = [shutil.which("h2load") or "h2load", "--h1", f"-c{connections}", f"-D{seconds}"]
    command += [f"--rps={rate / connections}", f"--log-file={log}", f"http://127.0.0.1:{port}/"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # Start, status and duration of each request, by nghttp2's documentation.
    lines = [line.split("\t") for line in log.read_text().splitlines()] if log.exists() else []
    took = [int(duration) for _, status, duration in lines if status == "200"]
    if len(took) < 2:
        raise LoadFailed(done.stdout + done.stderr)
    percentiles = quantiles(took, n=100)
    return Latencies(percentiles[49], percentiles[98], len(lines) - len(took))


@dataclass(slots=True)
class CpuWatch:
    """What `process` spent in a `with` block, in seconds: on a core, waiting for it, in all."""

    process: Process | None
    cpu: float = 0.0
    waited: float = 0.0
    wall: float = 0.0

    def __enter__(self) -> CpuWatch:
        self._add(-1)
        return self

    def __exit__(self, *_: object) -> None:
        self._add(1)

    def figures(self, name: str, scale: float) -> dict[str, float]:
        """The CPU time times `scale` under `name`, and both shares of the wall time in percent."""
        if not self.process:
            return {}
        busy, waited = self.cpu / self.wall * 100, self.waited / self.wall * 100
        return {name: self.cpu * scale, "busy": busy, "waited": waited}

    def _add(self, sign: int) -> None:
        cpu, waited = self.process.cpu_seconds() if self.process else (0.0, 0.0)
        self.cpu += sign * cpu
        self.waited += sign * waited
        self.wall += sign * time.monotonic()
