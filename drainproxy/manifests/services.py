"""Services in the same input: which port of a pod they lead clients to, and how."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct, ValidationError, convert, field

from .podspec import Json, api_group


class ServicePort(Struct, rename="camel", frozen=True):
    """A port of a Service; `target` is the pod's port, by name or number."""

    port: int
    name: str | None = None
    protocol: str | None = None
    target_port: int | str | None = None
    app_protocol: str | None = None

    @property
    def target(self) -> int | str:
        """The port itself where no other is named."""
        return self.port if self.target_port in (None, 0, "") else self.target_port or self.port


class _Spec(Struct, rename="camel", frozen=True):
    cluster_ip: str | None = field(default=None, name="clusterIP")
    selector: dict[str, str] | None = None
    ports: list[ServicePort] | None = None


class Named(Struct, frozen=True):
    """The metadata of an object that concerns pods; without a namespace it is in theirs."""

    name: str = "?"
    namespace: str | None = None


class Service(Struct, frozen=True):
    """A Service, as far as it concerns the pods behind it."""

    metadata: Named
    spec: _Spec

    @property
    def name(self) -> str:
        """Its name, for messages."""
        return self.metadata.name

    @property
    def ports(self) -> list[ServicePort]:
        """Those that lead TCP to pods."""
        return [port for port in self.spec.ports or [] if port.protocol in (None, "TCP")]

    @property
    def is_headless(self) -> bool:
        """Whether clients learn the addresses of pods, and choose the port themselves."""
        return self.spec.cluster_ip == "None"

    def selects(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether pods with these labels are behind it; no namespace is one of its own."""
        selector = self.spec.selector or {}
        same = (self.metadata.namespace or "") == namespace
        return bool(selector) and same and selector.items() <= labels.items()


def services(bodies: Iterable[Json]) -> Iterator[Service]:
    """The Services among these objects; one that cannot be read concerns no pod."""
    for body in bodies:
        if body.get("kind") == "Service" and api_group(body) == "":
            try:
                yield convert(body, Service)
            except ValidationError:
                continue


def named_targets(found: Iterable[Service]) -> set[str]:
    """The names of ports that they target."""
    return {port.target for port in _ports(found) if isinstance(port.target, str)}


def protocols(found: Iterable[Service]) -> dict[Any, str]:
    """What they say is spoken at a port of the pod, by its name or number."""
    return {port.target: port.app_protocol for port in _ports(found) if port.app_protocol}


def _ports(found: Iterable[Service]) -> Iterator[ServicePort]:
    for service in found:
        yield from service.ports
