"""Pods of which there is too much."""

from typing import Any

import pytest
from hypothesis import given

from drainproxy.kube.inject import Skipped, inject
from drainproxy.kube.limits import beyond_limits
from drainproxy.manifests.podspec import Json
from tests.kube.pods import options, pod, pods


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
            "501 containers, and may have",
        ),
        (spec(initContainers=[{"name": f"c{at}"} for at in range(500)]), "501 containers"),
        (spec(volumes=[{}] * 1001), "1,001 volumes, and may have 1,000"),
        (pod(env=[{}] * 10_001), "10,001 env"),
        (pod(*[{"containerPort": 1}] * 1001), "1,001 TCP ports, and may have 1,000"),
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


def test_a_range_of_media_ports_is_none_too_much() -> None:
    ports = [{"containerPort": at, "protocol": "UDP"} for at in range(20_000, 29_000)]

    assert beyond_limits(pod({"name": "http", "containerPort": 80}, *ports)) is None


@pytest.mark.parametrize("strange", [5, "x", None, [], [5], {"a": 1}])
def test_what_is_no_pod_is_left_to_others(strange: Any) -> None:
    assert beyond_limits({"spec": strange, "metadata": strange}) is None
    assert beyond_limits(spec(containers=strange, volumes=strange)) is None
    assert beyond_limits(pod(ports=strange, env=strange)) is None
