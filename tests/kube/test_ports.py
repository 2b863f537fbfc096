"""Which ports a pod has, what is spoken there, and how they are renamed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drainproxy.config import UnixSocket
from drainproxy.config.addresses import parse_forwards
from drainproxy.kube.listeners import ListedPorts
from drainproxy.kube.ports import (
    AppPort,
    PortTakeover,
    as_forwarded,
    declared,
    ends_of,
    known,
    namer,
    needed,
    numbered,
    own,
    spoken,
    undeclared,
)
from drainproxy.manifests.podspec import ContainerPort, Json, read
from tests.kube.pods import pod

HTTP: Json = {"name": "http", "containerPort": 8080}
NAMELESS: Json = {"containerPort": 7000}
DNS: Json = {"name": "dns", "containerPort": 53, "protocol": "UDP"}


def test_a_name_in_several_containers_is_known_once() -> None:
    before = pod(HTTP, NAMELESS, DNS)
    before["spec"]["containers"].append({"name": "b", "ports": [{**HTTP, "containerPort": 1}]})

    assert [each.number for each in known(read(before))] == [8080, 7000]


def test_probes_are_asked_where_nothing_is_declared() -> None:
    probes: dict[str, Any] = {
        "livenessProbe": {"grpc": {"port": 5000}},
        "readinessProbe": {"tcpSocket": {"port": 5001}},
        "startupProbe": {"httpGet": {"port": "http"}},
        "lifecycle": {"preStop": {"httpGet": {"port": 1}}},
    }

    assert [each.number for each in known(read(pod(DNS, **probes)))] == [5000, 5001]
    assert known(read(pod(HTTP, **probes))) == [AppPort(ContainerPort(8080, "http"), "web")]


def test_the_ports_of_a_meshs_proxy_are_not_those_of_the_app() -> None:
    before = pod(HTTP)
    proxy = {"name": "linkerd-proxy", "ports": [{"name": "linkerd-admin", "containerPort": 4191}]}
    before["spec"]["containers"] += [proxy, {"name": "daprd", "ports": [{"containerPort": 3500}]}]

    assert [each.number for each in declared(read(before))] == [8080, 4191, 3500]
    assert [each.number for each in own(read(before))] == [8080]
    assert [each.number for each in known(read(before))] == [8080]


def test_what_a_mesh_probes_of_itself_is_none_either() -> None:
    before = pod(DNS, readinessProbe={"tcpSocket": {"port": 5001}})
    probe = {"httpGet": {"port": 15021, "path": "/healthz/ready"}}
    before["spec"]["containers"].append({"name": "istio-proxy", "readinessProbe": probe})

    assert [each.number for each in known(read(before))] == [5001]


def test_a_target_leads_to_a_port_whether_it_is_declared_or_not() -> None:
    view = read(pod(HTTP, NAMELESS, DNS))

    end = ends_of(view)
    assert (
        end("http")
        == end(8080)
        == numbered(view, 8080)
        == AppPort(ContainerPort(8080, "http"), "web")
    )
    assert end(7000) == AppPort(ContainerPort(7000), "web")
    assert end(9999) == numbered(view, 9999) == undeclared(9999)
    assert end("dns") is None


@pytest.mark.parametrize(
    ("name", "number", "protocol"),
    [
        ("mysql", 8080, "tcp"),
        ("tcp-game", 8080, "tcp"),
        ("debug", 8080, "tcp"),
        ("stomp", 8080, "tcp"),
        ("http-api", 8080, "auto"),
        ("http", 4444, "auto"),
        ("api", 8080, "auto"),
        ("api", 5432, "tcp"),
        (None, 25, "tcp"),
        (None, 61613, "tcp"),
        (None, 8080, "auto"),
    ],
)
def test_where_the_server_speaks_first_nobody_waits_for_the_client(
    name: str | None, number: int, protocol: str
) -> None:
    assert spoken(AppPort(ContainerPort(number, name))) == protocol


def test_a_port_of_tcp_is_forwarded_as_such() -> None:
    assert PortTakeover(5432, 9181, "tcp").forward() == "9181=5432/tcp"
    assert PortTakeover(8080, 9181).forward() == "9181=8080"


def test_the_sidecar_listens_where_nothing_is_declared_probed_or_reserved() -> None:
    view = read(pod({"containerPort": 9182}, livenessProbe={"tcpSocket": {"port": 9183}}))
    ports = ListedPorts().free_numbers(needed(view) | {9181})

    assert [next(ports), next(ports)] == [9184, 9185]


_NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,13}[a-z])?", fullmatch=True)


@given(own=st.lists(_NAMES, unique=True, min_size=1, max_size=8))
def test_new_names_are_valid_and_no_name_comes_twice(own: list[str]) -> None:
    ports = [{"name": name, "containerPort": 1000 + at} for at, name in enumerate(own)]
    new = [*map(namer(read(pod(*ports))), own)]

    assert len({*new, *own}) == 2 * len(own)
    assert all(0 < len(name) <= 15 and name.strip("-") == name for name in new)


def test_a_name_that_a_probe_refers_to_is_not_taken() -> None:
    before = pod(HTTP, livenessProbe={"tcpSocket": {"port": "app-http"}})

    assert namer(read(before))("http") == "app1-http"


def test_where_the_pod_says_what_is_forwarded_that_holds() -> None:
    forwards = parse_forwards("9999=8080/tcp 7001=7000 6000=unix:/run/app 6001=db:8080")
    assert isinstance(forwards[2].app, UnixSocket)

    assert as_forwarded(read(pod(HTTP, NAMELESS)), True, forwards) == [
        PortTakeover(port=8080, listen=9999, protocol="tcp", name="http", renamed="app-http"),
        PortTakeover(port=7000, listen=7001),
    ]
    (redirected, _) = as_forwarded(read(pod(HTTP)), False, forwards)
    assert redirected.name is None
