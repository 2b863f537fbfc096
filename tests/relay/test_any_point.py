"""A drain, a cut or an end at every byte of a conversation: whole answers, or a visible break."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from drainproxy.wire.rewrite import answer as own_answer
from drainproxy.wire.websocket import close_frame
from tests.relay.aged import grows_old
from tests.relay.conversation import Conversation, head, request, response
from tests.relay.http1.test_connection import CHUNKED, CHUNKS, POST, UNTIL_CLOSE
from tests.relay.proxy import Proxy
from tests.relay.upgraded import (
    ECHO,
    FRAGMENT,
    GOING_AWAY,
    LAST_FRAGMENT,
    OUR_CLOSE_TO_APP,
    SHOUT,
    SWITCH,
    TEXT,
    UPGRADE,
)

OVER = own_answer(503, "the time to drain is over", retry_after=3)
OVER_TO_HEAD = OVER[: OVER.index(b"\r\n\r\n") + 4]
CLOSE = b"\r\nConnection: close"
INTERIM = head("HTTP/1.1 103 Early Hints")


@dataclass(frozen=True, slots=True)
class Line:
    """What one side says next."""

    who: str
    words: bytes


def by_client(words: bytes) -> Line:
    return Line("client", words)


def by_app(words: bytes) -> Line:
    return Line("app", words)


def play(talk: Conversation, *lines: Line) -> None:
    """What is said to a connection that is gone falls away."""
    for who, words in ((line.who, line.words) for line in lines if line.words):
        if who == "client":
            talk.client_sends(words)
        elif talk.apps:
            talk.app_sends(words)


def interrupted(
    lines: list[Line], interrupt: Callable[[Proxy], None]
) -> Iterator[tuple[Conversation, int]]:
    """The conversation as often as it has bytes, interrupted after each; and how much the client
    had got by then."""
    for place, line in enumerate(lines):
        for cut in range(len(line.words)):
            talk = Conversation()
            play(talk, *lines[:place], Line(line.who, line.words[:cut]))
            before = len(talk.client.received)
            interrupt(talk.proxy)
            play(talk, Line(line.who, line.words[cut:]), *lines[place + 1 :])
            yield talk, before


def answers(lines: list[Line]) -> list[bytes]:
    return [line.words for line in lines if line.who == "app"]


def ends_of(parts: list[bytes]) -> list[bytes]:
    """Every prefix of the whole that ends with one of its parts."""
    return [b"".join(parts[:count]) for count in range(len(parts) + 1)]


STORIES = {
    "one after the other": [
        by_client(request("/1")),
        by_app(response(body=b"one")),
        by_client(POST),
        by_app(CHUNKED + CHUNKS),
        by_client(request(method="HEAD")),
        by_app(head("HTTP/1.1 200 OK", "Content-Length: 9")),
    ],
    "sent ahead": [
        by_client(request("/1") + request("/2") + POST),
        by_app(response(body=b"one")),
        by_app(head("HTTP/1.1 304 N", "ETag: x")),
        by_app(INTERIM + response(201)),
    ],
    "asked to go on": [
        by_client(request("/", "Expect: 100-continue", "Content-Length: 3", method="PUT")),
        by_app(head("HTTP/1.1 100 Continue")),
        by_client(b"abc"),
        by_app(response(201)),
    ],
}
WITHOUT_FRAMING = [by_client(request()), by_app(UNTIL_CLOSE + b"as long as it takes")]
FRAMES = [TEXT, FRAGMENT, LAST_FRAGMENT, b"\x89\x00", TEXT]
SOCKET = [
    by_client(UPGRADE),
    by_app(SWITCH),
    by_client(SHOUT),
    by_app(b"".join(FRAMES)),
    by_client(SHOUT),
]


# HTTP/1


@pytest.mark.parametrize("interrupt", [Proxy.leaves, grows_old])
@pytest.mark.parametrize("name", STORIES)
def test_a_drain_or_age_at_any_point_loses_no_answer_and_only_the_last_says_close(
    name: str, interrupt: Callable[[Proxy], None]
) -> None:
    lines = STORIES[name]
    for talk, before in interrupted(lines, interrupt):
        got = bytes(talk.client.received)
        assert got.replace(CLOSE, b"") in ends_of(answers(lines))
        assert len(got) >= before
        assert talk.proxy.in_flight == {}
        assert {how for _, how in talk.proxy.endings} <= {"finished"}
        last_head = got.rpartition(b"HTTP/1.1 ")[2]
        if CLOSE in got:
            assert got.count(CLOSE) == 1
            assert CLOSE in last_head
            assert talk.client.state == "half-closed"
        else:
            assert got == b"".join(answers(lines)), "its last head was out before"
            assert talk.client.state == "open"


@pytest.mark.parametrize("name", STORIES)
def test_a_cut_alone_changes_nothing_of_an_answer(name: str) -> None:
    for talk, _ in interrupted(STORIES[name], Proxy.says_last_goodbyes):
        assert talk.client.received == b"".join(answers(STORIES[name]))
        assert talk.client.state == "open"


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("leaving", [False, True])
def test_an_end_at_any_point_leaves_a_prefix_that_shows_where_it_ends(
    name: str, leaving: bool
) -> None:
    def end(proxy: Proxy) -> None:
        if leaving:
            proxy.leaves()
        proxy.says_last_goodbyes()
        proxy.aborts()

    lines = STORIES[name]
    for talk, before in interrupted(lines, end):
        got = bytes(talk.client.received)
        told = got.endswith((OVER, OVER_TO_HEAD))
        got = got.removesuffix(OVER).removesuffix(OVER_TO_HEAD)
        assert len(got) == before, "after the end nothing more is said"
        assert b"".join(answers(lines)).startswith(got)
        assert talk.client.state == ("half-closed" if told else "closed")
        # Whoever waits for an answer that has not begun hears why there is none.
        waits = got in ends_of(answers(lines)) or got.endswith(INTERIM)
        assert told == (waits and ("http1", "cut") in talk.proxy.endings)
        assert all(app.lost for app in talk.apps)
        endings = [how for _, how in talk.proxy.endings]
        assert endings.count("cut") == len(endings) - endings.count("finished") <= 1
        assert endings.count("cut") == 1 or got in ends_of(answers(lines))


@pytest.mark.parametrize("leaving", [False, True])
def test_an_answer_without_framing_is_whole_or_reset(leaving: bool) -> None:
    def end(proxy: Proxy) -> None:
        if leaving:
            proxy.leaves()
        proxy.aborts()

    for talk, before in interrupted(WITHOUT_FRAMING, end):
        told = bytes(talk.client.received) == OVER
        assert talk.client.state == ("reset" if before else "half-closed" if told else "closed")
    for talk, _ in interrupted(WITHOUT_FRAMING, Proxy.leaves):
        talk.app_ends()
        assert bytes(talk.client.received).replace(CLOSE, b"") == answers(WITHOUT_FRAMING)[0]
        assert talk.client.state == "half-closed"


# WebSocket

FRAME_ENDS = ends_of(FRAMES)


def heard_after(talk: Conversation) -> bytes:
    """What the client of a WebSocket got behind the 101."""
    got = bytes(talk.client.received)
    assert got.startswith(SWITCH)
    return got.removeprefix(SWITCH)


def end_well(talk: Conversation) -> None:
    """The closing handshake, as a client and an app take their parts in it."""
    asked = UPGRADE + SHOUT + SHOUT
    assert talk.app.received == asked, "the client is heard until its own Close"
    talk.client_sends(ECHO)
    assert talk.app.received == asked + ECHO
    talk.app_ends()
    talk.client_ends()
    assert talk.client.state == "closed"
    assert talk.proxy.endings[1:] == [("websocket", "goodbye")]


def test_a_goodbye_at_any_point_of_a_talk_stands_behind_all_of_it() -> None:
    for talk, _ in interrupted(SOCKET, Proxy.leaves):
        talk.proxy.wait(1.25)
        assert heard_after(talk) == b"".join(FRAMES) + GOING_AWAY
        end_well(talk)


def test_once_closed_at_any_point_of_its_head_an_upgrade_is_refused() -> None:
    def close(proxy: Proxy) -> None:
        proxy.leaves()
        proxy.closes()

    refused = 0
    for talk, _ in interrupted(SOCKET, close):
        talk.proxy.wait(1.25)
        if bytes(talk.client.received).startswith(b"HTTP/1.1 503 "):
            refused += 1
            assert not talk.app_was_reached()
            continue
        assert heard_after(talk) == b"".join(FRAMES) + GOING_AWAY
        end_well(talk)
    assert refused == len(UPGRADE)


def test_age_at_any_point_of_a_talk_stands_behind_all_of_it_and_refuses_nobody() -> None:
    for talk, _ in interrupted(SOCKET, grows_old):
        talk.proxy.wait(1.25)
        assert heard_after(talk) == b"".join(FRAMES) + GOING_AWAY
        end_well(talk)


def test_a_cut_stands_at_the_end_of_the_frame_and_nothing_follows() -> None:
    for talk, before in interrupted(SOCKET, Proxy.says_last_goodbyes):
        got = heard_after(talk)
        if before < len(SWITCH):
            assert got == b"".join(FRAMES), "it was no WebSocket when the cut came"
            continue
        said = before - len(SWITCH)
        assert got == next(place for place in FRAME_ENDS if len(place) >= said) + GOING_AWAY
        end_well(talk)


def test_the_end_of_a_websocket_at_any_point_is_between_its_bytes() -> None:
    def end(proxy: Proxy) -> None:
        proxy.says_last_goodbyes()
        proxy.aborts()

    for talk, before in interrupted(SOCKET, end):
        got = bytes(talk.client.received)
        rest = got[before:]
        assert (SWITCH + b"".join(FRAMES)).startswith(got[:before])
        assert rest in (b"", GOING_AWAY) or (rest == OVER and not before)
        if before >= len(SWITCH):
            at_a_boundary = got[len(SWITCH) : before] in FRAME_ENDS
            assert rest == GOING_AWAY * at_a_boundary
            assert bytes(talk.app.received).endswith(OUR_CLOSE_TO_APP) or (
                not bytes(talk.app.received).endswith((UPGRADE, SHOUT))
            )
        assert talk.client.state == ("half-closed" if rest == OVER else "closed")
        assert [how for _, how in talk.proxy.endings if how != "finished"] in ([], ["cut"])


def test_an_apps_own_close_at_any_point_of_a_drain_is_the_only_one() -> None:
    farewell = close_frame(4001, "the app's own word")
    lines = [by_client(UPGRADE), by_app(SWITCH), by_app(FRAGMENT + farewell)]
    for talk, before in interrupted(lines, Proxy.leaves):
        if before > len(SWITCH):
            got = bytes(talk.client.received).removeprefix(SWITCH)
            assert got in (FRAGMENT + farewell, FRAGMENT + GOING_AWAY)
            assert talk.proxy.context.counters.goodbyes == (
                {} if got.endswith(farewell) else {("websocket", "drain"): 1}
            )
