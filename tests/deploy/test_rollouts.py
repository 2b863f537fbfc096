"""The manifests of the gate and of engines can be applied, and they hang together."""

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click import Context
from click.testing import CliRunner

from drainproxy import __version__
from drainproxy.cli import main
from drainproxy.cli.gate import gate as gate_command
from drainproxy.config import load, parse_duration
from drainproxy.drain.aging import Aging
from drainproxy.sidecar.wiring import aging
from tests.conftest import ROOT
from tests.deploy import engines
from tests.deploy.documents import documents
from tests.deploy.engines import Object
from tests.deploy.schemas import NEWEST, OLDEST, validate

DEPLOY = ROOT / "deploy"
MANIFESTS = sorted([*(DEPLOY / "rollouts").rglob("*.yaml"), *(DEPLOY / "gate").glob("*.yaml")])
NAMES = [str(path.relative_to(DEPLOY)) for path in MANIFESTS]
ARGO = ("canary.yaml", "blue-green.yaml", "rolling.yaml")
GATE = "http://drainproxy-gate.drainproxy-system.svc:8080/gate/argo"


@cache
def objects(path: Path) -> tuple[Object, ...]:
    return tuple(documents(path))


def of_kind(path: Path, kind: str) -> Iterator[Object]:
    return (thing for thing in objects(path) if thing["kind"] == kind)


def rollout_of(name: str) -> engines.Rollout:
    (thing,) = of_kind(DEPLOY / "rollouts" / "argo" / name, "Rollout")
    return msgspec.convert(thing, engines.Rollout)


def templates() -> dict[str, engines.AnalysisTemplate]:
    """All that there are, by name."""
    return {
        thing["metadata"]["name"]: msgspec.convert(thing, engines.AnalysisTemplate)
        for path in (DEPLOY / "rollouts" / "argo").glob("*.yaml")
        for thing in of_kind(path, "AnalysisTemplate")
    }


def uses(rollout: engines.Rollout) -> Iterator[tuple[engines.Analysis, bool]]:
    """Each analysis that it asks for, and whether the rollout waits for it."""
    if canary := rollout.spec.strategy.canary:
        if canary.analysis:
            yield canary.analysis, False
        yield from ((step.analysis, True) for step in canary.steps if step.analysis)
    if blue_green := rollout.spec.strategy.blue_green:
        yield blue_green.pre_promotion_analysis, True
        yield blue_green.post_promotion_analysis, True


def pod_templates() -> Iterator[Object]:
    """Of all apps: those with a sidecar."""
    for path in MANIFESTS:
        for thing in objects(path):
            template = thing.get("spec", {}).get("template")
            is_app = thing["kind"] != "Job" and thing["metadata"]["name"] == "shop"
            if template and is_app:
                yield template


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("path", MANIFESTS, ids=NAMES)
def test_every_object_is_valid(path: Path, version: str) -> None:
    assert objects(path)
    for thing in objects(path):
        validate(thing, version)


@pytest.mark.parametrize("kind", [kind for _, kind in engines.CUSTOM])
def test_a_misspelt_field_is_an_error(kind: str) -> None:
    thing = deepcopy(next(thing for path in MANIFESTS for thing in of_kind(path, kind)))
    thing["spec"]["replicsa"] = 1
    with pytest.raises(msgspec.ValidationError, match="unknown field `replicsa`"):
        validate(thing, NEWEST)


def test_our_own_checklist_finds_no_mistake() -> None:
    asked = ["check", str(DEPLOY / "rollouts"), str(DEPLOY / "gate"), "--strict"]
    found = CliRunner().invoke(main, asked)
    assert found.exit_code == 0, found.output


def test_every_app_has_the_sidecar_and_an_age() -> None:
    found = list(pod_templates())
    assert len(found) == 5
    for template in found:
        meta = template["metadata"]
        assert meta["labels"]["drainproxy.io/inject"] == "true"
        assert parse_duration(meta["annotations"]["drainproxy.io/max-connection-age"]) > 0
        assert template["spec"]["terminationGracePeriodSeconds"] == 60


