"""Engines are answered in their own way, whatever Prometheus does."""

import asyncio
import gzip
import json
import threading
import time
from base64 import b64encode
from pathlib import Path

import pytest

from drainproxy.rollout.gate.record import RecordSource
from tests.rollout.gate import served
from tests.rollout.gate.fake_prometheus import Handler, silent
from tests.rollout.gate.served import gate
from tests.rollout.gate.test_record import recorded

ASKED = {"canary": 'version="2"', "stable": 'version="1"', "warmUp": "0s"}
HOOK = {"name": "web", "namespace": "shop", "phase": "Progressing", "metadata": ASKED}


def prometheus(bad: int) -> Handler:
    """As of now: a canary with so many errors beside a stable version without any."""
    return served.prometheus(bad, ASKED["canary"])


@pytest.mark.parametrize(("bad", "verdict"), [(0, "pass"), (50, "fail")])
async def test_argo_reads_the_verdict(bad: int, verdict: str) -> None:
    async with gate(prometheus(bad)) as client:
        async with client.post("/gate/argo", json=ASKED) as said:
            body = await said.json()
        assert (said.status, body["verdict"]) == (200, verdict)
        assert {"reason", "signals", "queries"} <= body.keys()
        async with client.get("/gate/argo", params=ASKED) as said:
            assert (await said.json())["verdict"] == verdict


@pytest.mark.parametrize(("bad", "confirm", "rollback"), [(0, 200, 403), (50, 403, 200)])
async def test_flagger_reads_the_status(bad: int, confirm: int, rollback: int) -> None:
    async with gate(prometheus(bad)) as client:
        for hook, status in (("confirm", confirm), ("rollback", rollback)):
            async with client.post(f"/gate/flagger/{hook}", json=HOOK) as said:
                assert said.status == status
                assert (await said.json())["reason"]


async def test_others_are_answered_while_a_look_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    judging, ended = threading.Event(), threading.Event()

    def doubt(*_: object) -> None:
        judging.set()
        ended.wait(30)

    monkeypatch.setattr("drainproxy.rollout.gate.look.doubt", doubt)
    async with gate(prometheus(0)) as client, asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(client.post("/gate/argo", json=ASKED))
        await asyncio.to_thread(judging.wait)
        for path in ("/livez", "/readyz", "/metrics"):
            async with client.get(path) as said:
                assert said.status == 200
        ended.set()
        assert (await (await asked).json())["verdict"] == "pass"


