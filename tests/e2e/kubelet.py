"""A pod of an app and a native sidecar as real processes, and what the kubelet does to them.

The order is the kubelet's: when a pod is deleted all preStop hooks begin at once, a container gets
SIGTERM when its hook has answered, a native sidecar not before the app has ended, and at the end of
the grace period whoever is left gets SIGKILL (KEP-753, "termination of containers").
"""

import json
import signal
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from drainproxy.sidecar.access import TOKEN_HEADER
from tests.e2e.process import PATIENCE, Process, Sidecar, accepts, sidecar, started

TOKEN = "of-this-pod"
# What the injector keeps of the grace period for the app's own end, in seconds.
_SPARE = 5.0
# What the kubelet grants a native sidecar when nothing of the grace period is left.
_LEAST = 2.0


class Deleted(NamedTuple):
    """How a pod ended; times in seconds from the deletion."""

    hooks: list[int]  # the statuses of the preStop hooks: app, sidecar
    app: int  # exit code, negative if a signal ended it
    sidecar: int
    app_signalled: float
    app_gone: float
    gone: float
    report: dict[str, Any]


class Pod:
    """One pod; clients connect to `port`."""

    def __init__(
        self, app: tuple[str, ...], app_port: int, sidecar: Sidecar, report: Path, stack: ExitStack
    ) -> None:
        self._command, self._app_port = app, app_port
        self._stack = stack
        self._report = report
        self.sidecar = sidecar
        self.port = sidecar.port
        self.app = self._start_app()

    def delete(self, grace: float, hooked: bool = True) -> Deleted:
        """Delete the pod, which has `grace` seconds; `hooked` is whether it has preStop hooks."""
        began = monotonic()

        def left() -> float:
            return began + grace - monotonic()

        with ThreadPoolExecutor(2) as hooks:
            called = [hooks.submit(self._prestop, grace) for _ in range(2 if hooked else 0)]
            statuses = [hook.result() for hook in called[:1]]
            app_signalled = monotonic() - began
            app = _end(self.app, left())
            app_gone = monotonic() - began
            statuses += [hook.result() for hook in called[1:]]
        ended = _end(self.sidecar.process, max(left(), _LEAST))
        gone = monotonic() - began
        report = json.loads(self._report.read_text())
        return Deleted(statuses, app, ended, app_signalled, app_gone, gone, report)

    def restart_app(self, grace: float) -> None:
        """Restart the app's container alone, as for a failing liveness probe: the sidecar's hook is
        not called and the sidecar gets no signal."""
        assert self._prestop(grace) == 200
        _end(self.app, grace)
        self.app = self._start_app()

    def _start_app(self) -> Process:
        ready = started(*self._command, ready=lambda: accepts(self._app_port))
        return self._stack.enter_context(ready)

    def _prestop(self, timeout: float) -> int:
        """The status of what the hooks of both containers ask."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.sidecar.admin}/prestop")
        request.add_header(TOKEN_HEADER, TOKEN)
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return int(answer.status)


def _end(process: Process, seconds: float) -> int:
    """SIGTERM, and SIGKILL after so many seconds; the exit code."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(max(0.0, seconds))
    except AssertionError:
        process.send_signal(signal.SIGKILL)
        return process.wait()


@contextmanager
def running_pod(
    app: tuple[str, ...], app_port: int, report: Path, grace: float, *arguments: str
) -> Iterator[Pod]:
    """`python -m APP` behind a sidecar with the settings that the injector gives it."""
    settings = (
        *("--unready", "leaving", "--admin-token", TOKEN, "--report-file", str(report)),
        *("--drain-timeout", f"{max(1.0, grace - _SPARE):g}s", *arguments),
    )
    with ExitStack() as stack:
        # A native sidecar starts first.
        proxy = stack.enter_context(
            sidecar(f"127.0.0.1:{app_port}", *settings, drain=(), exit_code=None)
        )
        pod = Pod(app, app_port, proxy, report, stack)
        proxy.process.until(lambda: proxy.get("/readyz")[0] == 200, PATIENCE)
        yield pod
