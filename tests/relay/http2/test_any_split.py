"""However the bytes of both sides of HTTP/2 are cut, the same is forwarded and booked."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import dear
from tests.relay.conversation import Conversation
from tests.relay.frames import PREFACE, Heard
from tests.relay.http2_story import (
    APP,
    CLIENT,
    DISORDERLY,
    ORDERLY,
    PROXY,
    Move,
    Said,
    cut,
    go_on,
    lived,
    merged,
    moves,
)

cuts = st.lists(st.integers(1, 60), min_size=1, max_size=8)


def play(said: Said, protocol: str = "auto", **about: Any) -> Conversation:
    talk = Conversation(protocol, **about)
    for who, words in said:
        go_on(talk, who, words)
    return talk


def books(talk: Conversation) -> dict[str, Any]:
    counters = talk.proxy.context.counters
    return {
        "client": talk.client.state,
        "app": talk.app.state,
        "endings": Counter(talk.endings),
        "in flight": talk.in_flight,
        "codes": counters.codes,
        "grpc": counters.grpc,
        "rejected": counters.rejected,
        "goodbyes": counters.goodbyes,
        "from clients": counters.bytes_from_clients,
    }


def by_stream(heard: list[Heard]) -> dict[int, list[Heard]]:
    """What was said on each stream; what concerns them all, in any order."""
    streams: dict[int, list[Heard]] = {}
    for said in heard:
        apart = said[0] in ("goaway", "ping", "ping ack", "settings", "settings ack")
        streams.setdefault(0 if apart else said[1], []).append(said)
    streams.get(0, []).sort(key=repr)
    return streams


@dear
@pytest.mark.parametrize("protocol", ["auto", "http"])
@given(moves(ORDERLY), cuts)
def test_what_both_sides_say_is_forwarded_to_the_byte(
    protocol: str, chosen: list[tuple[Move, int]], cuts: list[int]
) -> None:
    story = lived(chosen)
    talk = play(cut(story.said, cuts), protocol=protocol)
    from_client = b"".join(words for who, words in story.said if who == CLIENT)
    from_app = b"".join(words for who, words in story.said if who == APP)
    assert bytes(talk.app.received) == from_client
    # Our own limit on streams stands in the app's SETTINGS.
    assert bytes(talk.client.received)[15:] == from_app[9:]
    assert talk.rejected == {}
    assert books(talk) == books(play(merged(story.said), protocol=protocol))


@dear
@given(moves(DISORDERLY + PROXY), cuts, st.booleans(), st.integers(1, 4))
def test_any_split_gives_the_same(
    chosen: list[tuple[Move, int]], cuts: list[int], forwarded: bool, max_streams: int
) -> None:
    limits: dict[str, Any] = {"forwarded": forwarded, "max_streams": max_streams}
    story = lived(chosen, **limits)
    for said in (cut(story.said, cuts), merged(story.said)):
        talk = play(said, **limits)
        assert books(talk) == books(story.talk)
        assert by_stream(talk.client_hears()) == by_stream(story.to_client)
        assert by_stream(talk.app_hears()) == by_stream(story.to_app)
        assert talk.says.between_frames or talk.client.state == "reset"
        assert bytes(talk.app.received).startswith(PREFACE)
