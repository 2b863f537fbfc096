"""Decides what becomes of a pod: its ports, settings and containers."""

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from drainproxy import __version__
from drainproxy.config import (
    ANNOTATION_PREFIX,
    BY_NAME,
    IMAGE_ENVIRONMENT,
    Address,
    ConfigError,
    Forward,
    Mistake,
    Settings,
    Sources,
)
from drainproxy.config.addresses import parse_forwards
from drainproxy.manifests.podspec import Pod

from . import upstreams
from .annotations import InjectionOptions, read_options
from .capture import Capture, choose
from .containers import SidecarSpec
from .grace import drain_times, needed_grace
from .leads import Around, CaptureQuestion
from .meshes import is_of_mesh
from .own_ports import own_ports
from .ready import ready_ports
from .resources import resources
from .users import runs_as
from .warnings import InjectionContext

_JSON: Final = json.JSONEncoder(ensure_ascii=False)
_IMAGE: Final = ANNOTATION_PREFIX + "image"
_FORWARD: Final = ANNOTATION_PREFIX + "forward"
_FLAG: Final = f"flag {BY_NAME['forward'].flag}"
_TOKEN: Final = ANNOTATION_PREFIX + "admin-token"
_TOKEN_FILE: Final = ANNOTATION_PREFIX + "admin-token-file"
_REPORT: Final = ANNOTATION_PREFIX + "report-file"
_DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"
_NATIVE: Final = ANNOTATION_PREFIX + "native-sidecar"
_LOST: Final = (
    "this cluster is older than Kubernetes 1.33, where the name of a port is first found at a"
    " native sidecar"
)
_PROMETHEUS: Final = "prometheus.io/"
_ALL_INTERFACES: Final = ("", "0.0.0.0", "::")


NO_IMAGE: Final = Mistake(
    "image",
    "image",
    "none is named, and there is no public one: build it with `make image"
    f" TAG=REGISTRY/drainproxy:{__version__}`, push it, and name it with --image,"
    f" {IMAGE_ENVIRONMENT} or the annotation {_IMAGE}",
)


class Options(Struct, frozen=True, kw_only=True):
    """What holds where the pod does not say.

    `given` are annotations that beat its own, `defaults` those that do not; `kept` is where the
    sidecar that it has listens for the app's ports. `finds_names_at_sidecars` says whether the
    cluster finds the names of ports at native sidecars, as Kubernetes does since 1.33.

    There is no public image, so `image` has no default: a name that nobody can pull would only
    show when the pod starts.
    """

    image: str | None = None
    given: Mapping[str, str] = {}
    defaults: Mapping[str, str] = {}
    around: Around = Around()
    kept: Mapping[int, Sequence[int]] = {}
    finds_names_at_sidecars: bool = True
    new_token: Callable[[], str] = secrets.token_urlsafe


class EffectiveAnnotations(Struct, frozen=True):
    """What holds for a pod: the annotations that somebody gave (`said`), and all of them with those
    that follow; `notes` are sentences about the latter."""

    said: Mapping[str, str]
    annotations: Mapping[str, str]
    pod_options: InjectionOptions
    notes: Sequence[str]
    mistakes: Sequence[Mistake]


class InjectionPlan(Struct, frozen=True):
    """What is to become of a pod. `annotations` are those that it gets."""

    context: InjectionContext
    spec: SidecarSpec
    annotations: Mapping[str, str]


class Foreseen(Struct, frozen=True):
    """What holds for a pod, and how clients would be led to it; `wrong` is what forbids that."""

    asked: EffectiveAnnotations
    question: CaptureQuestion
    capture: Capture
    wrong: Sequence[Mistake]


