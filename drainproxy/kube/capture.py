"""Decides how clients of a pod reach its sidecar. Pure.

Clients reach a pod at the port that a Service targets, by name or number. There are three ways to
take the app's place there:

- *names*: the sidecar declares the name that the Service targets, and the app's port is renamed;
- *service rewrite*: a Service that targets a number is changed to target the name of that port, or,
  where none is declared, the number on which the sidecar listens;
- *redirect*: nftables in the pod redirects the app's port to it. That needs NET_ADMIN.

`auto` takes the first that reaches every Service. Whatever lets clients bypass the sidecar is
reported, never hidden.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from drainproxy.config.mistakes import told
from drainproxy.manifests.services import Service, ServicePort

from .leads import (
    Around,
    CaptureQuestion,
    Lead,
    taken_by_name,
    taken_by_redirect,
    without_names,
)
from .limits import too_many_leads, too_many_ports
from .ports import PortTakeover, declared, known, listed

__all__ = ["Around", "Capture", "CaptureQuestion", "Mode", "Rewrite", "choose"]

Mode = Literal["names", "service rewrite", "redirect"]

_NO_NAMES: Final = (
    "no container has a TCP port with a name: name the port that the Service targets, or set"
    " drainproxy.io/capture: redirect"
)
_NO_PORTS: Final = (
    "no container declares a TCP port, and neither a Service nor a probe names one: if it listens"
    " on one, name that with drainproxy.io/ports"
)


class Rewrite(Struct, frozen=True):
    """A port of a Service, and what it is to target."""

    service: Service
    port: ServicePort
    target: int | str

    @property
    def takes_two_steps(self) -> bool:
        """Whether it leads nowhere in pods without a sidecar."""
        return isinstance(self.target, int)


class Capture(Struct, frozen=True, kw_only=True):
    """How clients are led to the sidecar, and why so.

    Without a `mode` there is nothing to take over. `led` says what comes to the sidecar by which
    Service; `obstacles` are the ways past it that nobody asked for, `left` those that the pod chose
    by naming other ports, `nowhere` the targets that lead to no port at all.
    """

    mode: Mode | None
    reason: str
    ports: Sequence[PortTakeover] = ()
    rewrites: Sequence[Rewrite] = ()
    led: Sequence[str] = ()
    obstacles: Sequence[str] = ()
    left: Sequence[str] = ()
    nowhere: Sequence[str] = ()

    @property
    def captures(self) -> bool:
        """Whether clients come to the sidecar, as far as is known."""
        return self.mode is not None and bool(self.led or not (self.past or self.nowhere))

    @property
    def past(self) -> list[str]:
        """Every way past the sidecar."""
        return [*self.obstacles, *self.left]

    @property
    def missed(self) -> str:
        """Why clients do not come to the sidecar, or some pass it; empty if that is not so."""
        if self.obstacles or not self.captures:
            return "; ".join(told(self.past or self.nowhere))
        return ""

    def __str__(self) -> str:
        if self.mode is None:
            return self.reason
        if self.mode == "redirect":
            pairs = ", ".join(f"{each.port} -> {each.listen}" for each in self.ports)
            return f"redirect: {pairs}; {self.reason}"
        return (
            f"{self.mode}: {', '.join(told(self.led))}"
            if self.led
            else f"{self.mode}; {self.reason}"
        )


class _Way(Struct, frozen=True):
    """What becomes of a lead, or of what has none.

    `text` is how it leads to the sidecar, or what else there is to say of it.
    """

    kind: Literal["led", "obstacles", "left", "nowhere"]
    text: str = ""
    lead: Lead | None = None
    rewrite: Rewrite | None = None


def choose(question: CaptureQuestion) -> Capture:
    """The way that reaches every Service, or else the one that reaches most.

    Raises ValueError for a port that is asked for and cannot be had.
    """
    if many := too_many_leads(question.around.services or ()):
        return Capture(mode=None, reason=many)
    wanted, leads = question.pod_options.capture, question.leads
    if many := _too_many(question, leads):
        return Capture(mode=None, reason=many)
    if wanted == "redirect" and not question.no_redirect:
        return _redirected(question, leads, "asked for")
    led = _by_services(question, leads)
    if question.by_name_alone or not led.obstacles:
        return led
    obstacles = "; ".join(told(led.obstacles))
    if question.no_redirect:
        reason = led.reason if led.mode else obstacles
        return replace(led, reason=f"{reason}; no redirect: {question.no_redirect}")
    return _redirected(question, leads, obstacles)


def _too_many(question: CaptureQuestion, leads: Sequence[Lead]) -> str:
    """Why it cannot have all these ports; empty if it can, or names those that it wants."""
    if question.names_ports:
        return ""
    ends = {lead.end.number for lead in leads if lead.end}
    return too_many_ports(ends | {each.number for each in declared(question.pod)})


def _by_services(question: CaptureQuestion, leads: Sequence[Lead]) -> Capture:
    """Names, and Services that are rewritten, with whatever stands in the way of these."""
    taken = taken_by_name(question, leads)
    fitting: dict[int, list[PortTakeover]] = {}
    for each in taken:
        fitting.setdefault(each.port, []).append(each)
    ways = [_way(lead, question, fitting) for lead in leads]
    if not leads:
        ways += _unreachable(question)
        reason = _without_services(question)
    elif not any(lead.end for lead in leads):
        # A redirect would be of no use: what is wrong is the Service.
        reason = "; ".join(told(_sentences([way for way in ways if way.kind == "nowhere"])))
    else:
        rewritten = [_Way("obstacles", lead=way.lead) for way in ways if way.rewrite]
        reason = "; ".join(told(_sentences(rewritten))) or "every Service targets a name"
        ways = _headless(question, leads, taken) or ways
    if not taken and question.forwards is None:
        return _capture(None, _why_none(question, reason if leads else ""), (), ways)
    mode: Mode = "service rewrite" if any(way.rewrite for way in ways) else "names"
    return _capture(mode, reason, taken, ways)


def _why_none(question: CaptureQuestion, reason: str) -> str:
    """Why there is nothing to take over: Services may lead nowhere, although there are ports."""
    if question.by_name_alone:
        return _NO_NAMES
    return reason if reason and known(question.pod) else _NO_PORTS


def _redirected(question: CaptureQuestion, leads: Sequence[Lead], reason: str) -> Capture:
    taken = taken_by_redirect(question, leads)
    if not taken:
        return _capture(None, _NO_PORTS, (), ())
    reached = {each.port for each in taken} | question.listens
    return _capture("redirect", reason, taken, [_redirected_way(lead, reached) for lead in leads])


def _redirected_way(lead: Lead, reached: set[int]) -> _Way:
    if lead.end is None:
        return _nowhere(lead)
    if lead.end.number in reached:
        return _Way("led", lead.to(lead.port.target))
    return _Way("left", lead=lead)


def _way(
    lead: Lead, question: CaptureQuestion, taken: Mapping[int, Sequence[PortTakeover]]
) -> _Way:
    """What becomes of a lead where the sidecar has taken these ports, by their numbers."""
    if lead.end is None:
        return _nowhere(lead)
    fitting, target = taken.get(lead.end.number, ()), lead.port.target
    here = lead.end.number in question.listens
    if here or target in [name for each in fitting for name in (each.name, each.listen)]:
        return _Way("led", lead.to(target))
    if not fitting and question.names_ports:
        return _Way("left", lead=lead)
    if not fitting or question.by_name_alone:
        return _Way("obstacles", lead=lead)
    return _rewritten(lead, question, fitting)


def _rewritten(lead: Lead, question: CaptureQuestion, fitting: Sequence[PortTakeover]) -> _Way:
    best = next((each for each in fitting if each.name), fitting[0])
    objection = ""
    targets: list[int | str] = [best.name, best.listen] if best.name else [best.listen]
    for target in targets:
        objection = question.around.objection(lead.service, lead.port, target)
        if not objection:
            return _Way("led", lead.to(target), lead, Rewrite(lead.service, lead.port, target))
    return _Way("obstacles", f": {objection}", lead)


def _nowhere(lead: Lead) -> _Way:
    return _Way("nowhere", ", which no container declares", lead)


def _headless(
    question: CaptureQuestion, leads: Sequence[Lead], taken: Sequence[PortTakeover]
) -> list[_Way]:
    """The obstacles where every Service is headless: its clients learn the addresses of pods and
    choose the port themselves. Beside another Service it is for what the pods say to each other."""
    ours = question.listens | {each.listen for each in taken}
    live = [lead for lead in leads if lead.end]
    if not all(each.service.is_headless and each.port.port not in ours for each in live):
        return []
    names = dict.fromkeys(each.service.name for each in live)
    dead = [_nowhere(lead) for lead in leads if lead.end is None]
    return [*(_Way("obstacles", f"Service {name} is headless") for name in names), *dead]


def _unreachable(question: CaptureQuestion) -> list[_Way]:
    """Ports without a name to which no Service leads that could be changed."""
    if question.by_name_alone or question.forwards is not None:
        return []
    ports = [each.number for each in without_names(question)]
    if not ports:
        return []
    have, them = ("has no name", "it") if len(ports) == 1 else ("have no names", "them")
    text = f"{listed(ports)} {have}, and no Service {question.around.place} leads to {them}"
    return [_Way("obstacles", text)]


def _without_services(question: CaptureQuestion) -> str:
    if question.around.services is None:
        return "the Services are not known"
    return f"no Service {question.around.place}, unproved"


def _capture(
    mode: Mode | None, reason: str, taken: Sequence[PortTakeover], ways: Sequence[_Way]
) -> Capture:
    def of(kind: str) -> list[str]:
        return _sentences([way for way in ways if way.kind == kind])

    return Capture(
        mode=mode,
        reason=reason,
        ports=taken,
        rewrites=[way.rewrite for way in ways if way.rewrite],
        led=[*dict.fromkeys(way.text for way in ways if way.kind == "led")],
        obstacles=of("obstacles"),
        left=of("left"),
        nowhere=of("nowhere"),
    )


def _sentences(ways: Sequence[_Way]) -> list[str]:
    """One for each Service, with all its targets of which the same is to be said."""
    found: dict[tuple[str, str], list[str]] = {}
    for way in ways:
        service = way.lead.service.name if way.lead else ""
        targets = found.setdefault((service, way.text), [])
        if way.lead and str(way.lead.port.target) not in targets:
            targets.append(str(way.lead.port.target))
    return [
        f"Service {service} targets {', '.join(targets)}{text}" if service else text
        for (service, text), targets in found.items()
    ]
