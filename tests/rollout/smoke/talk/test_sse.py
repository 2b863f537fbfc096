"""Event streams: read until they have brought what is expected."""

import zlib
from asyncio import StreamReader, StreamWriter
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.rollout.smoke.answers import Event
from drainproxy.rollout.smoke.talk.sse import EventReader
from tests.rollout.smoke.talk.asked import SHORT, asked
from tests.rollout.smoke.talk.servers import Script, gone, says, serving, silent

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
STREAM = (
    b"\xef\xbb\xbf: a comment\n\ndata: one\n\nevent: two\r\ndata:2\r\ndata: more\r\nid: 7\r\n\r\n"
    b"event: nothing\n\nretry: 10\rdata\r\rdata: \xc3\xa4\n\ndata: not whole"
)
EVENTS = [
    *(Event("message", "one"), Event("two", "2\nmore"), Event("message", "")),
    Event("message", "\N{LATIN SMALL LETTER A WITH DIAERESIS}"),
]


@given(st.lists(st.integers(0, len(STREAM))))
def test_events_are_the_same_however_they_are_cut(cuts: list[int]) -> None:
    reader, start = EventReader(), 0
    found: list[Event] = []
    for end in [*sorted(cuts), len(STREAM)]:
        found += reader.feed(STREAM[start:end])
        start = end
    assert found == EVENTS


def test_an_event_without_an_end_takes_no_memory_without_an_end() -> None:
    reader = EventReader()
    line = b"data: " + b"x" * 4096 + b"\n"
    with pytest.raises(ValueError, match="longer than"):
        [*chain.from_iterable(reader.feed(line) for _ in range(1000))]


@pytest.mark.parametrize(
    ("expect", "stays"),
    [
        ("{}", True),
        ("{events: 4, contains: [one, more], event: two, first-event-within: 5s}", True),
        ("{contains: more}", True),
        ("{event: two}", True),
        ("{ends: true}", False),
        ("{headers: {content-type: event}}", True),
    ],
)
async def test_a_stream_is_left_when_it_has_brought_all(expect: str, stays: bool) -> None:
    async with serving(says(HEAD + STREAM, stays=stays)) as port:
        assert await asked(port, f"[{{sse: /, expect: {expect}}}]") == ()


async def test_a_stream_may_be_coded_as_long_as_it_goes_on() -> None:
    made = zlib.compressobj(wbits=31)
    coded = made.compress(STREAM) + made.flush(zlib.Z_SYNC_FLUSH)
    head = HEAD[:-2] + b"Content-Encoding: gzip\r\n\r\n"
    async with serving(says(head + coded, stays=True)) as port:
        assert await asked(port, "[{sse: /, expect: {events: 4, contains: more}}]") == ()


async def _flood(reader: StreamReader, writer: StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(HEAD)
    while True:
        writer.write(b"data: x\n\n" * 1000)
        await writer.drain()


async def test_a_stream_that_floods_is_left_in_time() -> None:
    async with serving(_flood) as port:
        (told,) = await asked(port, "[{sse: /, expect: {contains: nowhere}}]", SHORT)
    assert told.endswith("events came, but no event that holds 'nowhere' within 0.3 s")


@pytest.mark.parametrize(
    ("script", "expect", "problem"),
    [
        (silent, "{}", "no answer within 0.3 s"),
        (gone, "{}", "closed the connection before an answer"),
        (says(HEAD, stays=True), "{}", "no event within 0.3 s"),
        (says(HEAD + b": hi\n\n", stays=True), "{}", "no event within 0.3 s"),
        (says(HEAD), "{}", "the stream ended after 0 events of 1"),
        (says(HEAD + STREAM), "{events: 5}", "the stream ended after 4 events of 5"),
        (
            says(HEAD + STREAM, stays=True),
            "{events: 5}",
            "4 of 5 events came, and no further one within 0.3 s",
        ),
        (
            says(HEAD + STREAM, stays=True),
            "{contains: nowhere}",
            "4 events came, but no event that holds 'nowhere' within 0.3 s",
        ),
        (
            says(HEAD + STREAM, stays=True),
            "{ends: true}",
            "4 events came, but no end within 0.3 s",
        ),
        (
            says(b"HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbusy"),
            "{}",
            "status is 503, not 200: busy",
        ),
        (
            says(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"),
            "{}",
            "it is no event stream: its Content-Type is text/html",
        ),
        (
            says(HEAD[:-2] + b"Transfer-Encoding: chunked\r\n\r\n5\r\ndat"),
            "{}",
            "the answer broke off",
        ),
    ],
)
async def test_a_stream_that_is_none_is_one_line(script: Script, expect: str, problem: str) -> None:
    async with serving(script) as port:
        (told,) = await asked(port, f"[{{sse: /, expect: {expect}}}]", SHORT)
    assert problem in told
