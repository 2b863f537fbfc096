"""NetworkPolicies in the same input: which ports of a pod they let clients reach."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, ValidationError, convert

from .podspec import Json, api_group
from .services import Named


class _Port(Struct, rename="camel", frozen=True):
    port: int | str | None = None
    end_port: int | None = None
    protocol: str | None = None

    def lets_in(self, number: int) -> bool:
        """Whether this number is among those that are listed; a name is not looked up."""
        if self.protocol not in (None, "TCP") or isinstance(self.port, str):
            return False
        return self.port is None or self.port <= number <= (self.end_port or self.port)


class _Rule(Struct, frozen=True):
    ports: list[_Port] | None = None


class _Selector(Struct, rename="camel", frozen=True):
    match_labels: dict[str, str] | None = None
    match_expressions: list[Json] | None = None


class _Spec(Struct, rename="camel", frozen=True):
    pod_selector: _Selector = _Selector()
    ingress: list[_Rule] | None = None


class Policy(Struct, frozen=True):
    """A NetworkPolicy, as far as it concerns the ports of pods."""

    metadata: Named
    spec: _Spec

    def selects(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether it is about pods with these labels; expressions are not weighed."""
        selector = self.spec.pod_selector
        same = (self.metadata.namespace or "") == namespace
        wanted = (selector.match_labels or {}).items()
        return same and not selector.match_expressions and wanted <= labels.items()

    def lets_in(self, number: int) -> bool:
        """Whether a rule lets some clients reach this port."""
        return any(
            not rule.ports or any(port.lets_in(number) for port in rule.ports)
            for rule in self.spec.ingress or []
        )


def policies(bodies: Iterable[Json]) -> Iterator[Policy]:
    """The NetworkPolicies among these objects; one that cannot be read concerns no pod."""
    for body in bodies:
        if body.get("kind") == "NetworkPolicy" and api_group(body) == "networking.k8s.io":
            try:
                yield convert(body, Policy)
            except ValidationError:
                continue
