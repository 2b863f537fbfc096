"""What is put into a pod: the sidecar, the redirect, their volume and the hook, as plain values."""

from collections.abc import Iterable
from contextlib import suppress
from functools import cache, lru_cache
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from drainproxy.config import BY_NAME, Address
from drainproxy.config.addresses import parse_forwards
from drainproxy.manifests.podspec import Json
from drainproxy.manifests.values import BLANK, Constant, Filled

from .annotations import InjectionOptions
from .leftovers import PRE_STOP, TOKEN_HEADER
from .ports import PortTakeover
from .users import RunsAs

SIDECAR: Final = "drainproxy"
REDIRECT: Final = "drainproxy-redirect"
VOLUME: Final = "drainproxy-podinfo"
# Of the port with the metrics, which PodMonitors ask for.
METRICS_PORT: Final = "drainproxy"
TOKEN_ENVIRONMENT: Final = "DRAINPROXY_ADMIN_TOKEN"  # noqa: S105 - a name, no secret

_FOLDER: Final = "/etc/drainproxy/podinfo"
_REPORT: Final = "/dev/termination-log"
# How many of what is the same for many pods.
_KEPT: Final = 256
# The same of whole sidecars, which may have a thousand ports.
_FORMS: Final = 64


class SidecarSpec(Struct, frozen=True, kw_only=True):
    """All that the containers depend on.

    What annotations say already is not said again with flags: `forwards` are empty then,
    `pass_report` is false.
    """

    pod_options: InjectionOptions
    image: str
    resources: Constant
    runs_as: RunsAs
    ports: tuple[PortTakeover, ...]
    forwards: tuple[str, ...]
    admin: Address
    token: str
    pass_report: bool
    pass_pod_ip: bool


def sidecar(spec: SidecarSpec) -> Json:
    """The container of the sidecar, native or plain."""
    form = _sidecar(replace(spec, token=BLANK))
    environment = [{"name": TOKEN_ENVIRONMENT, "value": spec.token}, *form["env"][1:]]
    hook = pre_stop(spec.token, spec.admin.port, "sidecar")
    filled = {**form, "env": environment, "lifecycle": {"preStop": hook}}
    return Filled(filled, form, spec.token)


@lru_cache(_FORMS)
def _sidecar(spec: SidecarSpec) -> Constant:
    """The same for many pods, but for the token."""
    pod_options, port = spec.pod_options, spec.admin.port
    native = {"restartPolicy": "Always"} if pod_options.native_sidecar else {}
    return Constant(
        {
            "name": SIDECAR,
            **_image(spec),
            **native,
            "args": ["run", *_flags(spec)],
            "env": [*_environment(spec)],
            "ports": list(_ports(spec)),
            "startupProbe": _probe("/startupz", port, periodSeconds=1, failureThreshold=120),
            # A rollout waits for it, and a restart must be seen at once: /readyz itself bears with
            # an app that fails now and then.
            "readinessProbe": _probe(
                "/readyz", port, periodSeconds=1, timeoutSeconds=5, failureThreshold=1
            ),
            "livenessProbe": _probe("/livez", port, timeoutSeconds=5, failureThreshold=6),
            "resources": spec.resources,
            "securityContext": _security(spec.runs_as),
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "lifecycle": {"preStop": _pre_stop(port, "sidecar")},
            "volumeMounts": [_mount()],
        }
    )


