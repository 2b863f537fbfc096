"""The parts of a pod that we read, as types, and where pod templates stand in other objects."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Final

from msgspec import Meta, Struct, field

from drainproxy.config.mistakes import shortened

from .misfits import Misfit, Number, Path, Texts, filled, fitted, wrong_kind
from .node_affinity import OS, Affinity

Json = dict[str, Any]

# As the API has it.
_Int64 = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]

# What the kubelet waits when a pod does not say.
DEFAULT_GRACE: Final = 30

# More than any pod that runs; what takes longer the more there are has a bound.
_MOST_CONTAINERS: Final = 1_000
_MOST_PORTS: Final = 13_000

# (API group, kind) -> where its pod template is.
_TEMPLATES: Final = {
    ("", "Pod"): (),
    ("", "ReplicationController"): ("spec", "template"),
    ("apps", "Deployment"): ("spec", "template"),
    ("apps", "StatefulSet"): ("spec", "template"),
    ("apps", "DaemonSet"): ("spec", "template"),
    ("apps", "ReplicaSet"): ("spec", "template"),
    ("batch", "Job"): ("spec", "template"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
    ("argoproj.io", "Rollout"): ("spec", "template"),
}


class _Read(Struct, rename="camel", frozen=True):
    """What is written in camel case; fields that we do not know are no affair of ours."""


class ContainerPort(_Read, frozen=True):
    """A port that a container declares."""

    container_port: Number
    name: str | None = None
    protocol: str | None = None
    host_port: Annotated[int, Meta(ge=0, le=65_535)] | None = None

    @property
    def is_tcp(self) -> bool:
        """TCP is what a port speaks that does not say."""
        return self.protocol in (None, "TCP")


class Socket(_Read, frozen=True):
    """Where a probe or a hook connects to: a port by number or name."""

    port: Number | str = 0


class Sleep(_Read, frozen=True):
    """A hook that waits."""

    seconds: float | None = None


class Exec(_Read, frozen=True):
    """A hook that runs a command."""

    command: list[str | None] | None = None

    @property
    def words(self) -> Sequence[str]:
        """The command as the API server reads it: null is the empty text."""
        return [each or "" for each in self.command or ()]


class Action(_Read, frozen=True):
    """What a probe or a hook does: one of these."""

    http_get: Socket | None = None
    tcp_socket: Socket | None = None
    exec: Exec | None = None
    sleep: Sleep | None = None


class Probe(Action, frozen=True):
    """An action, again and again."""

    grpc: Socket | None = None
    period_seconds: int | None = None
    failure_threshold: int | None = None

    def sockets(self) -> Iterator[Socket]:
        """Where it connects to."""
        yield from filter(None, (self.http_get, self.tcp_socket, self.grpc))


class Lifecycle(_Read, frozen=True):
    """The hooks of a container."""

    pre_stop: Action | None = None
    post_start: Action | None = None


class Resources(_Read, frozen=True):
    """What a container, or a pod as a whole, asks of its node, by names like `cpu`."""

    requests: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None

    def request(self, name: str) -> Any:
        """The least of it; None if it is not named."""
        return (self.requests or {}).get(name)

    def limit(self, name: str) -> Any:
        """The most of it; None if it is not named."""
        return (self.limits or {}).get(name)


class _ForWindows(_Read, frozen=True):
    windows_options: Json | None = None


class Container(_Read, frozen=True):
    """A container, or an init container."""

    name: str
    ports: list[ContainerPort] | None = None
    env: list[Json] | None = None
    lifecycle: Lifecycle | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    restart_policy: str | None = None
    security_context: _ForWindows | None = None
    resources: Resources | None = None

    @property
    def is_sidecar(self) -> bool:
        """Whether it is a native sidecar, if it is an init container."""
        return self.restart_policy == "Always"

    @property
    def pre_stop(self) -> Action | None:
        """The preStop hook that is there already."""
        return self.lifecycle.pre_stop if self.lifecycle else None

    def actions(self) -> Iterator[tuple[tuple[str, ...], Action]]:
        """Every probe and hook, each with its path in the container."""
        hooks = self.lifecycle or Lifecycle()
        found = {
            ("livenessProbe",): self.liveness_probe,
            ("readinessProbe",): self.readiness_probe,
            ("startupProbe",): self.startup_probe,
            ("lifecycle", "postStart"): hooks.post_start,
            ("lifecycle", "preStop"): hooks.pre_stop,
        }
        yield from ((path, action) for path, action in found.items() if action)

    def probed(self) -> Iterator[int]:
        """The ports that probes name by number; hooks may call anything."""
        for probe in (self.liveness_probe, self.readiness_probe, self.startup_probe):
            for socket in (probe.http_get, probe.tcp_socket, probe.grpc) if probe else ():
                if socket and isinstance(socket.port, int) and socket.port:
                    yield socket.port

    def named_sockets(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """The names of ports that probes and hooks refer to, each with its path."""
        for path, action in self.actions():
            for key, socket in (("httpGet", action.http_get), ("tcpSocket", action.tcp_socket)):
                if socket and isinstance(socket.port, str):
                    yield (*path, key, "port"), socket.port


class _Os(_Read, frozen=True):
    name: str | None = None


class SecurityContext(_ForWindows, frozen=True):
    """As whom the containers of a pod run, unless they say otherwise."""

    run_as_user: int | None = None


class Spec(_Read, frozen=True):
    """What runs in a pod."""

    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    volumes: list[Json] | None = None
    host_network: bool | None = None
    restart_policy: str | None = None
    termination_grace_period_seconds: _Int64 | None = None
    os: _Os | None = None
    node_selector: dict[str, Any] | None = None
    affinity: Affinity | None = None
    security_context: SecurityContext | None = None
    resources: Resources | None = None


class PodMetadata(_Read, frozen=True):
    """What is said of a pod."""

    labels: Texts | None = None
    annotations: Texts | None = None


class Pod(_Read, frozen=True, dict=True):
    """A pod, or the template of one."""

    metadata: PodMetadata | None = None
    spec: Spec = field(default_factory=Spec)

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """None are none."""
        return filled(self.metadata.labels if self.metadata else None)

    @cached_property
    def annotations(self) -> Mapping[str, str]:
        """None are none."""
        return filled(self.metadata.annotations if self.metadata else None)

    @property
    def completes(self) -> bool:
        """Whether it ends by itself, as the pods of jobs do."""
        return self.spec.restart_policy in ("Never", "OnFailure")

    @property
    def containers(self) -> list[Container]:
        """Those of the app; no init containers."""
        return self.spec.containers or []

    @property
    def init_containers(self) -> list[Container]:
        """Native sidecars are among them."""
        return self.spec.init_containers or []

    @cached_property
    def tcp_ports(self) -> Sequence[tuple[Container, ContainerPort]]:
        """Every TCP port that may have a Service, in the order in which names are looked for: the
        app's containers first, then native sidecars (KEP-753)."""
        sidecars = [each for each in self.init_containers if each.is_sidecar]
        return [
            (container, port)
            for container in (*self.containers, *sidecars)
            for port in container.ports or []
            if port.is_tcp
        ]

    @cached_property
    def ends(self) -> Mapping[int | str, tuple[Container, ContainerPort]]:
        """The first TCP port of each number and name, and the container that declares it."""
        found: dict[int | str, tuple[Container, ContainerPort]] = {}
        for each in self.tcp_ports:
            found.setdefault(each[1].container_port, each)
            if each[1].name is not None:
                found.setdefault(each[1].name, each)
        return found

    @property
    def is_windows(self) -> bool:
        """Whether it says that it runs on Windows, as pods of before 1.25 do with a selector or an
        affinity; or has options for Windows, which others have no use for."""
        spec = self.spec
        said = [(spec.node_selector or {}).get(key) for key in OS]
        if "windows" in (*said, spec.os and spec.os.name):
            return True
        contexts = (spec.security_context, *(each.security_context for each in self.containers))
        has_options = any(each and each.windows_options for each in contexts)
        return has_options or (spec.affinity is not None and spec.affinity.is_windows)

    @property
    def is_root(self) -> bool:
        """Whether its containers are told to run as root, if they say nothing else."""
        context = self.spec.security_context
        return context is not None and context.run_as_user == 0

    def every_container(self) -> Iterator[tuple[str, Container]]:
        """All of both kinds, each with the name of its list."""
        yield from (("containers", each) for each in self.containers)
        yield from (("initContainers", each) for each in self.init_containers)

    @property
    def grace(self) -> int:
        """The seconds between the deletion of the pod and SIGKILL."""
        given = self.spec.termination_grace_period_seconds
        return DEFAULT_GRACE if given is None else given


