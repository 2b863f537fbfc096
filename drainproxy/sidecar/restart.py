"""A drain that turns out to be the restart of the app's container takes itself back.

The kubelet calls the same preStop hook when it restarts one container of a pod that stays: nobody
sends us a SIGTERM then, and the app's port goes away and comes back.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from drainproxy.config import AppHealth, Forward
from drainproxy.drain.machine import Phase
from drainproxy.sidecar import listening
from drainproxy.sidecar.probes import Question, ask

if TYPE_CHECKING:
    from drainproxy.sidecar.supervisor import Sidecar

# How often the app's port is looked at during a drain, in seconds; a container takes longer to
# start again.
_LOOK_EVERY = 0.25

log = logging.getLogger("drainproxy.restart")


async def watch(sidecar: "Sidecar") -> None:
    """Look for ever, while a drain is under way or over."""
    away = False
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        machine = sidecar.machine
        if machine.signalled or not (machine.draining or machine.phase is Phase.DRAINED):
            away = False
        elif not await _all_listen(sidecar.readiness.counting()):
            away = True
        elif away and sidecar.undrain():
            log.info("the app went away and came back: it was restarted, and we stay")
            away = False


async def _all_listen(forwards: tuple[Forward, ...]) -> bool:
    """Whether each of these apps listens. Those on this host are not knocked at, which they might
    take for a client."""
    ports = listening.ports()
    if ports is not None and any(listening.is_absent(each.app, ports) for each in forwards):
        return False
    elsewhere = [each for each in forwards if ports is None or not listening.is_told(each.app)]
    questions = [Question(forward.app, AppHealth()) for forward in elsewhere]
    return not any((await ask(questions)).values())
