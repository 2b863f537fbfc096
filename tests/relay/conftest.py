"""Every law of a kind is proved over each transport that carries it."""

from typing import Any

import pytest

from tests.relay.carried import ENDLESS, EVENT_STREAMS, WEBSOCKETS, Endless, Events, WebSocket
from tests.relay.connected import CONNECTIONS, Connected


def by_name(carried: Any) -> str:
    """As it stands in the name of a test."""
    return str(carried.__name__)


@pytest.fixture(params=WEBSOCKETS, ids=by_name)
def websocket(request: pytest.FixtureRequest) -> type[WebSocket]:
    """Opens a WebSocket."""
    opens: type[WebSocket] = request.param
    return opens


@pytest.fixture(params=EVENT_STREAMS, ids=by_name)
def events(request: pytest.FixtureRequest) -> type[Events]:
    """Begins an event stream."""
    begins: type[Events] = request.param
    return begins


@pytest.fixture(params=ENDLESS, ids=by_name)
def endless(request: pytest.FixtureRequest) -> type[Endless]:
    """Begins an answer that has no end by itself."""
    begins: type[Endless] = request.param
    return begins


@pytest.fixture(params=CONNECTIONS, ids=by_name)
def connected(request: pytest.FixtureRequest) -> type[Connected]:
    """Opens a connection for requests."""
    opens: type[Connected] = request.param
    return opens
