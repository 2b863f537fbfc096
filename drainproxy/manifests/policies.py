"""NetworkPolicies of the input: through which ports of a pod they let clients in.

A policy applies to the port at which a connection arrives in the pod. Where the sidecar listens on
another port than the app, whoever is allowed to reach the app's must be allowed to reach the
sidecar's.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Final

from msgspec import Struct

from .misfits import Misfit, Name, Number, fitted
from .podspec import Json, api_group
from .selectors import Selector
from .services import Named

_NAME_OF_NAMESPACE: Final = "kubernetes.io/metadata.name"


class PolicyPod(Struct, frozen=True):
    """A pod as policies see it, and the labels of its namespace, if these are known."""

    namespace: str
    labels: Mapping[str, str]
    around: Mapping[str, str] | None = None


class Move(Struct, frozen=True):
    """A port of the app, its name if that moves too, and where clients come instead; `others` are
    the names that it has besides."""

    port: int
    listen: int
    name: str | None = None
    others: tuple[str, ...] = ()

    @property
    def names(self) -> Sequence[str]:
        """All by which a policy may allow it."""
        return (self.name, *self.others) if self.name else self.others


class _Port(Struct, rename="camel", frozen=True):
    port: Number | Name | None = None
    end_port: Number | None = None
    protocol: str | None = None

    def allows(self, number: int, names: Sequence[str] = ()) -> bool:
        """Whether it is among those that are listed."""
        if self.protocol not in (None, "TCP"):
            return False
        if isinstance(self.port, str):
            return self.port in names
        return self.port is None or self.port <= number <= (self.end_port or self.port)


class _Peer(Struct, rename="camel", frozen=True):
    pod_selector: Selector | None = None
    namespace_selector: Selector | None = None
    ip_block: Json | None = None

    def may_be(self, place: PolicyPod, own_namespace: str) -> bool:
        """Whether the pod may be meant; where its namespace's labels are not known it may."""
        if self.ip_block is not None:
            return False
        if self.pod_selector and not self.pod_selector.selects(place.labels):
            return False
        if self.namespace_selector is None:
            return place.namespace == own_namespace
        if place.around is None:
            return True
        labels = {_NAME_OF_NAMESPACE: place.namespace, **place.around}
        return self.namespace_selector.selects(labels)


class _Rule(Struct, frozen=True, dict=True):
    ports: list[_Port | None] | None = None
    to: list[_Peer] | None = None

    @cached_property
    def allowed(self) -> Sequence[_Port]:
        """The ports that it lists; without any it allows all."""
        return [each or _Port() for each in self.ports or ()]


# As the API server reads null where such an object is wanted.
_EMPTY_RULE: Final = _Rule()


class _PolicySpec(Struct, rename="camel", frozen=True):
    pod_selector: Selector | None = None
    ingress: list[_Rule | None] | None = None
    egress: list[_Rule | None] | None = None


class NetworkPolicy(Struct, frozen=True, dict=True):
    """A NetworkPolicy, as far as it concerns the ports of pods."""

    metadata: Named
    spec: _PolicySpec | None = None

    @cached_property
    def pod_selector(self) -> Selector:
        """What selects the pods that it is about."""
        return (self.spec and self.spec.pod_selector) or Selector()

    @cached_property
    def ingress(self) -> Sequence[_Rule]:
        """Who may come to these."""
        return [each or _EMPTY_RULE for each in (self.spec and self.spec.ingress) or ()]

    @cached_property
    def egress(self) -> Sequence[_Rule]:
        """Where these may go."""
        return [each or _EMPTY_RULE for each in (self.spec and self.spec.egress) or ()]

    @property
    def namespace(self) -> str:
        """Where it holds."""
        return self.metadata.namespace or ""

    def selects(self, place: PolicyPod) -> bool:
        """Whether it is about a pod."""
        return self.namespace == place.namespace and self.pod_selector.selects(place.labels)

    def peers(self) -> Iterator[tuple[str | None, Selector]]:
        """What its pods are selected by: in which namespace (None stands for any), by which labels.
        Whatever it is about is selected by one of these."""
        if self.ingress:
            yield self.namespace, self.pod_selector
        for rule in self.egress:
            if not rule.to:
                yield None, Selector()
            for peer in rule.to or []:
                if peer.ip_block is None:
                    own = self.namespace if peer.namespace_selector is None else None
                    yield own, peer.pod_selector or Selector()

    def label_keys(self) -> Iterator[str]:
        """The labels of pods on which it depends whether it is about them."""
        for _, selector in self.peers():
            yield from selector.keys()

    def size(self) -> int:
        """How much there is in it to compare with a pod."""
        size = 1 + sum(1 + len(ports) for ports in self._allowed())
        peers = [peer for rule in self.egress for peer in rule.to or []]
        spaces = [each.namespace_selector for each in peers if each.namespace_selector]
        return size + sum(each.size() for each in (*spaces, *(each for _, each in self.peers())))

    def port_names(self) -> Iterator[str]:
        """The names of the ports that it allows."""
        yield from (port.port for port in self._ports() if isinstance(port.port, str))

    def port_ranges(self) -> Iterator[tuple[int, int]]:
        """The numbers of ports that it allows, first and last; who allows all allows ours too."""
        for port in self._ports():
            if isinstance(port.port, int):
                yield port.port, port.end_port or port.port

    def _allowed(self) -> Iterator[Sequence[_Port]]:
        yield from (rule.allowed for rule in (*self.ingress, *self.egress))

    def _ports(self) -> Iterator[_Port]:
        for ports in self._allowed():
            yield from (port for port in ports if port.protocol in (None, "TCP"))

    def too_narrow(self, place: PolicyPod, move: Move) -> Iterator[tuple[str, ...]]:
        """The paths of the lists of ports that allow the app's port and not the sidecar's."""
        for path, ports in self._about(place):
            allowed = any(port.allows(move.port, move.names) for port in ports)
            if allowed and not any(port.allows(move.listen) for port in ports):
                yield path

    def opens(self, place: PolicyPod, move: Move, paths: Container[tuple[str, ...]]) -> bool:
        """Whether clients come through the sidecar to a port of the app that it does not allow, if
        the lists at these paths are to allow the sidecar's, as others may do of themselves."""
        return any(
            (path in paths or any(port.allows(move.listen) for port in ports))
            and not any(port.allows(move.port, move.names) for port in ports)
            for path, ports in self._about(place)
        )

    def _about(self, place: PolicyPod) -> Iterator[tuple[tuple[str, ...], Sequence[_Port]]]:
        """The lists of ports that are about a pod, each with its path."""
        if self.selects(place):
            for at, rule in enumerate(self.ingress):
                yield ("spec", "ingress", str(at), "ports"), rule.allowed
        for at, rule in enumerate(self.egress):
            if not rule.to or any(peer.may_be(place, self.namespace) for peer in rule.to):
                yield ("spec", "egress", str(at), "ports"), rule.allowed


def policies(bodies: Iterable[Json]) -> Iterator[NetworkPolicy]:
    """The NetworkPolicies among these objects; one that cannot be read concerns no pod."""
    for body in bodies:
        with suppress(Misfit):
            yield from filter(None, [policy(body)])


def policy(body: Json) -> NetworkPolicy | None:
    """The object as a NetworkPolicy; None if it is none, Misfit if Kubernetes would not take it."""
    if body.get("kind") != "NetworkPolicy" or api_group(body) != "networking.k8s.io":
        return None
    return fitted(body, NetworkPolicy, "NetworkPolicy")
