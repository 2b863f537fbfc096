"""How an HTTP/2 connection parts from its client (RFC 9113 6.8): GOAWAY, PING, GOAWAY."""

from math import inf

from drainproxy.drain.ledger import APP_LEFT
from drainproxy.relay.hub import Hub, Route
from drainproxy.relay.streams import Streams
from drainproxy.wire import http2
from drainproxy.wire.http2 import NO_ERROR

# How long a client may take to answer our PING, which says that it has read the GOAWAY before it.
_PING_TIMEOUT = 5.0
# A client that has just connected, so many seconds ago, is about to open a stream.
_BEGINNING = 1.0

# How far a goodbye has come: not wanted; to be said once the connection is in use; said, but
# streams may still come; said with the last stream that is served.
STAYING, DUE, ASKED, TOLD = range(4)


class Parting(Streams):
    """Says goodbye, and knows how far that has come; `why` is its reason. Its subclass keeps the
    deadlines and ends the connection."""

    __slots__ = ("_ack_due", "_ping", "goodbye")

    def __init__(self, hub: Hub, route: Route) -> None:
        super().__init__(hub, route)
        self.goodbye = STAYING
        self._ping = b""
        # When the client must have answered our PING, or when a goodbye that is due is said.
        self._ack_due = inf

    def _set_deadline(self) -> None:
        """One of the deadlines has changed."""
        raise NotImplementedError

    # The goodbye

    def say_goodbye(self, why: str) -> None:
        """GOAWAY, and a PING whose answer says that nothing crosses it any more (6.8)."""
        if self.goodbye != STAYING or self.over:
            return
        self.why = why
        self.goodbye = DUE
        self._ask_if_awake()

    def _ask_if_awake(self) -> None:
        """Say the goodbye that is due, unless the connection has hardly begun: gRPC clients fail
        the call for which they have connected if GOAWAY comes before it. The app's SETTINGS come
        first in any case (3.4)."""
        now, awake = self.hub.now(), self.connected_at + _BEGINNING
        if self.answers.begun and (self.requests.passed or awake <= now):
            self._ask_to_leave()
        else:
            self._ack_due = awake if awake > now else now + _BEGINNING
            self._set_deadline()

    def _ask_to_leave(self) -> None:
        self.goodbye = ASKED
        self.counters.goodbyes["http2", self.why] += 1
        self._ping = self.hub.mask() + self.hub.mask()
        self.to_client(http2.goaway(self.requests.last, NO_ERROR) + http2.ping(self._ping))
        self._ack_due = self.hub.now() + _PING_TIMEOUT
        self._set_deadline()

    def ping_answered(self, data: bytes) -> bool:
        """Whether the PING that the client acknowledges was ours: then it has read the GOAWAY."""
        if data != self._ping:
            return False
        self._ping = b""
        self._name_last()
        return True

    def _name_last(self) -> None:
        """Say which stream is the last one; none above it goes to the app."""
        if self.goodbye == TOLD:
            return
        if self.goodbye != ASKED:
            self.counters.goodbyes["http2", self.why] += 1
        self.goodbye = TOLD
        self._ack_due = inf
        self._set_deadline()
        requests = self.requests
        requests.last = min(requests.last, requests.passed)
        self.to_client(http2.goaway(requests.last, NO_ERROR))

    def app_goes(self, last: int) -> int:
        """The app says GOAWAY: streams above the last id are not served, by nobody."""
        self.going = True
        requests = self.requests
        requests.last = last = min(last, requests.last)
        for stream in [s for s in self.streams.values() if s.id > last and s.id & 1]:
            self.end(stream, APP_LEFT)
        return last

    def stay(self) -> None:
        """The drain was taken back: a GOAWAY that has not been said is not said; one that is due
        all the same goes on waiting for its place."""
        if self.goodbye != DUE:
            return
        if self.retired_by:
            self.why = self.retired_by
        else:
            self.goodbye, self.why, self._ack_due = STAYING, "", inf
            self._set_deadline()

    def awaited(self, since: float) -> bool:
        """A stream may be on its way until the client has read the GOAWAY."""
        if self.over or self.goodbye == TOLD:
            return False
        return self.goodbye == ASKED or (since < inf and (self.active or self.idle_since > since))
