"""An injected pod in a network of its own, as the kubelet sees it: from the node, at its address.

What runs is what `drainproxy inject` has written with its defaults: ports, arguments, environment,
probes and hooks. The order is that of `tests.e2e.kubelet`.
"""

import json
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

from drainproxy.config import ANNOTATION_PREFIX
from tests.e2e.kubelet import injected
from tests.e2e.netns import NODE, POD, Namespace
from tests.e2e.process import PATIENCE, Process, finished, started

T = TypeVar("T")
Json = dict[str, Any]

APP, SIDECAR, ADMIN = 8080, 9181, 9180
UID = 65532


class NetPod:
    """A pod that runs; `address` is where clients reach it."""

    def __init__(self, spec: Json, node: Namespace, address: str, folder: Path) -> None:
        (self._app_container,) = spec["containers"]
        self._sidecar_container = spec["initContainers"][-1]
        self._grace = float(spec["terminationGracePeriodSeconds"])
        self._node = node
        self._folder = folder
        self.address = address
        self.sidecar: Process
        self.app: Process

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """What the admin port answers to the node."""
        return self._node.enter(lambda: _get(self.address, ADMIN, path, headers or {}))

    def json(self, path: str) -> Any:
        """The same, read."""
        return json.loads(self.get(path)[1])

    def bypassed(self) -> float:
        """The metric."""
        lines = self.get("/metrics")[1].decode().splitlines()
        (value,) = (line.split()[1] for line in lines if line.startswith("drainproxy_bypassed_"))
        return float(value)

    def succeeds(self, probe: str) -> bool:
        """Whether a probe of the sidecar does."""
        try:
            status, _ = self.get(self._sidecar_container[probe]["httpGet"]["path"])
        except (OSError, HTTPException):
            return False
        return status == 200

    def delete(self) -> Json:
        """Delete the pod; its drain report."""
        end = monotonic() + self._grace
        containers = self._app_container, self._sidecar_container
        with ThreadPoolExecutor(2) as pool:
            hooks = [pool.submit(self._prestop, container) for container in containers]
            assert hooks[0].result() == 200
            assert _end(self.app, end) in (0, -signal.SIGTERM)
            assert hooks[1].result() == 200
        assert _end(self.sidecar, end + 2) == 0
        report: Json = json.loads((self._folder / "termination-log").read_text())
        return report

    def _prestop(self, container: Json) -> int:
        hook = container["lifecycle"]["preStop"]["httpGet"]
        headers = {each["name"]: each["value"] for each in hook["httpHeaders"]}
        return self.get(hook["path"], headers)[0]


def _get(host: str, port: int, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    connection = HTTPConnection(host, port, timeout=2 * PATIENCE)
    connection.request("GET", path, headers=dict(headers))
    answer = connection.getresponse()
    status, body = answer.status, answer.read()
    connection.close()
    return status, body


def _end(process: Process, end: float) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(max(0.0, end - monotonic()))


@contextmanager
def running_netpod(
    network: tuple[Namespace, Namespace],
    app: tuple[str, ...],
    folder: Path,
    settings: Mapping[str, str],
    family: str = "IPv4",
) -> Iterator[NetPod]:
    """`python -m APP` on port `APP` and the sidecar beside it, ready; both end with the block."""
    inside, node = network
    folder.chmod(0o777)
    (folder / "termination-log").touch()
    (folder / "termination-log").chmod(0o666)
    pod = _pod(settings)
    (folder / "annotations").write_text(_as_volume(pod["metadata"]["annotations"]))
    running = NetPod(pod["spec"], node, POD[family], folder)
    *before, container = pod["spec"]["initContainers"]
    with ExitStack() as stack:
        for redirect in before:
            _run(inside, redirect["args"])
            stack.callback(_run, inside, ["redirect", "uninstall"])
        running.sidecar = stack.enter_context(
            started(
                *("drainproxy", *_in_folder(container["args"], folder)),
                place=inside.as_user(UID),
                env=_environment(container, family),
                ready=lambda: running.succeeds("startupProbe"),
            )
        )
        running.app = stack.enter_context(started(*app, place=inside.place, ready=lambda: True))
        running.sidecar.until(lambda: running.succeeds("readinessProbe"))
        yield running
        assert "Traceback" not in running.sidecar.output


def until(ready: Callable[[], bool], seconds: float) -> None:
    """Wait for a condition."""
    end = monotonic() + seconds
    while not ready():
        assert monotonic() < end, f"not so after {seconds} s"
        # Each question has a thread of its own.
        sleep(0.05)


def _run(inside: Namespace, arguments: list[str]) -> None:
    done = finished("drainproxy", *arguments, place=inside.with_capabilities("net_admin"))
    assert done.returncode == 0, done.stderr


def _pod(settings: Mapping[str, str]) -> Json:
    given = {"image": "drainproxy", **settings}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "app",
            "annotations": {ANNOTATION_PREFIX + name: text for name, text in given.items()},
        },
        "spec": {
            "terminationGracePeriodSeconds": 15,
            "containers": [
                {
                    "name": "app",
                    "image": "app:1",
                    "ports": [{"name": "http", "containerPort": APP}],
                }
            ],
        },
    }
    return injected(pod)


def _in_folder(arguments: list[str], folder: Path) -> list[str]:
    """With what a pod mounts in this folder."""
    places = {"/etc/drainproxy/podinfo": folder, "/dev/termination-log": folder / "termination-log"}
    found = list(arguments)
    for place, here in places.items():
        found = [argument.replace(place, str(here)) for argument in found]
    return found


def _environment(container: Json, family: str) -> dict[str, str]:
    """What the downward API says, too, also where nobody asks for it."""
    told = {"status.podIP": POD[family], "status.hostIP": NODE[family]}
    given = {
        entry["name"]: entry.get("value") or told[entry["valueFrom"]["fieldRef"]["fieldPath"]]
        for entry in container["env"]
    }
    return {"POD_IP": POD[family], "HOST_IP": NODE[family], **given}


def _as_volume(annotations: Mapping[str, str]) -> str:
    """As the downward API writes them."""
    return "".join(f"{name}={json.dumps(text)}\n" for name, text in annotations.items())