def decide(
    pod: Pod, options: Options, token: str | None, foreseen: Foreseen | None = None
) -> InjectionPlan | Capture:
    """The plan, or a capture without a mode, which says why there is nothing to do.

    `token` is the one that the pod had before, `foreseen` what `foresee` said of the same.
    Raises ConfigError with every mistake in the annotations.
    """
    foreseen = foreseen or foresee(pod, options)
    asked, question, capture = foreseen.asked, foreseen.question, foreseen.capture
    mistakes = [*asked.mistakes, *foreseen.wrong]
    if capture.mode is None and not mistakes:
        return capture
    pod_options, notes = _where_it_is_found(asked, capture, options)
    targets, held, forwards = options.around.targets, asked.annotations, list[str]()
    if _FORWARD not in held:
        held = {**ready_ports(pod, capture.ports, targets), **held}
        forwards = upstreams.forwards(pod, capture.ports, targets, held)
    # A name that cannot be read is among the mistakes already.
    missing = () if options.image or _IMAGE in asked.said else (NO_IMAGE,)
    settings = _settings(held, forwards, [*mistakes, *missing])
    context = InjectionContext(
        *(pod, pod_options, settings, capture.ports, capture, question, pod.grace, notes),
        asked=held,
        derived=[key for key in held if key not in asked.said],
    )
    if pod_options.raise_grace_period:
        context = replace(context, grace=needed_grace(pod, settings, pod_options))
    added = {key: text for key, text in held.items() if key not in pod.annotations}
    others = _for_others(pod, settings.admin.port)
    spec = _spec_of(context, forwards, held, options, token)
    return InjectionPlan(context, spec, added | dict(options.given) | others)


def _where_it_is_found(
    asked: EffectiveAnnotations, capture: Capture, options: Options
) -> tuple[InjectionOptions, Sequence[str]]:
    """How the sidecar is put in, and sentences about it: native, unless its clients would look for
    it in vain. Who asks for a native one may know better."""
    mode: Literal["redirect", "names"] = "redirect" if capture.mode == "redirect" else "names"
    pod_options = replace(asked.pod_options, capture=mode)
    is_found = options.finds_names_at_sidecars or not any(each.name for each in capture.ports)
    if is_found or not pod_options.native_sidecar:
        return pod_options, asked.notes
    if _NATIVE in asked.said:
        return pod_options, [*asked.notes, f"{_LOST}: clients find nobody, so leave {_NATIVE} out"]
    plain = replace(pod_options, native_sidecar=False)
    return plain, [*asked.notes, f"{_LOST}: the sidecar is a plain container here"]


def foresee(pod: Pod, options: Options) -> Foreseen:
    """How clients would be led to the sidecar of this pod; mistakes are left for `decide`."""
    asked = asked_of(pod, options)
    question = _question(pod, asked, options)
    return Foreseen(asked, question, *_capture(question))


def asked_of(pod: Pod, options: Options) -> EffectiveAnnotations:
    """The annotations that count for a pod."""
    chosen = {**pod.annotations, **options.given}
    said = {**options.defaults, **chosen}
    pod_options, mistakes = read_options(said)
    own = own_ports(pod, said, chosen, options.around.targets)
    annotations = {**_derived(pod, said, pod_options), **said, **own.moved}
    return EffectiveAnnotations(
        said, annotations, pod_options, own.notes, [*mistakes, *own.mistakes]
    )


def _question(pod: Pod, asked: EffectiveAnnotations, options: Options) -> CaptureQuestion:
    return CaptureQuestion(
        pod=pod,
        pod_options=asked.pod_options,
        around=options.around,
        reserved=[*_reserved(asked.annotations)],
        forwards=_forwards(asked.said),
        kept=options.kept,
    )


def _forwards(asked: Mapping[str, str]) -> Sequence[Forward] | None:
    try:
        return parse_forwards(asked[_FORWARD]) if _FORWARD in asked else None
    except ValueError:
        return ()  # reported with the other settings


def _capture(question: CaptureQuestion) -> tuple[Capture, list[Mistake]]:
    try:
        return choose(question), []
    except ValueError as error:
        mistake = Mistake(f"annotation {ANNOTATION_PREFIX}ports", "ports", str(error))
        return Capture(mode=None, reason=str(error)), [mistake]


def _reserved(asked: Mapping[str, str]) -> Iterator[int]:
    """The ports that the sidecar needs for itself. What cannot be read is reported elsewhere."""
    for name in ("admin", "grpc-health"):
        row = BY_NAME[name]
        try:
            address = row.read(asked[row.annotation]) if row.annotation in asked else row.default
        except ValueError:
            continue
        if isinstance(address, Address):
            yield address.port


def _derived(pod: Pod, said: Mapping[str, str], pod_options: InjectionOptions) -> dict[str, str]:
    """Settings that follow from the pod. As annotations: a flag could not be changed while we run.

    kube-proxy falls back to terminating endpoints only while they are ready (KEP-1669): so they are
    as long as they take clients.
    """
    unready = {ANNOTATION_PREFIX + "unready": "closed"}
    return {**drain_times(pod, said, pod_options), **unready, **upstreams.source(said)}


