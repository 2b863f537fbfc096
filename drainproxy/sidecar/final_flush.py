"""The end of the process: nothing is in flight, but slow clients may still be receiving the last
bytes."""

import asyncio
from contextlib import suppress

from drainproxy.drain.goodbye import DEADLINE
from drainproxy.relay.context import Context
from drainproxy.relay.registry import Member
from drainproxy.relay.slices import Slices

# In seconds: clients have so long to close a connection that we have half-closed.
_PATIENCE = 1.0
# In seconds: after that, it is checked so often whether all bytes were acknowledged.
_LOOK_EVERY = 0.05
# In seconds, for last bytes after the abort of what was left.
_AFTER_THE_END = 0.2


async def flush(context: Context, end: float) -> int:
    """Close idle connections, and wait until all bytes are delivered and exchanges that begin
    meanwhile are over; until `end` at most, on the context's clock. Returns how many of these
    exchanges were cut."""
    registry, slices = context.registry, context.slices
    slices.each(registry.connected(), lambda session: session.close_if_unused())
    empty = asyncio.Event()
    registry.on_empty = empty.set
    if registry.sessions:
        await _wait(empty, min(_PATIENCE, end - context.now()))
    while registry.sessions and context.now() < end:
        if not context.ledger.holds and await _is_delivered(context):
            return 0
        await _wait(empty, min(_LOOK_EVERY, end - context.now()))
    late = len(context.ledger.holds)
    slices.each(registry.all_connected(), lambda session: session.abort(DEADLINE))
    await _through(slices)
    if registry.sessions:
        await _wait(empty, _AFTER_THE_END)
    return late


async def _is_delivered(context: Context) -> bool:
    """Whether all clients have acknowledged all bytes."""
    left: list[Member] = []

    def look(session: Member) -> None:
        if context.undelivered(session.client):
            left.append(session)

    context.slices.each(context.registry.connected(), look)
    await _through(context.slices)
    return not left


async def _through(slices: Slices) -> None:
    """Wait until the work in slices is done."""
    done = asyncio.Event()
    slices.then(done.set)
    await done.wait()


async def _wait(empty: asyncio.Event, seconds: float) -> None:
    """Wait until the last session is gone, for so many seconds at most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            await empty.wait()
