"""Reviews through the whole webhook: a thousand pods, their time and the memory."""

import gc
import json
import logging
import random
import tracemalloc
from collections.abc import Iterator
from statistics import median
from time import perf_counter

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from drainproxy.kube.admission import AdmissionVerdict, Seen
from drainproxy.kube.namespace import Namespace
from drainproxy.kube.reviews import answering
from drainproxy.kube.webhook import Webhook
from drainproxy.manifests.podspec import Json
from tests.kube.pods import options, pod
from tests.kube.test_admission import review

# The figure. A pod takes less than one on a quiet machine.
MILLISECONDS = 5.0
PODS = 1000
# In bytes, for two hundred reviews of a kilobyte and more.
GROWTH = 50_000


def generated(count: int) -> Iterator[Json]:
    """Pods of the usual kinds, none like the other, and some that are skipped or denied."""
    chance = random.Random(5)
    for at in range(count):
        ports: list[Json] = [
            {"name": f"p{port}", "containerPort": 8000 + port}
            for port in range(chance.randint(0, 4))
        ]
        before = pod(
            *(ports or [{"containerPort": 80}]),
            annotations={
                "drainproxy.io/drain-delay": chance.choice(["1s", "2s", "3s", "4"]),
                "example.com/revision": str(at),
            },
            env=[{"name": f"E{each}", "value": "x" * 50} for each in range(chance.randint(0, 40))],
            readinessProbe={"httpGet": {"path": "/", "port": "p80"}},
        )
        before["metadata"]["generateName"] = f"web-{at}-"
        before["spec"]["containers"] += [
            {"name": f"helper-{each}", "image": "h"} for each in range(chance.randint(0, 3))
        ]
        yield before


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads these lines, and pytest would keep all of them."""
    monkeypatch.setattr(logging.getLogger("drainproxy.webhook"), "disabled", True)


@pytest.mark.slow
async def test_a_thousand_pods_take_milliseconds_and_leave_nothing_behind() -> None:
    bodies = [review(each) for each in generated(PODS)]
    times, outcomes = [], set()
    server = TestServer(Webhook(answering(options())).reviews())
    async with server, ClientSession(server.make_url("/")) as client:
        for body in bodies:
            started = perf_counter()
            async with client.post("/inject", data=body) as answer:
                response = json.loads(await answer.read())["response"]
            times.append(perf_counter() - started)
            outcomes.add((response["allowed"], "patch" in response))
        grown = [await _growth(client, bodies[:200]) for _ in range(3)]

    assert outcomes == {(True, True), (False, False)}
    assert median(times) * 1000 < MILLISECONDS
    # The smallest: other things that Python does beside it are no leak of ours.
    assert min(grown) < GROWTH, grown


async def _growth(client: ClientSession, bodies: list[bytes]) -> int:
    """The bytes that these reviews leave behind, of which the first warm caches."""

    async def ask(body: bytes) -> None:
        async with client.post("/inject", data=body) as answer:
            await answer.read()

    tracemalloc.start()
    try:
        for body in bodies[:20]:
            await ask(body)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for body in bodies:
            await ask(body)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


async def test_the_log_says_which_pod_and_why() -> None:
    reply = answering(options())
    skipped = await reply(review({**pod(), "spec": {"hostNetwork": True}}, name="web-1"))
    nameless = pod({"name": "http", "containerPort": 1, "hostPort": 80})
    nameless["metadata"]["generateName"] = "web-"
    injected = await reply(review(nameless))

    assert (skipped.outcome, injected.outcome) == ("skipped", "injected")
    assert {key: skipped.fields[key] for key in ("uid", "namespace", "pod")} == {
        "uid": "705ab4f5",
        "namespace": "shop",
        "pod": "web-1",
    }
    assert "hostNetwork" in str(skipped.fields["reason"])
    assert injected.fields["pod"] == "web-*"
    assert "hostPort 80" in str(injected.fields["warnings"])


async def test_one_looks_around_in_the_namespace_of_the_request() -> None:
    asked = []

    async def look(name: str) -> Seen:
        asked.append(name)
        return Seen(Namespace({"drainproxy.io/inject": "false"}))

    reply = await answering(options(), look)(review(pod()))

    assert (asked, reply.outcome) == (["shop"], "skipped")
    assert json.loads(reply.body)["response"] == {"uid": "705ab4f5", "allowed": True}


async def test_whoever_should_hear_of_warnings_is_told_and_the_log_warns() -> None:
    told: list[AdmissionVerdict] = []
    reply = answering(options(), tell=lambda _, verdict: told.append(verdict))

    quiet = await reply(review(pod()))
    assert (told, quiet.is_warning) == ([], False)
    warned = await reply(review(pod({"name": "http", "containerPort": 1, "hostPort": 80})))
    skipped = await reply(review(pod({"containerPort": 1, "protocol": "UDP"})))
    denied = await reply(review(pod(annotations={"drainproxy.io/drain-delay": "5"})))
    assert [each.outcome for each in told] == ["injected", "skipped"]
    assert all(each.is_warning for each in (warned, skipped, denied))


@pytest.mark.parametrize("metadata", [5, {"name": {}}, {"generateName": 5}, None])
async def test_a_pod_without_a_name_that_one_can_read_is_logged_all_the_same(
    metadata: object,
) -> None:
    body = review({"metadata": metadata, "spec": {}}, operation="UPDATE")
    assert (await answering(options())(body)).outcome == "skipped"
