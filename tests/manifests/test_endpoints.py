"""Where a targetPort arrives in a pod."""

from drainproxy.manifests.endpoints import find_port, resolve
from drainproxy.manifests.podspec import Json, Pod, read

WEB: Json = {"name": "http", "containerPort": 8080}


def pod(*containers: Json, init: Json | None = None) -> Pod:
    return read({"spec": {"containers": [*containers], "initContainers": [init] if init else []}})


def test_a_number_is_a_number() -> None:
    assert resolve(pod({"name": "web"}), 8080) == 8080


def test_the_first_container_with_a_name_counts() -> None:
    found = pod(
        {"name": "a", "ports": [WEB]}, {"name": "b", "ports": [{**WEB, "containerPort": 1}]}
    )

    assert resolve(found, "http") == 8080
    assert resolve(found, "https") is None
    assert (find_port(found, 1) or [None])[0] == found.containers[1]


def test_native_sidecars_come_after_the_app_and_other_init_containers_never() -> None:
    sidecar: Json = {"name": "s", "ports": [{**WEB, "containerPort": 9}], "restartPolicy": "Always"}

    assert resolve(pod({"name": "a"}, init=sidecar), "http") == 9
    assert resolve(pod({"name": "a", "ports": [WEB]}, init=sidecar), "http") == 8080
    assert resolve(pod({"name": "a"}, init={**sidecar, "restartPolicy": None}), "http") is None


def test_a_udp_port_of_that_name_is_another() -> None:
    assert resolve(pod({"name": "a", "ports": [{**WEB, "protocol": "UDP"}]}), "http") is None
