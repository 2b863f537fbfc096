"""Services of the input: which port of a pod they send clients to, and how."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Annotated, Any, Final

from msgspec import Meta, Struct, field

from .misfits import Misfit, Name, Number, Texts, filled, fitted
from .podspec import Json, api_group

# The label that the controller of StatefulSets puts on each pod.
POD_NAME: Final = "statefulset.kubernetes.io/pod-name"


class ServicePort(Struct, rename="camel", frozen=True):
    """A port of a Service; `target` is the pod's port, by name or number."""

    port: Number
    name: str | None = None
    protocol: str | None = None
    target_port: Annotated[int, Meta(ge=0, le=65_535)] | Name | None = None
    app_protocol: str | None = None

    @property
    def target(self) -> int | str:
        """The port itself where no other is named."""
        return self.port if self.target_port in (None, 0, "") else self.target_port or self.port

    @property
    def is_numeric(self) -> bool:
        """Whether it targets a number."""
        return isinstance(self.target, int)

    @property
    def step(self) -> str:
        """How it is chosen among the ports of its Service, in a path: several need names."""
        return f"name={self.name}" if self.name else f"port={self.port}"


class _ServiceSpec(Struct, rename="camel", frozen=True):
    cluster_ip: str | None = field(default=None, name="clusterIP")
    type: str | None = None
    selector: Texts | None = None
    ports: list[ServicePort] | None = None


class Named(Struct, frozen=True):
    """The metadata of an object that concerns pods; without a namespace it is in theirs."""

    name: str = "?"
    namespace: str | None = None
    annotations: dict[str, Any] | None = None


class Service(Struct, frozen=True, dict=True):
    """A Service, as far as it concerns the pods behind it. What is worked out is kept: a webhook
    asks the same of it for each pod."""

    metadata: Named
    spec: _ServiceSpec = field(default_factory=_ServiceSpec)

    @property
    def name(self) -> str:
        """Its name, for messages."""
        return self.metadata.name

    @cached_property
    def ports(self) -> list[ServicePort]:
        """Those that lead TCP to pods; a name outside the cluster (ExternalName) leads nowhere."""
        if self.spec.type == "ExternalName":
            return []
        return [port for port in self.spec.ports or [] if port.protocol in (None, "TCP")]

    @property
    def key(self) -> int:
        """Which of those that are there it is: in a folder with several environments, others have
        its name and namespace."""
        return id(self)

    @property
    def namespace(self) -> str:
        """Empty where it is that of whoever applies it."""
        return self.metadata.namespace or ""

    @property
    def is_headless(self) -> bool:
        """Whether clients learn the addresses of pods, and choose the port themselves."""
        return self.spec.cluster_ip == "None"

    @cached_property
    def selector(self) -> Mapping[str, str]:
        """The labels of the pods behind it; without any it selects none."""
        return filled(self.spec.selector)

    @property
    def stateful_set(self) -> str | None:
        """The StatefulSet of whose pods it selects one by its name; None if it selects others."""
        pod = self.selector.get(POD_NAME, "")
        name, _, ordinal = pod.rpartition("-")
        return name if ordinal.isdigit() else None

    def label_keys(self) -> Iterator[str]:
        """The labels of pods on which it depends whether they are behind it."""
        yield from self.selector

    def size(self) -> int:
        """How much there is in it to compare with a pod."""
        return 1 + len(self.selector)

    def selects(
        self, namespace: str, labels: Mapping[str, str], stateful_set: str | None = None
    ) -> bool:
        """Whether pods with these labels are behind it, or one of those of a StatefulSet."""
        selector = self.selector
        same = bool(selector) and self.namespace == namespace
        if stateful_set is not None and self.stateful_set == stateful_set:
            selector = {key: text for key, text in selector.items() if key != POD_NAME}
        return same and selector.items() <= labels.items()


def services(bodies: Iterable[Json]) -> Iterator[Service]:
    """The Services among these objects; one that cannot be read concerns no pod."""
    for body in bodies:
        with suppress(Misfit):
            yield from filter(None, [service(body)])


def service(body: Json) -> Service | None:
    """The object as a Service; None if it is none, Misfit if it cannot be read.

    One whose spec is null is like one that has none: it leads nowhere, and stops nobody.
    """
    if not is_service(body):
        return None
    if body.get("spec") is None:
        body = {**body, "spec": {}}
    return fitted(body, Service, "Service")


def is_service(body: Json) -> bool:
    """Whether it is one of the core API, and not Knative's."""
    return body.get("kind") == "Service" and api_group(body) == ""
