"""While the app is reached, for connect-timeout at most, a client of HTTP/2 waits and is heard."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CALL,
    CONNECT,
    GET,
    POST,
    REFUSED_STREAM,
    SETTINGS_ACK,
    WEBSOCKET,
    Fields,
    data,
    ping,
    reset,
    settings,
    unknown,
    window_update,
)
from tests.relay.streams import OUR_PING_ACK

MALFORMED = (*GET, (b"connection", b"close"))
LISTENS = (*GET, (b"accept", b"text/event-stream"))


def test_the_app_gets_what_the_client_said_while_it_was_reached() -> None:
    talk = Conversation("auto", app_listens=False)
    talk.client_begins()
    talk.client_asks(1, POST, end=False)
    talk.client_sends(data(1, b"body", end=True))
    assert talk.in_flight == {"http2": 1}
    talk.app_accepts()
    assert talk.app_hears() == [
        *(("settings", {}), ("headers", 1, POST), ("data", 1, b"body", "end")),
    ]


@pytest.mark.parametrize("size", [1, 200, 16384])
def test_what_waits_for_the_app_is_bounded(size: int) -> None:
    """Whatever it costs to keep a small piece."""
    talk = Conversation("auto", app_listens=False)
    talk.client_begins()
    talk.client_asks(1, POST, end=False)
    sent = 0
    while talk.client.is_reading():
        talk.client_sends(data(1, b"x" * size))
        sent += 1
        assert sent <= 64
    assert sent * (size + 9) <= 16384 + size + 9
    talk.client_sends(data(1, b"rest", end=True))
    talk.app_accepts()
    assert talk.client.is_reading()
    assert (
        b"".join(e[2] for e in talk.app_hears() if e[0] == "data") == b"x" * sent * size + b"rest"
    )


def test_what_is_left_out_while_the_app_is_reached_leaves_nothing_behind() -> None:
    """DATA of a stream that the app never hears of: each frame opens the window again."""
    talk = Conversation("auto", app_listens=False)
    talk.client_begins()
    talk.client_asks(1, (*GET, (b"connection", b"close")), end=False)
    for _ in range(100):
        talk.client_sends(data(1, b"x") * 100)
    talk.app_accepts()
    talk.app_sends(settings())
    heard = talk.client_hears()
    assert [each for each in heard if each[0] == "window"] == [("window", 0, 10_000)]


@pytest.mark.parametrize("end", ["leaves", "closes"])
def test_who_was_refused_hears_so_when_the_drain_comes_before_the_app(end: str) -> None:
    talk = Conversation("auto", app_listens=False)
    talk.client_begins()
    talk.client_asks(1, (*GET, (b"connection", b"close")))
    assert talk.client_hears() == []
    getattr(talk.proxy, end)()
    talk.proxy.says_last_goodbyes()
    heard = [each[0] for each in talk.client_hears()]
    assert heard == ["settings", "settings ack", "reset", "goaway"]


def test_who_leaves_while_the_app_is_reached_is_gone_and_waited_for_no_longer() -> None:
    talk = Conversation("auto", app_listens=False)
    talk.client_begins()
    talk.client_asks(1)
    talk.client_ends()
    talk.app_accepts()
    assert talk.app_hears() == [("settings", {}), ("headers", 1, GET, "end")]
    talk.proxy.wait(5.25)
    assert talk.endings == [("http2", "client_left")]
    assert talk.app.lost


@pytest.mark.parametrize("waits", [0.0, 4.0])
def test_whoever_asks_for_events_and_has_waited_for_an_app_hears_503(
    waits: float,
) -> None:
    """Not before connect-timeout is over for this stream, however long its connection has waited:
    until then it is a stream that nobody has begun to work on (RFC 9113 8.7)."""
    talk = Conversation("auto", app_listens=False, connect_timeout=5)
    talk.client_begins()
    talk.proxy.wait(waits)
    talk.client_asks(1, LISTENS)
    talk.client_asks(3)
    talk.proxy.wait(5 - waits)
    talk.app_refuses()
    heard = {each[1]: each for each in talk.client_hears()[2:-1]}
    if waits:
        assert heard[1] == ("reset", 1, REFUSED_STREAM)
    else:
        assert (b":status", b"503") in heard[1][2]
        assert (b"retry-after", b"3") in heard[1][2]
    assert (b":status", b"503") in heard[3][2]
    assert talk.rejected == {"app-away": 2}


@pytest.mark.parametrize(("fields", "how"), [(CONNECT, b"501"), (MALFORMED, b"reset")])
@pytest.mark.parametrize("together", [False, True])
def test_what_was_refused_meanwhile_is_told_if_the_app_stays_away(
    fields: Fields, how: bytes, together: bool
) -> None:
    talk = Conversation("auto", app_listens=False)
    talk.client_begins()
    talk.client_asks(1, fields)
    if together:
        talk.client_asks(3)
    talk.app_refuses()
    heard = talk.client_hears()
    assert heard[:2] == [("settings", {}), ("settings ack",)]
    assert heard[-1][0] == "goaway"
    told = {each[1]: each[2][0][1] if each[0] == "headers" else b"reset" for each in heard[2:-1]}
    assert told == {1: how, **({3: b"503"} if together else {})}


# Anything may happen meanwhile

ASKED = (GET, POST, CALL, LISTENS, MALFORMED, CONNECT, WEBSOCKET)
SAYS = [ping(), settings({4: 100}), SETTINGS_ACK, window_update(0, 5), OUR_PING_ACK, unknown()]
Move = Callable[[Conversation], object]


def asks(fields: Fields, *, end: bool) -> Move:
    def move(talk: Conversation) -> None:
        talk.client_asks(talk.session.table.highest + 2, fields, end=end)

    return move


def says(frame: bytes) -> Move:
    return lambda talk: talk.client_sends(frame)


def on_last_stream(frame: Callable[[int], bytes]) -> Move:
    """Nothing, if there is none."""

    def move(talk: Conversation) -> None:
        if (stream := max(talk.session.table.streams, default=0)) > 0:
            talk.client_sends(frame(stream))

    return move


FROM_CLIENT: dict[str, Move] = {
    **{
        f"asks {number} {end}": asks(fields, end=end)
        for number, fields in enumerate(ASKED)
        for end in (True, False)
    },
    **{f"says {said.hex()}": says(said) for said in SAYS},
    "resets a stream": on_last_stream(reset),
    "says a lot": on_last_stream(lambda stream: data(stream, b"x" * 16384)),
    "says more": on_last_stream(lambda stream: data(stream, b"x")),
    "ends": Conversation.client_ends,
}
FROM_US: dict[str, Move] = {
    "leaves": lambda talk: talk.proxy.leaves(),
    "closes": lambda talk: talk.proxy.closes(),
    "stays": lambda talk: talk.proxy.stays(),
    "says_last_goodbyes": lambda talk: talk.proxy.says_last_goodbyes(),
    "aborts": lambda talk: talk.proxy.aborts(),
    "grows old": lambda talk: talk.session.expire("max-age"),
    "a second": lambda talk: talk.proxy.wait(1),
    "four seconds": lambda talk: talk.proxy.wait(4),
}


def accepts_and(then: Move) -> Move:
    def move(talk: Conversation) -> None:
        talk.app_accepts()
        if not talk.app.lost:
            then(talk)

    return move


APP: dict[str, Move] = {
    "refuses": Conversation.app_refuses,
    "dies": accepts_and(Conversation.app_ends),
    "speaks": accepts_and(lambda talk: talk.app_sends(settings() + SETTINGS_ACK)),
}


@given(
    st.lists(st.sampled_from([*FROM_CLIENT, *FROM_US]), max_size=14),
    st.sampled_from([*APP]),
    st.sampled_from([0, 2]),
)
def test_whatever_happens_while_the_app_is_reached_nothing_is_left_behind(
    story: list[str], app: str, request_timeout: int
) -> None:
    talk = Conversation("auto", app_listens=False, request_timeout=request_timeout)
    talk.client_begins()
    ended = False
    for name in story:
        if not talk.client.lost and not (ended and name in FROM_CLIENT):
            {**FROM_CLIENT, **FROM_US}[name](talk)
            ended = ended or name == "ends"
    if talk.knocks:
        APP[app](talk)
        assert app != "refuses" or talk.in_flight == {}
    # What the client has heard are whole frames.
    talk.client_hears()
    assert talk.says.between_frames
    if not talk.client.lost:
        talk.client_resets()
    assert (talk.proxy.books.holds, talk.proxy.context.registry.sessions) == (set(), set())
    assert talk.proxy.books.opened == len(talk.endings)
    assert all(each.state != "open" for each in talk.apps)
