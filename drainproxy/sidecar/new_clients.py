"""Which clients that come during a drain are news: the quiet rule waits for the last of them.

The first request of a new connection tells that somebody has not heard yet that this endpoint goes.
Whoever connects and asks for nothing tells nothing of that, and neither does who asks for health:
silent connections, port checks, probes.
"""

import re

from drainproxy.drain.ledger import Hold
from drainproxy.relay.context import Context
from drainproxy.relay.http1.exchange import Exchange
from drainproxy.relay.http2.stream import Stream
from drainproxy.relay.tcp import Tcp
from drainproxy.wire.logged import USER_AGENT, Facts

# How kubelets, load balancers and what watches from outside call themselves.
_PROBER = re.compile(
    rb"probe|health.?check|googlehc|envoy/hc|load balancer|traffic manager|uptime|pingdom"
    rb"|blackbox|check_http|zabbix|statuscake",
    re.I,
)
_GRPC_HEALTH = "/grpc.health.v1.Health/"
# Prometheus and its relatives; other names under /-/ are those of apps (npm, GitLab).
_OF_PROMETHEUS = "/-/healthy"
# The last part of the paths at which frameworks tell of their health.
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
# At most so many silent TCP connections are kept before closed ones are removed.
_MANY = 1000


def is_probe(method: bytes, path: str, facts: Facts) -> bool:
    """Whether a request is that of a prober."""
    if path.startswith(_GRPC_HEALTH):
        return True
    if _PROBER.search(facts.get(USER_AGENT, b"")):
        return True
    if method == b"OPTIONS" and path in ("*", "/"):
        # What HAProxy asks where nothing else is said.
        return True
    place = path.partition("?")[0].rstrip("/")
    name = place.rpartition("/")[2].lower().lstrip("_")
    return method in (b"GET", b"HEAD") and (name in _HEALTH or place == _OF_PROMETHEUS)


class News:
    """When the newest connection came of those that have asked for something, since `begin`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._newest = 0.0
        self._book = context.ledger.open
        # TCP clients that have said nothing yet: they count from when they came once they have.
        self._silent: set[Tcp] = set()

    @property
    def newest(self) -> float:
        """In seconds, by the clock of the context."""
        for session in [each for each in self._silent if each.spoken]:
            self._silent.discard(session)
            self._came(session.connected_at)
        return self._newest

    def begin(self) -> None:
        """From now on it is looked at what new clients ask for. No request pays for that before."""
        self._context.ledger.open = self._open

    def end(self) -> None:
        """The drain was taken back."""
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
