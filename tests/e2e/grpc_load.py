"""gRPC clients without retries: many calls, at a rate, and conversations that last."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from time import monotonic
from typing import Any

import grpc

from tests.e2e.grpc_app import SERVICE
from tests.e2e.grpc_calls import OPTIONS, path
from tests.e2e.process import PATIENCE, Sidecar

# Between two messages of a conversation, in seconds.
PAUSE = 0.05

# A call that its client has accepted when the GOAWAY came was never sent; with retries nobody would
# know. About once in a thousand goodbyes a call is right there, whatever the server does.
UNSENT = (grpc.StatusCode.UNAVAILABLE, "GOAWAY received")


@asynccontextmanager
async def channels(many: int, target: str, *options: tuple[str, Any]) -> AsyncIterator[list[Any]]:
    """Channels that never send anything twice."""
    retryless = [*OPTIONS, ("grpc.enable_retries", 0), *options]
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(grpc.aio.insecure_channel(target, options=retryless))
            for _ in range(many)
        ]


class Load:
    """What came of all calls and conversations on some channels."""

    def __init__(self, channels: list[Any] | None = None) -> None:
        self.channels = channels or []
        self.answered = 0
        self.talked = 0
        # Calls that the client gave up before they were sent; see UNSENT.
        self.unsent = 0

    async def call(self, rate: float, goes_on: Callable[[], bool]) -> None:
        """So many unary calls a second, whether those before are answered or not."""
        began = monotonic()
        async with asyncio.TaskGroup() as calls:
            for number in count():
                await asyncio.sleep(began + number / rate - monotonic())
                if not goes_on():
                    return
                channel = self.channels[number % len(self.channels)]
                calls.create_task(self._call(channel, b"%d" % number))

    async def _call(self, channel: Any, message: bytes) -> None:
        try:
            answer = await channel.unary_unary(path("Echo"))(message, timeout=PATIENCE)
        except grpc.aio.AioRpcError as error:
            self._excuse(error)
        else:
            assert answer == message
            self.answered += 1

    async def talk(self, number: int, messages: int) -> None:
        """A conversation, which must be whole."""
        channel = self.channels[number % len(self.channels)]
        call = channel.stream_stream(path("Chat"))(timeout=2 * PATIENCE)
        for each in range(messages):
            message = b"%d:%d" % (number, each)
            await call.write(message)
            assert await call.read() == b"you said " + message
            await asyncio.sleep(PAUSE)
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert await call.code() is grpc.StatusCode.OK
        self.talked += 1

    def _excuse(self, error: grpc.aio.AioRpcError) -> None:
        code, words = UNSENT
        if error.code() is not code or words not in (error.details() or ""):
            raise error
        self.unsent += 1


def ended(running: Sidecar) -> Counter[str]:
    """Calls that have ended, as the metrics say: `Echo 0` are those of Echo that are OK."""
    calls: Counter[str] = Counter()
    for line in str(running.get("/metrics")[1]).splitlines():
        if (told := _CALLS.fullmatch(line)) and told["count"] != "0":
            calls[f"{told['method']} {told['status']}"] = int(told["count"])
    return calls


_CALLS = re.compile(
    r'drainproxy_grpc_requests_total\{grpc_status="(?P<status>\d+)",'
    rf'method="(?:{SERVICE}/)?(?P<method>\w+)"\}} (?P<count>\d+)\.0'
)
