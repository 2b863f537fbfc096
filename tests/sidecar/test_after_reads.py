"""What ends clients who have said too little comes behind what they have said."""

import asyncio
import socket
import time

import pytest
import uvloop

from drainproxy.sidecar.after_reads import call_after_reads


@pytest.mark.parametrize("new_loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_what_had_come_is_read_before_a_timer_that_is_late_has_its_say(new_loop: object) -> None:
    """As after SIGSTOP and SIGCONT: the timer is over, and the bytes wait in the socket."""
    said: list[str] = []

    class Reader(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            said.append(data.decode())

    async def life() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        transport, _ = await loop.connect_accepted_socket(Reader, ours)
        await asyncio.sleep(0)
        swept = asyncio.Event()

        def sweep() -> None:
            said.append("swept")
            swept.set()

        loop.call_later(0.01, call_after_reads, loop, sweep)
        theirs.send(b"head")
        time.sleep(0.05)  # noqa: ASYNC251 - the process is stopped
        await swept.wait()
        transport.close()
        theirs.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:  # type: ignore[arg-type]
        runner.run(life())
    assert said == ["head", "swept"]
