"""Work that blocks, for whose end nobody waits: no timeout, no loop and no process.

The threads of an executor, such as those of `asyncio.to_thread` and of a loop's `getaddrinfo`, are
waited for at the end, and a resolver may take half a minute and cannot be interrupted.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")


def in_thread(work: Callable[[], Result]) -> asyncio.Future[Result]:
    """The result of what blocks, in a thread of its own."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(settled: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(lambda: None if future.done() else settled())

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            caught = error
            settle(lambda: future.set_exception(caught))
        else:
            settle(lambda: future.set_result(result))

    threading.Thread(target=run, daemon=True).start()
    return future


class Loop(asyncio.SelectorEventLoop):
    """An event loop in which a name lookup that hangs delays no timeout, and not the end."""

    async def getaddrinfo(self, *given: Any, **named: Any) -> Any:
        """The addresses of a host."""
        return await in_thread(lambda: socket.getaddrinfo(*given, **named))
