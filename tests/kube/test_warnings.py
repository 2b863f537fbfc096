"""Warnings that users of no other injector get."""

import pytest

from drainproxy.manifests.podspec import Json
from tests.kube.pods import injected, pod

FORWARD = {"drainproxy.io/forward": "7000=8080"}
REDIRECT = {"drainproxy.io/capture": "redirect"}
# What the API server may cut.
LONGEST = 256


def warnings(before: Json, grace: int | None = None) -> list[str]:
    if grace is not None:
        before["spec"]["terminationGracePeriodSeconds"] = grace
    found = injected(before).warnings
    assert all(len(text) < LONGEST - len("drainproxy: ") for text in found), found
    return found


def test_a_pod_as_it_should_be_has_no_warnings() -> None:
    before = pod(livenessProbe={"httpGet": {"port": "http", "path": "/"}})

    assert warnings(before) == []


def test_a_pre_stop_that_is_kept_is_told_with_when_sigterm_comes() -> None:
    asleep = pod(lifecycle={"preStop": {"exec": {"command": ["sleep", "10"]}}})
    other = pod(lifecycle={"preStop": {"httpGet": {"port": 8080, "path": "/bye"}}})

    (text,) = warnings(asleep)
    assert text.startswith("web keeps its own preStop: its SIGTERM comes after it, at 10s,")
    assert "which takes up to 25s" in text
    assert text.endswith('; set drainproxy.io/replace-prestop-sleep: "true"')
    (text,) = warnings(other)
    assert "its SIGTERM comes after it, and not when the drain is over" in text
    assert text.endswith("; without it the sidecar's preStop would wait for the drain")


def test_a_drain_beyond_the_grace_period_is_told_in_numbers() -> None:
    before = pod(annotations={"drainproxy.io/drain-timeout": "40s"})

    (text,) = warnings(before)
    assert text.startswith("drain-timeout 40s and 5s for the app's own end need 45s, but")
    assert "terminationGracePeriodSeconds is 30" in text


def test_a_pre_stop_beyond_the_grace_period_is_told_too() -> None:
    before = pod(lifecycle={"preStop": {"sleep": {"seconds": 28}}})

    assert any("the preStop of web (28s) and 5s for" in text for text in warnings(before))
    assert not any("for the app's own end" in text for text in warnings(before, grace=60))


@pytest.mark.parametrize(("delay", "warned"), [("5s", False), ("23s", True), ("40s", True)])
def test_a_delay_that_leaves_nothing_for_the_drain_is_told(delay: str, warned: bool) -> None:
    found = warnings(pod(annotations={"drainproxy.io/drain-delay": delay}))

    assert any(f"drain-delay {delay} leaves nothing" in text for text in found) == warned


def test_a_grace_period_that_is_too_short_for_anything_is_told() -> None:
    assert any(
        "need 6s, but terminationGracePeriodSeconds is 3" in text
        for text in warnings(pod(), grace=3)
    )


@pytest.mark.parametrize(
    ("probe", "annotations", "warned"),
    [
        ({"httpGet": {"port": "http"}}, {}, False),
        ({"httpGet": {"port": 8080}}, {}, False),
        ({"tcpSocket": {"port": 7000}, "periodSeconds": 5}, FORWARD, True),
        ({"httpGet": {"port": "http"}, "periodSeconds": 5}, REDIRECT, True),
        ({"grpc": {"port": 8080}, "periodSeconds": 5}, REDIRECT, True),
        ({"httpGet": {"port": "http"}, "periodSeconds": 5, "failureThreshold": 9}, REDIRECT, False),
        ({"httpGet": {"port": 8081}, "periodSeconds": 1}, REDIRECT, False),
        ({"exec": {"command": ["true"]}, "periodSeconds": 1}, REDIRECT, False),
    ],
)
def test_a_liveness_probe_that_would_kill_a_draining_app_is_told(
    probe: Json, annotations: dict[str, str], warned: bool
) -> None:
    found = warnings(pod(livenessProbe=probe, annotations=annotations))

    assert any("the livenessProbe of web passes the sidecar" in text for text in found) == warned
    assert len(found) == warned


def test_a_request_that_was_asked_for_and_is_above_its_limit_is_told() -> None:
    limited = {"drainproxy.io/cpu-limit": "20m"}

    assert warnings(pod(annotations=limited)) == []
    assert warnings(pod(annotations={**limited, "drainproxy.io/cpu-request": "0.1"})) == [
        "cpu-request 0.1 is above cpu-limit 20m, which the API server refuses: the sidecar requests"
        " 20m"
    ]


def test_a_request_that_does_not_fit_into_the_pods_own_resources_is_told() -> None:
    before = pod(annotations={"drainproxy.io/cpu-request": "200m"})
    before["spec"]["resources"] = {"requests": {"cpu": "100m"}}

    (text,) = warnings(before)
    assert text.startswith(
        "with 200m for the sidecar the containers request more cpu than the 100m"
    )


def test_a_redirect_without_a_user_is_told() -> None:
    image = {"drainproxy.io/run-as-user": "image"}

    (text,) = warnings(pod(annotations={**image, **REDIRECT}))
    assert "its user, which is 65532" in text
    assert warnings(pod(annotations=image)) == []