@pytest.mark.parametrize("name", ARGO)
def test_every_argument_of_an_analysis_is_given(name: str) -> None:
    """Argo Rollouts fails an analysis one argument of which has no value, and so aborts."""
    known = templates()
    for analysis, _ in uses(rollout_of(name)):
        (ref,) = analysis.templates
        wanted = known[ref.template_name].spec
        needed = {arg.name for arg in wanted.args if arg.value is None and arg.value_from is None}
        given = {arg.name: arg for arg in analysis.args}
        assert needed <= given.keys() <= {arg.name for arg in wanted.args}
        for which, source in (("canary-hash", "Latest"), ("stable-hash", "Stable")):
            if which in needed:
                value = given[which].value_from
                assert value is not None
                assert value.pod_template_hash_value == source


@pytest.mark.parametrize("name", list(templates()))
def test_every_argument_that_is_named_is_declared(name: str) -> None:
    spec = templates()[name].spec
    text = msgspec.json.encode(spec.metrics).decode()
    assert {*re.findall(r"{{ *args\.([\w-]+) *}}", text)} == {arg.name for arg in spec.args}


@pytest.mark.parametrize("name", ARGO)
def test_an_analysis_that_is_waited_for_ends(name: str) -> None:
    """utils/analysis/factory.go and validation_references.go: else the Rollout is InvalidSpec."""
    known = templates()
    for analysis, waited_for in uses(rollout_of(name)):
        for metric in known[analysis.templates[0].template_name].spec.metrics:
            count = int(metric.count or 0)
            assert count or not waited_for
            if count:
                limits = metric.failure_limit + metric.consecutive_success_limit
                assert count >= max(limits, metric.inconclusive_limit)
                assert metric.interval or count == 1


@pytest.mark.parametrize("name", ARGO)
def test_it_waits_for_a_pass_and_not_only_for_no_fail(name: str) -> None:
    known = templates()
    waited = {
        analysis.templates[0].template_name for analysis, yes in uses(rollout_of(name)) if yes
    }
    assert "drainproxy-gate" in waited
    assert all(known[each].spec.metrics[0].success_condition for each in waited - {"shop-smoke"})


def test_each_step_of_the_canary_is_judged_at_its_weight() -> None:
    canary = rollout_of("canary.yaml").spec.strategy.canary
    assert canary is not None
    assert [step.set_weight for step in canary.steps[::2]] == [*range(5, 100, 5)]
    for step, judged in zip(canary.steps[::2], canary.steps[1::2], strict=True):
        assert judged.analysis is not None
        assert {arg.name: arg.value for arg in judged.analysis.args}["weight"] == str(
            step.set_weight
        )


def test_services_and_route_of_the_canary_are_there() -> None:
    spec = rollout_of("canary.yaml").spec
    canary = spec.strategy.canary
    assert canary is not None
    assert canary.traffic_routing is not None
    names = {canary.stable_service, canary.canary_service}
    folder = DEPLOY / "rollouts" / "argo"
    assert names == {
        each["metadata"]["name"] for each in of_kind(folder / "canary.yaml", "Service")
    }
    (thing,) = of_kind(folder / "httproute.yaml", "HTTPRoute")
    route = msgspec.convert(thing, engines.HTTPRoute)
    (plugin,) = canary.traffic_routing.plugins.values()
    assert (plugin["httpRoute"], plugin["namespace"]) == (
        route.metadata.name,
        route.metadata.namespace,
    )
    (rule,) = route.spec.rules
    assert {each.name for each in rule.backend_refs} == names


def ages(annotations: dict[str, str]) -> Aging:
    """Those of a sidecar in a pod with these annotations."""
    lines = "".join(f'{key}="{value}"\n' for key, value in annotations.items())
    return aging(load(flags={"forward": ["8080=9000"]}, annotations=lines))