async def test_a_mistake_of_ours_is_a_hold(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With 500 Argo Rollouts would abort after a while."""

    def doubt(*_: object) -> None:
        raise RuntimeError("no such thing")

    monkeypatch.setattr("drainproxy.rollout.gate.look.doubt", doubt)
    async with gate(prometheus(50)) as client:
        async with client.post("/gate/argo", json=ASKED) as said:
            body = await said.json()
        assert (said.status, body["verdict"]) == (200, "hold")
        assert "RuntimeError('no such thing')" in body["reason"]
        async with client.post("/gate/flagger/rollback", json=HOOK) as said:
            assert said.status == 403
    assert "RuntimeError" in caplog.text


async def test_a_slip_while_a_request_is_read_is_a_hold_that_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def slip(*_: object) -> None:
        raise KeyError("canary")

    monkeypatch.setattr("drainproxy.rollout.gate.request.matchers", slip)
    async with gate(prometheus(50)) as client, client.post("/gate/argo", json=ASKED) as said:
        body = await said.json()
    assert (said.status, body["verdict"]) == (200, "hold")
    assert "KeyError('canary')" in body["reason"]
    assert "Traceback" in caplog.text


async def test_what_is_counted_begins_anew_at_each_weight_and_where_flagger_went_on() -> None:
    async with gate(prometheus(0)) as client:
        asked = ("", 600), ("100", 600), ("5", 60), ("10", 60), ("", 60)
        for slo, (weight, seconds) in enumerate(asked, start=90):  # no look is that of before
            data = ASKED | {"weight": weight, "warmUp": "60s", "slo": f"{slo}%"}
            async with client.post("/gate/argo", json=data) as said:
                queries = (await said.json())["queries"]
            counted = {int(query.partition("[")[2][:-2]) for query in queries if "[" in query}
            assert max(counted) - seconds in (0, 1, 2, 3), weight
    async with gate(prometheus(0)) as client:
        async with client.post("/gate/flagger/confirm", json=HOOK) as said:
            assert (said.status, "[600s]" in await said.text()) == (200, True)
        again = HOOK | {"metadata": ASKED | {"slo": "99%"}}
        async with client.post("/gate/flagger/rollback", json=again) as said:
            assert "[600s]" not in await said.text()


async def test_behind_a_contract_no_engine_is_told_to_roll_back(tmp_path: Path) -> None:
    record = RecordSource(recorded(tmp_path))
    behind = ASKED | {"app": "shop", "version": "7", "previous": "6"}
    async with gate(prometheus(50), record=record) as client:
        async with client.post("/gate/argo", json=behind) as said:
            body = await said.json()
        assert (said.status, body["verdict"], body["would"]) == (200, "hold", "fail")
        for hook in ("confirm", "rollback"):
            data = HOOK | {"metadata": behind}
            async with client.post(f"/gate/flagger/{hook}", json=data) as said:
                assert said.status == 403


@pytest.mark.parametrize("body", [b"nonsense", b"{}", b'{"canaryHash":""}'])
async def test_what_is_malformed_is_a_hold_that_says_why(body: bytes) -> None:
    async with gate(prometheus(0)) as client:
        for path, status in (("argo", 200), ("flagger/confirm", 403), ("flagger/rollback", 403)):
            async with client.post(f"/gate/{path}", data=body) as said:
                found = await said.json()
                assert (said.status, found["verdict"]) == (status, "hold")
                assert found["reason"]


@pytest.mark.parametrize(
    ("body", "coding", "status", "reason"),
    [
        (b'"' + b"a" * (64 << 10) + b'"', "", 413, "over 64 KiB"),
        (b"nonsense", "gzip", 400, "not gzip"),
        (b"nonsense", "br", 415, "'br' is not known"),
    ],
)
@pytest.mark.parametrize("path", ["argo", "flagger/confirm", "flagger/rollback"])
async def test_a_body_that_cannot_be_read_is_refused_with_the_reason(
    path: str, body: bytes, coding: str, status: int, reason: str
) -> None:
    headers = {"Content-Encoding": coding} if coding else {}
    async with (
        gate(prometheus(0)) as client,
        client.post(f"/gate/{path}", data=body, headers=headers, compress=None) as said,
    ):
        found = await said.json()
        assert (said.status, found["verdict"]) == (status, "hold")
        assert reason in found["reason"]


async def test_a_body_may_be_compressed() -> None:
    headers = {"Content-Encoding": "gzip"}
    data = gzip.compress(json.dumps(ASKED).encode())
    async with (
        gate(prometheus(0)) as client,
        client.post("/gate/argo", data=data, headers=headers, compress=None) as said,
    ):
        assert (await said.json())["verdict"] == "pass"


async def test_who_does_not_bear_the_token_learns_nothing(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    async with gate(prometheus(0), token) as client:
        for given, status in ((None, 401), ("Bearer wrong", 401), ("Bearer secret", 200)):
            headers = {"Authorization": given} if given else {}
            async with client.post("/gate/argo", json=ASKED, headers=headers) as said:
                assert said.status == status
        token.write_text("renewed")
        headers = {"Authorization": "Bearer renewed"}
        async with client.post("/gate/flagger/confirm", json=HOOK, headers=headers) as said:
            assert said.status == 200
        token.write_text("")
        async with client.get("/gate/argo", headers={"Authorization": "Bearer "}) as said:
            assert said.status == 401
        token.unlink()
        async with client.get("/gate/argo", headers=headers) as said:
            assert said.status == 401
        async with client.get("/readyz") as said:
            assert said.status == 200


@pytest.mark.parametrize(
    ("given", "status"),
    [("flagger:secret", 403), (":secret", 403), ("secret:wrong", 401), ("secret:", 401)],
)
async def test_the_token_may_be_the_password_of_a_url(
    tmp_path: Path, given: str, status: int
) -> None:
    """As Flagger has it, whose webhooks have no headers."""
    token = tmp_path / "token"
    token.write_text("secret")
    async with gate(prometheus(0), token) as client:
        headers = {"Authorization": f"Basic {b64encode(given.encode()).decode()}"}
        async with client.post("/gate/flagger/rollback", json=HOOK, headers=headers) as said:
            assert said.status == status


@pytest.mark.parametrize(
    "given", ["Basic", "Basic !", "Basic Og==", "Basic //8=", "Digest secret", "Bearer", "secret"]
)
async def test_what_bears_no_token_is_refused_whatever_it_is(tmp_path: Path, given: str) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    headers = {"Authorization": given}
    async with gate(prometheus(0), token) as client, client.get("/gate/argo", headers=headers) as a:
        assert a.status == 401


async def test_while_prometheus_hangs_everyone_is_answered_in_time() -> None:
    """Two hundred a second for a while, and probes beside them."""
    async with gate(silent) as client, asyncio.timeout(20):

        async def one(number: int) -> tuple[int, str]:
            asked = ASKED | {"weight": str(number % 40)}
            async with client.post("/gate/argo", json=asked) as said:
                return said.status, (await said.json())["verdict"]

        asking = []
        slowest = 0.0
        for number in range(80):
            asking.append(asyncio.create_task(one(number)))
            # Two hundred a second.
            await asyncio.sleep(0.005)
            if number % 20 == 0:
                began = time.monotonic()
                async with client.get("/livez") as said:
                    assert said.status == 200
                slowest = max(slowest, time.monotonic() - began)
        assert {*await asyncio.gather(*asking)} == {(200, "hold")}
    assert slowest < 1


async def test_verdicts_are_counted() -> None:
    async with gate(prometheus(0)) as client:
        async with client.post("/gate/argo", json=ASKED):
            pass
        async with client.get("/metrics") as said:
            text = await said.text()
    assert 'drainproxy_gate_verdicts_total{endpoint="argo",verdict="pass"} 1.0' in text
    assert "drainproxy_gate_look_seconds_count 1.0" in text
