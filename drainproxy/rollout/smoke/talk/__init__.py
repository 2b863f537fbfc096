"""Talks to the service: an action in, an answer out, `Failed` if there is none.

Each kind has a module of its own, imported with its library when a step of that kind runs. None of
them has a clock: the caller cancels them at the timeout, and `Stage` tells what was missing then.
"""

import os
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from importlib import import_module
from typing import Any

from drainproxy.extras import install_hint
from drainproxy.rollout.smoke.answers import Answer
from drainproxy.rollout.smoke.model import (
    Action,
    ExecAction,
    Grpc,
    Http,
    Sse,
    Step,
    WebSocketAction,
)
from drainproxy.rollout.smoke.stage import Failed, Stage

_MODULES: dict[type, str] = {
    Http: "http",
    Sse: "sse",
    WebSocketAction: "websocket",
    Grpc: "grpc",
    ExecAction: "command",
}


async def talk(action: Action, stage: Stage) -> Answer:
    """Ask, and come back with the answer."""
    return await _asking(action)(action, stage)


def load(steps: Iterable[Step]) -> None:
    """Import what these steps need, so that none of them takes longer because of that."""
    for step in steps:
        with suppress(Failed):  # the step will say so
            _asking(step.action)


def _asking(action: Action) -> Callable[[Any, Stage], Awaitable[Answer]]:
    # Or the library of gRPC logs beside what the step says in a line.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    try:
        ask: Callable[[Any, Stage], Awaitable[Answer]]
        ask = import_module(f"{__name__}.{_MODULES[type(action)]}").ask
    except ImportError as error:
        raise Failed(f"needs {error.name}: {install_hint('smoke')}") from None
    return ask
