"""Timers that run after received data was read: they end clients that have sent too little."""

import asyncio
from collections.abc import Callable


def call_after_reads(loop: asyncio.AbstractEventLoop, step: Callable[[], None]) -> None:
    """Call `step` once all received data was read.

    The loop calls timers before it reads (uv_run), so after a process was stopped for a while
    (SIGSTOP, a frozen cgroup, a machine that slept) every deadline is over before any byte that
    came meanwhile was read. `call_soon` runs a function before the next read, and one that is
    scheduled from there behind it.
    """
    loop.call_soon(loop.call_soon, step)
