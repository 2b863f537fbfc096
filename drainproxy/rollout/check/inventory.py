"""All that was given, seen together: which objects concern which workloads."""

from collections.abc import Iterable
from functools import cached_property
from typing import Final

from .place import Object, Place
from .selectors import matches
from .workload import ROLLED_OUT, Workload

_HOOKS: Final = ("argocd.argoproj.io/hook", "helm.sh/hook")
_SWITCH: Final = "drainproxy.io/inject"


class Inventory:
    """The objects of all files. What is derived from them is derived once."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self.objects = list(objects)

    @cached_property
    def by_kind(self) -> dict[str, list[Object]]:
        """The objects under the name of their kind."""
        found: dict[str, list[Object]] = {}
        for each in self.objects:
            found.setdefault(each.kind, []).append(each)
        return found

    def of(self, *kinds: str) -> list[Object]:
        """The objects of these kinds, in the order of the input."""
        return [each for kind in kinds for each in self.by_kind.get(kind, ())]

    def named(self, kind: str, name: str, near: Object) -> Object | None:
        """The object of that name in the namespace of another."""
        found = (each for each in self.of(kind) if each.name == name)
        return next((each for each in found if each.shares_namespace(near)), None)

    @cached_property
    def workloads(self) -> list[Workload]:
        """What is rolled out: it runs until it is replaced."""
        rolled = [each for each in self.objects if each.group == ROLLED_OUT.get(each.kind)]
        return [self._workload(each) for each in rolled if hook_of(each) is None]

    @cached_property
    def serving(self) -> list[Workload]:
        """The workloads that somebody connects to."""
        return [each for each in self.workloads if each.serves]

    @cached_property
    def jobs(self) -> list[Object]:
        """What runs to its end: Jobs, and pods that are hooks."""
        pods = [each for each in self.of("Pod") if hook_of(each)]
        return [*self.of("Job", "CronJob"), *pods]

    @cached_property
    def pods(self) -> list[Place]:
        """The pods, and templates of pods, of every kind of object."""
        found = (each.root if each.kind == "Pod" else _template(each) for each in self.objects)
        return [each for each in found if each.at("spec", "containers").exists]

    @cached_property
    def _managed(self) -> dict[int, Object]:
        """The Deployments whose pods a Rollout makes, under the identity of the Rollout."""
        found = {}
        for rollout in self.of("Rollout"):
            reference = rollout.root.at("spec", "workloadRef")
            kind, name = reference.at("kind").text, reference.at("name").text
            if target := self.named(kind, name, rollout):
                found[id(rollout)] = target
        return found

    @cached_property
    def _selectors(self) -> list[tuple[Object, dict[str, str]]]:
        found = ((each, each.root.at("spec", "selector").texts) for each in self.of("Service"))
        return [(each, selector) for each, selector in found if selector]

    def _workload(self, each: Object) -> Workload:
        other = self._managed.get(id(each))
        made = Workload(
            each.root,
            (other or each).root.at("spec", "template"),
            owns_pod=other is None,
            is_managed=any(each is target for target in self._managed.values()),
        )
        near = [(one, two) for one, two in self._selectors if one.shares_namespace(each)]
        made.services = [
            service for service, selector in near if selector.items() <= made.labels.items()
        ]
        made.budgets = [
            budget
            for budget in self.of("PodDisruptionBudget")
            if budget.shares_namespace(each)
            and budget.root.at("spec", "selector").exists
            and matches(budget.root.at("spec", "selector"), made.labels)
        ]
        made.autoscaler = self._pointing(each, "scaleTargetRef", "HorizontalPodAutoscaler")
        made.canary = self._pointing(each, "targetRef", "Canary")
        made.is_injected = self._injects(made)
        made.alone = not near
        return made

    def _pointing(self, target: Object, field: str, kind: str) -> Object | None:
        """The object of that kind whose field refers to this one."""
        for each in self.of(kind):
            reference = each.root.at("spec", field)
            wanted = reference.at("kind").text, reference.at("name").text
            if wanted == (target.kind, target.name) and each.shares_namespace(target):
                return each
        return None

    def _injects(self, workload: Workload) -> bool:
        """Whether the webhook, or `inject`, is asked to put a sidecar in: the pod wins."""
        metadata = workload.pod.at("metadata")
        for where in ("labels", "annotations"):
            if said := metadata.at(where, _SWITCH).text:
                return said == "true"
        namespace = workload.root.object.namespace
        return any(
            each.root.at("metadata", "labels", _SWITCH).text == "true"
            for each in self.of("Namespace")
            if each.name == namespace
        )


def _template(each: Object) -> Place:
    template = each.root.at("spec", "template")
    return template if template.exists else each.root.at("spec", "jobTemplate", "spec", "template")


def hook_of(each: Object) -> Place | None:
    """The annotation that makes it a hook of Helm or Argo CD; None if it is none."""
    found = (each.root.at("metadata", "annotations", key) for key in _HOOKS)
    return next((place for place in found if place.exists), None)


def hook_phases(hook: Place) -> set[str]:
    """`PreSync`, `pre-upgrade`...: a hook may name several."""
    return {each.strip() for each in hook.text.split(",")}