def _settings(
    annotations: Mapping[str, str], forwards: Sequence[str], mistakes: list[Mistake]
) -> Settings:
    """The settings as the sidecar will read them; ConfigError with these mistakes and its own."""
    # Without ports there is a mistake already: it must not be followed by one about forward.
    flags = () if _FORWARD in annotations else tuple(forwards or ["1=2"])
    # What is secret is not kept.
    load = _load.__wrapped__ if _TOKEN in annotations else _load
    try:
        settings = load(flags, _as_file(annotations))
    except ConfigError as error:
        has_ports = _FORWARD in annotations or bool(forwards)
        own = [*mistakes, *_of_their_own(error.mistakes, has_ports)]
        raise ConfigError(own or error.mistakes) from None
    if mistakes := [*mistakes, *_out_of_reach(settings, annotations)]:
        raise ConfigError(mistakes)
    return settings


def _of_their_own(mistakes: Iterable[Mistake], has_ports: bool) -> Iterator[Mistake]:
    """Those that follow from no other: nobody has written the flag, and where no port is found
    none can be waited for."""
    for each in mistakes:
        if each.source != _FLAG and (has_ports or each.name != "ready-ports"):
            yield each


@lru_cache(1 << 10)
def _load(forwards: Sequence[str], annotations: str) -> Settings:
    """Of many pods the same is asked."""
    return Sources(flags={"forward": forwards} if forwards else {}).load(annotations)


def _as_file(annotations: Mapping[str, str]) -> str:
    """Ours, as the downward API writes them; what JSON escapes, Go escapes in the same way."""
    return "\n".join(
        f"{key}={_JSON.encode(text)}"
        for key, text in annotations.items()
        if key.startswith(ANNOTATION_PREFIX)
    )


def _out_of_reach(settings: Settings, annotations: Mapping[str, str]) -> Iterator[Mistake]:
    if settings.admin.host not in _ALL_INTERFACES:
        problem = f"{str(settings.admin)!r} is out of the kubelet's reach: write the port alone"
        yield Mistake(f"annotation {ANNOTATION_PREFIX}admin", "admin", problem)
    for name in _without_port(settings):
        problem = "0 is another port at each start, which no Service can target: write a number"
        yield Mistake(f"annotation {ANNOTATION_PREFIX}{name}", name, problem)
    if _TOKEN_FILE in annotations:
        problem = "cannot be used here: the preStop hooks need the token itself"
        yield Mistake(f"annotation {_TOKEN_FILE}", "admin-token-file", problem)


def _without_port(settings: Settings) -> Iterator[str]:
    """The settings that leave a port of the sidecar to the system."""
    if settings.admin.port == 0:
        yield "admin"
    if settings.grpc_health is not None and settings.grpc_health.port == 0:
        yield "grpc-health"
    if any(each.listen.port == 0 for each in settings.forward):
        yield "forward"


def _spec_of(
    context: InjectionContext,
    forwards: Sequence[str],
    asked: Mapping[str, str],
    options: Options,
    token: str | None,
) -> SidecarSpec:
    return SidecarSpec(
        pod_options=context.pod_options,
        image=context.pod_options.image or options.image or "",
        resources=resources(context.pod_options, context.pod),
        runs_as=runs_as(
            context.pod_options, context.pod, context.pod_options.capture == "redirect"
        ),
        ports=(*context.ports,),
        forwards=(*forwards,),
        admin=context.settings.admin,
        token=asked.get(_TOKEN) or token or options.new_token(),
        pass_report=_REPORT not in asked,
        pass_pod_ip=upstreams.needs_pod_ip(context.settings),
    )


def _for_others(pod: Pod, admin_port: int) -> dict[str, str]:
    """What kubectl and Prometheus look at, unless the pod says it itself."""
    # A mesh may have put its proxy before the app's containers.
    names = [each.name for each in pod.containers]
    found = {_DEFAULT_CONTAINER: next((each for each in names if not is_of_mesh(each)), names[0])}
    if not any(key.startswith(_PROMETHEUS) for key in pod.annotations):
        values = {"scrape": "true", "port": str(admin_port), "path": "/metrics"}
        found |= {_PROMETHEUS + name: value for name, value in values.items()}
    return {key: text for key, text in found.items() if key not in pod.annotations}
