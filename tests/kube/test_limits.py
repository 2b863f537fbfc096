"""Pods of which there is too much."""

from typing import Any

import pytest
from hypothesis import given
from msgspec import convert

from drainproxy.kube.inject import Skipped, inject, uninject
from drainproxy.kube.limits import beyond_limits
from drainproxy.manifests.podspec import Json
from drainproxy.manifests.services import Service
from tests.kube.pods import injected, options, pod, pods

HTTP: Json = {"ports": [{"name": "http", "containerPort": 80}]}


def spec(**fields: Any) -> Json:
    before = pod()
    before["spec"].update(fields)
    return before


@given(pods())
def test_pods_of_people_are_within_every_limit(before: Json) -> None:
    assert beyond_limits(before) is None


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (
            spec(containers=[{"name": f"c{at}"} for at in range(501)]),
            "501 containers, and with a sidecar may have 500",
        ),
        (spec(initContainers=[{"name": f"c{at}"} for at in range(500)]), "501 containers"),
        (spec(volumes=[{}] * 1001), "1,001 volumes, and with a sidecar may have 1,000"),
        (pod(env=[{}] * 10_001), "10,001 env"),
        (pod(*[{"containerPort": 1}] * 1001), "1,001 TCP ports, and with a sidecar may have 1,000"),
        (pod(*[{"containerPort": 1, "protocol": "UDP"}] * 10_001), "10,001 ports"),
        (pod(annotations={"a": "b" * (1 << 18)}), "262,145 bytes of annotations"),
        (
            spec(containers=[{"name": "a"}, {"name": "a"}]),
            "two of its containers are named 'a', which Kubernetes refuses",
        ),
        (spec(initContainers=[{"name": "web"}]), "two of its containers are named 'web'"),
    ],
)
def test_what_there_is_too_much_of_is_said(before: Json, reason: str) -> None:
    done = inject(before, options())

    assert isinstance(done, Skipped)
    assert reason in done.reason


MEDIA = [{"containerPort": at, "protocol": "UDP"} for at in range(20_000, 29_000)]


@pytest.mark.parametrize(
    "before",
    [
        spec(containers=[{"name": "web", **HTTP}, *({"name": f"c{at}"} for at in range(499))]),
        spec(volumes=[{"name": f"v{at}"} for at in range(1000)]),
        pod(*({"name": f"p{at}", "containerPort": at} for at in range(1, 1001))),
        pod({"name": "http", "containerPort": 80}, *MEDIA),
    ],
)
def test_what_is_just_not_too_much_is_not_either_with_a_sidecar(before: Json) -> None:
    after = injected(before).pod

    assert beyond_limits(after) is None
    assert injected(after).pod == after
    assert uninject(after) == before


def test_a_pod_whose_annotations_would_be_refused_gets_no_sidecar() -> None:
    done = inject(pod(annotations={"a": "b" * ((1 << 18) - 100)}), options())

    assert isinstance(done, Skipped)
    assert done.reason.startswith("with those of the sidecar it has 262,")


def _services(count: int, *targets: int) -> list[Service]:
    ports = [{"name": f"p{each}", "port": each, "targetPort": each} for each in targets]
    spec = {"selector": {"app": "web"}, "ports": ports}
    return [convert({"metadata": {"name": f"s{at}"}, "spec": spec}, Service) for at in range(count)]


@pytest.mark.parametrize(
    ("services", "reason"),
    [
        (_services(50, *range(1, 102)), "5,050 ports of Services in front of it"),
        (_services(1, *range(1, 1002)), "1,002 TCP ports, those of Services among them"),
    ],
)
def test_what_there_is_too_much_of_in_front_of_a_pod_is_said(
    services: list[Service], reason: str
) -> None:
    done = inject(pod(), options(services))

    assert isinstance(done, Skipped)
    assert reason in done.reason
    # Whoever names the ports knows how many they are.
    if len(services) == 1:
        by_hand = pod(annotations={"drainproxy.io/ports": "http"})
        assert len(injected(by_hand, services=services).ports) == 1


@pytest.mark.parametrize("strange", [5, "x", None, [], [5], {"a": 1}])
def test_what_is_no_pod_is_left_to_others(strange: Any) -> None:
    assert beyond_limits({"spec": strange, "metadata": strange}) is None
    assert beyond_limits(spec(containers=strange, volumes=strange)) is None
    assert beyond_limits(pod(ports=strange, env=strange)) is None
