"""What settings must not be to each other. Only settings that need a restart are looked at."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Final

from .apps import ready_port
from .loops import loops
from .settings import Settings
from .values import Address

# Names of settings, each with what is wrong with it.
Problems = Iterator[tuple[str, str]]
Check = Callable[[Settings], Problems]


def check_listeners(settings: Settings) -> Problems:
    listeners = [("admin", settings.admin)]
    listeners += [("forward", forward.listen) for forward in settings.forward]
    if settings.grpc_health:
        listeners.append(("grpc-health", settings.grpc_health))
    for (first, taken), (name, address) in combinations(listeners, 2):
        if _clash(taken, address):
            yield name, f"listens at {address}, which {first} {taken} has taken"


def check_loops(settings: Settings) -> Problems:
    yield from (("forward", problem) for problem in loops(settings, settings.forward))


def check_ready_ports(settings: Settings) -> Problems:
    known = [ready_port(forward) for forward in settings.forward]
    for port in settings.ready_ports or ():
        if port not in known:
            there = ", ".join(map(str, known)) or "none"
            yield "ready-ports", f"{port} is no port of an app that forward leads to: {there}"


def check_tokens(settings: Settings) -> Problems:
    if settings.admin_token is not None and settings.admin_token_file is not None:
        yield "admin-token-file", "is given beside admin-token: one of them is enough"


def check_tls(settings: Settings) -> Problems:
    if settings.tls_cert and not settings.tls_key:
        yield "tls-cert", "needs tls-key"
    if settings.tls_key and not settings.tls_cert:
        yield "tls-key", "needs tls-cert"
    if settings.tls_client_ca and not settings.tls_cert:
        yield "tls-client-ca", "needs tls-cert"


CHECKS: Final[tuple[Check, ...]] = (
    check_listeners,
    check_loops,
    check_ready_ports,
    check_tokens,
    check_tls,
)


def _clash(one: Address, other: Address) -> bool:
    same_port = one.port == other.port != 0
    return same_port and (_covers(one.host, other.host) or _covers(other.host, one.host))


def _covers(listening: str, host: str) -> bool:
    if listening == "0.0.0.0":
        return ":" not in host
    if listening == "::":
        return ":" in host or host == "localhost"
    return listening in ("", host) or {listening, host} in (
        {"localhost", "127.0.0.1"},
        {"localhost", "::1"},
    )
