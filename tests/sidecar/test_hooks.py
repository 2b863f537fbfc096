"""`/prestop` may say whose hook it is; that the sidecar's own is unanswered is remembered."""

import asyncio

import pytest

from drainproxy.drain.machine import Timing
from drainproxy.drain.origin import Origin, Purpose
from drainproxy.sidecar import admin

from .fake_sidecar import FakeSidecar
from .test_admin import answer, asked, hold, until_drain

OF = {"/prestop": Origin.HOOK, "/prestop?of=app": Origin.APP_HOOK}
OWN = "/prestop?of=sidecar"


@pytest.mark.parametrize(("path", "origin"), [*OF.items(), (OWN, Origin.SIDECAR_HOOK)])
async def test_a_hook_says_whose_it_is_and_reports_name_all_alike(
    path: str, origin: Origin
) -> None:
    sidecar = FakeSidecar()
    blocker = hold(sidecar)
    async with asked(sidecar) as client:
        waiting = asyncio.create_task(answer(client, "GET", path))
        await until_drain(sidecar)
        assert sidecar.machine.askers is not None
        assert sidecar.machine.askers.first is origin
        assert sidecar.own_hooks == (path == OWN)
        blocker.connection_lost(None)
        sidecar.advance()
        status, body = await waiting
    assert (status, body["phase"], body["why"]) == (200, "drained", "prestop")
    assert sidecar.own_hooks == 0


@pytest.mark.parametrize(
    "query", ["of=", "of=kubelet", "of=App", "of=app&of=sidecar", "of=app&of=app", "of=sidecar,app"]
)
async def test_a_hook_of_nobody_begins_nothing(query: str) -> None:
    sidecar = FakeSidecar()
    async with asked(sidecar) as client:
        status, body = await answer(client, "GET", f"/prestop?{query}")
    assert (status, sidecar.whys) == (400, [])
    assert "of is given once at most, and is app or sidecar" in body["reason"]


async def test_other_parameters_are_nobodys_business() -> None:
    sidecar = FakeSidecar()
    async with asked(sidecar) as client:
        waiting = asyncio.create_task(answer(client, "GET", "/prestop?of=app&pod=web-1"))
        await until_drain(sidecar)
        sidecar.advance()
        assert (await waiting)[0] == 200


async def test_a_kubelet_that_does_not_wait_any_more_has_not_been_answered() -> None:
    sidecar = FakeSidecar()
    hold(sidecar)
    async with asked(sidecar) as client:
        waiting = asyncio.create_task(answer(client, "GET", OWN))
        await until_drain(sidecar)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        # The server has heard of it when it answers somebody else.
        await answer(client, "GET", "/livez")
        assert sidecar.own_hooks == 1


async def test_several_hooks_at_once_are_one_drain() -> None:
    sidecar = FakeSidecar()
    blocker = hold(sidecar)
    async with asked(sidecar) as client:
        hooks = [asyncio.create_task(answer(client, "GET", path)) for path in (*OF, OWN, OWN)]
        async with asyncio.timeout(5):
            while len(sidecar.whys) < len(hooks):  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.002)
        assert sidecar.own_hooks == 2
        blocker.connection_lost(None)
        sidecar.advance()
        answers = [await hook for hook in hooks]
    assert [status for status, _ in answers] == [200] * len(hooks)
    assert sidecar.own_hooks == 0


async def test_with_the_hooks_of_both_the_pod_is_deleted() -> None:
    sidecar = FakeSidecar()
    hold(sidecar)
    async with asked(sidecar) as client:
        hooks = [
            asyncio.create_task(answer(client, "GET", path)) for path in ("/prestop?of=app", OWN)
        ]
        async with asyncio.timeout(5):
            while len(sidecar.whys) < 2:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.002)
        assert sidecar.machine.purpose(sidecar.now() + 60) is Purpose.DELETION
        for hook in hooks:
            hook.cancel()
        await asyncio.gather(*hooks, return_exceptions=True)


# The answer


async def test_prestop_drains_and_answers_when_drained() -> None:
    sidecar = FakeSidecar()
    blocker = hold(sidecar)
    async with asked(sidecar) as client:
        waiting = asyncio.create_task(answer(client, "GET", "/prestop"))
        await until_drain(sidecar)
        blocker.connection_lost(None)
        sidecar.advance()
        status, body = await waiting

    assert (status, body["phase"], body["verdict"]) == (200, "drained", "clean")
    assert (sidecar.whys, body["why"]) == (["prestop"], "prestop")


async def test_prestop_answers_before_the_deadline_in_any_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admin, "_LOOK_EVERY", 0.01)
    sidecar = FakeSidecar(timing=Timing(0.0, 0.0, admin.PRESTOP_SPARE + 0.1))
    hold(sidecar)
    async with asked(sidecar) as client:
        waiting = asyncio.create_task(answer(client, "GET", "/prestop"))
        await until_drain(sidecar)
        assert not (await asyncio.wait({waiting}, timeout=0.2))[0]
        sidecar.ahead += 0.2
        status, body = await waiting
    assert (status, body["reason"]) == (200, "the drain is not over")


async def test_a_deadline_that_is_put_off_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "_LOOK_EVERY", 0.01)
    sidecar = FakeSidecar(timing=Timing(0.0, 0.0, 0.6))
    blocker = hold(sidecar)
    async with asked(sidecar) as client:
        waiting = asyncio.create_task(answer(client, "GET", "/prestop"))
        await until_drain(sidecar)
        sidecar.machine.timing.timeout = 25.0
        assert not (await asyncio.wait({waiting}, timeout=0.2))[0]
        blocker.connection_lost(None)
        sidecar.advance()
        assert (await waiting)[1]["verdict"] == "clean"
