"""All objects of the input, with indexes. Relations are computed once: rules ask for them for each
workload, and a thousand manifests have a million pairs."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Final, TypeVar

from .copies import Shelf
from .place import FieldPlace, Object
from .pods import Pods
from .workload import CheckedWorkload, containers_with_ports

# Kind -> its API group, where others have kinds of the same name: the Services of Knative, the
# Rollouts of OpenKruise, the Jobs of Volcano.
_GROUPS: Final = {
    **dict.fromkeys(("Service", "ConfigMap", "Namespace", "Pod"), ""),
    **dict.fromkeys(("Job", "CronJob"), "batch"),
    **dict.fromkeys(("Rollout", "Experiment"), "argoproj.io"),
    "Canary": "flagger.app",
}
_HOOKS: Final = ("argocd.argoproj.io/hook", "helm.sh/hook")


Answer = TypeVar("Answer")
Question = Callable[[Object, "Inventory"], Answer]


class Inventory:
    """The objects of all files, and the workloads among them."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self.objects = list(objects)
        self._known = [
            each for each in self.objects if _GROUPS.get(each.kind, each.group) == each.group
        ]
        self.workloads: list[CheckedWorkload] = []
        self._answers: dict[Question[bool], list[Object]] = {}
        self._known_of: dict[tuple[Question[Any], int], Any] = {}
        self._counted: dict[int, Counted] = {}
        self._spaces: dict[Question[bool], set[str]] = {}
        self._port_names: dict[tuple[str, frozenset[tuple[str, str]]], set[str]] = {}

    @cached_property
    def _by_kind(self) -> dict[str, list[Object]]:
        found: dict[str, list[Object]] = {}
        for each in self._known:
            found.setdefault(each.kind, []).append(each)
        return found

    @cached_property
    def _by_name(self) -> Shelf:
        return Shelf(((each.kind, each.name), each) for each in self._known)

    def of(self, *kinds: str) -> list[Object]:
        """The objects of these kinds, in the order of the input."""
        return [each for kind in kinds for each in self._by_kind.get(kind, ())]

    def named(self, kind: str, name: str, near: Object) -> Object | None:
        """The object of that name in the namespace of another."""
        return next(self._by_name.near((kind, name), near), None)

    def that(self, question: "Question[bool]") -> list[Object]:
        """The objects about which a question is answered with yes."""
        if question not in self._answers:
            self._answers[question] = [each for each in self._known if question(each, self)]
        return self._answers[question]

    def once(self, question: "Question[Answer]", each: Object) -> Answer:
        """The answer about one object, which is looked for once."""
        key = question, id(each)
        if key not in self._known_of:
            self._known_of[key] = question(each, self)
        found: Answer = self._known_of[key]
        return found

    def has_near(self, question: "Question[bool]", near: Object) -> bool:
        """Whether one of those is, or may be, in the namespace of another object."""
        if question not in self._spaces:
            self._spaces[question] = {each.namespace for each in self.that(question)}
        spaces = self._spaces[question]
        return bool(spaces & {near.namespace, ""} if near.namespace else spaces)

    @cached_property
    def canary_metrics(self) -> dict[str, list[FieldPlace]]:
        """The metrics of Canaries, by the names of the templates that they refer to."""
        found: dict[str, list[FieldPlace]] = {}
        for canary in self.of("Canary"):
            for metric in canary.root.at("spec", "analysis", "metrics").items:
                found.setdefault(metric.at("templateRef", "name").text, []).append(metric)
        return found

    @cached_property
    def serving(self) -> list[CheckedWorkload]:
        """The workloads that somebody connects to."""
        return [each for each in self.workloads if each.serves]

    def guarded_by(self, budget: Object) -> list[CheckedWorkload]:
        """The workloads whose pods a PodDisruptionBudget selects."""
        return self._guarded.get(id(budget), [])

    def counted_by(self, budget: Object) -> "Counted":
        """Those of them whose pods can be counted: a DaemonSet has as many as there are nodes, and
        its pods are not evicted."""
        if id(budget) not in self._counted:
            self._counted[id(budget)] = Counted(self.guarded_by(budget))
        return self._counted[id(budget)]

    @cached_property
    def _guarded(self) -> dict[int, list[CheckedWorkload]]:
        found: dict[int, list[CheckedWorkload]] = {}
        for workload in self.workloads:
            for budget in workload.budgets:
                found.setdefault(id(budget), []).append(workload)
        return found

    def behind(self, service: Object) -> list[CheckedWorkload]:
        """The workloads whose pods a Service selects."""
        return self._behind.get(id(service), [])

    @cached_property
    def _behind(self) -> dict[int, list[CheckedWorkload]]:
        found: dict[int, list[CheckedWorkload]] = {}
        for workload in self.workloads:
            for service in workload.services:
                found.setdefault(id(service), []).append(workload)
        return found

    @cached_property
    def governing(self) -> set[str]:
        """The names of the Services by which members of StatefulSets find each other."""
        sets = self.of("StatefulSet")
        return {each.root.at("spec", "serviceName").text for each in sets}

    @cached_property
    def pods(self) -> Pods:
        """The pods, and templates of pods, of objects of every kind."""
        found = (each.root if each.kind == "Pod" else _template(each) for each in self.objects)
        return Pods(each for each in found if each.at("spec", "containers").exists)

    def port_names(self, service: Object) -> set[str]:
        """The names of the ports of the pods behind a Service."""
        wanted = service.root.at("spec", "selector").texts
        asked = service.namespace, frozenset(wanted.items())
        if asked not in self._port_names:
            self._port_names[asked] = {
                port.at("name").text
                for pod in self.pods.selected(wanted, service)
                for container in containers_with_ports(pod.place.at("spec"))
                for port in container.at("ports").items
            }
        return self._port_names[asked]


class Counted:
    """Workloads by their titles, and how many pods they have together. Of copies in overlays the
    smallest stands for all."""

    def __init__(self, guarded: Iterable[CheckedWorkload]) -> None:
        self.workloads: dict[str, CheckedWorkload] = {}
        for each in guarded:
            if each.kind != "DaemonSet" and not each.is_managed:
                known = self.workloads.get(each.title, each)
                self.workloads[each.title] = min(known, each, key=lambda one: one.least)
        self._planned = sum(each.planned for each in self.workloads.values())

    def besides(self, workload: CheckedWorkload) -> int:
        """The pods of the others."""
        known = self.workloads.get(workload.title)
        return self._planned - (known.planned if known else 0)


def _template(each: Object) -> FieldPlace:
    template = each.root.at("spec", "template")
    return template if template.exists else each.root.at("spec", "jobTemplate", "spec", "template")


def hook_of(each: Object) -> FieldPlace | None:
    """The annotation that makes it a hook of Helm or Argo CD; None if it is none."""
    found = (each.root.at("metadata", "annotations", key) for key in _HOOKS)
    return next((place for place in found if place.exists), None)


def hook_phases(hook: FieldPlace) -> set[str]:
    """`PreSync`, `pre-upgrade`...: a hook may name several."""
    return {each.strip() for each in hook.text.split(",")}
