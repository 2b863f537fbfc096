"""The ground a run stands on: apps and proxies started on their cores, and what was left out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.bench.apps import flood_app, http2_app, idle_app, load_app
from loadtests.bench.launch import Launch, Missing
from loadtests.bench.load import LoadFailed
from loadtests.bench.processes import Process, StartFailed, running
from loadtests.bench.samples import Samples
from loadtests.bench.targets import TARGETS, Launchers


@dataclass(frozen=True, slots=True)
class Plan:
    """`idle` connections are opened for the memory figures; `seconds` is one round of load."""

    targets: list[str]
    rounds: int
    seconds: int
    idle: int


@dataclass(slots=True)
class Target:
    """A running proxy; `process` is None for `direct`, `ready_seconds` counts from its spawn."""

    name: str
    port: int
    process: Process | None
    ready_seconds: float = 0.0


@dataclass(slots=True)
class Ground:
    """One run: its plan, its folder, who runs on which core, and what came of it."""

    plan: Plan
    folder: Path
    proxy_cores: set[int]
    load_cores: set[int]
    samples: Samples = field(default_factory=Samples)
    left_out: dict[str, str] = field(default_factory=dict)
    _started: int = 0

    @contextmanager
    def load_app(self) -> Iterator[int]:
        """The port of the app under load."""
        with self._app(load_app(self._path("app"))) as port:
            yield port

    @contextmanager
    def http2_app(self, files: Mapping[str, bytes], trailer: str | None = None) -> Iterator[int]:
        """The port of the app under load over HTTP/2, which serves these files."""
        with self._app(http2_app(self._path("app"), files, trailer)) as port:
            yield port

    @contextmanager
    def flood_app(self) -> Iterator[int]:
        """The port of the app that reads and sends small structures."""
        with self._app(flood_app()) as port:
            yield port

    @contextmanager
    def idle_app(self) -> Iterator[int]:
        """The port of the app that keeps silent."""
        with self._app(idle_app()) as port:
            yield port

    @contextmanager
    def _app(self, launch: Launch) -> Iterator[int]:
        with running(launch.command, self.load_cores, self._path("app.log")) as process:
            process.wait_ready(launch.ready)
            yield launch.port

    @contextmanager
    def target(self, name: str, app_port: int, table: Launchers = TARGETS) -> Iterator[Target]:
        """The target, ready to serve in front of the app."""
        launcher = table[name]
        if launcher is None:
            yield Target(name, app_port, None)
            return
        launch = launcher(self._path(name), app_port)
        spawned = time.monotonic()
        with running(launch.command, self.proxy_cores, self._path(f"{name}.log")) as process:
            process.wait_ready(launch.ready)
            yield Target(name, launch.port, process, time.monotonic() - spawned)

    @contextmanager
    def all_targets(self, app_port: int, table: Launchers = TARGETS) -> Iterator[list[Target]]:
        """Every target of the table that starts, all at once."""
        with ExitStack() as stack:
            targets = []
            for name in filter(table.__contains__, self.names()):
                with self.or_left_out(name):
                    targets.append(stack.enter_context(self.target(name, app_port, table)))
            yield targets

    def names(self) -> list[str]:
        return [name for name in self.plan.targets if name not in self.left_out]

    def proxies(self) -> list[str]:
        """The names that stand for a process, all but `direct`."""
        return [name for name in self.names() if TARGETS[name]]

    def rounds(self, targets: list[Target]) -> Iterator[tuple[int, Target]]:
        """Every target once a round, each round beginning with another one."""
        for round_ in range(self.plan.rounds):
            first = round_ % max(len(targets), 1)
            for target in targets[first:] + targets[:first]:
                if target.name not in self.left_out:
                    yield round_, target

    @contextmanager
    def or_left_out(self, name: str) -> Iterator[None]:
        """A target that is missing or does not work is named in the report, not fatal."""
        try:
            yield
        except (Missing, StartFailed, LoadFailed, OSError) as error:
            self.left_out[name] = str(error) or type(error).__name__

    def _path(self, name: str) -> Path:
        """A path in the run's folder that nothing has used yet."""
        self._started += 1
        return self.folder / f"{self._started}-{name}"