def redirect(spec: SidecarSpec) -> Json:
    """The init container that leads clients to the sidecar; only it may change rules."""
    apps = ",".join(str(taken.port) for taken in spec.ports)
    listeners = ",".join(str(taken.listen) for taken in spec.ports)
    arguments = [f"--port={apps}", f"--to={listeners}", f"--uid={spec.runs_as.user}"]
    return {
        "name": REDIRECT,
        **_image(spec),
        "args": ["redirect", "install", *arguments, f"--admin={spec.admin.port}", "--yes"],
        "resources": spec.resources,
        "securityContext": _security(RunsAs(0, 0), add=("NET_ADMIN",)),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


@cache
def volume() -> Json:
    """The pod's annotations as a file that follows them."""
    path = {"path": "annotations", "fieldRef": {"fieldPath": "metadata.annotations"}}
    return Constant({"name": VOLUME, "downwardAPI": {"items": [path]}})


@cache
def _mount() -> Json:
    return Constant({"name": VOLUME, "mountPath": _FOLDER, "readOnly": True})


def pre_stop(token: str, admin_port: int, of: Literal["app", "sidecar"]) -> Json:
    """A hook that begins the drain and returns when it is over. The kubelet calls the pod's IP. It
    says whose it is: where a container restarts, its own alone is called."""
    form = _pre_stop(admin_port, of)
    headers = [{"name": TOKEN_HEADER, "value": token}]
    return Filled({"httpGet": {**form["httpGet"], "httpHeaders": headers}}, form, token)


@lru_cache(_KEPT)
def _pre_stop(admin_port: int, of: str) -> Constant:
    headers = [{"name": TOKEN_HEADER, "value": BLANK}]
    path = f"{PRE_STOP}?of={of}"
    return Constant({"httpGet": {"path": path, "port": admin_port, "httpHeaders": headers}})


def sidecar_of(pod: Json) -> Json | None:
    """The sidecar in a pod, if there is one."""
    spec = pod.get("spec") or {}
    every = (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
    return next((each for each in every if each["name"] == SIDECAR), None)


def is_redirected(pod: Json) -> bool:
    """Whether clients are redirected to the sidecar in an injected pod."""
    before = (pod.get("spec") or {}).get("initContainers") or ()
    return any(each["name"] == REDIRECT for each in before)


def token_of(container: Json) -> str | None:
    """The token that a sidecar was given."""
    entries = container.get("env") or []
    values = (each.get("value") for each in entries if each.get("name") == TOKEN_ENVIRONMENT)
    return next(values, None)


def image_of(container: Json) -> str | None:
    """The image that it runs."""
    return container.get("image")


def listeners_of(container: Json) -> dict[int, list[int]]:
    """Where it listens for each port of the app, as its flags say; what is no flag of ours is none.

    Whoever has edited them may have written anything."""
    found: dict[int, list[int]] = {}
    args = container.get("args")
    for text in args if isinstance(args, list) else ():
        _, is_forward, value = str(text).partition("--forward=")
        with suppress(ValueError):
            for each in parse_forwards(value) if is_forward else ():
                if isinstance(each.app, Address):
                    found.setdefault(each.app.port, []).append(each.listen.port)
    return found


def app_hook(container: Json) -> Json | None:
    """The hook of the app's containers beside this sidecar: its own, in other words."""
    hook: Json | None = (container.get("lifecycle") or {}).get("preStop")
    get = (hook or {}).get("httpGet")
    if get is None:
        return hook
    return {"httpGet": {**get, "path": str(get.get("path")).replace("of=sidecar", "of=app")}}


def _image(spec: SidecarSpec) -> Json:
    policy = spec.pod_options.image_pull_policy
    return {"image": spec.image} | ({"imagePullPolicy": policy} if policy else {})


def _flags(spec: SidecarSpec) -> list[str]:
    """What no annotation could change while the sidecar runs: flags beat annotations."""
    return [
        *(f"--forward={forward}" for forward in spec.forwards),
        f"--annotations-file={_FOLDER}/annotations",
        *([f"--report-file={_REPORT}"] if spec.pass_report else []),
    ]


def _environment(spec: SidecarSpec) -> Iterable[Json]:
    # These are for `drainproxy drain` in the container too, which knows of no annotations there.
    yield {"name": TOKEN_ENVIRONMENT, "value": spec.token}
    if spec.admin != BY_NAME["admin"].default:
        yield {"name": BY_NAME["admin"].environment, "value": str(spec.admin)}
    # What `pod-ip` in a setting means.
    if spec.pass_pod_ip:
        yield _downward("POD_IP", "status.podIP")
    # From the node come the kubelet's probes: who comes from there to the app may be no client.
    yield _downward("HOST_IP", "status.hostIP")


@cache
def _downward(name: str, field: str) -> Json:
    return Constant({"name": name, "valueFrom": {"fieldRef": {"fieldPath": field}}})


def _ports(spec: SidecarSpec) -> Iterable[Json]:
    for taken in spec.ports:
        name = {"name": taken.name} if taken.name else {}
        yield {**name, "containerPort": taken.listen, "protocol": "TCP"}
    yield _metrics_port(spec.admin.port)


@lru_cache(_KEPT)
def _metrics_port(port: int) -> Json:
    return Constant({"name": METRICS_PORT, "containerPort": port, "protocol": "TCP"})


@lru_cache(_KEPT)
def _probe(path: str, port: int, **fields: int) -> Json:
    return Constant({"httpGet": {"path": path, "port": port}, **fields})


@lru_cache(_KEPT)
def _security(runs_as: RunsAs, add: tuple[str, ...] = ()) -> Json:
    capabilities: dict[str, Any] = {"drop": ["ALL"]} | ({"add": [*add]} if add else {})
    return Constant(
        allowPrivilegeEscalation=False,
        capabilities=capabilities,
        readOnlyRootFilesystem=True,
        **runs_as.fields(),
        runAsNonRoot=runs_as.user != 0,
        seccompProfile={"type": "RuntimeDefault"},
    )
