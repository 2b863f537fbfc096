"""The app that most end-to-end tests stand a sidecar in front of."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.process import Sidecar, accepts, sidecar, started


class DemoApp(NamedTuple):
    """Runs by itself for the whole session: `drainproxy.rehearsal.app` says what it answers."""

    port: int
    tcp_port: int

    @property
    def address(self) -> str:
        """What to forward to."""
        return f"127.0.0.1:{self.port}"


@pytest.fixture(scope="session")
def demo_app() -> Iterator[DemoApp]:
    """The demo app of the package, in a process of its own."""
    app = DemoApp(*free_ports(2))
    ports = ("--port", str(app.port), "--tcp-port", str(app.tcp_port))
    with started("drainproxy.rehearsal.app", *ports, ready=lambda: accepts(app.port)):
        yield app


# For apps that a test writes itself: a port for them, and a sidecar in front of it. Where they are
# used they are those of a file.


@pytest.fixture(scope="module")
def app_port() -> int:
    """Where the app of a test listens."""
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def plain(app_port: int) -> Iterator[Sidecar]:
    """A sidecar that adds nothing to a request."""
    with sidecar(f"127.0.0.1:{app_port}", "--forwarded", "off") as running:
        yield running


@pytest.fixture(scope="module")
def running(app_port: int) -> Iterator[Sidecar]:
    """A sidecar as it is by default."""
    with sidecar(f"127.0.0.1:{app_port}") as running:
        yield running
