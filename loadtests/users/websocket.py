"""A WebSocket that asks once a second, and comes again when it is told 1001."""

import time
from contextlib import suppress
from uuid import uuid4

from locust import constant, task
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from loadtests.users.patient import PatientUser
from loadtests.users.report import Lost, report, reported

_GOING_AWAY = 1001
_PATIENCE = 10.0
# Sooner after a question a Close was on the wire already: the sidecar waits this long after one.
_CROSSED_WITHIN = 0.1
UNANSWERED = "a question stayed unanswered"


class WebSocketUser(PatientUser):
    """Keeps its WebSocket from task to task."""

    weight = 2
    wait_time = constant(1)
    _socket: ClientConnection | None = None

    def on_stop(self) -> None:
        """Close it."""
        if self._socket is not None:
            self._socket.close()

    @task
    def question(self) -> None:
        """One question, which must be answered."""
        if self._socket is None:
            with reported(self.environment, "WebSocket", "connect"):
                url = (self.host or "").replace("http", "ws", 1) + "/ws"
                self._socket = connect(url, proxy=None, open_timeout=_PATIENCE)
        text = uuid4().hex
        began = time.perf_counter()
        try:
            # What has come meanwhile is taken in first: a Close, if anything.
            with suppress(TimeoutError):
                self._socket.recv(0)
            self._socket.send(text)
        except ConnectionClosed as closed:
            return self._farewell(closed, began)
        try:
            answer = self._socket.recv(_PATIENCE)
        except ConnectionClosed as closed:
            crossed = time.perf_counter() - began < _CROSSED_WITHIN
            return self._farewell(closed, began, "" if crossed else UNANSWERED)
        except TimeoutError as error:
            self._socket = None
            return report(self.environment, "WebSocket", "question", began, error)
        wrong = None if answer == text else Lost("the answer to another request")
        report(self.environment, "WebSocket", "question", began, wrong)

    def _farewell(self, closed: ConnectionClosed, began: float, unanswered: str = "") -> None:
        self._socket = None
        report(self.environment, "WebSocket", "goodbye", began, failure(closed, unanswered))


def failure(closed: ConnectionClosed, unanswered: str = "") -> Lost | None:
    """1001 and the whole closing handshake is a goodbye, unless something stayed `unanswered`; of
    anything else the failure names the code that came (1006 is none: RFC 6455, 7.1.5)."""
    code = 1006 if closed.rcvd is None else closed.rcvd.code
    if code == _GOING_AWAY and closed.sent is not None and closed.rcvd_then_sent and not unanswered:
        return None
    return Lost(", ".join(filter(None, (f"closed with {code}", unanswered))))
