"""New clients during a drain: `leaving` lasts until none has come for drain-quiet.

The first request on a new connection shows that some balancer still sends traffic here. Connections
without a request (port checks) and probes do not count.
"""

import re

from drainproxy.drain.ledger import Hold
from drainproxy.relay.context import Context
from drainproxy.relay.http1.exchange import Exchange
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.tcp import Tcp
from drainproxy.wire.logged import USER_AGENT, Facts

# User agents of the kubelet, of load balancers and of uptime monitors.
_PROBER = re.compile(
    rb"probe|health.?check|googlehc|envoy/hc|load balancer|traffic manager|uptime|pingdom"
    rb"|blackbox|check_http|zabbix|statuscake",
    re.I,
)
_GRPC_HEALTH = "/grpc.health.v1.Health/"
# Prometheus, Alertmanager; other paths under /-/ belong to apps (npm, GitLab).
_OF_PROMETHEUS = "/-/healthy"
# The last segment of usual health paths.
_HEALTH = frozenset(
    {
        "health",
        "healthz",
        "healthcheck",
        "health-check",
        "health_check",
        "heartbeat",
        "live",
        "livez",
        "liveness",
        "alive",
        "ready",
        "readyz",
        "readiness",
        "startup",
        "startupz",
        "ping",
        "up",
    }
)
# Over so many silent TCP connections, closed ones are removed.
_MANY = 1000


def is_probe(method: bytes, path: str, facts: Facts) -> bool:
    """Whether this request is a probe, by its path or its user agent."""
    if path.startswith(_GRPC_HEALTH):
        return True
    if _PROBER.search(facts.get(USER_AGENT, b"")):
        return True
    if method == b"OPTIONS" and path in ("*", "/"):
        # HAProxy's `option httpchk` without arguments.
        return True
    place = path.partition("?")[0].rstrip("/")
    name = place.rpartition("/")[2].lower().lstrip("_")
    return method in (b"GET", b"HEAD") and (name in _HEALTH or place == _OF_PROMETHEUS)


class NewClients:
    """Watches the requests of new connections, by replacing `Ledger.open` during a drain."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._newest = 0.0
        self._book = context.ledger.open
        # TCP sessions whose clients have sent nothing. Once they have, they count, from the moment
        # when they have connected.
        self._silent: set[Tcp] = set()

    @property
    def newest(self) -> float:
        """When the newest client that counts has connected, on the context's clock; 0 for none."""
        for session in [each for each in self._silent if each.spoken]:
            self._silent.discard(session)
            self._came(session.connected_at)
        return self._newest

    def begin(self) -> None:
        """Look at each request from now on; before a drain no request pays for that."""
        self._context.ledger.open = self._open

    def end(self) -> None:
        """Stop looking: the drain was taken back."""
        self._context.ledger.open = self._book
        self._silent.clear()

    def _open(self, hold: Hold) -> None:
        self._book(hold)
        match hold:
            case Exchange(request=request) if request is not None:
                if not is_probe(request.method, hold.path, hold.facts):
                    self._came(hold.connected_at)
            case Stream():
                if not is_probe(hold.head.method, hold.path, hold.facts):
                    self._came(hold.owner.connected_at)
            case Tcp(path="", spoken=False):
                if len(self._silent) > _MANY:
                    self._silent &= self._context.ledger.holds
                self._silent.add(hold)

    def _came(self, moment: float) -> None:
        self._newest = max(self._newest, moment)
