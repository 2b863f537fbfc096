"""What is rehearsed: how many of what, how it is rolled out, and what is asked of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

STRATEGIES = ("rolling", "blue-green", "canary")
PROXIES = ("drainproxy", "envoy", "none")
BALANCERS = ("kube-proxy", "haproxy")

CLIENTS = {"http": 50, "websocket": 20, "sse": 20, "grpc": 20}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One rehearsal; times in seconds.

    `app` is a command in which `{port}` and `{version}` are replaced, empty for the built-in app;
    `settings` are flags for `drainproxy run`; `clients` counts by kind.
    """

    app: tuple[str, ...] = ()
    path: str = "/hello"
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
    # Where the balancer listens, by service; 0 is any free port.
    http_port: int = 0
    grpc_port: int = 0
