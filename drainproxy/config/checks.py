"""Combinations of settings that contradict each other. Only settings that need a restart are
checked."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final

from .apps import ready_port
from .loops import loops
from .settings import Settings
from .values import Address

# Names of settings, each with what is wrong with it.
Problems = Iterator[tuple[str, str]]
Check = Callable[[Settings], Problems]

# Hosts that stand for addresses of other names too: these cover, or are covered by, other hosts.
_AMBIGUOUS: Final = ("", "0.0.0.0", "::", "localhost", "127.0.0.1", "::1")
_WILDCARDS: Final = frozenset({"", "0.0.0.0", "::"})


def check_listeners(settings: Settings) -> Problems:
    """Each address that is taken is told once, however often it is asked for again."""
    taken: dict[int, dict[str, str]] = {}
    told = set()
    for name, address in _listeners(settings):
        hosts = taken.setdefault(address.port, {})
        first = _first_clash(hosts, address) if address.port else None
        hosts.setdefault(address.host, f"{name} {address}")
        if first and (name, address) not in told:
            told.add((name, address))
            yield name, f"listens at {address}, which {first} has taken"


def _listeners(settings: Settings) -> Iterator[tuple[str, Address]]:
    yield "admin", settings.admin
    yield from (("forward", forward.listen) for forward in settings.forward)
    if settings.grpc_health:
        yield "grpc-health", settings.grpc_health


def _first_clash(hosts: dict[str, str], address: Address) -> str | None:
    """Who of those at the same port, by host, has taken an address. Only a wildcard looks at all of
    them: what many forwards cost must not grow with their square."""
    others = hosts if address.host in _WILDCARDS else _AMBIGUOUS
    found = (
        each
        for each in chain([address.host], others)
        if each in hosts and _clash(each, address.host)
    )
    return hosts.get(next(found, "-"))


def check_loops(settings: Settings) -> Problems:
    yield from (("forward", problem) for problem in loops(settings, settings.forward))


def check_ready_ports(settings: Settings) -> Problems:
    known = [ready_port(forward) for forward in settings.forward]
    for port in settings.ready_ports or ():
        if port not in known:
            there = ", ".join(map(str, known)) or "none"
            yield "ready-ports", f"{port} is not the port of an app in forward: {there}"


def check_tokens(settings: Settings) -> Problems:
    if settings.admin_token is not None and settings.admin_token_file is not None:
        yield "admin-token-file", "conflicts with admin-token: set only one of them"


CHECKS: Final[tuple[Check, ...]] = (
    check_listeners,
    check_loops,
    check_ready_ports,
    check_tokens,
)


def _clash(one: str, other: str) -> bool:
    return _covers(one, other) or _covers(other, one)


def _covers(listening: str, host: str) -> bool:
    if listening == "0.0.0.0":
        return ":" not in host
    if listening == "::":
        return ":" in host or host == "localhost"
    return listening in ("", host) or {listening, host} in (
        {"localhost", "127.0.0.1"},
        {"localhost", "::1"},
    )
