"""Which ports of a pod the sidecar takes over, where it listens for them, how they are renamed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from drainproxy.config import Address, Forward
from drainproxy.config.values import Protocol
from drainproxy.manifests.podspec import Pod, Port

from .annotations import Wishes

# Behind the default admin port. What the app listens on without declaring it we cannot know:
# the annotation `forward` chooses other ports.
_FIRST_LISTENER: Final = 9181
_LONGEST_NAME: Final = 15
# What the containers of a pod call each other.
_HERE: Final = ("", "localhost", "127.0.0.1", "::1", "pod-ip")

# First words of port names, and application protocols of Services, that are not HTTP. In some of
# them the server speaks first, and `auto` would wait for the client.
_NOT_HTTP: Final = frozenset(
    {
        *("tcp", "amqp", "ftp", "imap", "kafka", "ldap", "mongo", "mongodb", "mqtt", "mysql"),
        *("nats", "pop3", "postgres", "postgresql", "redis", "sip", "smtp", "ssh"),
    }
)


class Taken(Struct, frozen=True):
    """A port of the app that the sidecar stands in front of.

    `name` is the app's name for it, which the sidecar takes over; `renamed` what the app's port is
    called then. Both are None where clients are redirected.
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


class Declared(Struct, frozen=True):
    """A TCP port that a container of the app declares."""

    container: str
    port: Port

    def is_called(self, text: str) -> bool:
        """Whether this is its name or number."""
        return text in (self.port.name, str(self.port.container_port))


def declared(pod: Pod) -> list[Declared]:
    """Every TCP port of the app's containers."""
    return [
        Declared(container.name, port)
        for container in pod.containers
        for port in container.ports or []
        if port.is_tcp
    ]


def take_over(
    pod: Pod, wishes: Wishes, targets: set[str], hints: Mapping[Any, str], reserved: Iterable[int]
) -> list[Taken]:
    """The ports to take over; ValueError if one that is asked for cannot be.

    `targets` are names that Services target, `hints` what they say is spoken, `reserved` ports that
    the sidecar needs for something else.
    """
    by_name = wishes.capture == "names"
    chosen = _chosen(declared(pod), wishes, targets, by_name)
    listeners = _free_ports(pod, set(reserved))
    rename = _namer(pod)
    taken = []
    for each, protocol in chosen:
        name = each.port.name if by_name else None
        spoken = protocol or _spoken(each.port, hints)
        renamed = rename(name) if name else None
        taken.append(Taken(each.port.container_port, next(listeners), spoken, name, renamed))
    return taken


def as_forwarded(pod: Pod, wishes: Wishes, forwards: Sequence[Forward]) -> list[Taken]:
    """The same where the pod says itself what is forwarded, with the annotation `forward`."""
    rename = _namer(pod)
    names = {each.port.container_port: each.port.name for each in declared(pod)}
    taken = []
    for forward in forwards:
        if not isinstance(forward.app, Address) or forward.app.host not in _HERE:
            continue
        name = names.get(forward.app.port) if wishes.capture == "names" else None
        ends = forward.app.port, forward.listen.port
        taken.append(Taken(*ends, forward.protocol, name, rename(name) if name else None))
    return taken


def _chosen(
    ports: list[Declared], wishes: Wishes, targets: set[str], by_name: bool
) -> Iterator[tuple[Declared, Protocol | None]]:
    if wishes.ports is not None:
        asked = {_asked_for(ports, each.port, by_name): each.protocol for each in wishes.ports}
        yield from asked.items()
        return
    usable = _first_of_each([each for each in ports if each.port.name or not by_name])
    targeted = [each for each in usable if each.port.name in targets]
    yield from ((each, None) for each in (targeted if targeted and by_name else usable))


def _first_of_each(ports: list[Declared]) -> list[Declared]:
    """A name that several containers have leads to the first of them."""
    names: dict[object, Declared] = {}
    for each in ports:
        names.setdefault(each.port.name or each.port.container_port, each)
    return list(names.values())


def _asked_for(ports: list[Declared], text: str, by_name: bool) -> Declared:
    found = next((each for each in ports if each.is_called(text)), None)
    if found is None:
        known = ", ".join(each.port.name or str(each.port.container_port) for each in ports)
        raise ValueError(f"{text!r} is no TCP port of this pod: it has {known or 'none'}")
    if by_name and not found.port.name:
        raise ValueError(f"port {text} has no name to take over: give it one, or capture=redirect")
    return found


def _spoken(port: Port, hints: Mapping[Any, str]) -> Protocol:
    hint = hints.get(port.name) or hints.get(port.container_port) or port.name or ""
    return "tcp" if hint.lower().split("-")[0] in _NOT_HTTP else "auto"


def _free_ports(pod: Pod, taken: set[int]) -> Iterator[int]:
    for _, container in pod.every_container():
        taken |= {port.container_port for port in container.ports or []}
    yield from (port for port in range(_FIRST_LISTENER, 1 << 16) if port not in taken)


def _namer(pod: Pod) -> Callable[[str], str]:
    """Names for the ports of the app: `http` becomes `app-http`, and no name comes twice."""
    taken = set(_names(pod))

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
