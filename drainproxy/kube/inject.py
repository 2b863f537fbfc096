"""Injects the sidecar into a pod. Pure: no file, no cluster, no clock.

`plan` decides from the pod as it is read, and an `Editor` applies that and records how to undo it.
A pod that was injected before is restored first, so that injecting twice is injecting once.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from drainproxy.config import ConfigError
from drainproxy.manifests.podspec import Container, Json, read

from . import containers
from .admission_warnings import with_note_of
from .annotations import STATUS, as_given, read_options
from .capture import Capture
from .editor import Editor
from .hooks import kept_hook
from .limits import beyond_limits, too_long_annotations
from .plan import Foreseen, InjectionPlan, Options, decide
from .ports import PortTakeover
from .server_defaults import is_served_as, without_texts
from .skip import reason_to_skip, unfit
from .status import read_status, status_of, taken_back, write_status
from .warnings import warnings

_SPEC = ("spec",)
_ANNOTATIONS = ("metadata", "annotations")


class Injected(Struct, frozen=True):
    """A pod with its sidecar.

    `patch` makes it of the pod that came, if that was not injected before (RFC 6902);
    `annotations` are the keys that the injector has written.
    """

    pod: Json
    capture: Capture
    warnings: list[str]
    patch: list[Json]
    annotations: list[str]

    @property
    def ports(self) -> Sequence[PortTakeover]:
        """The ports that the sidecar stands in front of."""
        return self.capture.ports

    @property
    def needs_names_of_sidecars(self) -> bool:
        """Whether clients find the sidecar by the name of a port at a native sidecar."""
        native = (each["name"] for each in self.pod["spec"].get("initContainers") or ())
        return containers.SIDECAR in native and any(each.name for each in self.ports)


class Skipped(Struct, frozen=True):
    """A pod that gets no sidecar, and why; `warnings` are what leads clients to it all the same."""

    reason: str
    warnings: Sequence[str] = ()


def inject(pod: Json, options: Options, foreseen: Foreseen | None = None) -> Injected | Skipped:
    """The pod with a sidecar, or why it gets none. `foreseen` is what was found out about it as it
    was before injection, with these options.

    Raises ConfigError with every mistake in its annotations, and ValueError if it is no pod.
    """
    if reason := beyond_limits(pod):
        return Skipped(reason)
    view = read(pod)
    if reason := unfit(view):
        return Skipped(reason)
    sidecar = containers.sidecar_of(pod)
    token = containers.token_of(sidecar) if sidecar else None
    by_flags, options = options.given, again(pod, options)
    if sidecar and not options.image:
        options = replace(options, image=containers.image_of(sidecar))
    original = pod
    if STATUS in view.annotations:
        original = taken_back(pod)
        view = read(original)
    if reason := reason_to_skip(view):
        return Skipped(reason)
    try:
        plan = decide(view, options, token, foreseen)
    except ConfigError as error:
        raise ConfigError(as_given(error.mistakes, by_flags)) from None
    if isinstance(plan, Capture):
        told = [text for text in (*plan.past, *plan.nowhere) if text not in plan.reason]
        return Skipped(plan.reason, told)
    if view.completes and not plan.context.pod_options.native_sidecar:
        return Skipped("beside a plain container its pods would never complete")
    done = _carry_out(original, plan, options.given)
    if reason := too_long_annotations(done.pod):
        return Skipped(f"with those of the sidecar {reason}")
    return done if original is pod else _as_served(pod, done)


def _as_served(pod: Json, done: Injected) -> Injected:
    """A pod that was injected before stays as it is where there is nothing new: it may come from an
    API server, which has filled in its defaults, by the webhook, which has noted its warnings. What
    is recorded of texts is that of a file."""
    if not is_served_as(with_note_of(done.pod, pod), pod):
        return done
    return replace(done, pod=without_texts(pod))


def again(pod: Json, options: Options) -> Options:
    """The options of a pod that was injected before: what flags gave then is given again, and the
    sidecar listens where it did. Where clients were redirected nobody knew these numbers: they may
    be other ones than without a redirect, and might make one possible that was not."""
    status = status_of(pod)
    if status is None:
        return options
    sidecar = containers.sidecar_of(pod)
    if sidecar is None or containers.is_redirected(pod):
        kept = {}
    else:
        kept = containers.listeners_of(sidecar)
    return replace(options, given={**status.given_values(pod), **options.given}, kept=kept)


def complete(pod: Json) -> Injected | None:
    """An injected pod to which containers were added since: they get the hook as well.

    None if there is nothing to do. This is what a webhook does when it sees a pod again.
    """
    status, sidecar = read_status(pod), containers.sidecar_of(pod)
    hook = containers.app_hook(sidecar) if sidecar else None
    view = read(pod)
    pod_options, _ = read_options(view.annotations)
    added = [each for each in view.containers if not kept_hook(each, pod_options)]
    if not (status and hook and added):
        return None
    editor = Editor(pod)
    for each in added:
        editor.put((*_container(each), "lifecycle", "preStop"), hook)
    write_status(editor, {}, status)
    nothing_new = Capture(mode=None, reason="it has its sidecar")
    return Injected(editor.pod, nothing_new, [], editor.patch, [])


def uninject(pod: Json) -> Json | None:
    """The pod as it was before; None if it was not injected. ConfigError if it cannot be had,
    ValueError if it is no pod."""
    if status_of(pod) is None:
        return None
    read(pod)
    return taken_back(pod)


def _carry_out(pod: Json, plan: InjectionPlan, given: Mapping[str, str]) -> Injected:
    editor = Editor(pod)
    _hand_over_names(editor, plan)
    _hook_containers(editor, plan)
    _add_containers(editor, plan)
    if plan.context.grace != plan.context.pod.grace:
        editor.put((*_SPEC, "terminationGracePeriodSeconds"), plan.context.grace)
    for key, text in plan.annotations.items():
        editor.put((*_ANNOTATIONS, key), text)
    write_status(editor, given)
    keys = [*plan.annotations, STATUS]
    return Injected(editor.pod, plan.context.capture, warnings(plan.context), editor.patch, keys)


def _hand_over_names(editor: Editor, plan: InjectionPlan) -> None:
    """EndpointSlices look for a name in the app's containers first, and then in native sidecars:
    it must be gone everywhere but in ours. Probes and hooks follow the port, and so pass us by."""
    names = {each.name: each.renamed for each in plan.context.ports if each.renamed}
    for group, container in plan.context.pod.every_container():
        path = (*_SPEC, group, f"name={container.name}")
        own = {port.name for port in container.ports or [] if port.is_tcp and port.name in names}
        for name in sorted(filter(None, own)):
            editor.rename((*path, "ports"), name, names[name])
        for where, name in container.named_sockets():
            if name in own:
                editor.put((*path, *where), names[name])


def _hook_containers(editor: Editor, plan: InjectionPlan) -> None:
    """Every container gets its SIGTERM when the drain is over, unless a hook of its own stays."""
    for container in plan.context.pod.containers:
        if not kept_hook(container, plan.context.pod_options):
            hook = containers.pre_stop(plan.spec.token, plan.spec.admin.port, "app")
            editor.put((*_container(container), "lifecycle", "preStop"), hook)


def _add_containers(editor: Editor, plan: InjectionPlan) -> None:
    pod_options = plan.context.pod_options
    if pod_options.capture == "redirect":
        editor.append((*_SPEC, "initContainers"), containers.redirect(plan.spec))
    beside = "initContainers" if pod_options.native_sidecar else "containers"
    editor.append((*_SPEC, beside), containers.sidecar(plan.spec))
    editor.append((*_SPEC, "volumes"), containers.volume())


def _container(container: Container) -> tuple[str, ...]:
    return (*_SPEC, "containers", f"name={container.name}")
