"""The ports of a pod: their protocols, and how they are renamed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from drainproxy.config import Address, Forward
from drainproxy.config.values import Protocol
from drainproxy.manifests.endpoints import resolve
from drainproxy.manifests.podspec import ContainerPort, Pod

from .meshes import is_of_mesh
from .protocols import spoken_at

_LONGEST_NAME: Final = 15
# More ports than these are counted, so that a sentence stays one that people read.
_MANY: Final = 3
# What the containers of a pod call each other.
_HERE: Final = ("", "localhost", "127.0.0.1", "::1", "pod-ip")


class PortTakeover(Struct, frozen=True):
    """A port of the app that the sidecar stands in front of.

    `name` is the app's name for it, which the sidecar takes over; `renamed` what the app's port is
    called then. Both are None where clients are redirected, or come to `listen` by its number.
    """

    port: int
    listen: int
    protocol: Protocol = "auto"
    name: str | None = None
    renamed: str | None = None

    def forward(self) -> str:
        """As the sidecar is told of it."""
        protocol = "" if self.protocol == "auto" else f"/{self.protocol}"
        return f"{self.listen}={self.port}{protocol}"

    def __str__(self) -> str:
        return f"{self.name or self.port} ({self.listen}={self.port})"


class AppPort(Struct, frozen=True):
    """A TCP port of the app. Without a container nobody declares it: a Service, a probe or a person
    names it, and that is enough."""

    port: ContainerPort
    container: str = ""

    @property
    def number(self) -> int:
        """What the app listens on."""
        return self.port.container_port

    @property
    def label(self) -> str:
        """What a person calls it: its name, or else its number."""
        return self.port.name or str(self.number)

    def is_called(self, text: str) -> bool:
        """Whether this is its name or number."""
        return text in (self.port.name, str(self.number))


def declared(pod: Pod) -> list[AppPort]:
    """Every TCP port that the app's containers declare."""
    return [
        AppPort(port, container.name)
        for container in pod.containers
        for port in container.ports or []
        if port.is_tcp
    ]


def own(pod: Pod) -> list[AppPort]:
    """Those without the ports of a mesh's proxy beside the app: that is led to, if at all, by a
    Service or by somebody who names it."""
    return [each for each in declared(pod) if not is_of_mesh(each.container)]


def known(pod: Pod) -> list[AppPort]:
    """Its own that are declared, each name and number once, or else those that probes name."""
    found: dict[object, AppPort] = {}
    for each in own(pod):
        found.setdefault(each.port.name or each.number, each)
    if not found:
        apps = (each for each in pod.containers if not is_of_mesh(each.name))
        numbers = dict.fromkeys(port for each in apps for port in each.probed())
        return [undeclared(number) for number in numbers]
    return list(found.values())


def undeclared(number: int) -> AppPort:
    """A port of which only the number is known."""
    return AppPort(ContainerPort(number))


def ends_of(pod: Pod) -> Callable[[int | str], AppPort | None]:
    """Says for a Service's target to which port it leads; None for a name that nobody declares."""
    names: dict[str, AppPort] = {}
    numbers: dict[int, AppPort] = {}
    ports = [AppPort(port, container.name) for container, port in pod.tcp_ports]
    for each in ports:
        if each.port.name:
            names.setdefault(each.port.name, each)
    for each in ports:
        if each.port.name and names[each.port.name].number == each.number:
            numbers.setdefault(each.number, each)
    for each in ports:
        numbers.setdefault(each.number, each)

    def end(target: int | str) -> AppPort | None:
        if isinstance(target, str):
            return names.get(target)
        return numbers.get(target) or undeclared(target)

    return end


def numbered(pod: Pod, number: int) -> AppPort:
    """The port with a number; of several, one whose name leads back to it comes first."""
    ports = (AppPort(port, container.name) for container, port in pod.tcp_ports)
    same = [each for each in ports if each.number == number]
    named = [each for each in same if usable_name(pod, each)]
    return [*named, *same, undeclared(number)][0]


def usable_name(pod: Pod, port: AppPort) -> str | None:
    """Its name, if a Service that targets that comes to this port and to no other."""
    name = port.port.name
    return name if name and resolve(pod, name) == port.number else None


def spoken(port: AppPort, app_protocol: str | None = None, hint: str | None = None) -> Protocol:
    """What the sidecar expects there.

    The Service's appProtocol says it, or else a name (the port's own, or `hint`, the one it has in
    the Service), or else what the number is known for.
    """
    found = spoken_at(port.number, (app_protocol, port.port.name, hint))
    return "tcp" if found and found.is_opaque(port.number) else "auto"


def as_forwarded(
    pod: Pod, by_name: bool, forwards: Sequence[Forward], meant: Iterable[str] = ()
) -> list[PortTakeover]:
    """The ports of the app where the pod says itself what is forwarded; `meant` as in `namer`."""
    rename = namer(pod, meant)
    taken = []
    for forward in forwards:
        if not isinstance(forward.app, Address) or forward.app.host not in _HERE:
            continue
        name = usable_name(pod, numbered(pod, forward.app.port)) if by_name else None
        ends = forward.app.port, forward.listen.port
        taken.append(PortTakeover(*ends, forward.protocol, name, rename(name) if name else None))
    return taken


def needed(pod: Pod) -> set[int]:
    """What containers declare or are asked at: the sidecar cannot listen there."""
    found: set[int] = set()
    for _, container in pod.every_container():
        found |= {port.container_port for port in container.ports or []} | {*container.probed()}
    return found


def names_by_number(pod: Pod) -> dict[int, list[str]]:
    """The names of its TCP ports."""
    found: dict[int, list[str]] = {}
    for _, port in pod.tcp_ports:
        if port.name:
            found.setdefault(port.container_port, []).append(port.name)
    return found


def listed(numbers: Iterable[int]) -> str:
    """Ports in a sentence: `ports 80, 81, 82 and 4 more`."""
    unique = [*dict.fromkeys(numbers)]
    more = f" and {len(unique) - _MANY} more" if len(unique) > _MANY else ""
    word = "port" if len(unique) == 1 else "ports"
    return f"{word} {', '.join(map(str, unique[:_MANY]))}{more}"


def namer(pod: Pod, meant: Iterable[str] = ()) -> Callable[[str], str]:
    """Names for the ports of the app: `http` becomes `app-http`, and no name comes twice. Those
    that are `meant` by Services and policies lead to other pods, and must not come to lead here."""
    taken = {*_names(pod), *meant}

    def rename(name: str) -> str:
        for attempt in range(len(taken) + 1):
            prefix = f"app{attempt or ''}-"
            # RFC 6335, section 5.1: a name does not end with a hyphen.
            new = (prefix + name)[:_LONGEST_NAME].rstrip("-")
            if new not in taken:
                taken.add(new)
                return new
        raise AssertionError("one name more than are taken is free")

    return rename


def _names(pod: Pod) -> Iterator[str]:
    for _, container in pod.every_container():
        yield from (port.name for port in container.ports or [] if port.name)
        yield from (name for _, name in container.named_sockets())
