"""An app to be started by the sidecar: `python -m tests.e2e.child_app PORT [EXIT_CODE]`.

`GET /?SECONDS` is answered after so long. SIGTERM ends it at once, with EXIT_CODE. Every signal
that comes is printed. `GET /die` ends it without an answer, `GET /legacy` with a long one;
`GET /orphan` leaves a process behind that has no parent.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress

SIGNALS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)
DEATH = 5
# Takes a slow client longer to read than the app to write, and is more than one buffer.
LEGACY = 6 << 20


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # At the end whoever has not asked yet is cancelled, of which Python 3.11 prints a traceback.
    with suppress(asyncio.CancelledError):
        await answer(reader, writer)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.read(1 << 16)
    if not head:  # somebody looked whether we listen
        writer.close()
        return
    target = head.split()[1].decode()
    if target == "/die":
        os._exit(DEATH)
    if target == "/legacy":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LEGACY + bytes(LEGACY))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        os._exit(DEATH)
    if target == "/orphan":
        # The shell ends at once, the process that it started when somebody kills it.
        shell = await asyncio.create_subprocess_exec("sh", "-c", "sleep 600 &")
        await shell.wait()
    await asyncio.sleep(float(target.partition("?")[2] or 0))
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nwhole")
    writer.close()


async def main(port: int, exit_code: int) -> int:
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def signalled(number: signal.Signals) -> None:
        # In one piece, also where Python does not buffer: the sidecar writes beside us.
        print(f"the app got {number.name}\n", end="", flush=True)
        if number is signal.SIGTERM:
            over.set_result(None)

    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, signalled, number)
    await asyncio.start_server(serve, "127.0.0.1", port)
    print("the app is ready", flush=True)
    await over
    return exit_code


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]))))
