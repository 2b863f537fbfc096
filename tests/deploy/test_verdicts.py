"""Each verdict of the gate leads an engine where it should, by the payload that it sends."""

import re
from functools import cache
from typing import Any

import msgspec
import pytest

from drainproxy.rollout.gate.request import read_argo, read_flagger, rollout
from tests.conftest import ROOT
from tests.deploy import engines
from tests.deploy.analysis import Phase, assessed, measured
from tests.deploy.documents import documents
from tests.rollout.gate import served
from tests.rollout.gate.fake_prometheus import Handler, silent

FOLDER = ROOT / "deploy" / "rollouts"
ARGUMENTS = {"canary-hash": "6d5f9c", "stable-hash": "7c4b8d", "weight": "5"}
PASS, FAIL, HOLD = {"verdict": "pass"}, {"verdict": "fail"}, {"verdict": "hold"}


@cache
def template(name: str) -> engines.AnalysisTemplateSpec:
    for path in (FOLDER / "argo").glob("*.yaml"):
        for thing in documents(path):
            if (thing["kind"], thing["metadata"]["name"]) == ("AnalysisTemplate", name):
                return msgspec.convert(thing, engines.AnalysisTemplate).spec
    raise LookupError(name)


def metric(name: str) -> engines.Metric:
    (found,) = template(name).metrics
    return found


def body(name: str, arguments: dict[str, str] | None = None) -> bytes:
    """What Argo Rollouts sends: the arguments are replaced in the text of the metric."""
    spec = template(name)
    values = {arg.name: arg.value for arg in spec.args} | (arguments or ARGUMENTS)
    (found,) = spec.metrics
    assert found.provider.web is not None
    text = msgspec.json.encode(found.provider.web.json_body).decode()
    return re.sub(r"{{ *args\.([\w-]+) *}}", lambda it: str(values[it[1]]), text).encode()


def webhooks(name: str) -> dict[str, engines.Webhook]:
    first, *_ = documents(FOLDER / "flagger" / name)
    analysis = msgspec.convert(first, engines.Canary).spec.analysis
    return {hook.type: hook for hook in analysis.webhooks}


def payload(hook: engines.Webhook) -> dict[str, Any]:
    """docs.flagger.app, "Webhooks"."""
    said = {"name": "shop", "namespace": "shop", "phase": "Progressing", "checksum": "85d557f47b"}
    return said | {"metadata": hook.metadata}


def prometheus(bad: int | None, requests: int = 1000) -> Handler:
    if bad is None:
        return silent
    # By the hash for Argo Rollouts, by the label for Flagger.
    return served.prometheus(bad, "6d5f9c", requests)


@pytest.mark.parametrize(
    "name", ["drainproxy-gate", "drainproxy-watch", "drainproxy-gate-forward-only"]
)
def test_the_gate_reads_what_argo_sends(name: str) -> None:
    asked = rollout(read_argo(body(name), {}))
    assert asked.canary == 'rollouts_pod_template_hash="6d5f9c",namespace="shop"'
    assert asked.stable == 'rollouts_pod_template_hash="7c4b8d",namespace="shop"'
    assert asked.window == (300 if name == "drainproxy-watch" else 1200)
    assert asked.policy.times == 2
    assert asked.policy.allowed == pytest.approx(0.0144)
    assert asked.weight == (None if name == "drainproxy-watch" else 5)


@pytest.mark.parametrize("bad", [("", "7c4b8d"), ("6d5f9c", ""), ("", "")])
def test_a_hash_that_argo_does_not_give_is_a_hold(bad: tuple[str, str]) -> None:
    arguments = {"canary-hash": bad[0], "stable-hash": bad[1], "weight": "5"}
    with pytest.raises(LookupError):
        rollout(read_argo(body("drainproxy-gate", arguments), {}))


@pytest.mark.parametrize(
    ("bad", "requests", "verdict", "phase"),
    [
        (0, 1000, "pass", "Successful"),
        (50, 1000, "fail", "Failed"),
        (0, 50, "hold", "Inconclusive"),
        (None, 0, "hold", "Inconclusive"),
    ],
    ids=["healthy", "failing", "little-traffic", "prometheus-hangs"],
)
async def test_what_the_gate_answers_is_a_measurement_of_argo(
    bad: int | None, requests: int, verdict: str, phase: Phase
) -> None:
    web = metric("drainproxy-gate").provider.web
    assert web is not None
    path = web.url.partition(":8080")[2]
    sent = body("drainproxy-gate")
    async with (
        served.gate(prometheus(bad, requests)) as client,
        client.post(path, data=sent) as said,
    ):
        result = await said.json()
    assert (said.status, result["verdict"]) == (200, verdict)
    assert measured(metric("drainproxy-gate"), result) == phase
    # Its own time-out is Argo's error, not a hold.
    assert web.timeout_seconds >= 10


