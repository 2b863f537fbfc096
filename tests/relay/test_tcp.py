"""Opaque connections: bytes and half-closes pass, both ways and at any time."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.relay.turns import LARGE_READ
from tests.relay.connection import HIGH_WATER, Connection
from tests.relay.conversation import Conversation

MUCH = b"x" * (HIGH_WATER + 1)


def test_the_app_may_speak_first() -> None:
    talk = Conversation("tcp")
    talk.app_sends(b"220 mail.example ready\r\n")
    assert talk.client_got() == b"220 mail.example ready\r\n"
    talk.client_sends(b"HELO me\r\n")
    assert talk.app_got() == b"HELO me\r\n"
    assert talk.proxy.in_flight == {"tcp": 1}
    counters = talk.proxy.context.counters
    assert counters.connections == {"tcp": 1}
    assert (counters.bytes_from_app, counters.bytes_from_clients) == (24, 9)


def test_what_the_client_says_while_we_connect_waits_and_is_bounded() -> None:
    talk = Conversation("tcp", app_listens=False)
    talk.client_sends(b"one ", b"two ", b"three")
    assert not talk.client.is_reading()
    assert talk.client.waiting == len(b"two three")
    talk.app_accepts()
    assert talk.client.is_reading()
    assert talk.app_got() == b"one two three"


def test_a_client_that_ends_while_we_connect_is_heard_to_its_end() -> None:
    talk = Conversation("tcp", app_listens=False)
    talk.client_ends()
    talk.app_accepts()
    assert talk.app.state == "half-closed"
    talk.app_sends(b"answer")
    assert talk.client_got() == b"answer"


@pytest.mark.parametrize("first", ["the app accepts", "its turn comes"])
def test_what_waits_for_its_turn_while_we_connect_reaches_the_app_before_its_end(
    first: str,
) -> None:
    """A transport may tell of the end although reading is paused, as that of TLS does."""
    talk = Conversation("tcp", app_listens=False)
    large = b"x" * LARGE_READ
    talk.proxy.context.turns.crowded = True
    talk.session.data_received(large)
    assert talk.session.client_rest == large
    assert talk.session.eof_received()
    if first == "the app accepts":
        talk.knocks.pop()
        talk.session.app_connected(app := Connection(talk.proxy.soon, talk.session.upstream))
        talk.apps.append(app)
        talk.proxy.settle()
    else:
        talk.proxy.settle()
        talk.app_accepts()
    assert talk.app_got() == large
    assert talk.app.state == "half-closed"


# The ends


def test_the_client_ends_first_and_still_hears_the_app() -> None:
    talk = Conversation("tcp")
    talk.client_sends(b"question")
    talk.client_ends()
    assert talk.app.state == "half-closed"
    talk.app_sends(b"answer")
    talk.app_ends()
    assert talk.client_got() == b"answer"
    assert (talk.client.state, talk.app.state) == ("closed", "closed")
    assert talk.proxy.endings == [("tcp", "finished")]


def test_the_app_ends_first_and_still_hears_the_client() -> None:
    talk = Conversation("tcp")
    talk.app_sends(b"hello")
    talk.app_ends()
    assert talk.client.state == "half-closed"
    talk.client_sends(b"and goodbye")
    assert talk.app_got() == b"and goodbye"
    assert talk.proxy.in_flight == {"tcp": 1}
    talk.client_ends()
    assert (talk.client.state, talk.app.state) == ("closed", "closed")
    assert talk.proxy.endings == [("tcp", "finished")]


def test_a_slow_client_gets_the_last_words_of_an_app_that_is_gone() -> None:
    talk = Conversation("tcp")
    talk.client_stops_reading()
    talk.client_ends()
    talk.app_sends(MUCH)
    talk.client_reads(1)  # the app's reading is paused until then
    talk.client_reads(HIGH_WATER - 1)
    talk.app_ends()
    assert talk.app.lost
    assert talk.proxy.in_flight == {"tcp": 1}
    talk.client_reads()
    assert talk.client_got() == MUCH
    assert talk.client.state == "closed"
    assert talk.proxy.endings == [("tcp", "finished")]


def test_a_reset_by_the_client_reaches_the_app_as_one() -> None:
    talk = Conversation("tcp")
    talk.client_sends(b"half of a")
    talk.client_resets()
    assert talk.app.state == "reset"
    assert talk.proxy.endings == [("tcp", "client_left")]


def test_a_reset_after_the_clients_end_is_still_a_reset() -> None:
    talk = Conversation("tcp")
    talk.client_ends()
    talk.client_resets()
    assert talk.app.state == "reset"
    assert talk.proxy.endings == [("tcp", "client_left")]


def test_a_reset_by_the_app_reaches_the_client_as_one() -> None:
    talk = Conversation("tcp")
    talk.app_sends(b"half of a")
    talk.app_resets()
    assert talk.client.state == "reset"
    assert talk.proxy.endings == [("tcp", "app_left")]


def test_a_client_that_leaves_while_we_connect_is_not_served() -> None:
    talk = Conversation("tcp", app_listens=False)
    talk.client_resets()
    talk.app_accepts()
    assert talk.app.state == "aborted"
    assert talk.proxy.endings == [("tcp", "client_left")]


def test_an_app_that_is_not_there_is_told_as_it_would_be_without_us() -> None:
    talk = Conversation("tcp", app_listens=False)
    talk.client_sends(b"hello?")
    talk.app_refuses()
    assert talk.client.state == "reset"
    assert talk.proxy.endings == [("tcp", "app_left")]
    assert talk.proxy.context.counters.app_connect_failures == 1
    assert talk.proxy.context.counters.rejected == {"app-away": 1}


# Back-pressure


def test_a_client_that_does_not_read_stops_the_app() -> None:
    talk = Conversation("tcp")
    talk.client_stops_reading()
    talk.app_sends(MUCH)
    assert not talk.app.is_reading()
    talk.app_sends(b"more")
    assert talk.app.waiting == 4
    talk.client_reads()
    assert talk.app.is_reading()
    assert talk.client_got() == MUCH + b"more"


def test_an_app_that_does_not_read_stops_the_client() -> None:
    talk = Conversation("tcp")
    talk.app_stops_reading()
    talk.client_sends(MUCH)
    assert not talk.client.is_reading()
    talk.app_reads()
    assert talk.client.is_reading()
    assert talk.app_got() == MUCH


def test_an_end_that_is_heard_twice_counts_once() -> None:
    """After an EOF, whoever resumes reading hears it again."""
    talk = Conversation("tcp")
    talk.app_stops_reading()
    talk.client_sends(MUCH)
    talk.client_ends()
    talk.app_reads()
    talk.app_sends(b"thanks")
    talk.app_ends()
    assert talk.client_got() == b"thanks"
    assert talk.proxy.endings == [("tcp", "finished")]


# What the sidecar tells


def test_leaving_says_nothing_to_tcp() -> None:
    talk = Conversation("tcp")
    talk.proxy.leaves()
    talk.proxy.wait(60)
    talk.app_sends(b"still here")
    assert talk.client_got() == b"still here"
    talk.proxy.says_last_goodbyes()
    assert talk.client.state == "open"


def test_the_deadline_resets_both_sides() -> None:
    talk = Conversation("tcp")
    talk.proxy.aborts()
    assert (talk.client.state, talk.app.state) == ("reset", "reset")
    assert talk.proxy.endings == [("tcp", "cut")]


def test_a_client_that_loses_bytes_to_the_deadline_can_tell() -> None:
    talk = Conversation("tcp")
    talk.client_stops_reading()
    talk.app_sends(b"a part")
    talk.proxy.aborts()
    assert talk.client.state == "reset"


def test_nothing_moving_for_idle_timeout_ends_it() -> None:
    talk = Conversation("tcp", idle_timeout=60)
    talk.proxy.wait(50)
    talk.client_sends(b".")
    talk.proxy.wait(50)
    talk.app_sends(b".")
    talk.proxy.wait(59)
    assert talk.client.state == "open"
    talk.proxy.wait(2)
    assert talk.client.state == "reset"
    assert talk.proxy.endings == [("tcp", "cut")]


def test_a_connection_over_the_limit_is_closed_at_once() -> None:
    first = Conversation("tcp", max_connections=1)
    second = Conversation("tcp", proxy=first.proxy)
    assert second.client.state == "aborted"
    assert not second.app_was_reached()
    assert first.client.state == "open"
    assert first.proxy.books.opened == 1


# Whatever happens

MOVES: dict[str, Callable[[Conversation], None]] = {
    "client ends": Conversation.client_ends,
    "client resets": Conversation.client_resets,
    "client stops reading": Conversation.client_stops_reading,
    "client reads": Conversation.client_reads,
    "app ends": Conversation.app_ends,
    "app resets": Conversation.app_resets,
    "app stops reading": Conversation.app_stops_reading,
    "app reads": Conversation.app_reads,
    "app accepts": Conversation.app_accepts,
    "app refuses": Conversation.app_refuses,
    "time passes": lambda talk: talk.proxy.wait(1),
    "deadline": lambda talk: talk.proxy.aborts(),
}
speeches = st.tuples(
    st.sampled_from(["client", "app"]),
    st.sampled_from([1, 100, HIGH_WATER, HIGH_WATER + 1, 2 * HIGH_WATER]),
)
stories = st.lists(st.sampled_from([*MOVES]) | speeches, min_size=3, max_size=25)


def possible(talk: Conversation, move: str) -> bool:
    if move in ("app accepts", "app refuses"):
        return bool(talk.knocks)
    return bool(talk.apps) or not move.startswith("app")


@given(st.booleans(), stories)
def test_what_was_said_arrives_in_order_and_is_booked_once(
    listens: bool, story: list[str | tuple[str, int]]
) -> None:
    talk = Conversation("tcp", app_listens=listens)
    said = {"client": bytearray(), "app": bytearray()}
    ended = set()
    for move in story:
        if isinstance(move, str):
            if possible(talk, move):
                MOVES[move](talk)
                ended |= {move}
            continue
        who, size = move
        if f"{who} ends" not in ended and possible(talk, who):
            words = (b"%d " % len(said[who]) * size)[:size]
            said[who] += words
            (talk.client_sends if who == "client" else talk.app_sends)(words)

    assert said["app"].startswith(talk.client.received)
    if talk.client.state == "closed":
        assert talk.client.received == said["app"]
    if talk.apps:
        assert said["client"].startswith(talk.app.received)
        assert talk.app.state != "closed" or talk.app.received == said["client"]
    talk.client_resets()
    assert talk.proxy.books.opened == len(talk.proxy.endings) == 1
    assert talk.proxy.context.registry.sessions == set()
    if talk.apps:
        talk.app_reads()
        assert talk.app.lost
