"""The loop ends when it is told to, whatever a resolver is waiting for."""

import asyncio
import socket
import threading
from time import monotonic

import pytest

from drainproxy.rollout.unwaited import Loop
from tests.rollout.smoke.talk.asked import SHORT, asked


def test_a_resolver_that_does_not_answer_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def resolve(*_: object, **__: object) -> list[object]:
        answered.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    began = monotonic()
    with asyncio.Runner(loop_factory=Loop) as runner:
        for step, missing in {
            "http: 'http://slow.invalid/'": "no connection",
            "websocket: 'ws://slow.invalid/'": "the WebSocket never opened",
        }.items():
            (told,) = runner.run(asked(1, f"[{{{step}}}]", SHORT))
            assert told.startswith(missing)
    took = monotonic() - began
    answered.set()
    assert took < 10


def test_names_are_resolved() -> None:
    with asyncio.Runner(loop_factory=Loop) as runner:
        loop = runner.get_loop()
        found = runner.run(_resolved(loop, "127.0.0.1"))
        assert found[0][4] == ("127.0.0.1", 80)
        with pytest.raises(socket.gaierror):
            runner.run(_resolved(loop, "nowhere.invalid"))


async def _resolved(loop: asyncio.AbstractEventLoop, host: str) -> list[tuple[object, ...]]:
    return [*await loop.getaddrinfo(host, 80, type=socket.SOCK_STREAM)]
