"""What stands before the clients come: the demo app, and two sidecars in front of it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from drainproxy.rehearsal.balancer import Backend
from drainproxy.rehearsal.processes import Process, Processes, free_ports


@dataclass(frozen=True, slots=True)
class Timing:
    """The settings of the same names of the sidecar that will leave; seconds."""

    delay: float = 1.0
    quiet: float = 1.0
    spread: float = 3.0
    timeout: float = 20.0

    def flags(self) -> list[str]:
        """For `drainproxy run`."""
        settings = {
            "delay": self.delay,
            "quiet": self.quiet,
            "spread": self.spread,
            "timeout": self.timeout,
        }
        return [f"--drain-{name}={value * 1000:.0f}ms" for name, value in settings.items()]


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything is up and ready: the sidecar that will leave is the first backend."""

    probe: aiohttp.ClientSession
    leaving: Process
    backends: tuple[Backend, Backend]
    report_file: Path


@asynccontextmanager
async def scene(timing: Timing) -> AsyncIterator[Scene]:
    """The scene until the block is left; StartFailed if something does not come up."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="drainproxy-")))
        processes = await stack.enter_async_context(Processes(folder))
        probe = await stack.enter_async_context(aiohttp.ClientSession())
        *ports, app_port, echo_port, grpc_port = free_ports(11)
        first, second = Backend(*ports[:4]), Backend(*ports[4:])
        apps = (app_port, echo_port, grpc_port)
        report_file = folder / "report.json"

        app = processes.start("demo app", *_app(*apps))
        await app.wait_ready(probe, f"http://127.0.0.1:{app_port}/hello")
        leaving = processes.start(
            "first sidecar",
            *_sidecar(first, *apps),
            *timing.flags(),
            f"--report-file={report_file}",
        )
        staying = processes.start("second sidecar", *_sidecar(second, *apps))
        await leaving.wait_ready(probe, first.admin + "/readyz")
        await staying.wait_ready(probe, second.admin + "/readyz")
        yield Scene(probe, leaving, (first, second), report_file)


def _app(port: int, echo_port: int, grpc_port: int) -> list[str]:
    return [
        *("-m", "drainproxy.rehearsal.app", f"--port={port}"),
        *(f"--tcp-port={echo_port}", f"--grpc-port={grpc_port}"),
    ]


def _sidecar(backend: Backend, app_port: int, echo_port: int, grpc_port: int) -> list[str]:
    return [
        *("-m", "drainproxy", "run"),
        f"--forward=127.0.0.1:{backend.port}=127.0.0.1:{app_port}",
        f"--forward=127.0.0.1:{backend.tcp_port}=127.0.0.1:{echo_port}/tcp",
        f"--forward=127.0.0.1:{backend.grpc_port}=127.0.0.1:{grpc_port}",
        f"--admin=127.0.0.1:{backend.admin_port}",
    ]
