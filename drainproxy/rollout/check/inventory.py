"""All that was given, seen together. What is asked of all objects is asked once: rules ask it for
each workload, and a thousand manifests are a million pairs."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Final

from .copies import Shelf
from .place import Object, Place
from .workload import Workload

_HOOKS: Final = ("argocd.argoproj.io/hook", "helm.sh/hook")

Labels = dict[str, str]


class Inventory:
    """The objects of all files, and the workloads among them."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self.objects = list(objects)
        self.workloads: list[Workload] = []
        self._answers: dict[Callable[[Object], bool], list[Object]] = {}

    @cached_property
    def _by_kind(self) -> dict[str, list[Object]]:
        found: dict[str, list[Object]] = {}
        for each in self.objects:
            found.setdefault(each.kind, []).append(each)
        return found

    @cached_property
    def _by_name(self) -> Shelf:
        return Shelf(((each.kind, each.name), each) for each in self.objects)

    def of(self, *kinds: str) -> list[Object]:
        """The objects of these kinds, in the order of the input."""
        return [each for kind in kinds for each in self._by_kind.get(kind, ())]

    def named(self, kind: str, name: str, near: Object) -> Object | None:
        """The object of that name in the namespace of another."""
        found = self._by_name.near((kind, name), near)
        return found[0] if found else None

    def that(self, question: Callable[[Object], bool]) -> list[Object]:
        """The objects about which a question is answered with yes."""
        if question not in self._answers:
            self._answers[question] = [each for each in self.objects if question(each)]
        return self._answers[question]

    @cached_property
    def serving(self) -> list[Workload]:
        """The workloads that somebody connects to."""
        return [each for each in self.workloads if each.serves]

    def guarded_by(self, budget: Object) -> list[Workload]:
        """The workloads whose pods a PodDisruptionBudget selects."""
        return self._guarded.get(id(budget), [])

    @cached_property
    def _guarded(self) -> dict[int, list[Workload]]:
        found: dict[int, list[Workload]] = {}
        for workload in self.workloads:
            for budget in workload.budgets:
                found.setdefault(id(budget), []).append(workload)
        return found

    @cached_property
    def pods(self) -> list[tuple[Place, Labels]]:
        """The pods, and templates of pods, of objects of every kind, with their labels."""
        found = (each.root if each.kind == "Pod" else _template(each) for each in self.objects)
        return [
            (each, each.at("metadata", "labels").texts)
            for each in found
            if each.at("spec", "containers").exists
        ]

    @cached_property
    def _pods_by_label(self) -> dict[tuple[str, str], list[tuple[Place, Labels]]]:
        found: dict[tuple[str, str], list[tuple[Place, Labels]]] = {}
        for pod, labels in self.pods:
            for label in labels.items():
                found.setdefault(label, []).append((pod, labels))
        return found

    def pods_of(self, service: Object) -> Iterator[Place]:
        """The pods behind a Service, whatever makes them; none if it selects none by labels."""
        wanted = service.root.at("spec", "selector").texts.items()
        found = (self._pods_by_label.get(label, ()) for label in list(wanted)[:1])
        return (
            pod
            for candidates in found
            for pod, labels in candidates
            if wanted <= labels.items() and pod.object.shares_namespace(service)
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
