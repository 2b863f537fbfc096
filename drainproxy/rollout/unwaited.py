"""An event loop in which a name lookup that hangs delays no timeout, and not the end."""

import asyncio
import socket
import threading
from typing import Any


class Loop(asyncio.SelectorEventLoop):
    """Resolves each name in a thread of its own, for which nobody waits at the end.

    A resolver may take half a minute and cannot be interrupted, and the threads of an executor
    are waited for.
    """

    async def getaddrinfo(self, *given: Any, **named: Any) -> Any:
        """The addresses of a host."""
        found: asyncio.Future[Any] = self.create_future()

        def settle(addresses: Any, error: Exception | None) -> None:
            if found.done():
                return
            if error is None:
                found.set_result(addresses)
            else:
                found.set_exception(error)

        def resolve() -> None:
            addresses, error = None, None
            try:
                addresses = socket.getaddrinfo(*given, **named)
            except Exception as raised:
                error = raised
            if not self.is_closed():
                self.call_soon_threadsafe(settle, addresses, error)

        threading.Thread(target=resolve, daemon=True).start()
        return await found
