"""What a connection keeps while it is idle, which may be for an hour: of long heads nothing."""

import gc
from types import FunctionType, ModuleType
from typing import Any

import pytest

from drainproxy.relay.context import Context
from tests.relay.connection import Connection
from tests.relay.conversation import Conversation
from tests.relay.frames import CALL, EVENTS, GET, GRPC_OK, OK, SWITCHED, WEBSOCKET, Fields, data
from tests.relay.streams import begun

LONG = (b"x-long", b"y" * 20_000)
# In bytes, of one thing that is kept; the table has no more (RFC 9113 6.5.2).
MOST_KEPT = 4096

# What many have, and the other ends.
_SHARED = Connection | Context | Conversation | type | FunctionType | ModuleType


def longest_kept(talk: Conversation) -> int:
    """How long the longest bytes are that a session has to itself."""
    session = talk.session
    left: list[Any] = [session.inbound, session.outbound, session.table, session.goodbyes]
    seen: dict[int, Any] = {}
    while left:
        each = left.pop()
        if id(each) not in seen and not isinstance(each, _SHARED):
            seen[id(each)] = each
            left += gc.get_referents(each)
    return max(len(each) for each in seen.values() if isinstance(each, bytes | bytearray))


def with_long(name: bytes, fields: Fields) -> Fields:
    """The same with a long value; pseudo-header fields stand first (RFC 9113 8.3)."""
    others = [field for field in fields if field[0] != name]
    changed = [*others, (name, b"/" + b"y" * 20_000)]
    return tuple(sorted(changed, key=lambda field: not field[0].startswith(b":")))


def begun_with_large_frames() -> Conversation:
    talk = begun()
    talk.session.inbound.max_frame = talk.session.outbound.max_frame = 1 << 20
    return talk


def test_of_an_open_stream_its_head_is_kept() -> None:
    talk = begun_with_large_frames()
    assert longest_kept(talk) <= MOST_KEPT
    talk.client_asks(1, with_long(b":path", GET))
    assert longest_kept(talk) > 20_000


@pytest.mark.parametrize("most", [None, 16384], ids=["one frame", "CONTINUATIONs"])
@pytest.mark.parametrize("anew", [False, True], ids=["as it came", "written anew"])
def test_a_connection_keeps_no_long_head(most: int | None, anew: bool) -> None:
    talk = begun_with_large_frames()
    if anew:
        talk.client_asks(1, GET[1:])
    talk.client_asks(3, (*GET, LONG), most=most)
    talk.app_sends(talk.answers.headers(3, (*OK, LONG), end=True, most=most))
    assert talk.in_flight == {}
    assert longest_kept(talk) <= MOST_KEPT


@pytest.mark.parametrize("name", [b":path", b"x-long", b"cookie", b"accept"])
def test_whatever_is_long_in_it(name: bytes) -> None:
    talk = begun_with_large_frames()
    fields = with_long(name, GET)
    talk.client_asks(1, fields)
    assert talk.app_hears() == [("headers", 1, fields, "end")]
    talk.app_answers()
    assert talk.in_flight == {}
    assert longest_kept(talk) <= MOST_KEPT


def test_trailers_and_pushes_are_heads_too() -> None:
    talk = begun_with_large_frames()
    talk.client_asks(1, CALL, end=False)
    talk.client_asks(1, (LONG,), end=True)
    talk.app_sends(talk.answers.headers(1, GRPC_OK) + talk.answers.push(1, 2, (*GET, LONG)))
    talk.app_sends(talk.answers.headers(1, ((b"grpc-status", b"0"), LONG), end=True))
    talk.app_sends(talk.answers.headers(2, OK, end=True))
    assert talk.in_flight == {}
    assert longest_kept(talk) <= MOST_KEPT


@pytest.mark.parametrize(
    ("fields", "answer"), [(CALL, GRPC_OK), (GET, EVENTS), (WEBSOCKET, SWITCHED)]
)
def test_a_stream_that_was_followed_leaves_nothing(fields: Fields, answer: Fields) -> None:
    talk = begun_with_large_frames()
    talk.client_asks(1, with_long(b":path", fields), end=False)
    talk.app_sends(talk.answers.headers(1, answer))
    talk.client_sends(data(1, b"\x81\x80\0\0\0\0", end=True))
    talk.app_sends(data(1, b"\x81\0", end=True))
    assert talk.in_flight == {}
    assert longest_kept(talk) <= MOST_KEPT
