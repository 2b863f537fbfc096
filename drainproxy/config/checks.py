"""What settings must not be to each other. Only settings that need a restart are looked at."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Final

from .settings import Settings
from .values import Address, Forward

Problems = Iterator[tuple[str, str]]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def check_listeners(settings: Settings) -> Problems:
    listeners = [("admin", settings.admin)]
    listeners += [("forward", forward.listen) for forward in settings.forward]
    if settings.grpc_health:
        listeners.append(("grpc-health", settings.grpc_health))
    for (first, taken), (name, address) in combinations(listeners, 2):
        if _clash(taken, address):
            yield name, f"listens at {address}, which {first} {taken} has taken"


def check_loops(settings: Settings) -> Problems:
    for forward in settings.forward:
        if _reaches_itself(forward):
            yield "forward", f"{forward} goes to itself: the app needs an address of its own"


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


CHECKS: Final[tuple[Callable[[Settings], Problems], ...]] = (
    check_listeners,
    check_loops,
    check_tokens,
    check_tls,
)


def _clash(one: Address, other: Address) -> bool:
    same_port = one.port == other.port != 0
    return same_port and (_covers(one.host, other.host) or _covers(other.host, one.host))


def _reaches_itself(forward: Forward) -> bool:
    listen, app = forward.listen, forward.app
    if not isinstance(app, Address) or listen.port != app.port:
        return False
    return listen.host == app.host or (app.host in _LOOPBACK and _covers(listen.host, app.host))


def _covers(listening: str, host: str) -> bool:
    if listening == "0.0.0.0":
        return ":" not in host
    if listening == "::":
        return ":" in host or host == "localhost"
    return listening in ("", host) or {listening, host} in (
        {"localhost", "127.0.0.1"},
        {"localhost", "::1"},
    )
