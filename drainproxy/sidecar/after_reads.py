"""Timers that run after received data has been read: they end clients that have sent too little."""

import asyncio
from collections.abc import Callable


def call_after_reads(loop: asyncio.AbstractEventLoop, step: Callable[[], None]) -> None:
    """Call `step` when all that has come has been read.

    The loop calls timers before it reads (uv_run), so after a process was stopped for a while
    (SIGSTOP, a frozen cgroup, a machine that slept) every deadline is over before the first byte of
    what came meanwhile is seen. What is called soon comes before the next reading; what is called
    soon from there comes behind it.
    """
    loop.call_soon(loop.call_soon, step)
