"""A real Prometheus that scrapes sidecars, where the machine has one."""

import json
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
from drainproxy.rehearsal.processes import StartFailed
from drainproxy.rehearsal.prometheus import binary, command
from tests.e2e.process import ask, program


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
    try:
        installed = binary()
    except StartFailed:
        pytest.skip("prometheus is not installed (Debian: prometheus)")
    scraped = {f"127.0.0.1:{port}": labels for port, labels in targets.items()}
    ports = free_ports(1)
    words = command(installed, folder, ports[0], scraped, seconds, rules)
    with program(*words, ready=lambda: _is_ready(ports[0])):
        yield Prometheus(ports[0])
    release(ports)
