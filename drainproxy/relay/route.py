"""One `--forward`: from a listener to an app."""

from collections.abc import Callable
from dataclasses import dataclass

from drainproxy.relay.upstream import UpstreamProtocol


@dataclass(frozen=True, slots=True)
class Route:
    """One `--forward`: how its connections are read, a name for the app behind it, how it is
    reached, and how that is given up."""

    protocol: str
    app: str
    connect: Callable[[UpstreamProtocol], None]
    give_up: Callable[[UpstreamProtocol], None] = lambda side: None
