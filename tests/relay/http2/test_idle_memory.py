"""What a connection keeps while it is idle, which may be for an hour: of long heads nothing."""

import gc
from collections.abc import Callable
from sys import getsizeof
from types import FunctionType, ModuleType
from typing import Any

import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

from drainproxy.drain.ledger import Ledger
from drainproxy.relay.context import Context
from drainproxy.relay.http2.connection import Http2Connection
from drainproxy.wire.hpack import literal
from tests.relay.connection import Connection
from tests.relay.conversation import Conversation
from tests.relay.frames import (
    CALL,
    EVENTS,
    GET,
    GRPC_OK,
    OK,
    SWITCHED,
    WEBSOCKET,
    Fields,
    data,
    headers_frame,
    ping,
)
from tests.relay.proxy import Proxy
from tests.relay.streams import begun

LONG = (b"x-long", b"y" * 20_000)
# In bytes, of one thing that is kept; the table has no more (RFC 9113 6.5.2).
MOST_KEPT = 4096

# What many have, and the other ends.
_SHARED = Connection | Context | Conversation | Ledger | type | FunctionType | ModuleType


def longest_kept(talk: Conversation) -> int:
    """How long the longest bytes are that a session has to itself."""
    return max(len(each) for each in kept(talk) if isinstance(each, bytes | bytearray))


def kept(talk: Conversation) -> list[Any]:
    """All that a session has to itself, and what it shares with others of static tables."""
    session = talk.session
    left: list[Any] = [session.inbound, session.outbound, session.table, session.goodbyes]
    seen: dict[int, Any] = {}
    while left:
        each = left.pop()
        if id(each) not in seen and not isinstance(each, _SHARED):
            seen[id(each)] = each
            left += gc.get_referents(each)
    return list(seen.values())


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


# Many different heads


def asks_for(talk: Conversation, number: int) -> None:
    """As clients do that put no target into the table: it is another one each time."""
    stream = 1 + 2 * number
    block = talk.says.block((*GET[:2], GET[3], (b"x-agent", b"an agent")))
    target = literal(b":path", b"/%040d" % number)
    talk.client_sends(headers_frame(stream, block[:1] + target + block[1:]))
    heard = talk.app_hears()[-1]
    assert dict(heard[2])[b":path"] == b"/%040d" % number
    talk.app_answers(stream, fields=(*OK, (b"x-number", b"%d" % number)))


def size_kept(talk: Conversation) -> int:
    """Beyond what a connection has that nobody has used."""
    sizes = [sum(map(getsizeof, kept(each))) for each in (talk, begun())]
    return sizes[0] - sizes[1]


def asks_with_strings(talk: Conversation, number: int) -> None:
    """Literals in Huffman code, each another one and no longer than three bytes."""
    digits = [b"%03d" % ((30 * number + place) % 1000) for place in range(30)]
    block = talk.says.block(GET) + b"".join(map(coded, digits))
    talk.client_sends(headers_frame(1 + 2 * number, block))
    assert (b"x", digits[-1]) in talk.app_hears()[-1][2]
    talk.app_answers(1 + 2 * number)


def coded(value: bytes) -> bytes:
    text = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode(value)
    return b"\x10\x01x" + bytes((0x80 | len(text),)) + text


@pytest.mark.parametrize(("asks", "most"), [(asks_for, 60_000), (asks_with_strings, 90_000)])
def test_a_connection_that_is_in_use_keeps_few_of_the_many_heads_that_it_reads(
    asks: Callable[[Conversation, int], None], most: int
) -> None:
    """Small things count for what they take, and not for their bytes alone."""
    talk = begun(forwarded=True, idle_close=1e9)
    for number in range(150):
        asks(talk, number)
        if number % 5 == 4:
            assert size_kept(talk) < most


def test_after_idle_close_of_many_heads_nothing_is_kept_but_the_tables() -> None:
    """Those weigh up to 4,096 bytes each by RFC 7541 4.1, of which objects make some more."""
    talk = begun(forwarded=True, idle_close=5)
    number = 300
    for number in range(300):
        asks_for(talk, number)
    while size_kept(talk) < 40_000:
        number += 1
        asks_for(talk, number)
    talk.proxy.wait(4.5)
    assert size_kept(talk) > 40_000
    talk.proxy.wait(1)
    assert size_kept(talk) < 30_000
    asks_for(talk, number + 1)
    assert talk.client_hears()[-1][0] == "headers"


def test_it_is_given_back_once_each_time_that_a_connection_falls_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    freed: list[int] = []
    talk = begun(idle_close=5, idle_timeout=1e9)
    monkeypatch.setattr(Http2Connection, "free_memory", lambda session: freed.append(1))
    talk.proxy.wait(60)
    assert len(freed) == 1
    talk.client_sends(ping())
    talk.proxy.wait(5)
    assert len(freed) == 1
    talk.proxy.wait(60)
    assert len(freed) == 2


def test_of_many_that_fall_idle_at_once_some_give_it_back_in_each_sweep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else nobody is served for as long as that takes: 40 microseconds for each of 10,000."""
    proxy = Proxy(idle_close=5, idle_timeout=1e9)
    for _ in range(10):
        begun(proxy)
    freed: list[Http2Connection] = []

    def frees(session: Http2Connection) -> None:
        freed.append(session)
        proxy.time += 0.0025

    monkeypatch.setattr(Http2Connection, "free_memory", frees)
    proxy.wait(5)
    assert not freed
    proxy.wait(0.25)
    assert len(freed) == 2
    proxy.wait(0.25)
    assert len(freed) == 4
    proxy.wait(2)
    assert len(set(freed)) == len(freed) == 10
