"""Which addresses are of this machine, and forwards that lead back to it by a name."""

import socket
from collections.abc import Collection, Iterator
from contextlib import suppress

from drainproxy.config import Settings, pod_ip_problems
from drainproxy.config.addresses import POD_IP
from drainproxy.config.loops import LOOPBACK, certainly_ours, loops, plain

# A port to which nothing is sent: discard (RFC 863).
_ANY_PORT = 9


def checks(settings: Settings, pod_ip: str | None) -> Iterator[tuple[str, str]]:
    """What is wrong with settings in this place: POD_IP does not hold what is asked of it, nothing
    can come from app-source, or an app is at an address of our own, by whatever name.

    A name is looked up only where the port is one of ours; one that cannot be looked up now leads
    nowhere.
    """
    wrong = list(pod_ip_problems(settings, pod_ip))
    yield from wrong
    if settings.app_source is not None and not is_ours(settings.app_source):
        yield "app-source", f"{settings.app_source} is no address of this machine"

    def ours(host: str) -> Collection[str]:
        return own_addresses(pod_ip if host == POD_IP and pod_ip and not wrong else host)

    yield from (("forward", problem) for problem in loops(settings, settings.forward, ours))


def own_addresses(host: str) -> Collection[str]:
    """The addresses of this machine that `host` leads to."""
    if known := certainly_ours(host):
        return known
    with suppress(OSError, UnicodeError):
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        addresses = {plain(str(where[0])) for *_, where in found}
        return {address for address in addresses if is_ours(address)}
    return ()


def is_ours(address: str) -> bool:
    """Whether this IP address is one of this machine: from there to there nothing is sent, and the
    source of what would be is the address itself."""
    if address in LOOPBACK or address.startswith("127."):
        return True
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((address, _ANY_PORT))
        return bool(sock.getsockname()[0] == address)
    return False
