"""Decides the answer to an AdmissionReview (admission.k8s.io/v1). Pure."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec
from msgspec import Struct, json
from msgspec.structs import replace

from drainproxy.config import ANNOTATION_PREFIX, ConfigError, Mistake
from drainproxy.manifests.podspec import Json, Pod, read
from drainproxy.manifests.services import Service

from .admission_warnings import limited, noted
from .annotations import readable
from .containers import sidecar_of
from .inject import Injected, Skipped, complete, inject
from .leads import Around
from .limits import beyond_limits
from .namespace import Namespace, forbids_redirect, redirects_if_asked
from .plan import Options
from .skip import read_switch, unfit, wanted
from .status import read_status

# Larger than any object that the API server keeps.
_LARGEST_PATCH: Final = 3 << 20
_PARTS: Final = ("metadata", "spec")
_CAPTURE: Final = ANNOTATION_PREFIX + "capture"
_UNKNOWN: Final = "the Pod Security level of the namespace is not known"
_UNREAD: Final = "the annotations of the namespace cannot be read: the pod has other defaults"

# `unchanged` is a pod that has its sidecar; `denied` one whose sidecar could not start.
Outcome = Literal["injected", "unchanged", "skipped", "denied"]


class _Kind(Struct, frozen=True):
    kind: str
    group: str = ""


class AdmissionRequest(Struct, frozen=True, rename="camel"):
    """What the API server asks about."""

    uid: str
    kind: _Kind
    operation: str = "CREATE"
    namespace: str = ""
    name: str = ""
    object: Json | None = None
    dry_run: bool | None = None


class _Review(Struct, frozen=True, rename="camel"):
    api_version: Literal["admission.k8s.io/v1"]
    kind: Literal["AdmissionReview"]
    request: AdmissionRequest


class Seen(Struct, frozen=True):
    """What is known of the cluster around a pod; None is unknown.

    `namespace` is there where its word counts, `unread` where it should and cannot be read.
    `services` are those of the namespace; its `labels` say which Pod Security level it has, and its
    `annotations` whether OpenShift admits its pods. `finds_names_at_sidecars` as in `Options`.
    """

    namespace: Namespace | None = None
    unread: bool = False
    services: Sequence[Service] | None = None
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] = {}
    finds_names_at_sidecars: bool = True


class AdmissionVerdict(Struct, frozen=True):
    """What is to be done, and why it is not done."""

    outcome: Outcome
    reason: str = ""
    patch: list[Json] = []
    warnings: list[str] = []

    @property
    def allowed(self) -> bool:
        """Whether the pod may be created."""
        return self.outcome != "denied"


def parse(body: bytes) -> AdmissionRequest:
    """The request in a review; ValueError, which says where it is wrong, if there is none."""
    try:
        return json.decode(body, type=_Review).request
    except msgspec.DecodeError as error:
        raise ValueError(f"is no AdmissionReview of admission.k8s.io/v1: {error}") from None
    except UnicodeError:
        raise ValueError("is no AdmissionReview of admission.k8s.io/v1: not UTF-8") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def judge(
    request: AdmissionRequest, options: Options, seen: Seen | Namespace | None = None
) -> AdmissionVerdict:
    """What becomes of the pod in a request; ValueError if there is none in it.

    Without a namespace the API server's selectors are trusted to have looked at its labels.
    """
    if request.operation != "CREATE" or (request.kind.group, request.kind.kind) != ("", "Pod"):
        return AdmissionVerdict("skipped", "only new pods get a sidecar")
    if request.object is None:
        raise ValueError("holds no pod: request.object is missing")
    if not isinstance(seen, Seen):
        seen = Seen(seen)
    try:
        return _within_limits(_judge(request.object, request.namespace, options, seen))
    except ConfigError as error:
        return AdmissionVerdict("denied", f"drainproxy cannot be injected: {error}")
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def answer(request: AdmissionRequest, verdict: AdmissionVerdict) -> bytes:
    """A verdict as the API server reads it."""
    response: Json = {"uid": request.uid, "allowed": verdict.allowed}
    if verdict.patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = b64encode(json.encode(verdict.patch)).decode()
    if verdict.warnings:
        response["warnings"] = verdict.warnings
    if not verdict.allowed:
        response["status"] = {"code": 422, "reason": "Invalid", "message": verdict.reason}
    return json.encode(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
    )


def _judge(pod: Json, name: str, options: Options, seen: Seen) -> AdmissionVerdict:
    if reason := beyond_limits(pod):
        return AdmissionVerdict("skipped", reason, warnings=_signed([f"no sidecar: {reason}"]))
    view = read(pod)
    if reason := unfit(view):
        return _skipped(pod, reason, wanted(view) is True)
    if read_status(pod) and sidecar_of(pod):
        added = complete(pod)
        return (
            AdmissionVerdict("injected", patch=added.patch)
            if added
            else AdmissionVerdict("unchanged")
        )
    namespace = seen.namespace
    if namespace and not _is_wanted(view, namespace):
        return AdmissionVerdict("skipped", "neither the pod nor its namespace asks for a sidecar")
    defaults, mistakes = readable(namespace.annotations if namespace else {})
    options = replace(
        options,
        defaults={**options.defaults, **defaults},
        finds_names_at_sidecars=seen.finds_names_at_sidecars,
    )
    if seen.services is not None:
        options = replace(options, around=_around(name, view, seen))
    done, wrong = _injected(pod, options)
    # Also of a pod that gets no sidecar: with these defaults it might have got one.
    ignored = [f"a default is ignored: {mistake}" for mistake in (*mistakes, *wrong)]
    warnings = [*([_UNREAD] if seen.unread else []), *ignored, *done.warnings]
    if isinstance(done, Skipped):
        return _skipped(pod, done.reason, True, warnings)
    return _accepted(pod, done, warnings)


def _around(namespace: str, pod: Pod, seen: Seen) -> Around:
    """Services cannot be changed here."""
    found = [each for each in seen.services or () if each.selects(namespace, pod.labels)]
    return Around(
        services=found,
        place="in this namespace",
        no_redirect=_forbids_redirect(namespace, pod, seen),
        redirects_if_asked=redirects_if_asked(seen.annotations),
    )


def _forbids_redirect(namespace: str, pod: Pod, seen: Seen) -> str:
    """Why the pod is not redirected; empty if it is.

    A redirect that the cluster forbids would have the pod refused. Where that cannot be known, as
    the level where the namespace cannot be read, only a pod that asks for one itself gets it.
    """
    if seen.labels is not None:
        return forbids_redirect(namespace, seen.labels)
    return "" if pod.annotations.get(_CAPTURE) == "redirect" else _UNKNOWN


def _skipped(pod: Json, reason: str, warn: bool, beside: Iterable[str] = ()) -> AdmissionVerdict:
    """Who asks for a sidecar and gets none is told so, where it is not what they asked for."""
    told = limited([f"no sidecar: {reason}", *beside]) if warn else []
    return AdmissionVerdict("skipped", reason, noted(pod, told), _signed(told))


def _accepted(pod: Json, done: Injected, warnings: Iterable[str]) -> AdmissionVerdict:
    told = limited(warnings)
    patch = [*done.patch, *noted(done.pod, told)]
    if read_status(pod):
        # A record without a sidecar: the steps begin at what it says was there before.
        patch = [{"op": "replace", "path": f"/{key}", "value": done.pod[key]} for key in _PARTS]
        patch += noted(done.pod, told)
    return AdmissionVerdict("injected", patch=patch, warnings=_signed(told))


def _within_limits(verdict: AdmissionVerdict) -> AdmissionVerdict:
    size = len(json.encode(verdict.patch))
    if size <= _LARGEST_PATCH:
        return verdict
    reason = f"the changes to it would have {size:,} bytes, and may have {_LARGEST_PATCH:,}"
    return AdmissionVerdict("skipped", reason, warnings=_signed([f"no sidecar: {reason}"]))


def _injected(pod: Json, options: Options) -> tuple[Injected | Skipped, Sequence[Mistake]]:
    """The outcome, and what is wrong with the defaults: a pod is not denied for those."""
    try:
        return inject(pod, options), ()
    except ConfigError as error:
        if not options.defaults:
            raise
        return inject(pod, replace(options, defaults={})), error.mistakes


def _is_wanted(pod: Pod, namespace: Namespace) -> bool:
    said = wanted(pod)
    return bool(read_switch("label of the namespace", namespace.labels) if said is None else said)


def _signed(warnings: Iterable[str]) -> list[str]:
    return [f"drainproxy: {text}" for text in warnings]
