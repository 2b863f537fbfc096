"""What a client of the rehearsal lives through, and when that is enough."""

import asyncio
from collections.abc import Callable

from drainproxy.rehearsal.clients import Client, Target
from drainproxy.rehearsal.scores import Clock, Score


async def lived(kind: type[Client], service: Target, enough: Callable[[Score], bool]) -> Score:
    """What a client of this kind has lived through when it was enough."""
    score, stop = Score(Clock()), asyncio.Event()
    running = asyncio.ensure_future(kind(service, score, stop).run())
    async with asyncio.timeout(20):
        while True:
            if running.done() or enough(score):
                break
            await asyncio.sleep(0.01)
        stop.set()
        await running
    return score


def three(score: Score) -> bool:
    return score.requests >= 3


def has_failed(score: Score) -> bool:
    return score.failed.total() > 0