class Workload(Struct, frozen=True):
    """An object that makes pods."""

    kind: str
    name: str
    namespace: str
    body: Json
    path: tuple[str, ...]

    @property
    def pod(self) -> Json | None:
        """The pod or its template; None if the object has none, as a Rollout with workloadRef.

        Misfit if something else than a mapping stands on the way.
        """
        node: Any = self.body
        for depth, key in enumerate(self.path, start=1):
            node = node.get(key)
            if node is None:
                return None
            if not isinstance(node, dict):
                raise wrong_kind(self.kind, node, self.path[:depth])
        assert isinstance(node, dict), "objects are mappings"
        return node

    @property
    def without_template(self) -> str:
        """Why it has none, in words: Argo Rollouts lets one take over the pods of a Deployment."""
        spec = self.body.get("spec")
        taken = spec.get("workloadRef") if isinstance(spec, dict) else None
        if not isinstance(taken, dict):
            return "it has no pod template"
        kind = str(taken.get("kind") or "?").lower()
        return shortened(f"its pods are those of {kind}/{taken.get('name') or '?'}")

    @property
    def stateful_set(self) -> str | None:
        """Its name, if its pods bear it; None for other kinds."""
        return self.name if self.kind == "StatefulSet" else None

    @property
    def title(self) -> str:
        """As kubectl names it: `deployment/web`."""
        return f"{self.kind.lower()}/{self.name}"

    def put(self, pod: Json) -> None:
        """Put a pod in the place of its own; only what a pod and a template have in common."""
        own = self.pod
        assert own is not None, "there is a pod to replace"
        for key in ("metadata", "spec"):
            if key in pod:
                own[key] = pod[key]
            else:
                own.pop(key, None)


