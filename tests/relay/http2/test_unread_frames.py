"""A client that makes us say more than it reads, or more than has a place, is not read."""

import pytest

from tests.relay.conversation import Conversation
from tests.relay.frames import CONNECT, ENHANCE_YOUR_CALM, OK, data, settings
from tests.relay.proxy import Proxy
from tests.relay.streams import asked

# So many bytes of ours may wait for their place.
MOST = 65536
SOME = data(1, b"x" * 99)


def asks(talk: Conversation, stream: int) -> None:
    """What we answer ourselves, in more bytes than it takes to ask."""
    talk.client_asks(stream, CONNECT)


def asks_until_stopped(talk: Conversation) -> int:
    """Returns how often it was answered. Further requests are sent and not read."""
    stream = 1
    while talk.client.is_reading():
        stream += 2
        asks(talk, stream)
        assert stream < 1999
    for further in range(stream + 2, stream + 22, 2):
        asks(talk, further)
    return stream // 2


def stands_in_a_frame(talk: Conversation) -> bytes:
    """The app has said a frame in part; returns the rest of it."""
    frame = data(1, b"x" * 16384)
    talk.app_sends(talk.answers.headers(1, OK) + frame[:5000])
    return frame[5000:]


def answers(talk: Conversation) -> list[int]:
    """The streams of the answers of ours that have come."""
    return [each[1] for each in talk.client_hears() if each[0] == "headers" and each[1] > 1]


def test_in_the_middle_of_a_frame_too_who_does_not_read_is_not_read() -> None:
    talk = asked(end=False)
    talk.client_stops_reading()
    talk.app_sends(talk.answers.headers(1, OK) + data(1, b"x" * 16384) * 4 + SOME[:50])
    assert not talk.app.is_reading()
    assert asks_until_stopped(talk) == 1
    talk.client_reads()
    talk.app_sends(SOME[50:])
    assert answers(talk) == [*range(3, 3 + 2 * 11, 2)]
    assert talk.client.is_reading()


def test_what_waits_for_the_end_of_the_apps_frame_is_bounded_and_then_said() -> None:
    talk = asked(end=False)
    rest = stands_in_a_frame(talk)
    told = asks_until_stopped(talk)
    assert 100 < told < 900
    assert talk.session.outbound.waiting < MOST + 200
    talk.client_hears()
    talk.app_sends(rest)
    assert talk.client.is_reading()
    assert answers(talk) == [*range(3, 3 + 2 * (told + 10), 2)]
    assert talk.session.outbound.waiting == 0


def test_what_waits_for_the_settings_of_the_app_is_bounded_and_then_said() -> None:
    talk = Conversation("auto")
    talk.client_begins()
    told = asks_until_stopped(talk)
    assert 100 < told < 900
    talk.app_sends(settings())
    assert talk.client.is_reading()
    assert answers(talk) == [*range(3, 3 + 2 * (told + 10), 2)]


def test_who_reads_is_read_again_only_when_what_waits_is_out() -> None:
    talk = asked(end=False)
    rest = stands_in_a_frame(talk)
    asks_until_stopped(talk)
    talk.session.pause_writing()
    talk.session.resume_writing()
    assert not talk.client.is_reading()
    talk.app_sends(rest)
    assert talk.client.is_reading()


def test_what_has_a_place_is_no_reason_to_read_who_does_not_read() -> None:
    talk = asked(end=False)
    rest = stands_in_a_frame(talk)
    talk.session.pause_writing()
    assert asks_until_stopped(talk) == 1
    talk.app_sends(rest)
    assert not talk.client.is_reading()
    talk.session.resume_writing()
    assert talk.client.is_reading()


def test_the_time_in_which_we_do_not_read_is_not_the_clients_either() -> None:
    talk = asked(end=False, header_timeout=10)
    rest = stands_in_a_frame(talk)
    asks_until_stopped(talk)
    talk.proxy.wait(30)
    talk.app_sends(rest)
    assert ENHANCE_YOUR_CALM not in [each[2] for each in talk.client_hears() if each[0] == "goaway"]
    assert talk.client.state == "open"


@pytest.mark.parametrize("how", ["says_last_goodbyes", "aborts"])
def test_the_end_of_all_is_read_again_or_over(how: str) -> None:
    proxy = Proxy()
    talk = asked(proxy=proxy, end=False)
    stands_in_a_frame(talk)
    asks_until_stopped(talk)
    getattr(proxy, how)()
    proxy.aborts()
    assert talk.client.lost
    assert talk.in_flight == {}


def test_windows_that_are_given_back_are_one_frame_however_many_they_are() -> None:
    """So an upload that goes nowhere goes on."""
    talk = asked(end=False)
    stands_in_a_frame(talk)
    asks(talk, 3)
    for _ in range(10_000):
        talk.client_sends(data(3, b"x"))
    assert talk.client.is_reading()
