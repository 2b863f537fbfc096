"""On which nodes a pod may run, as far as it says which system these have."""

from typing import Final

from msgspec import Struct

from .selectors import Requirement

# The labels of nodes that name their system; the second is the one of before 1.14.
OS: Final = ("kubernetes.io/os", "beta.kubernetes.io/os")


class _AffinityFields(Struct, rename="camel", frozen=True):
    """What is written in camel case."""


class _Term(_AffinityFields, frozen=True):
    match_expressions: list[Requirement] | None = None


class _Nodes(_AffinityFields, frozen=True):
    node_selector_terms: list[_Term | None] | None = None


class _NodeAffinity(_AffinityFields, frozen=True):
    required_during_scheduling_ignored_during_execution: _Nodes | None = None

    @property
    def terms(self) -> list[_Term | None]:
        """Of which a node must meet one."""
        required = self.required_during_scheduling_ignored_during_execution
        return (required and required.node_selector_terms) or []


class Affinity(_AffinityFields, frozen=True):
    """The affinity of a pod."""

    node_affinity: _NodeAffinity | None = None

    @property
    def is_windows(self) -> bool:
        """Whether all nodes that it allows run Windows; a term without conditions allows none."""
        terms = self.node_affinity.terms if self.node_affinity else []
        return bool(terms) and all(
            any(_wants_windows(each) for each in (term and term.match_expressions) or [])
            for term in terms
        )


def _wants_windows(one: Requirement) -> bool:
    return one.key in OS and one.operator == "In" and set(one.values or ()) == {"windows"}
