"""Where the sidecar connects to the app, and from which address."""

import pytest

from drainproxy.kube.ports import PortTakeover
from drainproxy.kube.service_targets import targets
from drainproxy.kube.upstreams import forwards, source, trust_warnings, trusting
from drainproxy.manifests.podspec import Json, Pod, read
from drainproxy.manifests.services import Service, services
from tests.kube.pods import injected, pod, sidecar

HOST = "drainproxy.io/app-host"


def taken(port: int) -> PortTakeover:
    return PortTakeover(port, 9181, "tcp")


def view(port: int, name: str | None = None) -> Pod:
    return read(pod({"containerPort": port} | ({"name": name} if name else {})))


def service(target: int | str, **port: str) -> Service:
    ports: list[Json] = [{"port": 1, "targetPort": target, **port}]
    body: Json = {"apiVersion": "v1", "kind": "Service", "spec": {"ports": ports}}
    (found,) = services([{**body, "metadata": {"name": "front"}}])
    return found


@pytest.mark.parametrize(
    ("port", "name", "what"),
    [
        (5432, None, "PostgreSQL"),
        (5432, "tcp-postgresql", "PostgreSQL"),
        (7000, "postgres", "PostgreSQL"),
        (7000, "redis-client", "Redis"),
        (6379, None, "Redis"),
        (5672, "amqp", "AMQP"),
        (25, "smtp", "SMTP"),
        (8080, "http", ""),
        (5672, "http", ""),
        (8080, None, ""),
        (9092, "kafka", ""),
        (8080, "redistribute", ""),
    ],
)
def test_what_may_trust_loopback_is_known_by_name_or_number(
    port: int, name: str | None, what: str
) -> None:
    assert trusting(view(port, name), [taken(port)], []) == ({port: what} if what else {})


@pytest.mark.parametrize(
    "leading",
    [
        service(7000, name="redis"),
        service(7000, name="tcp-Redis"),
        service(7000, appProtocol="redis"),
        service("db", name="redis"),
    ],
)
def test_a_service_may_say_what_it_is(leading: Service) -> None:
    other = service(7001, name="redis")

    assert trusting(view(7000, "db"), [taken(7000)], [*targets([leading])]) == {7000: "Redis"}
    assert trusting(view(7000, "db"), [taken(7000)], [*targets([other])]) == {}


def test_what_may_trust_loopback_is_reached_at_the_pods_ip_and_nothing_else_is() -> None:
    ports = [taken(5432), PortTakeover(8080, 9182), PortTakeover(8081, 9183, "tcp")]

    told = forwards(view(5432), ports, [], {})
    assert told == ["9181=pod-ip:5432/tcp", "9182=8080", "9183=8081/tcp"]


@pytest.mark.parametrize("host", ["localhost", "pod-ip", "10.1.2.3"])
def test_whoever_says_where_the_app_is_means_every_port(host: str) -> None:
    assert forwards(view(5432), [taken(5432)], [], {HOST: host}) == ["9181=5432/tcp"]


def test_the_source_is_a_loopback_address_of_its_own_unless_capture_was_set_by_hand() -> None:
    assert source({}) == {"drainproxy.io/app-source": "127.0.0.6"}
    assert source({"drainproxy.io/capture": "auto"}) == source({})
    assert source({"drainproxy.io/capture": "names"}) == {}


def entries(before: Json) -> list[Json]:
    return [each for each in sidecar(injected(before).pod)["env"] if each["name"] == "POD_IP"]


def test_the_sidecar_is_told_the_pods_ip_where_it_needs_it() -> None:
    database: Json = {"name": "postgres", "containerPort": 5432}
    downward = [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]

    assert entries(pod()) == []
    assert entries(pod(database)) == downward
    assert "--forward=9181=pod-ip:5432/tcp" in sidecar(injected(pod(database)).pod)["args"]
    assert entries(pod(annotations={HOST: "pod-ip"})) == downward
    assert entries(pod(database, annotations={HOST: "localhost"})) == []
    assert entries(pod(annotations={"drainproxy.io/forward": "9181=POD_IP:8080"})) == downward


def test_the_pods_ip_is_known_in_a_pod_that_is_redirected_too() -> None:
    said = {"drainproxy.io/capture": "redirect"}
    done = injected(pod({"containerPort": 5432}, annotations=said))

    assert sidecar(done.pod)["args"][1].startswith("--forward=9181=pod-ip:5432")
    assert "--port=5432" in done.pod["spec"]["initContainers"][0]["args"]
    assert "drainproxy.io/app-source" not in done.pod["metadata"]["annotations"]


def test_it_is_told_what_becomes_of_an_app_that_trusts_loopback() -> None:
    def told(said: dict[str, str]) -> list[str]:
        ports = [taken(5432), PortTakeover(8080, 9182)]
        return [*trust_warnings(view(5432), ports, [], said)]

    (usual,) = told({})
    assert usual.startswith("port 5432 (PostgreSQL) may trust loopback, so the sidecar connects")
    assert usual.endswith("set drainproxy.io/app-host: localhost")
    for by_hand in ({HOST: "localhost"}, {"drainproxy.io/forward": "9181=5432/tcp"}):
        (text,) = told(by_hand)
        assert "may trust that: set drainproxy.io/app-host: pod-ip" in text
    assert told({HOST: "pod-ip"}) == []
