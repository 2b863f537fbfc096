"""A client that has said all before the app's 101: the app gets what it said, and then its end."""

import pytest

from tests.relay.connection import HIGH_WATER
from tests.relay.conversation import Conversation, head, request
from tests.relay.upgraded import SHOUT, SWITCH, UPGRADE, websocket

# More frames than are read in one turn of the loop (`wire.websocket`).
MANY = (b"\x82\xa0" + bytes(4 + 32)) * 1700
OTHER = request("/x", "Connection: upgrade", "Upgrade: other/1")
SWITCH_TO_OTHER = head("HTTP/1.1 101 Yes", "Connection: upgrade", "Upgrade: other/1")


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("asked", "switch", "said"),
    [
        (UPGRADE, SWITCH, b""),
        (UPGRADE, SWITCH, SHOUT),
        (UPGRADE, SWITCH, MANY),
        (UPGRADE, SWITCH, b"\x82\xff" + (HIGH_WATER).to_bytes(8) + bytes(HIGH_WATER + 4)),
        (OTHER, SWITCH_TO_OTHER, b"x"),
        (OTHER, SWITCH_TO_OTHER, MANY),
    ],
    ids=["nothing", "a frame", "many frames", "a large frame", "other", "much of another"],
)
def test_what_came_with_the_end_ahead_of_the_101_reaches_the_app_before_it(
    asked: bytes, switch: bytes, said: bytes, together: bool
) -> None:
    talk = Conversation()
    if together:
        talk.client_sends(asked + said)
    else:
        talk.client_sends(asked, said)
    talk.client_ends()
    assert talk.app_got() == asked
    talk.app_sends(switch)
    assert talk.app_got() == said
    assert talk.app.state == "half-closed"
    talk.app_sends(b"\x81\x02ok")
    assert talk.client_got() == switch + b"\x81\x02ok"


def test_many_frames_and_an_end_that_come_after_the_101_keep_their_order() -> None:
    talk = websocket()
    talk.client_sends(MANY)
    talk.client_ends()
    assert talk.app_got() == MANY
    assert talk.app.state == "half-closed"


def test_an_app_that_ends_while_what_came_ahead_is_read_gets_the_rest_of_it() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE + MANY)
    talk.client_ends()
    talk.app_sends(SWITCH + b"\x88\x00")
    talk.app_ends()
    assert talk.app_got() == UPGRADE + MANY
    assert talk.client_got() == SWITCH + b"\x88\x00"
    assert talk.client.state == "closed"


def test_a_client_that_breaks_off_while_what_it_said_is_read_is_gone() -> None:
    talk = Conversation()
    talk.client_sends(UPGRADE + MANY)
    talk.client_ends()
    talk.app.sends(SWITCH)
    talk.proxy.soon.popleft()()
    assert len(talk.session.client_rest) > 0
    talk.client_resets()
    assert talk.proxy.in_flight == {}
    assert talk.app.lost
