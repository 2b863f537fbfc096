"""What a run says in the end: plain tables with ratios, and the same as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loadtests.bench.ground import Ground
from loadtests.bench.limits import SUBJECT, Verdict
from loadtests.bench.samples import Samples
from loadtests.bench.targets import versions

_BESIDE = ("haproxy", "envoy")


@dataclass(frozen=True, slots=True)
class Table:
    """Columns as (value, heading, format); the first one is what ratios are made of."""

    title: str
    columns: tuple[tuple[str, str, str], ...]
    note: str = ""


# What the proxy used of its core, and for how long others kept it off.
_CORE = (("busy", "core %", ".0f"), ("waited", "waited %", ".0f"))
_HTTP1 = (
    ("cpu_us", "CPU us/req", ".1f"),
    ("requests_per_s", "req/s", ".0f"),
    ("p50_us", "p50 us", ".0f"),
    ("p99_us", "p99 us", ".0f"),
    *_CORE,
)
_HTTP2 = (("cpu_us", "CPU us/req", ".1f"), ("requests_per_s", "req/s", ".0f"), *_CORE)
_NO_NGINX = "nginx is not here: it speaks no HTTP/2 to an app"
_IDLE = (
    ("kb_each", "KB each", ".1f"),
    ("rss_mb", "MB after start", ".1f"),
    ("rss_then_mb", "MB then", ".1f"),
)
_SMALL = (("cpu_ms_per_mb", "CPU ms/MB", ".2f"), ("mb_per_s", "MB/s", ".0f"), *_CORE)
TABLES = {
    "http1-same": Table("HTTP/1.1 keep-alive, the same head every time", _HTTP1),
    "http1-varying": Table("HTTP/1.1 keep-alive, a browser's head, new every time", _HTTP1),
    "latency": Table(
        "HTTP/1.1 keep-alive, 400 requests a second",
        (("p50_us", "p50 us", ".0f"), ("p99_us", "p99 us", ".0f")),
        "what `direct` takes is the app's and the client's own",
    ),
    "http2": Table(
        "HTTP/2, 8 connections x 8 streams, the same fields every time", _HTTP2, _NO_NGINX
    ),
    "http2-varying": Table(
        "gRPC calls, 8 connections x 8 streams, an id new in each", _HTTP2, _NO_NGINX
    ),
    "bodies": Table(
        "Answers of 1 MB",
        (("cpu_ms_per_mb", "CPU ms/MB", ".3f"), ("mb_per_s", "MB/s", ".0f"), *_CORE),
    ),
    "idle-http1": Table("Idle keep-alive connections", _IDLE),
    "idle-websocket": Table("Idle WebSockets", _IDLE),
    "small-chunks": Table("Chunks of one byte, from the client", _SMALL),
    "small-frames": Table("WebSocket frames of one byte, from the client", _SMALL),
    "small-events": Table("Events of 40 bytes in a chunk each, from the app", _SMALL),
    "small-data": Table("HTTP/2 DATA of 9 bytes, from the client", _SMALL),
    "start": Table("From spawn to ready", (("seconds", "seconds", ".3f"),)),
}


def text(ground: Ground, verdicts: list[Verdict]) -> str:
    parts = ["\n".join(_table(ground.samples, m)) for m in TABLES if ground.samples.targets(m)]
    if ground.left_out:
        parts.append("\n".join(f"left out: {n} ({why})" for n, why in ground.left_out.items()))
    if SUBJECT in ground.plan.targets:
        parts.append("\n".join(_verdict(verdict) for verdict in verdicts))
    return "\n\n".join(parts)


def as_json(ground: Ground, verdicts: list[Verdict]) -> dict[str, Any]:
    """Every sample, the medians and the verdicts, and the machine they were taken on."""
    samples = ground.samples
    return {
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "kernel": platform.release()},
        "versions": {"python": platform.python_version()} | versions(),
        "plan": asdict(ground.plan),
        "left_out": ground.left_out,
        "limits": [asdict(v.limit) | {"seen": v.seen, "holds": v.holds} for v in verdicts],
        "medians": {m: {t: _row(samples, m, t) for t in samples.targets(m)} for m in TABLES},
        "samples": [asdict(sample) for sample in samples.taken],
    }


def write_json(file: Path, ground: Ground, verdicts: list[Verdict]) -> None:
    file.write_text(json.dumps(as_json(ground, verdicts), indent=1) + "\n")


def _row(samples: Samples, measure: str, target: str) -> dict[str, float | None]:
    columns = TABLES[measure].columns
    row = {value: samples.median(measure, value, target) for value, _, _ in columns}
    main = columns[0][0]
    ratios = {f"x {other}": samples.ratio(measure, main, target, other) for other in _BESIDE}
    return row | ratios


def _table(samples: Samples, measure: str) -> Iterator[str]:
    table = TABLES[measure]
    headings = [heading for _, heading, _ in table.columns]
    formats = [format_ for _, _, format_ in table.columns] + [".2f"] * len(_BESIDE)
    yield table.title
    yield _line("", [*headings, *(f"x {other}" for other in _BESIDE)])
    for target in samples.targets(measure):
        values = _row(samples, measure, target).values()
        cells = ["-" if v is None else format(v, f) for v, f in zip(values, formats, strict=True)]
        errors = samples.errors(measure, target)
        yield _line(target, cells) + (f"   {errors} ERRORS" if errors else "")
    if table.note:
        yield f"  {table.note}"


def _line(name: str, cells: list[str]) -> str:
    return f"  {name:<11}" + "".join(f"{cell:>16}" for cell in cells)


def _verdict(verdict: Verdict) -> str:
    word = {True: "holds", False: "BROKEN", None: "not judged"}[verdict.holds]
    seen = "" if verdict.seen is None else f": {verdict.seen:.2f}"
    return f"  {word:<11}{verdict.limit}{seen}"


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
