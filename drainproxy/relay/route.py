"""One `--forward`: from a listener to an app."""

from collections.abc import Callable
from dataclasses import dataclass

from drainproxy.relay.upstream import UpstreamProtocol


@dataclass(frozen=True, slots=True)
class Route:
    """One `--forward`. `protocol`: `auto`, `http` or `tcp`. `app`: the app's address as text.
    `connect` begins a connection to the app, `give_up` ends that attempt."""

    protocol: str
    app: str
    connect: Callable[[UpstreamProtocol], None]
    give_up: Callable[[UpstreamProtocol], None] = lambda side: None
