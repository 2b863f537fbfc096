"""A client that asks without looking, through the goodbye and beyond."""

import asyncio
from itertools import count
from time import monotonic

from tests.e2e.hyper_app import whole
from tests.e2e.hyper_client import Answer, Client

REFUSED_STREAM = 7
BURST = 20
# Seconds between two bursts, and once the goodbye has been there for `A_WHILE`.
PAUSE, LONG_PAUSE, A_WHILE = 0.01, 0.25, 0.5


def colour(number: int) -> str:
    """A value that comes again and again, as header compression likes it."""
    return f"colour {number % 7}"


class Racer:
    """One such client; every third of its requests has a body and trailers.

    The PING is acknowledged `patience` seconds after it has come, or never (None).
    """

    def __init__(self, name: str, client: Client, patience: float | None) -> None:
        self.client = client
        # The last stream before the acknowledgement, and the time between the two GOAWAYs.
        self.last = 0
        self.seconds = 0.0
        self._name = name
        self._patience = patience
        self._numbers = count()

    def ask(self, many: int) -> None:
        """So many requests in one piece."""
        for number in [next(self._numbers) for _ in range(many)]:
            body, end = _body_and_end(number)
            name = f"{self._name} {number}"
            stream = self.client.ask("/now", name=name, colour=colour(number), ends=not end)
            if end:
                self.client.say_now(stream, body)
                self.client.say_head(stream, [("x-end", end)], ends=True)

    async def race(self, many: int) -> None:
        """Ask until the last stream is named, and go on, as if nothing had been said, until there
        were so `many`."""
        client, told = self.client, 0.0
        while len(client.goaways) < 2:
            if client.pings and not told:
                told = monotonic()
            if client.pings and self._patience is not None and monotonic() >= told + self._patience:
                # Requests stand right before it, and right behind it.
                self.ask(BURST)
                self.last = max(client.streams)
                client.acknowledge()
            self.ask(BURST)
            late = told and monotonic() >= told + A_WHILE
            await asyncio.sleep(LONG_PAUSE if late else PAUSE)
        self.seconds = monotonic() - told
        self.ask(max(5 * BURST, many - len(client.streams)))
        await client.until(lambda: client.end != "")

    def served(self) -> list[str]:
        """The names of the requests that were; asserts that every other one was refused, and that
        which is which is what the last GOAWAY says."""
        last, _ = self.client.goaways[-1]
        names = []
        for number, (stream, answer) in enumerate(self.client.streams.items()):
            name = f"{self._name} {number}"
            if stream > last:
                assert answer.nothing or answer == Answer(reset=REFUSED_STREAM), (name, answer)
                continue
            body, end = _body_and_end(number)
            assert whole(answer, name, body, colour(number), end), (name, answer)
            names.append(name)
        return names


def _body_and_end(number: int) -> tuple[bytes, str]:
    return (b"", "") if number % 3 else (bytes(number % 50), colour(number))
