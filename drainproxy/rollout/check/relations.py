"""Which objects belong to which workloads: Services, budgets, autoscalers, canaries, namespaces."""

from collections.abc import Iterable
from typing import Final

from drainproxy.config import ANNOTATION_PREFIX, BY_NAME, INJECTOR_ANNOTATIONS
from drainproxy.manifests.selectors import Selector

from .copies import Shelf
from .inventory import Inventory, hook_of
from .place import FieldPlace, Object
from .selectors import Index, read_selector
from .workload import AUTOSCALERS, ROLLED_OUT, CheckedWorkload

_SWITCH: Final = "drainproxy.io/inject"
# Kind -> its field that refers to a workload.
_POINTERS: Final = {**dict.fromkeys(AUTOSCALERS, "scaleTargetRef"), "Canary": "targetRef"}


def take_stock(objects: Iterable[Object]) -> Inventory:
    """The inventory of all that was given, with what concerns each workload."""
    inventory = Inventory(objects)
    relations = _Relations(inventory)
    inventory.workloads = [
        relations.workload(each)
        for each in inventory.objects
        if (each.kind, each.group) in ROLLED_OUT and hook_of(each) is None
    ]
    return inventory


class _Relations:
    """What refers to workloads, under what it refers to."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        services = [(each, _selector(each)) for each in inventory.of("Service")]
        budgets = [(each, _selector(each)) for each in inventory.of("PodDisruptionBudget")]
        self._services = Index((each, Selector(at.texts)) for each, at in services if at.texts)
        self._budgets = Index((each, read_selector(at)) for each, at in budgets if at.exists)
        self._spaces = {each.namespace for each, at in services if at.texts}
        self._pointing = Shelf(
            ((kind, *_reference(each, field)), each)
            for kind, field in _POINTERS.items()
            for each in inventory.of(kind)
        )
        self._templates = {id(each): self._template(each) for each in inventory.of("Rollout")}
        self._managed = {id(each) for each in self._templates.values() if each}

    def workload(self, each: Object) -> CheckedWorkload:
        """An object that is rolled out, with all that concerns it."""
        other = self._templates.get(id(each))
        pod = (other or each).root.at("spec", "template")
        is_managed = id(each) in self._managed
        made = CheckedWorkload(each.root, pod, owns_pod=other is None, is_managed=is_managed)
        made.canary = self._points("Canary", each)
        made.services = self._selecting(self._services, made)
        made.budgets = self._selecting(self._budgets, made)
        found = (self._points(kind, each) for kind in AUTOSCALERS)
        made.autoscaler = next(filter(None, found), None)
        made.is_injected = self._injects(made)
        made.is_unproved = not self._has_services(each.namespace)
        return made

    def _selecting(self, index: Index, workload: CheckedWorkload) -> list[Object]:
        """What selects its pods, or the pods of the copy that Flagger makes and that serves."""
        near = workload.root.object
        found = index.selecting(workload.labels, near)
        for labels in _primaries(workload) if workload.canary else ():
            found += [each for each in index.selecting(labels, near) if each not in found]
        return found

    def _has_services(self, namespace: str) -> bool:
        """Whether Services of this namespace are in the input, or may be."""
        return bool(self._spaces & {namespace, ""} if namespace else self._spaces)

    def _template(self, rollout: Object) -> Object | None:
        """The Deployment whose template a Rollout uses."""
        reference = rollout.root.at("spec", "workloadRef")
        return self._inventory.named(reference.at("kind").text, reference.at("name").text, rollout)

    def _points(self, kind: str, target: Object) -> Object | None:
        return next(self._pointing.near((kind, target.kind, target.name), target), None)

    def _injects(self, workload: CheckedWorkload) -> bool:
        """Whether the webhook, or `inject`, is asked to put a sidecar in: the pod wins. One that
        says how its sidecar is to be will have one: the namespace may be labelled elsewhere."""
        metadata = workload.pod.at("metadata")
        for where in ("labels", "annotations"):
            if said := metadata.at(where, _SWITCH).text:
                return said == "true"
        near = workload.root.object
        space = self._inventory.named("Namespace", near.namespace, near)
        is_labelled = space and space.root.at("metadata", "labels", _SWITCH).text == "true"
        return bool(is_labelled) or any(map(is_for_sidecars, metadata.at("annotations").entries))


def is_for_sidecars(key: str) -> bool:
    """Whether an annotation is one that the injector or the sidecar reads."""
    name = key.removeprefix(ANNOTATION_PREFIX)
    row = BY_NAME.get(name)
    return name != key and (name in INJECTOR_ANNOTATIONS or (row is not None and row.annotated))


def _primaries(workload: CheckedWorkload) -> Iterable[dict[str, str]]:
    """The labels that Flagger may give to its copy: it changes one, by which pods are selected."""
    labels = workload.labels
    for name in workload.root.at("spec", "selector", "matchLabels").texts:
        if name in labels:
            yield labels | {name: f"{labels[name]}-primary"}


def _selector(each: Object) -> FieldPlace:
    return each.root.at("spec", "selector")


def _reference(each: Object, field: str) -> tuple[str, str]:
    """The kind and name of what it refers to; KEDA's are Deployments where they do not say."""
    target = each.root.at("spec", field)
    return target.at("kind").text or "Deployment", target.at("name").text
