"""What holds for every kind of stream that a goodbye may end, over every transport."""

from typing import Any

import pytest

from drainproxy.drain.stream_drain import StreamDrain
from tests.relay.carried import (
    AGE,
    DEADLINE,
    DRAIN,
    LASTING,
    Call,
    Carried,
    Endless,
    Events,
    WebSocketOverHttp1,
)
from tests.relay.kinds import PARTS

Opens = type[Carried]
pytestmark = pytest.mark.parametrize("opens", LASTING, ids=lambda each: each.__name__)
WHOLE = {kind: parts[0] for kind, parts in PARTS.items()} | {
    "sse": b"data: x\n\n",
    "http1": b"x",
    "http2": b"x",
}
ALL: dict[str, Any] = {
    "kinds_ended_by_drain": frozenset({"websocket", "sse", "grpc"}),
    "stream_drain": StreamDrain(prefixes=("/watch",)),
}


def flowing(opens: Opens, **about: Any) -> Carried:
    """Something whole has come; a drain may end it."""
    talk = opens(**{**ALL, **about})
    talk.app_sends(WHOLE[talk.kind])
    assert talk.client_got() == WHOLE[talk.kind]
    return talk


@pytest.mark.parametrize("why", [DRAIN, AGE, DEADLINE])
def test_a_goodbye_to_a_client_that_is_gone_is_not_counted(opens: Opens, why: str) -> None:
    talk = flowing(opens)
    (hold,) = talk.proxy.books.holds
    talk.client_resets()
    hold.say_goodbye(why)
    talk.proxy.wait(3)
    assert talk.ending == "client_left"
    assert talk.goodbyes == {}


def test_a_drain_tells_it_once_and_books_it_so(opens: Opens) -> None:
    talk = flowing(opens)
    talk.proxy.leaves()
    talk.proxy.wait(0.75)
    before = dict(talk.goodbyes)
    talk.proxy.leaves()
    talk.proxy.wait(3)
    assert talk.goodbyes == before
    assert before[talk.kind, DRAIN] == 1 + (talk.kind == "http2"), "that of its connection too"
    assert talk.is_in_flight() or talk.ending == "goodbye"


def test_where_its_kind_is_waited_for_a_drain_does_not_tell_it(opens: Opens) -> None:
    talk = flowing(opens, kinds_ended_by_drain=frozenset(), stream_drain=StreamDrain())
    talk.proxy.leaves()
    talk.proxy.wait(30)
    assert talk.client_got() == b""
    assert talk.is_in_flight()


def test_a_drain_that_is_taken_back_leaves_it_alone(opens: Opens) -> None:
    # A WebSocket and a call wait for a pause, the end of an event is a place at once.
    talk = flowing(opens) if not issubclass(opens, Events) else opens(**ALL)
    talk.app_sends(b"data: 1\n" if isinstance(talk, Events) else b"")
    talk.client_got()
    talk.proxy.leaves()
    talk.proxy.stays()
    talk.app_sends(WHOLE[talk.kind])
    talk.proxy.wait(30)
    assert talk.client_got() == WHOLE[talk.kind]
    assert talk.is_in_flight()


def test_what_ends_by_itself_while_the_goodbye_waits_is_finished(opens: Opens) -> None:
    talk = opens(**ALL)
    if isinstance(talk, Events):
        talk.app_sends(b"data: 1\n")
    talk.proxy.leaves()
    talk.client_got()
    talk.app_ends()
    talk.client_ends()
    talk.proxy.wait(6)
    assert talk.goodbyes.get((talk.kind, DRAIN), 0) == (talk.kind == "http2")
    # With its connection an app of a WebSocket has gone without a Close.
    assert talk.ending == ("app_left" if opens is WebSocketOverHttp1 else "finished")


def test_what_is_open_when_time_is_over_is_cut_and_not_as_if_it_were_whole(opens: Opens) -> None:
    talk = flowing(opens, kinds_ended_by_drain=frozenset(), stream_drain=StreamDrain())
    if not isinstance(talk, Call | Endless):
        # In the middle of a frame, or of an event, for which the cut waits.
        talk.app_sends(WHOLE[talk.kind][:-1])
    talk.proxy.leaves()
    talk.proxy.says_last_goodbyes()
    talk.proxy.aborts()
    assert talk.ending == "cut"
    assert talk.is_over()
    assert talk.proxy.books.cuts == {(talk.kind, DEADLINE): 1}
    assert talk.proxy.books.holds == set()
    talk.client_resets()
    assert talk.proxy.context.registry.sessions == set()
