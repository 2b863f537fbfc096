"""A real Prometheus that scrapes sidecars; Debian's package is called `prometheus`."""

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp

from drainproxy.rehearsal.ports import free_ports
from drainproxy.rehearsal.processes import Process, Processes, StartFailed, answers

_READY_WITHIN, _LOOK_EVERY = 30.0, 0.1
_INTERVALS = ("scrape_interval", "scrape_timeout", "evaluation_interval")

Targets = Mapping[str, Mapping[str, str]]


def binary(path: str | None = None) -> str:
    """Where it is: that one, or the one that is installed. StartFailed where there is none."""
    found = shutil.which(path or "prometheus")
    if found is None:
        raise StartFailed(
            f"--prometheus {path}: there is no program of that name"
            if path
            else "--gate needs a Prometheus, and none is installed: install one (on Debian the "
            "package prometheus), or name one with --prometheus PATH"
        )
    return found


def command(
    program: str,
    folder: Path,
    port: int,
    targets: Targets,
    seconds: float = 1.0,
    rules: Sequence[Path] = (),
) -> tuple[str, ...]:
    """Scrape these addresses, each with its labels, every so many seconds, and evaluate the rules
    in these files as often; its configuration and its data are in the folder."""
    jobs = [{"targets": [where], "labels": dict(labels)} for where, labels in targets.items()]
    config = {
        "global": dict.fromkeys(_INTERVALS, f"{seconds * 1000:.0f}ms"),
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [{"job_name": "sidecars", "static_configs": jobs}],
    }
    path = folder / "prometheus.yml"
    # JSON is YAML.
    path.write_text(json.dumps(config))
    return (
        program,
        f"--config.file={path}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    )


async def started(
    processes: Processes,
    probe: aiohttp.ClientSession,
    program: str,
    folder: Path,
    targets: Targets,
    seconds: float,
) -> str:
    """Where it answers, once it does; StartFailed if it does not come up."""
    (port,) = free_ports(1)
    process = processes.start(
        "prometheus", *command(program, folder, port, targets, seconds=seconds)
    )
    url = f"http://127.0.0.1:{port}"
    await _ready(process, probe, url)
    return url


async def _ready(process: Process, probe: aiohttp.ClientSession, url: str) -> None:
    try:
        async with asyncio.timeout(_READY_WITHIN):
            while not await answers(probe, url + "/-/ready"):
                process.check()
                await asyncio.sleep(_LOOK_EVERY)
    except TimeoutError:
        raise StartFailed(
            f"prometheus was not ready within {_READY_WITHIN:g} s; it said:\n{process.last_words()}"
        ) from None
