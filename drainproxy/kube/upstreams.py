"""Where the sidecar connects to the app, and from which source address.

Behind a sidecar every client comes from loopback, and some apps trust loopback. Databases, brokers
and mail servers do so by default: they are reached at the pod's IP, where they see a client like
any other; they listen there anyway, since a Service targets the port. Apps that compare the client
with 127.0.0.1 see another loopback address, which works wherever the app listens.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from drainproxy.config import ANNOTATION_PREFIX, Address, Settings
from drainproxy.config.addresses import POD_IP
from drainproxy.manifests.podspec import Pod

from .ports import PortTakeover, declared
from .protocols import spoken_at
from .service_targets import Target

APP_HOST: Final = ANNOTATION_PREFIX + "app-host"
APP_SOURCE: Final = ANNOTATION_PREFIX + "app-source"
# Loopback, but no address that anybody compares with. Istio's proxies come from it too.
_SOURCE: Final = "127.0.0.6"
_FORWARD: Final = ANNOTATION_PREFIX + "forward"
_CAPTURE: Final = ANNOTATION_PREFIX + "capture"


def source(said: Mapping[str, str]) -> dict[str, str]:
    """The annotation that says where connections to the app come from. Where `capture` was set by
    hand, somebody has looked at what the app sees, and nothing changes."""
    return {APP_SOURCE: _SOURCE} if said.get(_CAPTURE, "auto") == "auto" else {}


def forwards(
    pod: Pod, ports: Sequence[PortTakeover], targets: Sequence[Target], said: Mapping[str, str]
) -> list[str]:
    """What the sidecar is told of these ports; those that may trust loopback are at the pod's IP,
    unless something says where the app is."""
    elsewhere = {} if APP_HOST in said else trusting(pod, ports, targets)
    return [_forward(each, each.port in elsewhere) for each in ports]


def needs_pod_ip(settings: Settings) -> bool:
    """Whether the sidecar has to know the address of the pod."""
    apps = (forward.app for forward in settings.forward)
    hosts = {app.host for app in apps if isinstance(app, Address)}
    return POD_IP in {*hosts, settings.app_host}


def trusting(pod: Pod, ports: Iterable[PortTakeover], targets: Sequence[Target]) -> dict[int, str]:
    """The ports behind which something may trust loopback, each with what that is."""
    names = _names(pod, targets)
    # A port with many names is taken over many times.
    numbers = dict.fromkeys(each.port for each in ports)
    found = ((port, spoken_at(port, names.get(port, ()))) for port in numbers)
    return {port: what.trusts for port, what in found if what and what.trusts}


def trust_warnings(
    pod: Pod, ports: Sequence[PortTakeover], targets: Sequence[Target], said: Mapping[str, str]
) -> Iterator[str]:
    """What becomes of an app that trusts loopback."""
    by_hand = APP_HOST in said or _FORWARD in said
    if said.get(APP_HOST) == POD_IP:
        return
    for port, what in trusting(pod, ports, targets).items():
        if by_hand:
            yield (
                f"port {port} ({what}) sees every client come from where the sidecar does, and may"
                f" trust that: set {APP_HOST}: {POD_IP}, or see what it grants to loopback"
            )
        else:
            yield (
                f"port {port} ({what}) may trust loopback, so the sidecar connects to it at the"
                f" pod's own IP; where it listens on loopback alone set {APP_HOST}: localhost"
            )


def _forward(taken: PortTakeover, at_pod_ip: bool) -> str:
    listen, _, app = taken.forward().partition("=")
    return f"{listen}={POD_IP}:{app}" if at_pod_ip else f"{listen}={app}"


def _names(pod: Pod, targets: Sequence[Target]) -> Mapping[int, list[str]]:
    """What each port is called by the app and by the Services that target it; what these say of
    its protocol comes first."""
    said: defaultdict[int, list[str]] = defaultdict(list)
    names: defaultdict[int, list[str]] = defaultdict(list)
    numbers: dict[int | str, int] = {}
    for each in declared(pod):
        if each.port.name:
            names[each.port.container_port].append(each.port.name)
            numbers.setdefault(each.port.name, each.port.container_port)
    # Of many Services that are before one pod most say the same.
    told = {(target, port.app_protocol, port.name): None for _, port, target in targets}
    for target, protocol, name in told:
        number = target if isinstance(target, int) else numbers.get(target)
        if number is not None:
            said[number] += filter(None, [protocol])
            names[number] += filter(None, [name])
    return {number: said[number] + names[number] for number in {*said, *names}}
