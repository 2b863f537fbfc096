"""An app that sends every WebSocket message back: `python -m tests.e2e.websocket_echo PORT`."""

import asyncio
import logging
import sys

from websockets.asyncio.server import ServerConnection, serve

MAX_MESSAGE_SIZE = 1 << 26


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def main(port: int) -> None:
    # A client that breaks the protocol on purpose is no news.
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    async with serve(
        echo,
        "127.0.0.1",
        port,
        compression="deflate",
        max_size=MAX_MESSAGE_SIZE,
        ping_interval=None,  # only what the client sends makes a difference
    ) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
