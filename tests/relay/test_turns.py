"""What waits for the next turn of the loop keeps nobody waiting, and changes nothing."""

from collections.abc import Callable
from functools import partial

import pytest

from drainproxy.relay import session, tcp, turns
from drainproxy.relay.http1 import connection as http1
from drainproxy.relay.http2 import connection as http2
from drainproxy.relay.turns import Turns
from drainproxy.wire import chunked, frames, websocket
from tests.cases import some
from tests.relay import test_any_point, test_any_split
from tests.relay.conversation import Conversation, head, request, response
from tests.relay.http2 import test_any_split as test_http2_any_split
from tests.relay.http2 import test_goodbye_model as test_http2_goodbye_model
from tests.relay.http2 import test_model as test_http2_model


class Loop:
    """Turns of a loop, and a clock that the steps move on."""

    def __init__(self) -> None:
        self.time = 0.0
        self.soon: list[Callable[[], None]] = []
        self.done: list[str] = []
        self.turns = Turns(self.soon.append, lambda: self.time)

    def turn(self) -> list[str]:
        """What has been done in the next turn."""
        self.soon, now = [], self.soon
        self.turns._soon = self.soon.append
        before = len(self.done)
        for call in now:
            call()
        return self.done[before:]

    def step(self, name: str, seconds: float = 0.0, then: tuple[str, ...] = ()) -> None:
        """Something that waits; it takes so long, and `then` leads to more."""

        def work() -> None:
            self.done.append(name)
            self.time += seconds
            for each in then:
                self.step(each)

        self.turns.later(work)


def test_a_step_is_done_once_in_the_next_turn() -> None:
    loop = Loop()
    loop.step("a")
    assert loop.done == []
    assert loop.turn() == ["a"]
    assert loop.turn() == []


def test_a_turn_has_four_steps_and_the_others_wait_in_their_order() -> None:
    loop = Loop()
    for name in "abcdef":
        loop.step(name)
    assert loop.turn() == ["a", "b", "c", "d"]
    loop.step("g")
    assert loop.turn() == ["e", "f", "g"]


def test_a_turn_begins_no_step_after_four_milliseconds() -> None:
    loop = Loop()
    for name, seconds in (("a", 0.003), ("b", 0.002), ("c", 0.1), ("d", 0.0)):
        loop.step(name, seconds)
    assert [loop.turn() for _ in range(3)] == [["a", "b"], ["c"], ["d"]]


def test_who_goes_on_goes_on_behind_those_that_wait_already() -> None:
    loop = Loop()
    loop.step("a", then=("a again",))
    loop.step("b")
    assert loop.turn() == ["a", "b"]
    assert loop.turn() == ["a again"]


def test_a_turn_is_asked_for_once_and_only_if_something_waits() -> None:
    loop = Loop()
    for name in "abcde":
        loop.step(name)
    assert len(loop.soon) == 1
    loop.turn()
    assert len(loop.soon) == 1
    loop.turn()
    assert loop.soon == []


def test_crowded_is_when_more_waits_than_a_turn_takes() -> None:
    loop, crowded = Loop(), []
    for name in "abcde":
        loop.step(name)
        crowded.append(loop.turns.crowded)
    loop.turn()
    assert [*crowded, loop.turns.crowded] == [False, False, False, False, True, False]


def test_a_step_finds_no_crowd_or_it_would_wait_for_ever() -> None:
    loop, seen = Loop(), []
    for _ in range(9):
        loop.turns.later(lambda: seen.append(loop.turns.crowded))
    assert loop.turns.crowded
    loop.turn()
    assert seen == [False] * 4
    assert loop.turns.crowded


def test_a_step_that_fails_stops_no_other() -> None:
    loop = Loop()

    def fail() -> None:
        raise ValueError("wrong")

    loop.turns.later(fail)
    loop.step("a")
    (work,) = loop.soon
    loop.soon.clear()
    with pytest.raises(ValueError, match="wrong"):
        work()
    assert loop.turn() == ["a"]


# Sessions

ODD = b"01\r\na\r\n"
AT_ONCE = 400
HEAD = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
END = b"0\r\n\r\n"
UPLOAD = request("/upload", "Transfer-Encoding: chunked", method="POST")


def until_it_waits(talk: Conversation) -> None:
    """Let the loop do what it does before the next turn."""
    while not talk.proxy.context.turns._waiting:
        talk.proxy.soon.popleft()()


def answered() -> Conversation:
    """A client that has asked, and an app that answers so much at once that it is not read."""
    talk = Conversation()
    talk.client_sends(request())
    talk.app.sends(HEAD + ODD * 3 * AT_ONCE + END)
    until_it_waits(talk)
    return talk


def test_while_a_part_of_the_answer_waits_the_app_is_not_read() -> None:
    talk = answered()
    assert not talk.app.is_reading()
    talk.proxy.settle()
    assert talk.app.is_reading()
    assert talk.client_got() == HEAD + ODD * 3 * AT_ONCE + END
    assert talk.proxy.context.counters.bytes_from_app == len(HEAD + ODD * 3 * AT_ONCE + END)


def test_while_a_part_of_the_request_waits_the_client_is_not_read() -> None:
    talk = Conversation()
    body = ODD * 2 * AT_ONCE + END
    talk.client.sends(UPLOAD + body)
    until_it_waits(talk)
    assert not talk.client.is_reading()
    talk.client.sends(b"GET ")
    talk.proxy.settle()
    assert talk.client.is_reading()
    assert talk.app_got().endswith(body)
    assert talk.proxy.context.counters.bytes_from_clients == len(UPLOAD + body) + 4


