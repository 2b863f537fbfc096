"""The addresses of this host and of its node, and forwards that would lead back to this process."""

import os
import socket
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from drainproxy.config import Settings, pod_ip_problems
from drainproxy.config.addresses import POD_IP
from drainproxy.config.loops import LOOPBACK, certainly_ours, loops, plain

# A port to which nothing is sent: discard (RFC 863).
_ANY_PORT = 9
ROUTES = "/proc/net/route", "/proc/net/ipv6_route"
_DEFAULT_IPV4, _DEFAULT_IPV6 = "0" * 8, "0" * 32


def problems(settings: Settings, pod_ip: str | None) -> Iterator[tuple[str, str]]:
    """The problems of the settings on this host, as (setting, problem): POD_IP is missing or no IP
    address, app-source is no address of this host, or a forward leads back to this process.

    A name is resolved only if the port is one of ours. A name that cannot be resolved is no
    problem here.
    """
    wrong = list(pod_ip_problems(settings, pod_ip))
    yield from wrong
    if settings.app_source is not None and not is_ours(settings.app_source):
        yield "app-source", f"{settings.app_source} is no address of this machine"

    def ours(host: str) -> Collection[str]:
        return own_addresses(pod_ip if host == POD_IP and pod_ip and not wrong else host)

    yield from (("forward", problem) for problem in loops(settings, settings.forward, ours))


def own_addresses(host: str) -> Collection[str]:
    """The addresses of `host` that belong to this host; it may be a name."""
    if known := certainly_ours(host):
        return known
    with suppress(OSError, UnicodeError):
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        addresses = {plain(str(where[0])) for *_, where in found}
        return {address for address in addresses if is_ours(address)}
    return ()


def node_addresses(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The addresses from which the node, and so the kubelet, connects to this pod: those of the
    environment variable HOST_IP (fieldRef status.hostIP or hostIPs), and the default gateways."""
    told = environ.get("HOST_IP", "").replace(",", " ").split()
    return [*filter(_is_address, told), *_gateways()]


def _is_address(text: str) -> bool:
    try:
        return bool(plain(text))
    except ValueError:
        return False


def _gateways() -> Iterator[str]:
    """The gateways of the default routes (proc(5)); IPv4 addresses are numbers in the byte order of
    this host."""
    ipv4, ipv6 = ROUTES
    for words in _rows(ipv4):
        if words[1] == _DEFAULT_IPV4 and words[2] != _DEFAULT_IPV4:
            yield socket.inet_ntoa(int(words[2], 16).to_bytes(4, sys.byteorder))
    for words in _rows(ipv6):
        if words[0] == _DEFAULT_IPV6 and words[1] == "00" and words[4] != _DEFAULT_IPV6:
            yield socket.inet_ntop(socket.AF_INET6, bytes.fromhex(words[4]))


def _rows(table: str) -> Iterator[list[str]]:
    with suppress(OSError):
        yield from filter(None, map(str.split, Path(table).read_text().splitlines()))


def is_ours(address: str) -> bool:
    """Whether this IP address belongs to this host: then the kernel uses it as the source of a
    connection to it. Connecting a UDP socket sends nothing."""
    if address in LOOPBACK or address.startswith("127."):
        return True
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((address, _ANY_PORT))
        return bool(sock.getsockname()[0] == address)
    return False
