"""Every law of a kind is proved over each transport that carries it."""

import pytest

from tests.relay.goodbye.carried import EVENT_STREAMS, WEBSOCKETS, Events, WebSocket


@pytest.fixture(params=WEBSOCKETS, ids=lambda each: each.__name__)
def websocket(request: pytest.FixtureRequest) -> type[WebSocket]:
    """Opens a WebSocket."""
    opens: type[WebSocket] = request.param
    return opens


@pytest.fixture(params=EVENT_STREAMS, ids=lambda each: each.__name__)
def events(request: pytest.FixtureRequest) -> type[Events]:
    """Begins an event stream."""
    begins: type[Events] = request.param
    return begins
