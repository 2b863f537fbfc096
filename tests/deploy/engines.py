"""What we set in the custom resources of engines, field by field after their CRDs: Argo Rollouts
(9f8d111), Flagger 1.44, Flux's helm-controller (v2) and the Gateway API 1.6."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Object = dict[str, Any]
IntOrString = int | str
# A Go duration, without fractions.
Duration = Annotated[str, Meta(pattern=r"^([0-9]+(ms|s|m|h))+$")]
Percent = Annotated[int, Meta(ge=0, le=100)]


class Strict(Struct, forbid_unknown_fields=True, rename="camel"):
    """A part of a custom resource: what we set of it, as its API names it."""


class Metadata(Strict):
    name: str
    namespace: str
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


# --- Argo Rollouts: manifests/crds/{rollout,analysis-template}-crd.yaml ---


class FieldRef(Strict):
    field_path: str


class ArgumentSource(Strict):
    pod_template_hash_value: Literal["Stable", "Latest"] | None = None
    field_ref: FieldRef | None = None


class Argument(Strict):
    name: str
    value: str | None = None
    value_from: ArgumentSource | None = None


class TemplateRef(Strict):
    template_name: str
    cluster_scope: bool = False


class Analysis(Strict):
    templates: list[TemplateRef]
    args: list[Argument] = []


class Background(Analysis):
    starting_step: int | None = None


class Pause(Strict):
    duration: IntOrString | None = None


class Step(Strict):
    set_weight: Percent | None = None
    analysis: Analysis | None = None
    pause: Pause | None = None


class Ephemeral(Strict):
    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}


class TrafficRouting(Strict):
    # What a plugin takes is its own: x-kubernetes-preserve-unknown-fields.
    plugins: dict[str, dict[str, str]]


class CanaryStrategy(Strict):
    steps: list[Step]
    canary_service: str = ""
    stable_service: str = ""
    traffic_routing: TrafficRouting | None = None
    analysis: Background | None = None
    canary_metadata: Ephemeral | None = None
    stable_metadata: Ephemeral | None = None
    scale_down_delay_seconds: int | None = None
    abort_scale_down_delay_seconds: int | None = None
    max_surge: IntOrString | None = None
    max_unavailable: IntOrString | None = None


class BlueGreenStrategy(Strict):
    active_service: str
    preview_service: str
    auto_promotion_enabled: bool
    pre_promotion_analysis: Analysis
    post_promotion_analysis: Analysis
    scale_down_delay_seconds: int
    abort_scale_down_delay_seconds: int
    preview_metadata: Ephemeral
    active_metadata: Ephemeral


class Strategy(Strict):
    canary: CanaryStrategy | None = None
    blue_green: BlueGreenStrategy | None = None


class LabelSelector(Strict):
    match_labels: dict[str, str]


class WorkloadRef(Strict):
    api_version: str
    kind: str
    name: str
    scale_down: Literal["never", "onsuccess", "progressively"]


class RolloutSpec(Strict):
    replicas: int
    min_ready_seconds: int
    progress_deadline_seconds: int
    revision_history_limit: int
    selector: LabelSelector
    strategy: Strategy
    # Checked as the template of a ReplicaSet.
    template: dict[str, Any] | None = None
    workload_ref: WorkloadRef | None = None


class Rollout(Strict):
    api_version: str
    kind: str
    metadata: Metadata
    spec: RolloutSpec


class SecretKeyRef(Strict):
    name: str
    key: str


class TemplateArgumentSource(Strict):
    secret_key_ref: SecretKeyRef


class TemplateArgument(Strict):
    name: str
    value: str | None = None
    value_from: TemplateArgumentSource | None = None


class Header(Strict):
    key: str
    value: str


class Web(Strict):
    method: Literal["GET", "POST", "PUT"]
    url: str
    timeout_seconds: int
    headers: list[Header]
    # x-kubernetes-preserve-unknown-fields: what the gate takes, which it says itself.
    json_body: dict[str, str]
    json_path: str


class Prometheus(Strict):
    address: str
    query: str
    timeout: int


class JobProvider(Strict):
    # Checked as the spec of a Job.
    spec: dict[str, Any]


class Provider(Strict):
    web: Web | None = None
    prometheus: Prometheus | None = None
    job: JobProvider | None = None


class Metric(Strict):
    name: str
    provider: Provider
    initial_delay: Duration = "0s"
    interval: Duration = ""
    count: IntOrString | None = None
    success_condition: str = ""
    failure_condition: str = ""
    failure_limit: int = 0
    inconclusive_limit: int = 0
    consecutive_error_limit: int = 4
    consecutive_success_limit: int = 0


class AnalysisTemplateSpec(Strict):
    metrics: list[Metric]
    args: list[TemplateArgument] = []


class AnalysisTemplate(Strict):
    api_version: str
    kind: str
    metadata: Metadata
    spec: AnalysisTemplateSpec


# --- Gateway API: config/crd/standard/gateway.networking.k8s.io_httproutes.yaml ---


class ParentRef(Strict):
    name: str
    namespace: str


class PathMatch(Strict):
    type: Literal["Exact", "PathPrefix", "RegularExpression"]
    value: str


class Match(Strict):
    path: PathMatch


class BackendRef(Strict):
    name: str
    port: Annotated[int, Meta(ge=1, le=65535)]
    weight: Annotated[int, Meta(ge=0, le=1_000_000)]


class RouteRule(Strict):
    matches: list[Match]
    backend_refs: list[BackendRef]


class HTTPRouteSpec(Strict):
    parent_refs: list[ParentRef]
    hostnames: list[str]
    rules: list[RouteRule]


class HTTPRoute(Strict):
    api_version: str
    kind: str
    metadata: Metadata
    spec: HTTPRouteSpec


# --- Flagger: artifacts/flagger/crd.yaml ---

Hook = Literal[
    "confirm-rollout",
    "pre-rollout",
    "rollout",
    "confirm-traffic-increase",
    "confirm-promotion",
    "post-rollout",
    "rollback",
    "event",
]


class TargetRef(Strict):
    api_version: str
    kind: str
    name: str


class CanaryService(Strict):
    port: int
    target_port: IntOrString
    hosts: list[str] = []
    gateway_refs: list[ParentRef] = []


class Webhook(Strict):
    name: str
    type: Hook
    url: str
    metadata: dict[str, str]
    timeout: Annotated[str, Meta(pattern=r"^[0-9]+(m|s)")] = "10s"


class CanaryAnalysis(Strict):
    interval: Duration
    threshold: int
    webhooks: list[Webhook]
    iterations: int = 0
    step_weight: Percent = 0
    max_weight: Percent = 0


class CanarySpec(Strict):
    provider: str
    target_ref: TargetRef
    progress_deadline_seconds: int
    service: CanaryService
    analysis: CanaryAnalysis


class Canary(Strict):
    api_version: str
    kind: str
    metadata: Metadata
    spec: CanarySpec


# --- Flux: config/crd/bases/helm.toolkit.fluxcd.io_helmreleases.yaml ---


class ChartRef(Strict):
    kind: Literal["OCIRepository", "HelmChart", "ExternalArtifact"]
    name: str


class HelmTest(Strict):
    enable: bool
    timeout: Duration


class InstallRemediation(Strict):
    retries: int


class Install(Strict):
    remediation: InstallRemediation


class UpgradeStrategy(Strict):
    name: Literal["RemediateOnFailure", "RetryOnFailure"]


class Remediation(Strict):
    retries: int
    remediate_last_failure: bool
    strategy: Literal["rollback", "uninstall"]
    ignore_test_failures: bool


class Upgrade(Strict):
    timeout: Duration
    strategy: UpgradeStrategy
    remediation: Remediation


class Rollback(Strict):
    timeout: Duration


class HelmReleaseSpec(Strict):
    interval: Duration
    timeout: Duration
    max_history: int
    chart_ref: ChartRef
    test: HelmTest
    install: Install
    upgrade: Upgrade
    rollback: Rollback
    values: dict[str, Any]


class HelmRelease(Strict):
    api_version: str
    kind: str
    metadata: Metadata
    spec: HelmReleaseSpec


CUSTOM: Mapping[tuple[str, str], type[Strict]] = {
    ("argoproj.io/v1alpha1", "Rollout"): Rollout,
    ("argoproj.io/v1alpha1", "AnalysisTemplate"): AnalysisTemplate,
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): HTTPRoute,
    ("flagger.app/v1beta1", "Canary"): Canary,
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"): HelmRelease,
}


def embedded(thing: Object) -> Iterator[Object]:
    """What Kubernetes' own kinds hold of it: the engine makes such objects of it."""
    spec = thing["spec"]
    meta = {"metadata": thing["metadata"]}
    if thing["kind"] == "Rollout" and "template" in spec:
        inner = {name: spec[name] for name in ("replicas", "selector", "template")}
        yield {"apiVersion": "apps/v1", "kind": "ReplicaSet", **meta, "spec": inner}
    metrics = spec["metrics"] if thing["kind"] == "AnalysisTemplate" else ()
    for metric in metrics:
        if job := metric["provider"].get("job"):
            yield {"apiVersion": "batch/v1", "kind": "Job", **meta, "spec": job["spec"]}
