"""What is followed in the DATA of a stream is read a part in each turn, like the frames."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from drainproxy.wire.websocket import FrameTracker
from tests.relay.conversation import Conversation
from tests.relay.frames import ENABLE_CONNECT, OK, WEBSOCKET, data, settings

# Frames of a WebSocket that are read one by one, and one that is passed over.
TINY = {
    "long lengths": (b"\x82\x7e\x00\x01a", b"\x82\xfe\x00\x01mask\x00"),
    "fragments by turns": (b"\x02\x00\x80\x00", b"\x02\x80mask\x80\x80mask"),
    "not that short": (b"\x82\x20" + bytes(32), b"\x82\xa0mask" + bytes(32)),
}
PAYLOAD = 16000
# In one turn; what a read may bring has 50,000.
MOST_STEPS = 2500


@pytest.fixture
def looked_at() -> Iterator[list[int]]:
    """Where a frame of a WebSocket was looked at."""
    at: list[int] = []
    begin = FrameTracker._begin

    def noted(tracker: FrameTracker, data: bytes, start: int) -> int:
        at.append(start)
        return begin(tracker, data, start)

    with patch.object(FrameTracker, "_begin", noted):
        yield at


def accepted() -> Conversation:
    """A WebSocket that the app has accepted."""
    talk = Conversation("auto")
    talk.client_begins()
    talk.app_sends(settings({ENABLE_CONNECT: 1}))
    talk.client_asks(1, WEBSOCKET, end=False)
    talk.app_sends(talk.answers.headers(1, OK))
    talk.client_hears()
    talk.app_hears()
    return talk


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("side", ["app", "client"])
@pytest.mark.parametrize("payload", [PAYLOAD, 900], ids=["large frames", "small frames"])
def test_tiny_frames_in_data_are_read_a_part_at_a_turn(
    name: str, side: str, payload: int, looked_at: list[int]
) -> None:
    talk = accepted()
    unit = TINY[name][side == "client"]
    said = unit * (150_000 // len(unit))
    frames = b"".join(data(1, said[at : at + payload]) for at in range(0, len(said), payload))
    session = talk.session
    if side == "app":
        session.app_data(frames)
    else:
        session.data_received(frames)
    assert 0 < len(looked_at) < MOST_STEPS
    talk.proxy.settle()
    heard = talk.client_got() if side == "app" else talk.app_got()
    assert heard == frames


@pytest.mark.parametrize("side", ["app", "client"])
def test_a_large_message_in_data_frames_needs_no_turn(side: str, looked_at: list[int]) -> None:
    talk = accepted()
    head = b"\x82\x7f" if side == "app" else b"\x82\xff"
    head += (2**20).to_bytes(8, "big") + b"mask" * (side == "client")
    frames = data(1, head) + data(1, bytes(PAYLOAD)) * 12
    if side == "app":
        talk.session.app_data(frames)
    else:
        talk.session.data_received(frames)
    assert len(looked_at) == 1
    assert (talk.client_got() if side == "app" else talk.app_got()) == frames
