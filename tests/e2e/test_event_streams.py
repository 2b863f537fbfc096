"""Event streams in a drain, by the default sse-drain=auto: what can be resumed ends when leaving,
anything else is waited for, to its own end or to the deadline."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from tests.e2e.either_app import EVENT, EventStream, either_app
from tests.e2e.either_client import EVENTS, HTTP1, HTTP2, Asked, asked, whole
from tests.e2e.process import Sidecar, sidecar

# The last goodbye comes after 6 s: who is waited for to its own end has all that time.
DRAIN = (
    *("--drain-delay", "0s", "--drain-quiet", "0s", "--drain-spread", "1s"),
    *("--drain-timeout", "8s"),
)
WITH_ID = b"id: 7\ndata: 2\n\n"
SOON, LATER = range(100, 1001), range(1000, 5001)


def retry(said: bytes) -> int:
    """The time that is said in these bytes, and nothing else, in milliseconds."""
    found = re.fullmatch(rb"retry: (\d+)\n\n", said)
    assert found, said
    return int(found[1])


class Streams:
    """Both ends of streams that were begun, two of each name: over HTTP/1 and HTTP/2."""

    def __init__(self) -> None:
        self.heard: dict[str, list[Asked]] = {}
        self._said: dict[str, list[EventStream]] = {}

    def add(self, name: str, heard: Asked, said: EventStream) -> None:
        self.heard.setdefault(name, []).append(heard)
        self._said.setdefault(name, []).append(said)

    async def say(self, name: str, events: bytes) -> None:
        """Both apps say it, and both clients hear it."""
        for stream in self._said[name]:
            stream.say(events)
        assert [await each.piece() for each in self.heard[name]] == [events] * 2

    def each(self, name: str, what: Callable[[EventStream], object]) -> None:
        for stream in self._said[name]:
            what(stream)

    async def rest(self, name: str) -> list[bytes]:
        """What both clients hear from now on, to the end, which is that of a whole answer."""
        return [await whole(each) for each in self.heard[name]]


@asynccontextmanager
async def streams(running: Sidecar, app_port: int, *names: str) -> AsyncIterator[Streams]:
    """Both of each name, which have heard their first event."""
    begun = Streams()
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(either_app(app_port))
        for name in names:
            for over in (HTTP1, HTTP2):
                it = await stack.enter_async_context(asked(running.port, over, EVENTS))
                assert (await it.head())[":status"] == "200"
                assert await it.piece() == EVENT
                begun.add(name, it, app.streams[-1])
        yield begun


async def test_what_resumes_ends_and_all_others_go_on_to_their_end_or_to_the_deadline(
    app_port: int,
) -> None:
    """WHATWG HTML 9.2.4, Last-Event-ID, and 9.2.6: an event that is not whole is lost."""
    with sidecar(f"127.0.0.1:{app_port}", drain=DRAIN) as running:
        async with streams(running, app_port, "resumes", "ends", "goes on", "half") as both:
            await both.say("resumes", WITH_ID)
            await both.say("half", b"data: 2\n")
            await asyncio.to_thread(running.post, "/drain")
            soon = await both.rest("resumes")
            await asyncio.to_thread(running.until_phase, "closed")
            await both.say("ends", EVENT)
            both.each("ends", lambda stream: stream.end())
            assert await both.rest("ends") == [b""] * 2
            later = await both.rest("goes on")
            both.each("half", lambda stream: stream.say(b"\n"))
            later += [said.removeprefix(b"\n") for said in await both.rest("half")]
            await asyncio.to_thread(running.until_phase, "drained")
            report = running.get("/status")[1]["report"]
            why = {
                why: running.metric(f'drainproxy_goodbyes_total{{kind="sse",why="{why}"}}')
                for why in ("drain", "deadline")
            }
    assert [retry(said) in SOON for said in soon] == [True] * 2, soon
    assert [retry(said) in LATER for said in later] == [True] * 4, later
    assert report["verdict"] == "clean"
    ended = {how: count for how, count in report["ended"]["sse"].items() if count}
    assert (ended, why) == ({"finished": 2, "goodbye": 6}, {"drain": 2, "deadline": 4})
