"""The plan of a rehearsal: replicas, clients, strategy and times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from drainproxy.config import format_duration
from drainproxy.rehearsal.ages import Ages
from drainproxy.rehearsal.faults import NONE, Faults

STRATEGIES = ("rolling", "blue-green", "canary")
# In place of a rollout: the apps of all replicas, one after the other.
RESTART, KILL = "restart-app", "kill-app"
# What that is called where something says that it begins.
INSTEAD = {RESTART: "restarts", KILL: "kills"}
PROXIES = ("drainproxy", "envoy", "none")
BALANCERS = ("kube-proxy", "haproxy")

# The version that runs, and the one that is rolled out; served for longer there are v3, v4, ...
OLD, NEW = "v1", "v2"

CLIENTS = {"http": 50, "websocket": 20, "sse": 20, "grpc": 20}
# What an injected sidecar keeps of the grace period, in seconds.
_SPARE = 5.0
# Where a gate looks at users it counts those of the last, about 20 s at 300 a second, and one of so
# many is of each kind that stays or calls. Below 100 the gate takes a kind for rare, and does not
# wait for 186 of them on 5 % of the traffic; four are still there, which a fault needs to show.
# All of it goes by their number and not by time, since a busy machine serves fewer.
COUNTED_USERS = 6000
ONE_OF = {"websocket": 75, "sse": 300, "grpc": 300}


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalPlan:
    """One rehearsal; times in seconds.

    `app` is a command in which `{port}` and `{version}` are replaced, empty for the built-in app;
    `settings` are flags for `drainproxy run`; `clients` counts by kind.
    """

    app: tuple[str, ...] = ()
    path: str = "/"
    websocket_path: str = "/ws"
    events_path: str = "/events"
    clients: Mapping[str, int] = field(default_factory=lambda: dict(CLIENTS))
    replicas: int = 3
    surge: int = 1
    unavailable: int = 0
    grace_period: float = 30.0
    propagation_delay: float = 2.0
    strategy: str = "rolling"
    proxy: str = "drainproxy"
    balancer: str = "kube-proxy"
    settings: tuple[str, ...] = ()
    # How long an app without a proxy sleeps in its preStop.
    prestop_sleep: float = 0.0
    # The load alone, before the rollout and after it; and between the steps of a canary.
    before: float = 5.0
    after: float = 10.0
    hold: float = 5.0
    # How long old replicas stay after a canary's promotion, for their connections to come to the
    # age that is left then; 0 is not at all, and connections are moved by rebalance.
    scale_down_delay: float = 0.0
    # What is wrong with each version but the first.
    faults: Faults = NONE
    # A gate is asked after each step of the canary, so long at most; with this Prometheus, a path,
    # or the one that is installed.
    gate: bool = False
    gate_timeout: float = 90.0
    prometheus: str | None = None
    # Where the balancer listens, by service; 0 is any free port.
    http_port: int = 0
    grpc_port: int = 0

    @property
    def short_name(self) -> str:
        """What stands in front of each replica, in a word."""
        sleeps = self.proxy == "none" and self.prestop_sleep
        return f"sleep {self.prestop_sleep:g}" if sleeps else self.proxy

    @property
    def compared(self) -> "Sequence[RehearsalPlan]":
        """It, the same with the preStop hook that sleeps, if there is one, and without anything."""
        sleeps = self.prestop_sleep and self.proxy != "none"
        slept = [replace(self, proxy="none")] if sleeps else []
        return self, *slept, replace(self, proxy="none", prestop_sleep=0.0)

    @property
    def ages(self) -> Ages | None:
        """Those of ephemeral metadata, where there are any."""
        return Ages(self.scale_down_delay) if self.scale_down_delay else None

    @property
    def sidecar_flags(self) -> tuple[str, ...]:
        """For `drainproxy run`: those of an injected pod, and what is given later wins."""
        timeout = format_duration(max(1.0, self.grace_period - _SPARE))
        own = (f"--drain-timeout={timeout}", "--unready=closed")
        return (*own, *self.settings)

    @property
    def stays(self) -> Mapping[str, float]:
        """How long a user stays, by kind: until so many others have come. Where none come and go
        there is nothing."""
        if not self.gate:
            return {}
        return {kind: self.clients.get(kind, 0) * one_of for kind, one_of in ONE_OF.items()}
