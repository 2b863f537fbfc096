"""How HTTP/2 connections end, frame by frame: a stream is served or refused, and knows which."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from hyperframe.frame import GoAwayFrame, PingFrame, SettingsFrame

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.hyper_app import App, hyper_app, whole
from tests.e2e.hyper_client import MOST_STREAM, Answer, Client, connected
from tests.e2e.process import BUSY, Sidecar, sidecar
from tests.e2e.racer import REFUSED_STREAM, Racer, colour
from tests.e2e.test_drain import drain

NO_ERROR, INTERNAL_ERROR, CANCEL = 0, 2, 8
# Which stream is the last one is said later.
GOING = (MOST_STREAM, NO_ERROR)
GRPC = ("content-type", "application/grpc")
# How long the sidecar waits for the answer to its PING.
PING_TIMEOUT = 5.0


class Scene(NamedTuple):
    """A client, the app, and a sidecar in between."""

    app: App
    running: Sidecar
    client: Client

    async def leave(self) -> None:
        """A drain that does not end the process begins."""
        assert (await asyncio.to_thread(self.running.post, "/drain"))[0] == 200

    def sigterm(self) -> None:
        """A drain begins."""
        self.running.process.send_signal(signal.SIGTERM)

    async def last_is_named(self) -> None:
        """Wait for the second GOAWAY."""
        await self.client.until(lambda: len(self.client.goaways) > 1)

    async def ends_well(self) -> None:
        """Wait until the client has heard all; the connection is half-closed and not reset."""
        await self.client.until(lambda: self.client.end != "")
        assert self.client.end == "eof"

    async def exits(self) -> None:
        """The process ends once the client has gone."""
        await self.client.close()
        assert await asyncio.to_thread(self.running.process.wait) == 0


@asynccontextmanager
async def scene(*options: str, acknowledges: bool = True) -> AsyncIterator[Scene]:
    """`acknowledges`: PINGs, at once."""
    async with hyper_app() as app:
        with sidecar(app.address, *(options or drain())) as running:
            async with connected(running.port, acknowledges=acknowledges) as client:
                yield Scene(app, running, client)


def counts_of(told: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """What of the kinds in a report has ended, without zeros."""
    found = {kind: {way: n for way, n in ways.items() if n} for kind, ways in told.items()}
    return {kind: ways for kind, ways in found.items() if ways}


# The goodbye


async def test_the_last_stream_is_named_when_the_client_knows_that_there_will_be_one() -> None:
    async with scene(acknowledges=False) as s:
        client = s.client
        held = client.ask("/held", name="held")
        await client.until(lambda: bool(client.streams[held].heads))
        s.sigterm()
        await client.until(lambda: bool(client.pings))
        assert client.goaways == [GOING]

        # It has not read that yet.
        late = client.ask("/now", name="late")
        await client.until(lambda: client.streams[late].ended)
        assert client.goaways == [GOING]

        client.acknowledge()
        await s.last_is_named()
        too_late = client.ask("/now", name="too late")
        await client.until(lambda: client.streams[too_late].reset is not None)
        s.app.release()
        await s.ends_well()

        assert client.goaways == [GOING, (late, NO_ERROR)]
        told = [type(frame) for frame in client.frames]
        assert [each for each in told if each in (GoAwayFrame, PingFrame)] == [
            *(GoAwayFrame, PingFrame, GoAwayFrame)
        ]
        assert whole(client.streams[held], "held")
        assert whole(client.streams[late], "late")
        assert client.streams[too_late] == Answer(reset=REFUSED_STREAM)
        assert s.app.ran == ["held", "late"]
        await s.exits()


async def test_nothing_is_said_before_the_settings_of_the_app() -> None:
    async with scene() as s:
        s.app.silent = True
        async with connected(s.running.port) as client:
            stream = client.ask("/now", name="early")
            await client.until(lambda: "early" in s.app.ran)
            await s.leave()
            await asyncio.to_thread(s.running.until_phase, "closed")
            assert client.frames == []
            s.app.speak()
            await client.until(lambda: client.end != "")
            assert isinstance(client.frames[0], SettingsFrame)
            assert client.goaways == [GOING, (stream, NO_ERROR)]
            assert whole(client.streams[stream], "early")


async def test_who_has_no_streams_parts_at_once() -> None:
    async with scene() as s, connected(s.running.port) as unused:
        used = s.client
        stream = used.ask("/now", name="used")
        await used.until(lambda: used.streams[stream].ended)
        await unused.until(lambda: bool(unused.frames))
        began = monotonic()
        s.sigterm()
        await s.ends_well()
        await unused.until(lambda: unused.end != "")
        assert unused.end == "eof"
        assert used.goaways == [GOING, (stream, NO_ERROR)]
        assert unused.goaways[-1] == (0, NO_ERROR)
        await unused.close()
        await s.exits()
        assert monotonic() - began < BUSY


async def test_who_comes_while_leaving_is_served_and_told() -> None:
    async with scene(*drain(quiet="500ms")) as s:
        s.sigterm()
        await asyncio.to_thread(s.running.until_phase, "leaving")
        async with connected(s.running.port) as client:
            held = client.ask("/held", name="held")
            await client.until(lambda: len(client.goaways) > 1)
            s.app.release()
            await client.until(lambda: client.end != "")
            assert client.end == "eof"
            assert client.goaways == [GOING, (held, NO_ERROR)]
            assert whole(client.streams[held], "held")
        await s.exits()


# Streams around the goodbye

# Of each of three clients.
EARLY, IN_ALL = 100, 400
# Until the PING is acknowledged, in seconds.
PATIENCE = {"at once": 0.0, "late": 0.3, "never": None}


async def test_a_thousand_streams_around_the_goodbye_are_each_served_or_refused() -> None:
    async with scene(*drain("200ms", "200ms"), "--max-streams", "10000", acknowledges=False) as s:
        port = s.running.port
        async with (
            connected(port, acknowledges=False) as b,
            connected(port, acknowledges=False) as c,
        ):
            clients = (s.client, b, c)
            racers = [
                Racer(name, client, patience)
                for client, (name, patience) in zip(clients, PATIENCE.items(), strict=True)
            ]
            for racer in racers:
                racer.ask(EARLY)
            await s.client.until(lambda: sum(map(ended, clients)) == 3 * EARLY)
            drained = asyncio.create_task(asyncio.to_thread(s.running.post, "/drain?wait=1"))
            await asyncio.to_thread(s.running.until_phase, "announced")
            await asyncio.gather(*(racer.race(IN_ALL) for racer in racers))
        report = (await drained)[1]

        served = [racer.served() for racer in racers]
        assert sorted(s.app.ran) == sorted(name for names in served for name in names)
        assert [racer.client.end for racer in racers] == ["eof"] * 3
        assert [racer.client.goaways[0] for racer in racers] == [GOING] * 3
        for racer in racers[:2]:
            assert racer.client.goaways[1:] == [(racer.last, NO_ERROR)]
        # The client of a busy machine hears late of what its time begins with.
        assert PING_TIMEOUT - 1 < racers[2].seconds < PING_TIMEOUT + BUSY
        assert min(len(racer.client.streams) for racer in racers) >= IN_ALL

        finished = sum(map(len, served))
        assert report["verdict"] == "clean"
        assert counts_of(report["ended"]) == {"http2": {"finished": finished - 3 * EARLY}}
        metric = s.running.metric
        assert metric('drainproxy_requests_total{code="200",kind="http2"}') == finished
        assert metric('drainproxy_goodbyes_total{kind="http2",why="drain"}') == 3


def ended(client: Client) -> int:
    """How many answers."""
    return sum(answer.ended for answer in client.streams.values())


# What is left out


async def test_what_is_left_out_breaks_no_field_of_other_streams() -> None:
    async with scene(acknowledges=False) as s:
        client = s.client
        # All tables are in use.
        early = [client.ask("/now", name=f"{n}", colour=colour(n)) for n in range(14)]
        held = client.ask("/never", name="held", colour=colour(3))
        uploads = [
            client.ask("/now", name=f"upload {n}", colour=colour(n), ends=False) for n in range(5)
        ]
        await client.until(lambda: ended(client) == len(early))
        await s.leave()
        await client.until(lambda: bool(client.pings))
        # This one is answered with a head of ours among those of the app.
        tunnel = client.begin(TUNNEL, ends=False)
        await client.until(lambda: client.streams[tunnel].ended)
        client.acknowledge()
        await s.last_is_named()
        refused = [
            client.ask("/now", name=f"refused {n}", colour=f"new {n}", end=f"new {n}", ends=False)
            for n in range(50)
        ]
        for stream in refused[::2]:
            client.say_head(stream, [("x-end", "refused"), ("x-colour", "refused")], ends=True)
        for number, stream in enumerate(uploads):
            client.say_now(stream, b"some")
            # Fields that the client's table has from heads which the app has never seen.
            client.say_head(stream, [("x-end", f"new {45 + number}")], ends=True)
        s.app.release()
        await s.ends_well()

        streams = client.streams
        assert streams[tunnel].status == "503"
        assert all(whole(streams[n], f"{i}", colour=colour(i)) for i, n in enumerate(early))
        assert whole(streams[held], "held", colour=colour(3))
        for n, stream in enumerate(uploads):
            assert whole(streams[stream], f"upload {n}", b"some", colour(n), f"new {45 + n}")
        assert [streams[stream] for stream in refused] == [Answer(reset=REFUSED_STREAM)] * 50
        assert len(s.app.ran) == len([*early, held, *uploads])


TUNNEL = [
    *((":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/ws")),
    (":authority", "a.example"),
]


async def test_what_refused_streams_have_sent_takes_no_window_from_others() -> None:
    async with scene() as s:
        client = s.client
        upload = client.ask("/now", name="upload", ends=False)
        await client.until(lambda: "upload" in s.app.ran)
        await s.leave()
        await s.last_is_named()
        before = client.window
        for number in range(10):
            refused = client.ask("/now", name=f"{number}", ends=False)
            await client.say(refused, bytes(30_000), ends=number % 2 == 0, padding=100)
        await client.until(lambda: client.window == before)

        large = bytes(200_000)
        await client.say(upload, large, ends=True)
        await s.ends_well()
        assert whole(client.streams[upload], "upload", large)
        assert s.app.ran == ["upload"]


# Ends that are not the app's


class Asked:
    """A request of each sort, none of which comes to its end: the app has begun to answer or not,
    and the client has said all or not."""

    def __init__(self, client: Client) -> None:
        ask = client.ask
        self._streams = client.streams
        self.begun = ask("/held", name="begun")
        self.unanswered = ask("/never", name="unanswered")
        self.uploading = ask("/never", name="uploading", ends=False)
        self.both = ask("/held", name="both", ends=False)
        self.grpc_begun = ask("/held", GRPC, name="gRPC begun")
        self.grpc_unanswered = ask("/never", GRPC, name="gRPC unanswered")
        self.last = self.grpc_both = ask("/held", GRPC, name="gRPC both", ends=False)
        client.say_now(self.uploading, b"some")
        client.say_now(self.grpc_both, b"some")

    def began(self) -> bool:
        """The heads of answers that the app begins have come."""
        begun = (self.begun, self.both, self.grpc_begun, self.grpc_both)
        return all(self._streams[stream].heads for stream in begun)

    def heard(self, status: str, code: int) -> None:
        """Assert that each was told that there is no more, in its own way."""
        for stream in (self.begun, self.both):
            assert self._end(stream) == ("200", False, code)
        assert self._end(self.unanswered) == (status, True, None)
        assert self._end(self.uploading) == (status, True, NO_ERROR)
        for stream in (self.grpc_begun, self.grpc_unanswered):
            assert self._end(stream) == ("200", True, None)
        assert self._end(self.grpc_both) == ("200", True, NO_ERROR)
        for stream in (self.grpc_begun, self.grpc_unanswered, self.grpc_both):
            trailers = self._streams[stream].trailers
            assert trailers["grpc-status"] == "14"
            assert trailers["grpc-message"].startswith("drainproxy: ")
        assert len(self._streams[self.grpc_unanswered].heads) == 1

    def _end(self, stream: int) -> tuple[str, bool, int | None]:
        answer = self._streams[stream]
        return answer.status, answer.ended, answer.reset


async def asked_in(s: Scene) -> Asked:
    """All of them are under way."""
    asked = Asked(s.client)
    await s.client.until(lambda: asked.began() and len(s.app.ran) == 7)
    return asked


async def test_at_the_deadline_every_stream_hears_that_it_is_over(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    async with scene(*drain(timeout="2s"), "--report-file", str(path)) as s:
        asked = await asked_in(s)
        s.sigterm()
        await s.ends_well()
        asked.heard("503", CANCEL)
        assert s.client.goaways == [GOING, (asked.last, NO_ERROR)]
        # The app need not go on with any.
        await s.client.until(lambda: all(each.reset == CANCEL for each in s.app.requests))
        await s.exits()
    report = json.loads(path.read_text())
    assert report["verdict"] == "cut 7"
    assert counts_of(report["ended"]) == {"http2": {"cut": 4}, "grpc": {"cut": 3}}
    assert sorted((each["kind"], each["path"]) for each in report["blockers"]) == [
        *(("grpc", "/held"), ("grpc", "/held"), ("grpc", "/never")),
        *(("http2", "/held"), ("http2", "/held"), ("http2", "/never"), ("http2", "/never")),
    ]


async def test_when_the_app_goes_before_its_streams_they_hear_it(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    async with scene(*drain(), "--report-file", str(path)) as s:
        asked = await asked_in(s)
        s.sigterm()
        await s.last_is_named()
        s.app.kill()
        await s.ends_well()
        asked.heard("502", INTERNAL_ERROR)
        assert s.client.goaways[-1] == (asked.last, NO_ERROR)
        await s.exits()
    report = json.loads(path.read_text())
    assert report["verdict"] == "clean"
    assert counts_of(report["ended"]) == {"http2": {"app_left": 4}, "grpc": {"app_left": 3}}


async def test_when_the_app_goes_without_a_drain_they_hear_it_too() -> None:
    async with scene() as s:
        asked = await asked_in(s)
        s.app.kill()
        await s.ends_well()
        asked.heard("502", INTERNAL_ERROR)
        assert s.client.goaways == [(asked.last, NO_ERROR)]


async def test_when_the_app_refuses_every_stream_hears_it() -> None:
    soon = ("--connect-timeout", "200ms")
    with sidecar(f"127.0.0.1:{free_ports(1)[0]}", *soon) as running:
        async with connected(running.port, greets=False) as client:
            client.greet()
            plain, grpc = client.ask("/now", name="plain"), client.ask("/now", GRPC, name="gRPC")
            await client.until(lambda: client.end != "")
            assert client.end == "eof"
            assert (client.streams[plain].status, client.streams[plain].ended) == ("503", True)
            assert client.streams[grpc].trailers["grpc-status"] == "14"
            assert client.goaways == [(grpc, NO_ERROR)]
