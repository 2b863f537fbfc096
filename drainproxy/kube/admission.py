"""What a webhook answers to an AdmissionReview (admission.k8s.io/v1). Values in, values out."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import Struct, json
from msgspec.structs import replace

from drainproxy.config import ConfigError, Mistake
from drainproxy.manifests.podspec import Json, read

from .annotations import readable
from .containers import sidecar_of
from .inject import Injected, Skipped, complete, inject
from .plan import Options
from .skip import read_switch, wanted
from .status import read_status

# `unchanged` is a pod that has its sidecar; `denied` one whose sidecar could not start.
Outcome = Literal["injected", "unchanged", "skipped", "denied"]


class _Kind(Struct, frozen=True):
    kind: str
    group: str = ""


class Request(Struct, frozen=True, rename="camel"):
    """What the API server asks about."""

    uid: str
    kind: _Kind
    operation: str = "CREATE"
    namespace: str = ""
    name: str = ""
    object: Json | None = None


class _Review(Struct, frozen=True, rename="camel"):
    api_version: Literal["admission.k8s.io/v1"]
    kind: Literal["AdmissionReview"]
    request: Request


class Namespace(Struct, frozen=True):
    """What the namespace of a pod says: its labels switch, its annotations are defaults."""

    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}


class Verdict(Struct, frozen=True):
    """What is to be done, and why it is not done."""

    outcome: Outcome
    reason: str = ""
    patch: list[Json] = []
    warnings: list[str] = []

    @property
    def allowed(self) -> bool:
        """Whether the pod may be created."""
        return self.outcome != "denied"


def parse(body: bytes) -> Request:
    """The request in a review; ValueError, which says where it is wrong, if there is none."""
    try:
        return json.decode(body, type=_Review).request
    except msgspec.DecodeError as error:
        raise ValueError(f"is no AdmissionReview of admission.k8s.io/v1: {error}") from None
    except UnicodeError:
        raise ValueError("is no AdmissionReview of admission.k8s.io/v1: not UTF-8") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def judge(request: Request, options: Options, namespace: Namespace | None = None) -> Verdict:
    """What becomes of the pod in a request; ValueError if there is none in it.

    Without `namespace` the API server's selectors are trusted to have looked at its labels.
    """
    if request.operation != "CREATE" or (request.kind.group, request.kind.kind) != ("", "Pod"):
        return Verdict("skipped", "only new pods get a sidecar")
    if request.object is None:
        raise ValueError("holds no pod: request.object is missing")
    try:
        return _judge(request.object, options, namespace)
    except ConfigError as error:
        return Verdict("denied", f"drainproxy cannot be injected: {error}")
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def mutate(review: bytes, options: Options, namespace: Namespace | None = None) -> bytes:
    """The review with its response; ValueError if it is malformed."""
    request = parse(review)
    return answer(request, judge(request, options, namespace))


def answer(request: Request, verdict: Verdict) -> bytes:
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


def _judge(pod: Json, options: Options, namespace: Namespace | None) -> Verdict:
    if read_status(pod) and sidecar_of(pod):
        added = complete(pod)
        return Verdict("injected", patch=added.patch) if added else Verdict("unchanged")
    if namespace and not _is_wanted(pod, namespace):
        return Verdict("skipped", "neither the pod nor its namespace asks for a sidecar")
    defaults, mistakes = readable(namespace.annotations if namespace else {})
    options = replace(options, defaults={**options.defaults, **defaults})
    done, wrong = _injected(pod, options)
    if isinstance(done, Skipped):
        return Verdict("skipped", done.reason)
    return Verdict("injected", patch=done.patch, warnings=_warnings([*mistakes, *wrong], done))


def _injected(pod: Json, options: Options) -> tuple[Injected | Skipped, Sequence[Mistake]]:
    """The outcome, and what is wrong with the defaults: a pod is not denied for those."""
    try:
        return inject(pod, options), ()
    except ConfigError as error:
        if not options.defaults:
            raise
        return inject(pod, replace(options, defaults={})), error.mistakes


def _is_wanted(pod: Json, namespace: Namespace) -> bool:
    said = wanted(read(pod))
    return bool(read_switch("label of the namespace", namespace.labels) if said is None else said)


def _warnings(mistakes: Sequence[Mistake], done: Injected) -> list[str]:
    ignored = [f"a default is ignored: {mistake}" for mistake in mistakes]
    return [f"drainproxy: {text}" for text in (*ignored, *done.warnings)]
