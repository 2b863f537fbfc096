"""Warnings that users of no other injector get."""

import pytest
from msgspec.structs import replace

from drainproxy.kube.cautions import seconds_asleep
from drainproxy.manifests.podspec import Action, Exec, Json, Sleep
from drainproxy.manifests.policies import policies
from drainproxy.manifests.services import Service, services
from tests.kube.pods import injected, pod

REDIRECT = {"drainproxy.io/capture": "redirect"}
# What the API server may cut.
LONGEST = 256


def warnings(
    before: Json, *leading: Service, grace: int | None = None, **fields: object
) -> list[str]:
    if grace is not None:
        before["spec"]["terminationGracePeriodSeconds"] = grace
    found = injected(before, services=leading, **fields).warnings
    assert all(len(text) < LONGEST - len("drainproxy: ") for text in found), found
    return found


def service(target: int | str, port: int = 80, **more: object) -> Service:
    body: Json = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "front"},
        "spec": {
            "selector": {"app": "web"},
            "ports": [{"port": port, "targetPort": target, **more}],
        },
    }
    (found,) = services([body])
    return found


def test_a_pod_as_it_should_be_has_no_warnings() -> None:
    before = pod(livenessProbe={"httpGet": {"port": "http", "path": "/"}})

    assert warnings(before, service("http")) == []


def test_a_pre_stop_that_is_kept_is_told_with_when_sigterm_comes() -> None:
    asleep = pod(lifecycle={"preStop": {"exec": {"command": ["sleep", "10"]}}})
    other = pod(lifecycle={"preStop": {"httpGet": {"port": 8080, "path": "/bye"}}})

    (text,) = warnings(asleep)
    assert text.startswith("web keeps its own preStop: its SIGTERM comes after it, at 10s,")
    assert "which takes up to 25s" in text
    (text,) = warnings(other)
    assert "its SIGTERM comes after it, and not when the drain is over" in text


@pytest.mark.parametrize(
    ("hook", "seconds"),
    [
        (Action(sleep=Sleep(7)), 7),
        (Action(exec=Exec(["sleep", "5"])), 5),
        (Action(exec=Exec(["/bin/sh", "-c", "nginx -s quit; sleep 2.5"])), 2.5),
        (Action(exec=Exec(["asleep", "5"])), None),
        (Action(exec=Exec()), None),
        (Action(), None),
    ],
)
def test_how_long_a_hook_sleeps_is_read_off_it(hook: Action, seconds: float | None) -> None:
    assert seconds_asleep(hook) == seconds


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


def test_a_port_without_a_name_is_told_unless_clients_are_redirected() -> None:
    ports: list[Json] = [{"name": "http", "containerPort": 8080}, {"containerPort": 9000}]

    (text,) = warnings(pod(*ports))
    assert text.startswith("containerPort 9000 of web has no name")
    assert warnings(pod(*ports, annotations=REDIRECT)) == []


def test_a_host_port_passes_the_sidecar_by() -> None:
    port: Json = {"name": "http", "containerPort": 8080, "hostPort": 80}

    (text,) = warnings(pod(port))
    assert text.startswith("hostPort 80 leads to web past the sidecar")
    assert warnings(pod(port, annotations=REDIRECT)) == []


@pytest.mark.parametrize(
    ("probe", "annotations", "warned"),
    [
        ({"httpGet": {"port": "http"}}, {}, False),
        ({"httpGet": {"port": 8080}}, {}, False),
        ({"tcpSocket": {"port": 9181}, "periodSeconds": 5}, {}, True),
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


def test_a_service_that_targets_a_number_bypasses_the_sidecar() -> None:
    (text,) = warnings(pod(), service(8080))

    assert text == (
        "Service front: port 80 leads to 8080 by number, past the sidecar: target the name http,"
        " or set drainproxy.io/capture: redirect"
    )
    assert warnings(pod(annotations=REDIRECT), service(8080)) == []
    assert warnings(pod(annotations=REDIRECT), service("http")) == []
    assert warnings(pod(), service(9181)) == [], "that is where the sidecar listens"


def test_clients_of_a_headless_service_choose_the_port_themselves() -> None:
    headless = service("http", port=8080)
    headless = replace(headless, spec=replace(headless.spec, cluster_ip="None"))

    (text,) = warnings(pod(), headless)
    assert text.startswith("Service front is headless: its clients connect to port 8080")
    assert warnings(pod(annotations=REDIRECT), headless) == []


def test_a_service_that_targets_what_is_not_taken_over_is_told() -> None:
    ports: list[Json] = [
        {"name": "http", "containerPort": 8080},
        {"name": "admin", "containerPort": 8081},
    ]
    narrowed = pod(*ports, annotations={"drainproxy.io/ports": "http"})

    assert warnings(narrowed, service("admin")) == [
        "Service front: port 80 leads to 'admin', which the sidecar has not taken over"
    ]
    (text,) = warnings(pod(*ports[:1]), service(7000))
    assert "give the port a name and target that" in text


@pytest.mark.parametrize(
    ("ports", "warned"),
    [
        ([{"port": 8080}], True),
        ([{"port": 8080, "protocol": "TCP"}], True),
        ([{"port": 8000, "endPort": 8100}], True),
        ([{"port": 8080}, {"port": 9181}], False),
        ([{"port": 8000, "endPort": 9999}], False),
        ([{"port": "http"}], False),
        ([{"port": 8080, "protocol": "UDP"}], False),
        ([{"protocol": "TCP"}], False),
        (None, False),
    ],
)
def test_a_network_policy_that_lets_clients_reach_the_app_alone_is_told(
    ports: list[Json] | None, warned: bool
) -> None:
    (policy,) = policies(
        [
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": "front"},
                "spec": {
                    "podSelector": {"matchLabels": {"app": "web"}},
                    "ingress": [{"from": [], "ports": ports}],
                },
            }
        ]
    )

    found = warnings(pod(), policies=[policy])
    assert len(found) == warned
    assert all("let them in there too" in text for text in found)
    assert warnings(pod(annotations=REDIRECT), policies=[policy]) == []


def test_services_of_other_pods_are_none_of_its_business() -> None:
    other = pod()
    other["metadata"]["labels"] = {"app": "other"}

    assert warnings(other, service(8080)) == []
