"""Warnings about valid pods and Services that will cause harm at run time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from drainproxy.config import ANNOTATION_PREFIX, Settings
from drainproxy.config.kinds import format_duration
from drainproxy.manifests.podspec import Container, Pod, Probe

from .annotations import IMAGES_OWN, InjectionOptions
from .bypasses import bypasses
from .capture import Capture
from .grace import time_warnings
from .hooks import kept_hook, only_sleeps, seconds_asleep
from .leads import CaptureQuestion, held_before
from .listeners import is_in_order
from .meshes import mesh_warnings
from .ports import PortTakeover
from .resources import beyond_the_pod, is_above
from .upstreams import trust_warnings
from .users import USER

_PROBE_DEFAULTS: Final = (10, 3)


class InjectionContext(Struct, frozen=True):
    """A pod before injection, what was decided about it, and what leads clients to it; `notes` are
    decisions that nobody asked for, in sentences, `asked` the annotations that hold, `derived`
    those of them that nobody gave."""

    pod: Pod
    pod_options: InjectionOptions
    settings: Settings
    ports: Sequence[PortTakeover]
    capture: Capture
    question: CaptureQuestion
    grace: int
    notes: Sequence[str] = ()
    asked: Mapping[str, str] = {}
    derived: Sequence[str] = ()


def warnings(context: InjectionContext) -> list[str]:
    """Every warning, each a sentence that says what would be right."""
    found = (_hooks, _time, _liveness, _requests, _user, _meshes, _trust, _numbers)
    texts = [text for check in found for text in check(context)]
    return [*context.notes, *texts, *bypasses(context.capture, context.question)]


def _hooks(context: InjectionContext) -> Iterator[str]:
    for container in context.pod.containers:
        hook = kept_hook(container, context.pod_options)
        if not hook:
            continue
        asleep = seconds_asleep(hook)
        after = "after it" if asleep is None else f"after it, at {asleep:g}s"
        remedy = (
            f'set {ANNOTATION_PREFIX}replace-prestop-sleep: "true"'
            if only_sleeps(hook)
            else "without it the sidecar's preStop would wait for the drain"
        )
        yield (
            f"{container.name} keeps its own preStop: its SIGTERM comes {after}, and not when the"
            f" drain is over, which takes up to {format_duration(context.settings.drain_timeout)};"
            f" {remedy}"
        )


def _time(context: InjectionContext) -> Iterator[str]:
    return time_warnings(
        context.pod, context.settings, context.pod_options, context.grace, context.derived
    )


def _requests(context: InjectionContext) -> Iterator[str]:
    """Only what somebody has asked for: that our own default follows a limit is no news."""
    pod_options = context.pod_options
    pairs = {
        "cpu": (pod_options.cpu_request, pod_options.cpu_limit),
        "memory": (pod_options.memory_request, pod_options.memory_limit),
    }
    for name, (request, limit) in pairs.items():
        if request and is_above(request, limit):
            yield (
                f"{name}-request {request} is above {name}-limit {limit}, which the API server"
                f" refuses: the sidecar requests {limit}"
            )
    yield from beyond_the_pod(pod_options, context.pod)


def _user(context: InjectionContext) -> Iterator[str]:
    if context.pod_options.capture == "redirect" and context.pod_options.run_as_user == IMAGES_OWN:
        yield (
            f"run-as-user {IMAGES_OWN} cannot be: a redirect knows the sidecar's own connections by"
            f" its user, which is {USER}; give another number, or avoid the redirect"
        )


def _meshes(context: InjectionContext) -> Iterator[str]:
    return mesh_warnings(context.pod) if context.pod_options.capture == "redirect" else iter(())


def _numbers(context: InjectionContext) -> Iterator[str]:
    """Pods of before and after a rollout are behind the same Service, which leads to one number."""
    capture, question = context.capture, context.question
    if question.forwards is not None:
        return
    before = held_before(question, question.leads)
    for each in capture.ports:
        was = before.get(each.port, [])
        if was and each.listen not in was:
            yield (
                f"the sidecar listens at {each.listen} for port {each.port}, and listened at"
                f" {was[0]} before, which is used otherwise now: a Service that targets {was[0]}"
                " leads to a wrong port of new pods, so run uninject --only services first"
            )
    by_number = [each for each in capture.rewrites if each.takes_two_steps]
    in_order = [each for each in capture.ports if is_in_order(each.listen)]
    if by_number and len(in_order) > 1 and not before:
        forwards = ",".join(each.forward() for each in capture.ports)
        yield (
            "the numbers of the sidecar's ports follow the order of the app's ports: if a Service"
            " of the cluster targets one of them, or before you add or remove ports, fix them by"
            f" {ANNOTATION_PREFIX}forward: {forwards}"
        )


def _trust(context: InjectionContext) -> Iterator[str]:
    return trust_warnings(
        context.pod, context.ports, context.question.around.targets, context.asked
    )


def _liveness(context: InjectionContext) -> Iterator[str]:
    """A probe that passes the sidecar fails when that refuses connections, and the app is killed
    while its last answers are under way."""
    for container in context.pod.containers:
        probe = container.liveness_probe
        port = probe and _through_the_sidecar(probe, container, context)
        if not probe or not port:
            continue
        period, failures = _patience(probe)
        if period * failures < context.settings.drain_timeout:
            yield (
                f"the livenessProbe of {container.name} passes the sidecar (port {port}) and gives"
                f" up after {period * failures}s, within a drain of up to"
                f" {format_duration(context.settings.drain_timeout)}: a drain without SIGTERM gets"
                " the app killed; probe another port, or be patient"
            )


def _patience(probe: Probe) -> tuple[int, int]:
    period, failures = _PROBE_DEFAULTS
    return probe.period_seconds or period, probe.failure_threshold or failures


def _through_the_sidecar(probe: Probe, container: Container, context: InjectionContext) -> int:
    """The port of the probe, if the sidecar answers there; else 0. Probes that name a port that is
    taken over follow it to the app."""
    redirected = context.pod_options.capture == "redirect"
    numbers = {port.name: port.container_port for port in container.ports or []}
    for socket in (probe.http_get, probe.tcp_socket, probe.grpc):
        if socket:
            port = socket.port
            number = numbers.get(port, 0) if isinstance(port, str) else port
            ends = {each.port if redirected else each.listen for each in context.ports}
            return number if number in ends else 0
    return 0
