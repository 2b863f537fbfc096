"""One end of an HTTP/2 connection, by hand: it counts the frames that come, and says anything."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from hpack import Decoder

from tests.e2e.conformance.frames import HEAD, LARGEST_WINDOW

PATIENCE = 15.0
DEFAULT_WINDOW = 65535
# Of a flood, what is written at once: others live on the same loop.
_PIECE = 1 << 16


def decoded(decoder: Decoder, block: bytes) -> dict[str, str]:
    """The fields of a block, by name."""
    return {str(name): str(text) for name, text in decoder.decode(block)}


class End(asyncio.Protocol):
    """One end: the frames that came are counted by type, and told to whoever extends this."""

    def __init__(self) -> None:
        self.frames: Counter[int] = Counter()
        self.ended = False
        self.transport: Any = None
        self._rest = b""
        self._news, self._flows = asyncio.Event(), asyncio.Event()
        self._flows.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        data, at = self._rest + data, 0
        while len(data) - at >= HEAD:
            end = at + HEAD + int.from_bytes(data[at : at + 3])
            if end > len(data):
                break
            stream = int.from_bytes(data[at + 5 : at + HEAD]) & LARGEST_WINDOW
            self.frames[data[at + 3]] += 1
            self.came(data[at + 3], data[at + 4], stream, data[at + HEAD : end])
            at = end
        self._rest = data[at:]
        self._news.set()

    def came(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """A frame."""
        raise NotImplementedError

    def eof_received(self) -> bool:
        self.connection_lost(None)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True
        self._news.set()
        self._flows.set()

    def pause_writing(self) -> None:
        self._flows.clear()
        self._news.set()

    def resume_writing(self) -> None:
        self._flows.set()

    @property
    def stuck(self) -> bool:
        """Whether nobody takes what this end says."""
        return not self._flows.is_set()

    def send(self, data: bytes) -> None:
        """Write it in one piece, if anybody is there."""
        if not self.transport.is_closing():
            self.transport.write(data)

    async def flood(self, data: bytes) -> None:
        """Write it as fast as it is taken, until nobody takes it any more."""
        for at in range(0, len(data), _PIECE):
            await asyncio.sleep(0)
            await self._flows.wait()
            if self.transport.is_closing():
                return
            self.send(data[at : at + _PIECE])

    async def until(self, there: Callable[[], bool]) -> None:
        """Wait until something has come, or happened."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not there():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"it does not happen; what came: {self.frames}") from None
