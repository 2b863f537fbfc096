"""The last moments: nothing is in flight, but last bytes may be on their way to slow clients."""

import asyncio

from drainproxy.drain.goodbye import DEADLINE
from drainproxy.relay.context import Context

# How long, in seconds, clients may take to close what has been said to its end.
_PATIENCE = 1.0
# What the end of all patience leaves for last bytes, in seconds.
_AFTER_THE_END = 0.2


async def let_go(context: Context, end: float) -> int:
    """Close what is unused, and wait until `end` at most for all bytes to be delivered, and for
    what has come in the meantime; returns how many exchanges had to be cut all the same."""
    for session in list(context.registry.sessions):
        session.close_if_unused()
    patience = context.now() + _PATIENCE
    while context.registry.sessions and context.now() < end:
        if (
            context.now() > patience
            and not context.ledger.holds
            and not context.registry.undelivered_bytes()
        ):
            return 0
        await asyncio.sleep(0.02)
    late = len(context.ledger.holds)
    for session in list(context.registry.sessions):
        session.abort(DEADLINE)
    if context.registry.sessions:
        await asyncio.sleep(_AFTER_THE_END)
    return late
