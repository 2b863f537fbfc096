"""Finds out whether objects of unknown kinds create pods.

Operators name their fields as they like. What they have in common is a list of containers with
images somewhere in the object, or one container, as in Argo Workflows.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .podspec import Json, api_group

# These describe pods that others make.
_ABOUT_PODS: Final = frozenset({"kyverno.io", "policies.kyverno.io", "apiextensions.k8s.io"})
# What inputs are full of, of the core API.
_WITHOUT_PODS: Final = frozenset(
    {"Service", "ConfigMap", "Secret", "ServiceAccount", "Namespace", "PersistentVolumeClaim"}
)
# What says which kind of object it is.
_NAMING: Final = ("apiVersion", "kind")
_HELM: Final = "render it first: helm template NAME CHART | drainproxy inject -"
_ARGO_CD: Final = "render it first: argocd app manifests NAME | drainproxy inject -"
# (API group, kind) -> what to do instead.
_REMEDIES: Final = {
    ("serving.knative.dev", "Service"): "Knative makes its pods and ports itself",
    ("apps.openshift.io", "DeploymentConfig"): "make it a Deployment of apps/v1",
    ("argoproj.io", "Workflow"): "its pods end by themselves and serve nobody",
    ("argoproj.io", "CronWorkflow"): "its pods end by themselves and serve nobody",
    ("argoproj.io", "WorkflowTemplate"): "its pods end by themselves and serve nobody",
    ("argoproj.io", "ClusterWorkflowTemplate"): "its pods end by themselves and serve nobody",
    ("argoproj.io", "AnalysisTemplate"): "its pods end by themselves and serve nobody",
    ("argoproj.io", "ClusterAnalysisTemplate"): "its pods end by themselves and serve nobody",
    ("template.openshift.io", "Template"): "render it first: oc process -f FILE",
    ("helm.toolkit.fluxcd.io", "HelmRelease"): _HELM,
    ("helm.cattle.io", "HelmChart"): _HELM,
    ("helm.cattle.io", "HelmChartConfig"): _HELM,
    ("argoproj.io", "Application"): _ARGO_CD,
    ("argoproj.io", "ApplicationSet"): _ARGO_CD,
}
_WEBHOOK: Final = "label its pods drainproxy.io/inject=true and let the webhook inject them"


def makes_pods(body: Json) -> bool:
    """Whether there is a pod template in an object, wherever it stands.

    What names no kind or no version of an API is none of Kubernetes, whatever is in it: workflows
    of a CI service have containers with images too, and so have values of Helm.
    """
    if not (body.get("kind") and body.get("apiVersion")):
        return False
    group = api_group(body)
    if group in _ABOUT_PODS or (not group and str(body.get("kind")) in _WITHOUT_PODS):
        return False
    return any(map(_is_template, maps(body)))


def half_named(body: Mapping[str, Any]) -> str:
    """What is wrong with an object that lacks one of the two fields that say what it is, or has no
    text there, although it has the name of one of Kubernetes. Files of other tools have a version,
    a kind or metadata, never two of these."""
    metadata = body.get("metadata")
    if not isinstance(metadata, Mapping) or not metadata.get("name"):
        return ""
    there = [field for field in _NAMING if field in body]
    told = [field for field in there if body[field] and isinstance(body[field], str)]
    lacking = [field for field in _NAMING if field not in told]
    if not there or not lacking:
        return ""
    if len(there) < len(_NAMING):
        lacking = [field for field in _NAMING if field not in there]
        return f"has {there[0]} and metadata.name, but no {lacking[0]}"
    return f"has metadata.name, but no text in {' and '.join(lacking)}"


def bare_list(document: Any) -> str:
    """What is wrong with a document that is a list of objects of Kubernetes, as `jq -s` makes it:
    kubectl takes none, and nothing in it would be looked at."""
    items = document if isinstance(document, list) else ()
    if any(isinstance(each, Mapping) and {"apiVersion", "kind"} <= each.keys() for each in items):
        return "is a list of objects: write it as one of kind List, with apiVersion v1 and items"
    return ""


def reason(body: Json) -> str:
    """Why such an object is not injected, and what would be right."""
    group, kind = api_group(body), str(body.get("kind", ""))
    if group == "extensions":
        return f"clusters of today do not know {body.get('apiVersion')}: make it apps/v1"
    article = "an" if kind[:1] in "AEIO" else "a"
    what = f"{article} {kind} of {group or 'the core API'} cannot be injected"
    return f"{what}: {_REMEDIES.get((group, kind), _WEBHOOK)}"


def title(body: Json) -> str:
    """As kubectl names it: `service.serving.knative.dev/web`."""
    metadata = body.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name = metadata.get("name") or metadata.get("generateName") or "?"
    group = api_group(body)
    kind = str(body.get("kind") or "?").lower()
    return f"{kind}.{group}/{name}" if group else f"{kind}/{name}"


def maps(node: Any) -> Iterator[Json]:
    """Every map in it, once: aliases may lead anywhere, and nesting may be deep."""
    waiting, seen = [node], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
        else:
            continue
        seen.add(id(node))


def _is_template(node: Json) -> bool:
    containers = node.get("containers")
    found = [*containers] if isinstance(containers, list) else [node.get("container")]
    return any(isinstance(each, dict) and isinstance(each.get("image"), str) for each in found)