@pytest.mark.parametrize("name", ["canary.yaml", "blue-green.yaml"])
def test_who_stands_on_old_pods_comes_to_an_age_before_they_go(name: str) -> None:
    """Argo Rollouts deletes the keys of ephemeral metadata and restores none, as its
    SyncEphemeralPodMetadata does it; the kubelet tells the sidecar within 90 s."""
    spec = rollout_of(name).spec
    strategy = spec.strategy.canary or spec.strategy.blue_green
    assert strategy is not None
    assert spec.template is not None
    own = spec.template["metadata"]["annotations"]
    both = (
        (strategy.canary_metadata, strategy.stable_metadata)
        if isinstance(strategy, engines.CanaryStrategy)
        else (strategy.preview_metadata, strategy.active_metadata)
    )
    assert both[0] == both[1]
    assert both[0] is not None
    ephemeral = both[0].annotations
    assert own.keys() & ephemeral.keys() == set()
    serving, old = ages(own | ephemeral), ages(own)
    for kind in ("http1", "http2", "websocket", "sse"):
        assert serving.expires_at(kind, 0, 0.5) == 1800
        latest = max(old.expires_at(kind, 0, 1), old.recomputed_expiry(kind, 0, 1))
        assert latest == 75
        assert (strategy.scale_down_delay_seconds or 0) >= 90 + latest
    # Routers know of the way back before the pods of an aborted version go.
    assert (strategy.abort_scale_down_delay_seconds or 0) >= 30


def test_the_way_back_of_blue_green_is_there_as_long_as_it_is_judged() -> None:
    """At the end of scaleDownDelaySeconds an analysis that still runs is ended as successful."""
    blue_green = rollout_of("blue-green.yaml").spec.strategy.blue_green
    assert blue_green is not None
    (metric,) = templates()["drainproxy-gate"].spec.metrics
    longest = parse_duration(metric.initial_delay) + int(metric.count or 0) * (
        parse_duration(metric.interval) + 10
    )
    assert blue_green.scale_down_delay_seconds >= longest


def commands() -> Iterator[Any]:
    """Each that a Job or a Deployment runs: a name of a file, and its arguments."""
    for path, name in zip(MANIFESTS, NAMES, strict=True):
        for thing in objects(path):
            if thing["kind"] not in ("Job", "Deployment"):
                continue
            for container in thing["spec"]["template"]["spec"]["containers"]:
                if container["image"] == f"drainproxy:{__version__}":
                    yield pytest.param(container["args"], id=f"{name}-{container['name']}")


@pytest.mark.parametrize("arguments", list(commands()))
def test_what_is_run_is_a_command_with_such_options(arguments: list[str]) -> None:
    room, command, *options = arguments
    assert room == "gate"
    found = gate_command.get_command(Context(gate_command), command)
    assert isinstance(found, click.Command)
    found.make_context(command, options)


@pytest.mark.parametrize("path", MANIFESTS, ids=NAMES)
def test_our_pods_fit_the_restricted_pod_security(path: Path) -> None:
    for thing in objects(path):
        template = thing.get("spec", {}).get("template", {})
        if template.get("metadata", {}).get("labels", {}).get("drainproxy.io/inject") != "false":
            continue
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}


def test_flux_rolls_back_what_its_tests_find() -> None:
    (thing,) = of_kind(DEPLOY / "rollouts" / "flux-helmrelease.yaml", "HelmRelease")
    spec = msgspec.convert(thing, engines.HelmRelease).spec
    assert spec.test.enable
    assert spec.upgrade.strategy.name == "RemediateOnFailure"
    assert spec.upgrade.remediation.strategy == "rollback"
    # Without it and without retries nothing is remediated.
    assert spec.upgrade.remediation.remediate_last_failure
    (job,) = of_kind(DEPLOY / "rollouts" / "helm-test-gate.yaml", "Job")
    assert parse_duration(spec.test.timeout) >= job["spec"]["activeDeadlineSeconds"]
