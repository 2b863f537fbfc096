"""However the bytes of both sides are cut and interleaved, the same is forwarded and booked."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.drain.aging import Aging
from tests.cases import dear
from tests.relay.aged import ages, grows_old
from tests.relay.connection import HIGH_WATER
from tests.relay.conversation import Conversation, head, request, response
from tests.relay.http1.test_connection import CHUNKED, CHUNKS, EVENTS, POST, UNTIL_CLOSE
from tests.relay.upgraded import ECHO, FRAGMENT, LAST_FRAGMENT, SHOUT, SWITCH, TEXT, UPGRADE


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is asked and what is answered; `ends`: the app's connection ends with its answer."""

    asked: bytes
    answered: bytes
    ends: bool = False


UPLOAD = request("/upload", "Transfer-Encoding: chunked", method="POST") + CHUNKS
INTERIM = head("HTTP/1.1 103 Early Hints", "Link: </a>")

exchanges = st.builds(
    Exchange,
    st.sampled_from([request(), POST, UPLOAD, request("/long/" + "x" * 300, "A: b")]),
    st.sampled_from([response(), response(404, body=b""), CHUNKED + CHUNKS, INTERIM + response()]),
) | st.sampled_from(
    [
        Exchange(request(method="HEAD"), CHUNKED),
        Exchange(request(), head("HTTP/1.1 204 No Content")),
        Exchange(b"\r\n\r\n" + request("/after/empty/lines"), response()),
        Exchange(UPGRADE, response(426)),
    ]
)
last_exchanges = exchanges | st.sampled_from(
    [
        Exchange(request(), response(), ends=True),
        Exchange(request(), UNTIL_CLOSE + b"all that there is", ends=True),
        Exchange(request(), EVENTS + b"data: 1\n\n", ends=True),
        Exchange(request("/", "Connection: close"), response()),
        Exchange(head("GET / HTTP/1.0"), response(200, "Connection: close")),
        Exchange(POST, response()[:-1], ends=True),
        Exchange(request(), CHUNKED + CHUNKS[:-3], ends=True),
        Exchange(UPGRADE, SWITCH + TEXT + FRAGMENT + LAST_FRAGMENT),
        Exchange(UPGRADE + SHOUT + ECHO, SWITCH + TEXT, ends=True),
        Exchange(head("GET /no/host HTTP/1.1"), b""),
    ]
)
stories = st.builds(
    lambda many, last: [*many, last], st.lists(exchanges, max_size=4), last_exchanges
)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` cut at each of `cuts`, which wrap around its length."""
    places = sorted({0, len(data)} | {cut % (len(data) + 1) for cut in cuts})
    return [data[start:end] for start, end in pairwise(places)]


class Play:
    """Two sides that follow a story: the client speaks when it likes, the app when it is asked."""

    def __init__(self, protocol: str, story: list[Exchange], cuts: list[int]) -> None:
        self.talk = Conversation(protocol)
        self.asking = pieces(b"".join(exchange.asked for exchange in story), cuts)
        self.says_last_goodbyes = cuts
        self.story = story
        self.answering: list[bytes | None] = []
        self.heard = 0

    def client_can(self) -> bool:
        return bool(self.asking) and self.talk.client.is_reading()

    def client_goes_on(self) -> None:
        self.talk.client_sends(self.asking.pop(0))

    def app_can(self) -> bool:
        """The app begins when it has the next question in full."""
        if not self.answering and self.story and self.talk.apps:
            self.heard += len(self.talk.app_got())
            asked = len(self.story[0].asked.removeprefix(b"\r\n\r\n"))
            if self.heard >= asked:
                self.heard -= asked
                exchange = self.story.pop(0)
                self.answering = [*pieces(exchange.answered, self.says_last_goodbyes)]
                self.answering += [None] * exchange.ends
        return bool(self.answering)

    def app_goes_on(self) -> None:
        piece = self.answering.pop(0)
        if piece is None:
            self.talk.app_ends()
        else:
            self.talk.app_sends(piece)

    def run(self, turns: list[bool]) -> dict[str, Any]:
        """Play to the end, `turns` saying whose turn it is; returns everything that can be seen."""
        for number in range(100000):
            clients_turn = not turns or turns[number % len(turns)]
            if self.client_can() and (clients_turn or not self.app_can()):
                self.client_goes_on()
            elif self.app_can():
                self.app_goes_on()
            else:
                break
        talk = self.talk
        return {
            "client got": bytes(talk.client.received),
            "client": talk.client.state,
            "apps got": [bytes(app.received) for app in talk.apps],
            "apps": [app.state for app in talk.apps],
            "endings": talk.proxy.endings,
            "in flight": talk.proxy.in_flight,
            "codes": talk.proxy.context.counters.codes,
        }


@given(
    st.sampled_from(["auto", "http"]),
    stories,
    st.lists(st.integers(0, 5000), max_size=20),
    st.lists(st.booleans(), max_size=8),
)
def test_any_split_gives_the_same(
    protocol: str, story: list[Exchange], cuts: list[int], turns: list[bool]
) -> None:
    cut, whole = Play(protocol, [*story], cuts), Play(protocol, [*story], [])
    assert cut.run(turns) == whole.run([])


@dear
@pytest.mark.parametrize("protocol", ["auto", "http"])
@given(st.lists(exchanges, max_size=4))
def test_what_both_sides_say_is_forwarded_to_the_byte(protocol: str, story: list[Exchange]) -> None:
    seen = Play(protocol, [*story], [*range(3000)]).run([True, False])
    assert seen["client got"] == b"".join(exchange.answered for exchange in story)
    assert b"".join(seen["apps got"]) == b"".join(
        exchange.asked.removeprefix(b"\r\n\r\n") for exchange in story
    )
    assert seen["endings"] == [("http1", "finished")] * len(story)
    assert seen["in flight"] == {}


# Whatever happens, also what no honest peer does

CLIENT_SAYS = [
    *(request(), POST, POST[:-4], UPLOAD, UPLOAD[:-4], UPGRADE, SHOUT, ECHO, CHUNKS, b"\r\n"),
    *(request("/", "Expect: 100-continue", "Content-Length: 3", method="POST"), b"abc"),
    *(request(method="HEAD"), request("/", "Connection: close"), head("GET / HTTP/1.0")),
    *(b"BAD\r\n\r\n", b"G", b"\x16\x03", b"x" * (HIGH_WATER + 1)),
]
APP_SAYS = [
    *(response(), CHUNKED, CHUNKS, UNTIL_CLOSE, EVENTS, INTERIM, SWITCH, TEXT, FRAGMENT),
    *(head("HTTP/1.1 100 Continue"), head("HTTP/1.1 204 N"), b"HTTP/1.1 ", b"oops", b"\x88\x00"),
    *(response(200, "Connection: close"), response()[:-1], b"x" * (HIGH_WATER + 1)),
]
AGES = [
    ages(),
    ages(http1=10, sse=10, websocket=10, tcp=10),
    ages(http1=10, sse=10, websocket=10, tcp=10, grace=3),
]
MOVES: dict[str, Any] = {
    "client ends": Conversation.client_ends,
    "client resets": Conversation.client_resets,
    "client stops reading": Conversation.client_stops_reading,
    "client reads": Conversation.client_reads,
    "client reads a little": lambda talk: talk.client_reads(10),
    "app ends": Conversation.app_ends,
    "app resets": Conversation.app_resets,
    "app stops reading": Conversation.app_stops_reading,
    "app reads": Conversation.app_reads,
    "app accepts": Conversation.app_accepts,
    "app refuses": Conversation.app_refuses,
    "a second": lambda talk: talk.proxy.wait(1),
    "a minute": lambda talk: talk.proxy.wait(60),
    "grows old": lambda talk: grows_old(talk.proxy),
    "leaves": lambda talk: talk.proxy.leaves(),
    "stays": lambda talk: talk.proxy.stays(),
    "says_last_goodbyes": lambda talk: talk.proxy.says_last_goodbyes(),
    "aborts": lambda talk: talk.proxy.aborts(),
}
says = st.tuples(st.just("client"), st.sampled_from(CLIENT_SAYS)) | st.tuples(
    st.just("app"), st.sampled_from(APP_SAYS)
)


@given(
    st.sampled_from(["auto", "http"]),
    st.booleans(),
    st.sampled_from(AGES),
    st.lists(says | says | st.sampled_from([*MOVES]), min_size=3, max_size=30),
)
def test_each_hold_is_closed_once_and_nothing_is_left_behind(
    protocol: str, listens: bool, aging: Aging, story: list[str | tuple[str, bytes]]
) -> None:
    talk = Conversation(
        protocol, app_listens=listens, aging=aging, idle_timeout=40, request_timeout=20
    )
    ended: set[object] = set()
    for move in story:
        if isinstance(move, tuple):
            who, words = move
            speaker = talk.client if who == "client" else talk.apps and talk.app
            if speaker and speaker not in ended:
                (talk.client_sends if who == "client" else talk.app_sends)(words)
        elif move in ("app accepts", "app refuses"):
            if talk.knocks:
                MOVES[move](talk)
        elif talk.apps or not move.startswith("app "):
            MOVES[move](talk)
            ended |= {talk.client} if move == "client ends" else set()
            ended |= {talk.app} if move == "app ends" else set()
        assert len(talk.proxy.books.holds) <= 1

    talk.client_resets()
    for app in talk.apps:
        app.reads()
    talk.proxy.settle()
    assert talk.proxy.books.holds == set()
    assert talk.proxy.books.opened == len(talk.proxy.endings)
    assert talk.proxy.context.registry.sessions == talk.proxy.context.registry.refused == set()
    assert all(app.lost for app in talk.apps)
