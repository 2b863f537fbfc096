"""Forwards that lead back to this process: to themselves, to each other, or to the sidecar's own
ports. Through such a forward any client would appear to come from loopback."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from .addresses import POD_IP, parse_ip
from .apps import app_of
from .settings import Settings
from .values import Address, Forward, UnixSocket

# The addresses of this machine that a host leads to, of those that can be told.
OwnAddresses = Callable[[str], Collection[str]]

LOOPBACK: Final = ("127.0.0.1", "::1")
_WILDCARDS: Final = ("", "0.0.0.0", "::")
# Linux connects to these at loopback (RFC 1122, section 3.2.1.3, and RFC 4291, section 2.5.2, mean
# them for listening).
_UNSPECIFIED: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def certainly_ours(host: str) -> Collection[str]:
    """What can be told without asking anybody: loopback in all spellings, and the pod's word."""
    if host.lower() == "localhost":
        return LOOPBACK
    if host == POD_IP:
        return (POD_IP,)
    try:
        address = plain(host)
    except ValueError:
        return ()
    return (address,) if address == "::1" or address.startswith("127.") else ()


def plain(host: str) -> str:
    """The IP address that is connected to; ValueError if this is none."""
    from ipaddress import IPv6Address, ip_address

    address = ip_address(parse_ip(host).partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    text = str(mapped or address)
    return _UNSPECIFIED.get(text, text)


def loops(
    settings: Settings, forwards: Sequence[Forward], ours: OwnAddresses = certainly_ours
) -> Iterator[str]:
    """What is wrong with forwards that lead back to us, one sentence each."""
    apps = [app_of(forward, settings.app_host) for forward in forwards]
    answered = [("admin", settings.admin), ("grpc-health", settings.grpc_health)]
    leads = _leads(apps, [forward.listen for forward in forwards], ours)
    circular = _circular(leads)
    for at, (forward, app) in enumerate(zip(forwards, apps, strict=True)):
        for name, address in answered:
            if address is not None and _reaches(app, address, ours):
                yield f"{forward} leads to the sidecar's own {name} at {address}, not to an app"
        if leads[at] == at:
            yield f"{forward} leads to itself: the app needs an address of its own"
        elif at in circular:
            yield f"{forward} leads back to itself through other forwards: no app is reached"


def _leads(
    apps: Sequence[Address | UnixSocket], listeners: Sequence[Address], ours: OwnAddresses
) -> list[int | None]:
    """For each app the first forward that listens at its address, if one does.

    Looked up and not compared, for a thousand forwards are a million pairs. Of hosts whose port is
    on one side alone nobody is asked: that may take a resolver.
    """
    listening = {listen.port for listen in listeners}
    near = [app if isinstance(app, Address) and app.port in listening else None for app in apps]
    wanted = {app.port for app in near if app}
    first: dict[tuple[int, str], int] = {}
    for at, listen in enumerate(listeners):
        for name in _taking(listen.host, ours) if listen.port in wanted else ():
            first.setdefault((listen.port, name), at)
    found = ([first.get(place) for place in _places(app, ours)] for app in near)
    return [min((at for at in each if at is not None), default=None) for each in found]


def _taking(listening: str, ours: OwnAddresses) -> Iterator[str]:
    """The names under which `_places` looks for who listens there: what `_takes` says, by name."""
    yield f"host {listening}"
    if listening in _WILDCARDS:
        yield f"all {listening}"
    else:
        yield from ours(listening)


def _places(app: Address | None, ours: OwnAddresses) -> Iterator[tuple[int, str]]:
    if app is None:
        return
    yield app.port, f"host {app.host}"
    for address in ours(app.host):
        yield app.port, address
        for wildcard in _WILDCARDS:
            if _takes(wildcard, address, ours):
                yield app.port, f"all {wildcard}"


def _circular(leads: Sequence[int | None]) -> set[int]:
    """Those from which one comes back to where one was."""
    found: set[int] = set()
    met: dict[int, int] = {}
    for start in range(len(leads)):
        at: int | None = start
        while at is not None and at not in met:
            met[at] = start
            at = leads[at]
        while at is not None and met[at] == start and at not in found:
            found.add(at)
            at = leads[at]
    return found


def _reaches(app: Address | UnixSocket, listen: Address, ours: OwnAddresses) -> bool:
    if not isinstance(app, Address) or app.port != listen.port:
        return False
    if app.host == listen.host:
        return True
    return any(_takes(listen.host, address, ours) for address in ours(app.host))


def _takes(listening: str, address: str, ours: OwnAddresses) -> bool:
    """Whether who listens at `listening` gets what comes to an address of this machine."""
    if listening == "0.0.0.0":
        return ":" not in address
    if listening == "::":
        return ":" in address or address == POD_IP
    return not listening or address in ours(listening)
