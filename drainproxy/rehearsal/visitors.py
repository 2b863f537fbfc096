"""Users that come one after the other, each on a connection of its own, and leave again.

Only new connections follow the weights of a canary. So where a gate judges each step, each client
is a seat that users take in turn: for one request over HTTP or gRPC, or for a while on a WebSocket
or an event stream, until a number of others have come.
"""

import random

from drainproxy.rehearsal.asking import Lost
from drainproxy.rehearsal.clients import Client, Events, Questions, Requests
from drainproxy.rehearsal.grpc_clients import Calls, channel

# How often an empty seat looks whether its time is over, in seconds.
_LOOK_EVERY = 0.2


class Visitor(Client):
    """One seat, and whether who sits there now has met a fault."""

    KIND = "http"
    _until = 0.0
    _struck = False

    async def work(self) -> None:
        """One user, from when it comes until it leaves."""
        clock = self.score.clock
        clock.users += 1
        self._struck = False
        self._until = clock.users + random.uniform(0.5, 1.5) * self.service.stays.get(self.KIND, 0)
        try:
            await super().work()
        except Lost:
            self.spoilt()
            raise

    def spoilt(self) -> None:
        """Once for each user, however often."""
        if not self._struck:
            self._struck = True
            self.score.struck += 1

    def leaves(self) -> bool:
        """When its time is over."""
        return super().leaves() or self.score.clock.users >= self._until


class RequestVisitor(Visitor, Requests):
    """One request."""

    KEEPS = False
    # Of every 25 one, between the bounds 1 s and 2.5 s of the sidecar's histograms: the p99 of both
    # versions is then a download and their p90 is none, whatever the chance of the moment.
    DOWNLOAD_EVERY, DOWNLOAD_SECONDS = 25, 1.2


class WebSocketVisitor(Visitor, Questions):
    """One WebSocket with some questions, which it closes with 1000."""

    KIND = "websocket"


class EventsVisitor(Visitor, Events):
    """One event stream."""

    KIND = "sse"


class CallVisitor(Visitor, Calls):
    """One call on a channel of its own; then the seat is empty for a while."""

    KIND = "grpc"

    async def run(self) -> None:
        """Channel by channel."""
        while not self.stop.is_set():
            async with channel(self.service) as self._channel:
                await self.once()
            while not self.leaves():
                await self.sleep(_LOOK_EVERY)
