"""What happens while it happens: a line for each step, and on a terminal a moving one."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
from rich.console import Console

_LOOK_EVERY = 0.1
_PHASES = {
    "announced": "not ready any more, but serves everybody",
    "leaving": "each client hears its goodbye at the next boundary",
    "closed": "takes no new connections, waits for what is in flight",
    "cutting": "the time is up, last words are said",
    "drained": "nothing is in flight",
}


class Story:
    """Tells what happens, each line with the seconds since the beginning."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        # Moves on terminals, and leaves nothing behind on them or elsewhere.
        self._status = console.status("starting")

    def tell(self, text: str) -> None:
        """One line."""
        self._console.print(f"{self.seconds:5.1f} s  {text}", markup=False, highlight=False)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    @asynccontextmanager
    async def of(self, probe: aiohttp.ClientSession, admin: str) -> AsyncIterator[None]:
        """In this block, tell of each phase of the sidecar whose admin endpoints are at `admin`."""
        with self._status:
            following = asyncio.create_task(self._follow(probe, admin + "/status"))
            try:
                yield
            finally:
                following.cancel()
                with suppress(asyncio.CancelledError):
                    await following

    async def _follow(self, probe: aiohttp.ClientSession, url: str) -> None:
        phase = ""
        # Until it answers no more: at the latest when it exits.
        with suppress(aiohttp.ClientError):
            while True:
                async with probe.get(url) as answer:
                    status = await answer.json()
                if status["phase"] != phase and phase:
                    self.tell(f"{status['phase']}: {_PHASES.get(status['phase'], '')}")
                phase = status["phase"]
                self._status.update(_in_flight(phase, status["in_flight"]))
                await asyncio.sleep(_LOOK_EVERY)


def _in_flight(phase: str, counts: Mapping[str, Any]) -> str:
    return f"{phase}; in flight: " + ", ".join(f"{kind} {n}" for kind, n in counts.items())
