"""A real Prometheus that scrapes sidecars, where the machine has one."""

import json
import shutil
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isnan
from pathlib import Path
from time import time
from typing import Any

import pytest

from drainproxy.rehearsal.ports import free_ports, release
from tests.e2e.process import ask, program

_INTERVALS = ("scrape_interval", "scrape_timeout", "evaluation_interval")


class Prometheus:
    """Where it answers."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def query(self, query: str) -> list[dict[str, Any]]:
        """The result of a query at this moment."""
        text = urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{text}", timeout=10) as said:
            result: list[dict[str, Any]] = json.load(said)["data"]["result"]
        return result

    def ever(self, query: str, since: float) -> bool:
        """Whether a query has given any number since then, in seconds of the epoch."""
        given = {"query": query, "start": since, "end": time(), "step": 1}
        text = urllib.parse.urlencode(given)
        with urllib.request.urlopen(f"{self.url}/api/v1/query_range?{text}", timeout=10) as said:
            result = json.load(said)["data"]["result"]
        return any(not isnan(float(value)) for series in result for _, value in series["values"])

    def value(self, query: str) -> float:
        """The only number that a query gives; 0 if there is none."""
        found = self.query(query)
        return float(found[0]["value"][1]) if found else 0.0


def _is_ready(port: int) -> bool:
    try:
        return ask(port, "/-/ready")[0] == 200
    except OSError:
        return False


@contextmanager
def prometheus(
    folder: Path,
    targets: Mapping[int, Mapping[str, str]],
    seconds: float = 1,
    rules: Sequence[Path] = (),
) -> Iterator[Prometheus]:
    """It scrapes these ports of 127.0.0.1, each with its labels, every so many seconds, and then
    evaluates the rules in these files."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("prometheus is not installed (Debian: prometheus)")
    jobs = [
        {"targets": [f"127.0.0.1:{port}"], "labels": dict(labels)}
        for port, labels in targets.items()
    ]
    interval = f"{seconds * 1000:.0f}ms"
    config = {
        "global": dict.fromkeys(_INTERVALS, interval),
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [{"job_name": "sidecars", "static_configs": jobs}],
    }
    path = folder / "prometheus.yml"
    # JSON is YAML.
    path.write_text(json.dumps(config))
    ports = free_ports(1)
    command = (
        *(binary, f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}"),
        *(f"--web.listen-address=127.0.0.1:{ports[0]}", "--log.level=warn"),
    )
    with program(*command, ready=lambda: _is_ready(ports[0])):
        yield Prometheus(ports[0])
    release(ports)
