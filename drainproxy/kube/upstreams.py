"""Where the sidecar connects to the app, and from which address.

Behind a sidecar every client comes from loopback, and there are apps that trust it. Databases,
brokers and mail servers do by default, so they are reached at the pod's own IP, where they see a
client like any other: a port that a Service leads to is bound there anyway. Apps that compare a
client with 127.0.0.1 see another loopback address, which works wherever the app listens.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from drainproxy.config import ANNOTATION_PREFIX, Address, Settings
from drainproxy.config.addresses import POD_IP
from drainproxy.manifests.podspec import Pod
from drainproxy.manifests.services import Service

from .ports import Taken, declared
from .targets import targets

APP_HOST: Final = ANNOTATION_PREFIX + "app-host"
APP_SOURCE: Final = ANNOTATION_PREFIX + "app-source"
# Loopback, but no address that anybody compares with. Istio's proxies come from it too.
_SOURCE: Final = "127.0.0.6"
_FORWARD: Final = ANNOTATION_PREFIX + "forward"
_CAPTURE: Final = ANNOTATION_PREFIX + "capture"

# What trusts loopback by default: PostgreSQL's pg_hba.conf, the accounts of MySQL at localhost,
# Redis in protected mode, MongoDB until it has a user, RabbitMQ for its guest (over AMQP, MQTT and
# STOMP), ClickHouse for its default user, Postfix by mynetworks.
_NAMES: Final = {
    **dict.fromkeys(("postgres", "postgresql", "pgsql"), "PostgreSQL"),
    **dict.fromkeys(("amqp", "amqps"), "AMQP"),
    **dict.fromkeys(("mongo", "mongodb"), "MongoDB"),
    **dict.fromkeys(("smtp", "smtps", "submission"), "SMTP"),
    "pgbouncer": "PgBouncer",
    "mysql": "MySQL",
    "mariadb": "MariaDB",
    "rabbitmq": "RabbitMQ",
    "redis": "Redis",
    "valkey": "Valkey",
    "clickhouse": "ClickHouse",
    "mqtt": "MQTT",
    "stomp": "STOMP",
}
_NUMBERS: Final = {
    **dict.fromkeys((5432, 6432), "PostgreSQL"),
    **dict.fromkeys((6379, 26379), "Redis"),
    **dict.fromkeys((5671, 5672), "AMQP"),
    **dict.fromkeys((25, 465, 587), "SMTP"),
    3306: "MySQL",
    27017: "MongoDB",
    1883: "MQTT",
    61613: "STOMP",
}
# Names that say otherwise, whatever the number is known for.
_HTTP: Final = frozenset({"http", "https", "http2", "grpc", "h2c", "web", "ws"})


def source(said: Mapping[str, str]) -> dict[str, str]:
    """The annotation that says where connections to the app come from. Where `capture` was set by
    hand, somebody has looked at what the app sees, and nothing changes."""
    return {APP_SOURCE: _SOURCE} if said.get(_CAPTURE, "auto") == "auto" else {}


def forwards(
    pod: Pod, ports: Sequence[Taken], services: Sequence[Service], said: Mapping[str, str]
) -> list[str]:
    """What the sidecar is told of these ports; those that may trust loopback are at the pod's IP,
    unless something says where the app is."""
    elsewhere = {} if APP_HOST in said else trusting(pod, ports, services)
    return [_forward(each, each.port in elsewhere) for each in ports]


def needs_pod_ip(settings: Settings) -> bool:
    """Whether the sidecar has to know the address of the pod."""
    apps = (forward.app for forward in settings.forward)
    hosts = {app.host for app in apps if isinstance(app, Address)}
    return POD_IP in {*hosts, settings.app_host}


def trusting(pod: Pod, ports: Iterable[Taken], services: Sequence[Service]) -> dict[int, str]:
    """The ports behind which something may trust loopback, each with what that is."""
    names = _names(pod, services)
    found = ((each.port, _what(each.port, names.get(each.port, ()))) for each in ports)
    return {port: what for port, what in found if what}


def trust_cautions(
    pod: Pod, ports: Sequence[Taken], services: Sequence[Service], said: Mapping[str, str]
) -> Iterator[str]:
    """What becomes of an app that trusts loopback."""
    by_hand = APP_HOST in said or _FORWARD in said
    if said.get(APP_HOST) == POD_IP:
        return
    for port, what in trusting(pod, ports, services).items():
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


def _forward(taken: Taken, at_pod_ip: bool) -> str:
    listen, _, app = taken.forward().partition("=")
    return f"{listen}={POD_IP}:{app}" if at_pod_ip else f"{listen}={app}"


def _what(port: int, names: Iterable[str]) -> str:
    words = [word for name in names for word in re.split(r"[^a-z0-9]+", name.lower())]
    named = next((_NAMES[word] for word in words if word in _NAMES), "")
    if named or _HTTP.intersection(words):
        return named
    return _NUMBERS.get(port, "")


def _names(pod: Pod, services: Sequence[Service]) -> Mapping[int, list[str]]:
    """What each port is called by the app and by the Services that target it."""
    names: defaultdict[int, list[str]] = defaultdict(list)
    numbers: dict[int | str, int] = {}
    for each in declared(pod):
        if each.port.name:
            names[each.port.container_port].append(each.port.name)
            numbers.setdefault(each.port.name, each.port.container_port)
    for _, port, target in targets(services):
        number = target if isinstance(target, int) else numbers.get(target)
        if number is not None:
            names[number] += filter(None, (port.name, port.app_protocol))
    return names
