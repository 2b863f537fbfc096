"""Wherever a goodbye comes, and wherever the bytes of the app are cut: what a client has got is the
beginning of what was said, up to a place where it may end, and the goodbye of its kind."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.drain.stream_drain import StreamDrain
from tests.cases import dear
from tests.relay.carried import (
    AGE,
    DEADLINE,
    DRAIN,
    LASTING,
    Call,
    Carried,
    EndlessUntilClose,
    Events,
    OverHttp2,
    WebSocket,
)
from tests.relay.kinds import PARTS, RETRY, RETRY_LATER, is_boundary
from tests.relay.upgraded import GOING_AWAY

Opens = type[Carried]
SAID = {
    **PARTS,
    # In parts of lines, to which chunks and frames do not keep.
    "sse": [b"data: x\n", b"\n", b": ping\r\n\r\n", b":\n", b"id: 1\r", b"id: 2\r\n\r\n"],
    "http1": [b"x", b"y" * 300],
}
# What may stand at the end of what a client has got; trailers and the mere end are no payload.
WORDS = {"sse": (RETRY, RETRY_LATER), "websocket": (GOING_AWAY,)}
ENDING = frozenset({"sse", "websocket", "grpc"})
ENDLESS = StreamDrain(prefixes=("/watch",))


def play(talk: Carried, coded: bytes, cuts: list[int], pauses: list[float], why: str) -> None:
    """The app says all of it in pieces; the goodbye comes before one of them."""
    places = [0, *sorted(cut for cut in cuts if cut < len(coded)), len(coded)]
    when = sum(cuts) % (len(places) - 1)
    for step, (begin, end) in enumerate(pairwise(places)):
        if step == when:
            talk.asked_to_end(why)
        if begin < end and not talk.talk.app.lost:
            talk.talk.app_sends(coded[begin:end])
        talk.proxy.wait(pauses[step % len(pauses)] if pauses else 0)
    # For as long a part of an event may be held.
    talk.proxy.wait(0.25)


def is_place(talk: Carried, parts: list[bytes], heard: bytes) -> bool:
    """Whether a goodbye may stand behind this."""
    if isinstance(talk, WebSocket | Events):
        return is_boundary(talk.kind, heard)
    # All that is known of these is where a frame or a chunk ends, if there are any.
    ends = [b"".join(parts[:count]) for count in range(len(parts) + 1)]
    return heard in ends or isinstance(talk, EndlessUntilClose)


@dear
@pytest.mark.parametrize("opens", LASTING, ids=lambda each: each.__name__)
@given(
    st.data(),
    st.lists(st.integers(0, 600), max_size=8),
    st.lists(st.sampled_from([0, 0, 0.25, 3]), max_size=8),
    st.sampled_from([DRAIN, AGE, DEADLINE]),
)
def test_what_arrives_is_the_beginning_of_it_and_the_goodbye(
    opens: Opens, data: st.DataObject, cuts: list[int], pauses: list[float], why: str
) -> None:
    talk = opens(kinds_ended_by_drain=ENDING, stream_drain=ENDLESS)
    parts = data.draw(st.lists(st.sampled_from(SAID[talk.kind]), max_size=12))
    coded = b""
    for part in parts:
        if isinstance(talk, OverHttp2):
            talk.pad = data.draw(st.none() | st.just(3))
        coded += talk.coded(part)
    play(talk, coded, cuts, pauses, why)
    heard, said = talk.client_got(), b"".join(parts)
    if talk.ending == "goodbye" or (talk.kind in WORDS and talk.goodbyes):
        word = next((word for word in WORDS.get(talk.kind, ()) if heard.endswith(word)), b"")
        assert bool(word) is (talk.kind in WORDS)
        heard = heard.removesuffix(word)
        assert is_place(talk, parts, heard)
        assert said.startswith(heard)
    elif talk.ending == "cut":
        assert said.startswith(heard)
    else:
        assert heard == said
        assert isinstance(talk, OverHttp2) or talk.talk.client.received.endswith(coded)
    if isinstance(talk, OverHttp2):
        assert len([end for end in talk.ends if end[-1] == "end"]) <= 1
    if isinstance(talk, Call) and talk.ending:
        (end,) = talk.ends
        assert dict(end[2])[b"grpc-status"] == b"14"
        assert is_place(talk, parts, heard)