def read(pod: Json) -> Pod:
    """The parts that we look at; Misfit if one is not what Kubernetes takes.

    One whose spec is null is like one that has none: it has no containers.
    """
    if pod.get("spec") is None:
        pod = {**pod, "spec": {}}
    view = fitted(pod, Pod, "pod")
    for problem in _problems(view):
        raise Misfit(f"is no pod: {problem}")
    return view


def _problems(view: Pod) -> Iterator[str]:
    containers = [each for _, each in view.every_container()]
    ports = sum(len(each.ports or ()) for each in containers)
    for count, what, most in (
        (len(containers), "containers", _MOST_CONTAINERS),
        (ports, "ports", _MOST_PORTS),
    ):
        if count > most:
            yield f"it has {count} {what}, and the most that are looked at are {most}"
    names = set()
    for name in (each.name for each in containers):
        if name in names:
            yield f"two containers are called {name!r:.80}"
        names.add(name)


class _Item(dict[str, Any]):
    """An item of a list that says itself of what kind its items are: it need not say so, and it is
    not written into it. What is put into this is put into the item."""

    def __init__(self, item: Json, kind: str, version: Any) -> None:
        super().__init__({"apiVersion": version, "kind": kind, **item})
        self._item = item

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._item[key] = value

    def pop(self, key: str, default: Any = None) -> Any:
        """Out of both."""
        self._item.pop(key, None)
        return super().pop(key, default)


def objects(document: Any) -> Iterator[Json]:
    """The Kubernetes objects in a document: itself, or the items of a List."""
    return (body for _, body in placed_objects(document))


def placed_objects(document: Any, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """The same, each with its path."""
    if not isinstance(document, dict):
        return
    kind, items = str(document.get("kind", "")), document.get("items")
    if not kind.endswith("List") or not isinstance(items, list):
        yield path, document
        return
    kind = kind.removesuffix("List")
    for at, item in enumerate(items):
        if kind and isinstance(item, dict) and "kind" not in item:
            item = _Item(item, kind, document.get("apiVersion"))
        yield from placed_objects(item, (*path, "items", at))


def workload(body: Json) -> Workload | None:
    """The object as one that makes pods; None if it is of another kind."""
    kind = str(body.get("kind", ""))
    path = _TEMPLATES.get((api_group(body), kind))
    if path is None:
        return None
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    name = metadata.get("name") or metadata.get("generateName") or "?"
    return Workload(kind, str(name), str(metadata.get("namespace") or ""), body, path)


def api_group(body: Json) -> str:
    """`apps` of `apps/v1`; empty for the core group."""
    return str(body.get("apiVersion", "")).rpartition("/")[0]
