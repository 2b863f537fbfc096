"""Which ports of a pod clients reach through Services, and so which ports the sidecar takes
over."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from drainproxy.config import Forward
from drainproxy.config.values import Protocol
from drainproxy.manifests.podspec import Pod
from drainproxy.manifests.services import Service, ServicePort

from .annotations import STATUS, InjectionOptions
from .listeners import ListedPorts, free_numbers
from .ports import (
    AppPort,
    PortTakeover,
    as_forwarded,
    declared,
    ends_of,
    known,
    namer,
    names_by_number,
    needed,
    numbered,
    own,
    spoken,
    usable_name,
)
from .service_targets import Target, targets
from .status import target_before

# Why a port of a Service may not come to target something else; empty if it may.
Objection = Callable[[Service, ServicePort, int | str], str]
# Ports that are wanted, each with the protocol that somebody has named.
Chosen = Mapping[AppPort, Protocol | None]
# A port of a Service: the key of that, and what chooses the port in it.
Held = tuple[int, str]


def unchangeable(_service: Service, _port: ServicePort, _target: int | str) -> str:
    """The objection where Services are known and cannot be changed, as in a webhook."""
    return "that cannot be changed here"


class Around(Struct, frozen=True, kw_only=True, dict=True):
    """What is known of a pod's surroundings.

    `services` are those that select it (None: nobody knows), `place` where they were looked for;
    `objection` speaks against a changed targetPort, `no_redirect` against a redirect (or is empty),
    `redirects_if_asked` against one that nobody has asked for. `held` are numbers of sidecars that
    ports of Services target already, where `services` are as they were before; `listed` are the
    ports that NetworkPolicies list.
    """

    services: Sequence[Service] | None = None
    place: str = "in this input"
    objection: Objection = unchangeable
    no_redirect: str = ""
    redirects_if_asked: str = ""
    held: Mapping[Held, int] = {}
    listed: ListedPorts = ListedPorts()

    @cached_property
    def targets(self) -> Sequence[Target]:
        """What the Services target."""
        return [*targets(self.services or ())]

    @property
    def names(self) -> set[str]:
        """The names of ports that Services target, and that policies list."""
        named = {target for _, _, target in self.targets if isinstance(target, str)}
        return named | self.listed.names


class CaptureQuestion(Struct, frozen=True, kw_only=True, dict=True):
    """A pod as it was before injection, what is asked for, and what stands around it.

    `reserved` are ports that the sidecar needs for itself, `forwards` what the pod says itself with
    the annotation of that name, `kept` where the sidecar has listened for a port of the app until
    now.
    """

    pod: Pod
    pod_options: InjectionOptions
    around: Around = Around()
    reserved: Sequence[int] = ()
    forwards: Sequence[Forward] | None = None
    kept: Mapping[int, Sequence[int]] = {}

    @cached_property
    def by_name_alone(self) -> bool:
        """Whether nothing but a name may lead clients to the sidecar."""
        return self.pod_options.capture == "names" or (
            self.pod_options.capture == "auto" and self.around.services is None
        )

    @property
    def no_redirect(self) -> str:
        """Why the pod is not redirected; empty if it may be."""
        is_asked_for = self.pod_options.capture == "redirect"
        return self.around.no_redirect or ("" if is_asked_for else self.around.redirects_if_asked)

    @property
    def names_ports(self) -> bool:
        """Whether the pod chooses its ports itself."""
        return self.pod_options.ports is not None or self.forwards is not None

    @cached_property
    def listens(self) -> set[int]:
        """Where the pod itself makes the sidecar listen."""
        return {each.listen.port for each in self.forwards or ()}

    @cached_property
    def every_lead(self) -> "Sequence[Lead]":
        """Every TCP port of the Services around the pod."""
        around, end = self.around, ends_of(self.pod)
        return [lead for each in around.services or () for lead in _leads(each, end, around.held)]

    @cached_property
    def leads(self) -> "Sequence[Lead]":
        """Every TCP port of the Services around the pod that is to be led to the sidecar."""
        return leads_to(self)


class Lead(Struct, frozen=True):
    """A port of a Service, and the port of the app to which it leads; None if to none.

    Where the Service was changed before, `end` is what it led to then, and `held` the number of the
    sidecar that it targets now, if it is one.
    """

    service: Service
    port: ServicePort
    end: AppPort | None
    held: int | None = None

    @property
    def is_undeclared(self) -> bool:
        """Whether it leads to a number that no container declares."""
        return self.end is not None and not self.end.container

    def to(self, target: int | str) -> str:
        """How it leads to the sidecar."""
        return f"{self.service.name} {self.port.port} -> {target}"


def leads_to(question: CaptureQuestion) -> list[Lead]:
    """What the question keeps as `leads`.

    A port that nobody declares may be one on which nobody listens. In pods that end by themselves,
    which bear labels of servers without being ones, and in headless Services beside others, which
    are for what the pods say to each other, it must be declared.
    """
    leads = question.every_lead
    beside = any(lead.end and not lead.service.is_headless for lead in leads)
    return [
        lead
        for lead in leads
        if not lead.is_undeclared
        or not (question.pod.completes or (beside and lead.service.is_headless))
    ]


def _leads(
    service: Service, end: Callable[[int | str], AppPort | None], held: Mapping[Held, int]
) -> Iterator[Lead]:
    record = (service.metadata.annotations or {}).get(STATUS)
    for port in service.ports:
        before = target_before(record, port.step, port.port) if record else None
        if before is None:
            now = held.get((service.key, port.step)) if held else None
        else:
            now = port.target if isinstance(port.target, int) else None
        yield Lead(service, port, end(port.target if before is None else before), now)


def held_before(question: CaptureQuestion, leads: Iterable[Lead]) -> dict[int, list[int]]:
    """Where Services lead already, and where the sidecar has listened, for each port of the app:
    pods of before and after a rollout are behind the same Service, so numbers must not move."""
    found: dict[int, list[int]] = {}
    for lead in leads:
        if lead.end and lead.held is not None:
            found.setdefault(lead.end.number, []).append(lead.held)
    for port, numbers in question.kept.items():
        found.setdefault(port, []).extend(numbers)
    return found


def taken_by_name(question: CaptureQuestion, leads: Sequence[Lead]) -> list[PortTakeover]:
    """The ports that can be had without a redirect; ValueError if one that is asked for cannot."""
    if question.forwards is not None:
        return as_forwarded(question.pod, True, question.forwards, question.around.names)
    chosen = _chosen(question, leads)
    if question.pod_options.capture == "names" or not any(lead.end for lead in leads):
        chosen = _with_names(question, chosen)
    return _taken(question, leads, chosen, by_name=True)


def taken_by_redirect(question: CaptureQuestion, leads: Sequence[Lead]) -> list[PortTakeover]:
    """The ports that a redirect can lead to the sidecar, which are all; ValueError as above."""
    if question.forwards is not None:
        return as_forwarded(question.pod, False, question.forwards)
    chosen: dict[int, tuple[AppPort, Protocol | None]] = {}
    for port, said in _chosen(question, leads).items():
        chosen.setdefault(port.number, (port, said))
    return _taken(question, leads, dict(chosen.values()), by_name=False)


def without_names(question: CaptureQuestion) -> list[AppPort]:
    """Those of the ports that the pod has of itself to which no name leads."""
    chosen = _chosen(question, ())
    return [each for each in chosen if not usable_name(question.pod, each)]


def _chosen(question: CaptureQuestion, leads: Sequence[Lead]) -> Chosen:
    """In this order: what somebody asks for, what Services target, what is declared or probed."""
    if question.pod_options.ports is not None:
        return _asked_for(question)
    pod, wanted = question.pod, question.pod_options.capture
    named = wanted == "names"
    ends = [each.end for each in leads if each.end and not (named and each.port.is_numeric)]
    if wanted == "redirect":
        return dict.fromkeys([*own(pod), *ends] or known(pod))
    return dict.fromkeys(_in_order_of_declaration(pod, ends) or known(pod))


def _in_order_of_declaration(pod: Pod, ends: Sequence[AppPort]) -> list[AppPort]:
    """Services may come in any order: where the sidecar listens must not follow that."""
    wanted = dict.fromkeys(ends)
    first = dict.fromkeys(each for each in declared(pod) if each in wanted)
    others = (each for each in wanted if each not in first)
    return [*first, *sorted(others, key=lambda each: each.number)]


def _asked_for(question: CaptureQuestion) -> Chosen:
    return {
        _found(question, choice.port): choice.protocol
        for choice in question.pod_options.ports or ()
    }


def _found(question: CaptureQuestion, text: str) -> AppPort:
    ports = declared(question.pod)
    if text.isdigit() and int(text) in range(1, 1 << 16) and not question.by_name_alone:
        return numbered(question.pod, int(text))
    found = [each for each in ports if each.is_called(text)]
    if not found:
        have = ", ".join(each.label for each in ports)
        raise ValueError(f"{text!r} is no TCP port of this pod: it has {have or 'none'}")
    return next((each for each in found if usable_name(question.pod, each)), found[0])


def _with_names(question: CaptureQuestion, chosen: Chosen) -> Chosen:
    named = {port: said for port, said in chosen.items() if usable_name(question.pod, port)}
    if question.pod_options.ports is not None and question.by_name_alone:
        for port in chosen:
            if port not in named:
                raise ValueError(
                    f"port {port.number} has no name to take over: give it one, or capture=redirect"
                )
    return named


def _taken(
    question: CaptureQuestion, leads: Sequence[Lead], chosen: Chosen, by_name: bool
) -> list[PortTakeover]:
    rename = namer(question.pod, question.around.names)
    led = _by_number(leads)
    taken = []
    for (port, said), listen in zip(
        chosen.items(), _listeners(question, leads, chosen), strict=True
    ):
        name = usable_name(question.pod, port) if by_name else None
        protocol = said or _spoken(port, led.get(port.number, []))
        renamed = rename(name) if name else None
        taken.append(PortTakeover(port.number, listen, protocol, name, renamed))
    return taken


def _listeners(question: CaptureQuestion, leads: Sequence[Lead], chosen: Chosen) -> list[int]:
    """Where the sidecar is to listen for each of these ports."""
    # A port that a Service targets may be one of the app, whether it is taken over or not.
    ends = [each.number for each in chosen]
    ends += [each.end.number for each in question.every_lead if each.end]
    busy = needed(question.pod) | {*question.reserved, *ends}
    names = names_by_number(question.pod)
    ports = [(each.number, names.get(each.number, ())) for each in chosen]
    return free_numbers(ports, busy, held_before(question, leads), question.around.listed)


def _by_number(leads: Iterable[Lead]) -> dict[int, list[ServicePort]]:
    found: dict[int, list[ServicePort]] = {}
    for lead in leads:
        if lead.end:
            found.setdefault(lead.end.number, []).append(lead.port)
    return found


def _spoken(port: AppPort, here: Sequence[ServicePort]) -> Protocol:
    said = next((each.app_protocol for each in here if each.app_protocol), None)
    return spoken(port, said, next((each.name for each in here if each.name), None))