def test_two_passes_in_a_row_let_a_step_on_and_one_does_not() -> None:
    gate = metric("drainproxy-gate")
    phases = [measured(gate, said) for said in (HOLD, PASS, HOLD, PASS, PASS)]
    assert assessed(gate, phases[:4]) == ("Running", 4)
    assert assessed(gate, phases) == ("Successful", 5)


def test_one_fail_aborts_at_once() -> None:
    for name in ("drainproxy-gate", "drainproxy-watch"):
        phases = [measured(metric(name), said) for said in (PASS, FAIL, PASS, PASS)]
        assert assessed(metric(name), phases) == ("Failed", 2)


def test_a_hold_waits_twenty_minutes_and_then_pauses_for_a_person() -> None:
    gate = metric("drainproxy-gate")
    ended, looks = assessed(gate, [measured(gate, HOLD)] * 100)
    assert (ended, (looks - 1) * 30 / 60) == ("Inconclusive", 20)


def test_a_step_that_never_has_two_passes_in_a_row_pauses() -> None:
    gate = metric("drainproxy-gate")
    phases = [measured(gate, said) for said in (PASS, HOLD)] * 50
    assert assessed(gate, phases)[0] == "Inconclusive"


def test_the_background_does_nothing_but_stop() -> None:
    watch = metric("drainproxy-watch")
    phases = [measured(watch, said) for said in (HOLD, PASS)] * 500
    assert assessed(watch, phases)[0] == "Running"


def test_a_gate_that_is_away_is_waited_for() -> None:
    gate = metric("drainproxy-gate")
    away: list[Phase] = ["Error"] * 20
    good: list[Phase] = ["Successful"] * 2
    assert assessed(gate, away + good)[0] == "Successful"
    assert assessed(gate, [*away, "Error"])[0] == "Error"


def test_behind_a_contract_nothing_aborts() -> None:
    forward = metric("drainproxy-gate-forward-only")
    for said in (FAIL, HOLD):
        assert assessed(forward, [measured(forward, said)] * 100) == ("Inconclusive", 3)
    assert assessed(forward, ["Error"] * 1000)[0] == "Running"
    assert assessed(forward, [measured(forward, PASS)] * 2)[0] == "Successful"


@pytest.mark.parametrize(
    ("share", "phase"),
    [
        ([], "Inconclusive"),
        ([float("nan")], "Inconclusive"),
        ([0.0], "Successful"),
        ([0.03], "Inconclusive"),
        ([0.5], "Failed"),
    ],
)
def test_without_data_promql_is_neither_success_nor_failure(
    share: list[float], phase: Phase
) -> None:
    for each in template("drainproxy-promql").metrics:
        assert measured(each, share) == phase


@pytest.mark.parametrize("name", ["canary.yaml", "blue-green.yaml"])
def test_the_gate_reads_what_flagger_sends(name: str) -> None:
    for kind, hook in webhooks(name).items():
        if kind == "pre-rollout":
            continue
        asked = rollout(read_flagger(msgspec.json.encode(payload(hook))))
        assert asked.canary == 'app="shop",namespace="shop"'
        assert asked.stable == 'app="shop-primary",namespace="shop"'
        assert asked.policy.times == 2


@pytest.mark.parametrize("name", ["canary.yaml", "blue-green.yaml"])
@pytest.mark.parametrize(
    ("bad", "requests", "goes_on", "goes_back"),
    [(0, 1000, True, False), (50, 1000, False, True), (0, 50, False, False)],
    ids=["pass", "fail", "hold"],
)
async def test_flagger_goes_on_at_pass_and_back_at_fail_alone(
    name: str, bad: int, requests: int, goes_on: bool, goes_back: bool
) -> None:
    """Flagger takes a status above 202 for no (pkg/controller/webhook.go)."""
    handler = served.prometheus(bad, 'app="shop",', requests)
    async with served.gate(handler) as client:
        for kind, hook in webhooks(name).items():
            if kind == "pre-rollout":
                continue
            path = hook.url.partition(":8080")[2]
            async with client.post(path, json=payload(hook)) as said:
                yes = said.status <= 202
            assert yes == (goes_back if kind == "rollback" else goes_on)


@pytest.mark.parametrize("name", ["canary.yaml", "blue-green.yaml"])
def test_nothing_counts_towards_flaggers_threshold_once_users_are_there(name: str) -> None:
    """No metrics (the schema knows none) and no hook of the type `rollout`."""
    assert {"confirm-promotion", "rollback"} <= webhooks(name).keys()
    assert "rollout" not in webhooks(name)
