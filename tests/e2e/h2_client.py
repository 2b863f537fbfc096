"""A client of HTTP/2 as people build them, on h2, which holds the other side to the rules."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event

from tests.e2e.tap import Peer, client
from tests.relay.peers import GOAWAY, cut_frames

E = TypeVar("E", bound=Event)


class H2Client:
    """One connection; `h2` is for what is not said here, with `flush` after it."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._events: list[Event] = []
        self._rest = bytearray()
        self.h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        """Write what h2 has to say."""
        self._peer.send(self.h2.data_to_send())

    def request(self, fields: list[tuple[str, str]], *, end: bool = True) -> int:
        """Send it; the number of its stream."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, fields, end_stream=end)
        self.flush()
        return stream

    def send(self, stream: int, body: bytes, *, end: bool = False) -> None:
        """A piece of a body, which must fit into the window."""
        self.h2.send_data(stream, body, end_stream=end)
        self.flush()

    async def until(self, kind: type[E], stream: int | None = None) -> E:
        """The next event of this kind (on this stream); those of others stay where they are."""
        peer = self._peer
        while (found := self._find(kind, stream)) is None:
            await peer.until(lambda: peer.ended or len(peer.received) > peer.taken)
            more = len(peer.received) > peer.taken
            assert more, f"the connection ended after {self._events}"
            self._receive()
        self._events.remove(found)
        return found

    def _find(self, kind: type[E], stream: int | None) -> E | None:
        for event in self._events:
            if isinstance(event, kind) and stream in (None, getattr(event, "stream_id", None)):
                return event
        return None

    def _receive(self) -> None:
        peer = self._peer
        self._rest += peer.received[peer.taken :]
        peer.taken = len(peer.received)
        # At a GOAWAY h2 would end the streams that go on behind it, as no other client does.
        for event in [
            event
            for frame in cut_frames(self._rest)
            if frame[3] != GOAWAY
            for event in self.h2.receive_data(frame)
        ]:
            self._events.append(event)
            if isinstance(event, DataReceived):
                size = event.flow_controlled_length
                self.h2.acknowledge_received_data(size, event.stream_id)
        self.flush()


@asynccontextmanager
async def h2_client(port: int) -> AsyncIterator[H2Client]:
    """A connection to this port of 127.0.0.1."""
    async with client(port) as peer:
        yield H2Client(peer)
