"""A conversation that has switched to WebSocket, and what is said in it."""

from typing import Any

from drainproxy.wire.websocket import close_frame
from tests.relay.conversation import Conversation, head, request
from tests.relay.proxy import MASK, Proxy

UPGRADE = request("/chat", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: a")
SWITCH = head("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")
GOING_AWAY = close_frame(1001, "going away")
ECHO = close_frame(1001, "going away", b"\x05\x06\x07\x08")
OUR_CLOSE_TO_APP = close_frame(1001, "going away", MASK)

# Unmasked, for the client: a whole message, and one in two fragments.
TEXT = b"\x81\x05hello"
FRAGMENT, LAST_FRAGMENT = b"\x01\x03abc", b"\x80\x03def"
# Masked, for the app.
SHOUT = b"\x81\x82\x00\x00\x00\x00hi"


def websocket(proxy: Proxy | None = None, **limits: Any) -> Conversation:
    """A conversation that has switched to WebSocket."""
    talk = Conversation(proxy=proxy, **limits)
    talk.client_sends(UPGRADE)
    talk.app_sends(SWITCH)
    assert talk.app_got() == UPGRADE
    assert talk.client_got() == SWITCH
    return talk


def said_goodbye() -> Conversation:
    """A WebSocket whose client has just heard our Close."""
    talk = websocket()
    talk.proxy.leaves()
    talk.proxy.wait(0.25)
    assert talk.client_got() == GOING_AWAY
    return talk