def test_an_app_that_breaks_off_is_read_to_its_last_byte() -> None:
    talk = answered()
    talk.app.protocol.connection_lost(BrokenPipeError())
    talk.proxy.settle()
    assert talk.client_got() == HEAD + ODD * 3 * AT_ONCE + END
    assert talk.proxy.endings == [("http1", "finished")]


def test_a_client_that_reads_again_does_not_bring_a_later_part_before_an_earlier() -> None:
    talk = answered()
    talk.session.pause_writing()
    talk.session.resume_writing()
    assert not talk.app.is_reading()
    talk.proxy.settle()
    assert talk.client_got() == HEAD + ODD * 3 * AT_ONCE + END


def test_a_part_of_an_answer_to_nobody_is_forgotten() -> None:
    talk = answered()
    talk.session.abort("deadline")
    talk.proxy.settle()
    assert talk.proxy.endings == [("http1", "cut")]
    assert talk.client_got() == HEAD + ODD * AT_ONCE


def test_behind_a_read_that_filled_the_buffer_others_have_their_turn() -> None:
    talk = Conversation("tcp")
    talk.client.sends(bytes(turns.FULL_READ))
    until_it_waits(talk)
    assert not talk.client.is_reading()
    talk.proxy.settle()
    assert talk.client.is_reading()
    assert talk.app_got() == bytes(turns.FULL_READ)


@pytest.mark.parametrize(
    ("size", "waits"), [(turns.LARGE_READ - 1, False), (turns.LARGE_READ, True)]
)
def test_a_large_read_waits_where_there_is_a_crowd(size: int, waits: bool) -> None:
    talk = Conversation("tcp")
    for _ in range(5):
        talk.proxy.context.turns.later(lambda: None)
    talk.session.data_received(bytes(size))
    talk.session.app_data(bytes(size))
    assert talk.session.client_rest == (talk.session.app_rest or b"") == bytes(size) * waits
    talk.proxy.settle()
    assert talk.app_got() == talk.client_got() == bytes(size)
    counters = talk.proxy.context.counters
    assert counters.bytes_from_clients == counters.bytes_from_app == size


# However little is read at once, what comes out is the same: the laws of the sessions hold where
# each piece of data ends a step, each structure too, and everybody waits for others.


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (http1, http2, tcp):
        monkeypatch.setattr(module, "LARGE_READ", 1)
    monkeypatch.setattr(session, "FULL_READ", 1)
    monkeypatch.setattr(turns, "_STEPS", 1)
    monkeypatch.setattr(chunked, "_LINES_AT_ONCE", 3)
    monkeypatch.setattr(chunked, "_FEW_LINES", 1)
    monkeypatch.setattr(websocket, "_FRAMES_AT_ONCE", 2)
    monkeypatch.setattr(websocket, "_FEW_FRAMES", 1)
    monkeypatch.setattr(frames, "_BYTES_AT_ONCE", 9)


LAWS: dict[str, Callable[[], None]] = {
    "any split over HTTP/1": test_any_split.test_any_split_gives_the_same,
    "to the byte": partial(
        test_any_split.test_what_both_sides_say_is_forwarded_to_the_byte, protocol="auto"
    ),
    "each hold is closed once": (
        test_any_split.test_each_hold_is_closed_once_and_nothing_is_left_behind
    ),
    "to the byte over HTTP/2": partial(
        test_http2_any_split.test_what_both_sides_say_is_forwarded_to_the_byte, protocol="auto"
    ),
    "any split over HTTP/2": test_http2_any_split.test_any_split_gives_the_same,
    "a conversation over HTTP/2": test_http2_model.test_a_conversation_arrives_as_it_was_meant,
    "no fault over HTTP/2": (
        test_http2_model.test_whatever_the_proxy_does_neither_side_finds_a_fault
    ),
    "goodbyes over HTTP/2": (
        test_http2_goodbye_model.test_whenever_a_goodbye_comes_each_stream_hears_its_own_and_loses_nothing_before_it
    ),
    "goodbye at any point of a talk": (
        test_any_point.test_a_goodbye_at_any_point_of_a_talk_stands_behind_all_of_it
    ),
}


@pytest.mark.parametrize("law", some(LAWS, of=3))
def test_however_little_is_read_at_once(law: str, small_steps: None) -> None:
    LAWS[law]()


@pytest.mark.parametrize("pending", [False, True], ids=["unread", "put off"])
@pytest.mark.parametrize("protocol", ["http", "tcp"])
def test_what_a_broken_app_had_said_is_read_although_others_wait(
    protocol: str, pending: bool
) -> None:
    """There is no next turn for it, and putting it off again and again would never end."""
    talk = Conversation(protocol)
    talk.client_sends(request("/", "Content-Length: 100000", method="POST"))
    for _ in range(5):
        talk.proxy.context.turns.later(lambda: None)
    said = response(413, body=b"x" * 40_000)
    talk.app._inbox.append(said)
    if pending:
        talk.app._deliver()
        assert talk.session.app_rest == said
    # The loop tells this ahead of the steps that wait.
    talk.app.protocol.connection_lost(ConnectionResetError())
    assert talk.proxy.context.counters.bytes_from_app == len(said)
    talk.proxy.settle()
    assert protocol == "tcp" or talk.client_got().endswith(said[-40_000:])
