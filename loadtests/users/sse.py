"""Event streams, each for a few seconds: no gap, and an end that says when to come again."""

import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from gevent import sleep
from locust import constant, task

from loadtests.users.patient import PatientUser
from loadtests.users.report import Lost, report, reported

_PATIENCE = 10.0


class EventsUser(PatientUser):
    """One stream per task."""

    weight = 2
    wait_time = constant(0.1)
    SECONDS = 5.0

    @task
    def stream(self) -> None:
        """Listen for a while, or until the stream ends politely."""
        address = urlsplit(self.host or "")
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        connection = kind(address.netloc, timeout=_PATIENCE)
        try:
            with reported(self.environment, "SSE", "stream"):
                connection.request("GET", "/events", headers={"Accept": "text/event-stream"})
                answer = connection.getresponse()
                if answer.status != 200:
                    raise Lost(f"status {answer.status}")
            retry = self._listen(answer)
        finally:
            connection.close()
        # What the stream asked for before it ended.
        sleep(retry)

    def _listen(self, answer: HTTPResponse) -> float:
        """Every event as a request, whose time is that since the last one; what to wait then."""
        until, began, number = time.monotonic() + self.SECONDS, time.perf_counter(), 0
        try:
            for line in _first_lines(answer):
                if line.startswith("retry: "):
                    return int(line.removeprefix("retry: ")) / 1000
                if line != f"id: {number}":
                    raise Lost(f"event {number} is missing")
                report(self.environment, "SSE", "event", began)
                number, began = number + 1, time.perf_counter()
                if time.monotonic() > until:
                    return 0.0
            raise Lost("the stream ended without a word")
        except Exception as error:
            report(self.environment, "SSE", "event", began, error)
            raise


def _first_lines(answer: HTTPResponse) -> Iterator[str]:
    """The first line of each event."""
    before = ""
    for raw in answer:
        line = raw.decode().rstrip("\n")
        if line and not before:
            yield line
        before = line
