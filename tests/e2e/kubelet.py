"""An injected pod as real processes, and what the kubelet does to it.

What runs is what `drainproxy inject` has written: the arguments and the environment of the sidecar,
its probes, the annotations as a file, and the hooks of both containers. The order is the kubelet's:
a native sidecar starts before the app; when the pod is deleted all preStop hooks begin at once, a
container gets SIGTERM when its hook has answered, a native sidecar not before the app has ended,
and at the end of the grace period whoever is left gets SIGKILL (KEP-753, "termination of
containers").
"""

import json
import signal
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from drainproxy.config import ANNOTATION_PREFIX
from drainproxy.rehearsal.ports import free_ports
from tests.e2e.process import PATIENCE, Process, Sidecar, accepts, ask, finished, started

# What the kubelet grants a container when nothing of the grace period is left, in seconds.
_LEAST = 2.0
# All pods of this machine have it; what the downward API says of a pod is this alone.
_POD_IP = "127.0.0.1"
# A container takes longer than this to be made again, in seconds.
_CREATION = 0.5

Json = dict[str, Any]


class Deleted(NamedTuple):
    """How a pod ended; times in seconds from the deletion."""

    hooks: list[int]  # the statuses of the preStop hooks: app, sidecar
    app: int  # exit code, negative if a signal ended it
    sidecar: int
    app_signalled: float
    app_gone: float
    gone: float
    report: Json


class Pod:
    """A pod that runs; clients connect to `port`."""

    def __init__(self, spec: Json, app: tuple[str, ...], sidecar: Sidecar, folder: Path) -> None:
        (self._app_container,) = spec["containers"]
        (self._sidecar_container,) = spec["initContainers"]
        self._grace = float(spec["terminationGracePeriodSeconds"])
        self._command = app
        self._termination_log = folder / "termination-log"
        self._apps = ExitStack()
        self.sidecar = sidecar
        self.port = sidecar.port
        self.terminating = False
        self.app = self._start_app()

    def delete(self, hooked: bool = True, grace: float | None = None) -> Deleted:
        """Delete the pod; `hooked` is whether its containers have their preStop hooks, `grace` a
        real grace period that is shorter than the pod's own, of which the pod is not told."""
        self.terminating = True
        began = monotonic()

        def left() -> float:
            return began + (self._grace if grace is None else grace) - monotonic()

        containers = [self._app_container, self._sidecar_container] if hooked else []
        with ThreadPoolExecutor(3) as kubelet:
            called = [kubelet.submit(self._prestop, each, left()) for each in containers]
            statuses = [hook.result() for hook in called[:1]]
            app_signalled = monotonic() - began
            app = kubelet.submit(_end, self.app, max(left(), _LEAST))
            if left() > 0:
                app.result()
            app_gone = monotonic() - began
            statuses += [hook.result() for hook in called[1:]]
            ended = _end(self.sidecar.process, max(left(), _LEAST))
            gone = monotonic() - began
        report = json.loads(self._termination_log.read_text())
        return Deleted(statuses, app.result(), ended, app_signalled, app_gone, gone, report)

    def complete(self) -> tuple[float, int]:
        """The app's work is done, as in the pod of a Job: when it has ended of itself the sidecar
        is not needed any more. The seconds that it takes to end then, and its exit code."""
        self.app.wait()
        began = monotonic()
        assert self._prestop(self._sidecar_container, self._grace) == 200
        code = _end(self.sidecar.process, self._grace)
        return monotonic() - began, code

    def restart_app(self) -> None:
        """Restart the app's container alone, as for a failing liveness probe: the sidecar's hook is
        not called and the sidecar gets no signal."""
        assert self._prestop(self._app_container, self._grace) == 200
        _end(self.app, self._grace)
        self.start_app_again()

    def start_app_again(self) -> None:
        """The app's container has ended: it is made anew."""
        self.app.wait()
        sleep(_CREATION)
        self.app = self._start_app()

    def stop(self) -> None:
        """End what still runs."""
        self._apps.close()

    def _start_app(self) -> Process:
        (port,) = (port["containerPort"] for port in self._app_container["ports"])
        app = started(*self._command, ready=lambda: accepts(port))
        return self._apps.enter_context(app)

    @property
    def is_ready(self) -> bool:
        """What the readiness probe of the sidecar finds now."""
        return _succeeds(self._sidecar_container["readinessProbe"])

    def _prestop(self, container: Json, seconds: float) -> int:
        """The status that a container's hook is answered with; 0 if it takes longer than that."""
        hook = container["lifecycle"]["preStop"]["httpGet"]
        request = urllib.request.Request(f"http://127.0.0.1:{hook['port']}{hook['path']}")
        for header in hook["httpHeaders"]:
            request.add_header(header["name"], header["value"])
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return int(answer.status)
        except TimeoutError:
            return 0


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
    app: tuple[str, ...], app_port: int, folder: Path, grace: int, settings: Mapping[str, str]
) -> Iterator[Pod]:
    """`python -m APP` and the sidecar that is injected beside it, until the end of the block."""
    folder.mkdir()
    port, admin = free_ports(2)
    # Ports of this machine are everybody's: these are free, and the app's is not 8080.
    own = {"forward": f"127.0.0.1:{port}=127.0.0.1:{app_port}", "admin": str(admin)}
    pod = _pod(app_port, grace, {**own, **settings})
    (container,) = pod["spec"]["initContainers"]
    (folder / "annotations").write_text(_as_volume(pod["metadata"]["annotations"]))
    with started(
        *("drainproxy", *_in_folder(container, folder)),
        env={entry["name"]: entry.get("value", _POD_IP) for entry in container["env"]},
        ready=lambda: _succeeds(container["startupProbe"]),
    ) as process:
        running = Pod(pod["spec"], app, Sidecar(process, port, admin), folder)
        try:
            process.until(lambda: _succeeds(container["readinessProbe"]))
            yield running
            process.stop(2 * PATIENCE)
            assert "Traceback" not in process.output
        finally:
            running.stop()


def _pod(app_port: int, grace: int, settings: Mapping[str, str]) -> Json:
    ports = [{"name": "http", "containerPort": app_port}]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "app",
            "annotations": {ANNOTATION_PREFIX + name: text for name, text in settings.items()},
        },
        "spec": {
            "terminationGracePeriodSeconds": grace,
            "containers": [{"name": "app", "image": "app:1", "ports": ports}],
        },
    }
    return injected(pod)


def injected(pod: Json) -> Json:
    """The pod as the command line injects it."""
    command = ("drainproxy", "inject", "--image", "drainproxy", "-")
    done = finished(*command, said=json.dumps(pod))
    assert done.returncode == 0, done.stderr
    with_sidecar: Json = YAML(typ="safe").load(done.stdout)
    return with_sidecar


def _in_folder(container: Json, folder: Path) -> list[str]:
    """Its arguments, with what a pod mounts in this folder."""
    (mounted,) = container["volumeMounts"]
    places = {mounted["mountPath"]: folder, "/dev/termination-log": folder / "termination-log"}
    arguments = list(container["args"])
    for place, here in places.items():
        arguments = [argument.replace(place, str(here)) for argument in arguments]
    return arguments


def _as_volume(annotations: Mapping[str, str]) -> str:
    """As the downward API writes them."""
    return "".join(f"{name}={json.dumps(text)}\n" for name, text in annotations.items())


def _succeeds(probe: Json) -> bool:
    try:
        return ask(probe["httpGet"]["port"], probe["httpGet"]["path"])[0] == 200
    except OSError:
        return False
