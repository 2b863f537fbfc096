"""Reads an event stream until it has brought what is expected."""

import codecs
from collections.abc import Iterator
from time import monotonic

import aiohttp

from drainproxy.rollout.smoke import checks
from drainproxy.rollout.smoke.answers import Event, SseAnswer
from drainproxy.rollout.smoke.model import Sse, SseExpect
from drainproxy.rollout.smoke.stage import Failed, Stage

from .coding import Decoder
from .sessions import MOST_REDIRECTS, in_body, in_words, must_be_http1, session

# The longest event that is read, in characters.
_MOST = 1 << 20


class EventReader:
    """Events out of the text of a stream, in pieces cut anywhere (WHATWG HTML 9.2.6)."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._rest = ""
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that end in these bytes; ValueError if one is too long."""
        text = self._rest + self._decode(piece)
        # A CR at the end may be half of a CRLF.
        held = text.endswith("\r")
        text = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
        *lines, rest = text.split("\n")
        self._rest = rest + "\r" * held
        for line in lines:
            if line:
                self._field(line)
            elif event := self._event():
                yield event
        if len(self._rest) + self._size > _MOST:
            raise ValueError(f"an event is longer than {_MOST} characters")

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        self._size += len(line)
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value

    def _event(self) -> Event | None:
        """What has come before an empty line; without data it is no event."""
        event = Event(self._name or "message", "\n".join(self._data)) if self._data else None
        self._name, self._data, self._size = "", [], 0
        return event


async def ask(action: Sse, stage: Stage) -> SseAnswer:
    """Ask once; the stream is left as soon as nothing more is expected of it."""
    headers = [("Accept", "text/event-stream"), ("Cache-Control", "no-store"), *action.headers]
    began = monotonic()
    with in_words(action.url):
        async with (
            session(action.url, action.tls, stage) as client,
            client.get(
                action.url,
                headers=headers,
                max_redirects=MOST_REDIRECTS,
                server_hostname=action.tls.server_name or None,
            ) as answer,
        ):
            must_be_http1(answer)
            with in_body():
                decoder = Decoder(answer.headers.get("Content-Encoding", ""))
                await _must_be_a_stream(answer, decoder)
                return await _read(action, answer, decoder, stage, began)


async def _must_be_a_stream(answer: aiohttp.ClientResponse, decoder: Decoder) -> None:
    if answer.status != 200:
        body = b"".join(decoder.feed(await answer.content.read(checks.LOOKED_AT)))
        said = checks.said(body.decode(errors="replace"))
        raise Failed(f"status is {answer.status}, not 200{said}")
    if answer.content_type != "text/event-stream":
        raise Failed(f"it is no event stream: its Content-Type is {answer.content_type}")


async def _read(
    action: Sse, answer: aiohttp.ClientResponse, decoder: Decoder, stage: Stage, began: float
) -> SseAnswer:
    expect, reader, wanted = action.expect, EventReader(), checks.Wanted(action.expect)
    headers = tuple((name, value) for name, value in answer.headers.items())
    first: float | None = None
    count, ended = 0, False
    while not ended:
        if count >= expect.events and not wanted.missing and not expect.ends:
            break
        stage.waiting_for = _waiting_for(expect, count, wanted.missing)
        piece = await answer.content.readany()
        ended = not piece
        for event in reader.feed(b"".join(decoder.feed(piece))):
            first = monotonic() - began if first is None else first
            count += 1
            wanted.take(event)
    return SseAnswer(headers, count, wanted.missing, first)


def _waiting_for(expect: SseExpect, count: int, lacking: tuple[str, ...]) -> str:
    if not count:
        return "no event"
    if count < expect.events:
        return f"{count} of {expect.events} events came, and no further one"
    return f"{count} events came, but no {f'event that {lacking[0]}' if lacking else 'end'}"
