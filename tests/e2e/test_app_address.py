"""Where an injected sidecar connects to its app, and whom the app sees: in a network namespace."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drainproxy.manifests.podspec import Json
from tests.e2e.netns import POD, Namespace, pod
from tests.e2e.process import PATIENCE, accepts, is_up, started
from tests.kube.pods import injected, sidecar
from tests.kube.pods import pod as manifest

ADMIN, LISTEN, UID = 9180, 9181, 65532
DATABASE: Json = {"name": "postgres", "containerPort": 5432}
WEB: Json = {"name": "tcp-web", "containerPort": 8080}

Network = tuple[Namespace, Namespace]


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with pod() as network:
        yield network


@contextmanager
def running(
    inside: Namespace, folder: Path, before: Json, host: str, pod_ip: str
) -> Iterator[None]:
    """The sidecar that is injected into a pod with this address, and its app at `host`."""
    done = injected(before).pod
    container, (port,) = sidecar(done), done["spec"]["containers"][0]["ports"]
    annotations = done["metadata"]["annotations"]
    (folder / "annotations").write_text(
        "".join(f"{key}={json.dumps(text)}\n" for key, text in annotations.items())
    )
    (mounted,) = container["volumeMounts"]
    arguments = [each.replace(mounted["mountPath"], str(folder)) for each in container["args"]]
    environ = {each["name"]: each.get("value", pod_ip) for each in container["env"]}
    number = str(port["containerPort"])
    with (
        started(
            *("tests.e2e.peer_app", host, number),
            place=inside.place,
            ready=lambda: inside.enter(lambda: accepts(int(number), host)),
        ),
        started(
            *("drainproxy", *(each for each in arguments if not each.startswith("--report"))),
            place=inside.as_user(UID),
            env=environ,
            ready=lambda: inside.enter(lambda: is_up(ADMIN)),
        ),
    ):
        yield


def seen(outside: Namespace, family: str) -> str:
    """The address that the app sees when somebody outside connects to the sidecar."""

    def ask() -> str:
        with socket.create_connection((POD[family], LISTEN), PATIENCE) as connection:
            return connection.makefile().readline().strip()

    return outside.enter(ask)


@pytest.mark.parametrize("family", POD)
def test_what_may_trust_loopback_sees_the_pod_and_may_be_bound_to_its_address_alone(
    network: Network, tmp_path: Path, family: str
) -> None:
    inside, outside = network
    with running(inside, tmp_path, manifest(DATABASE), POD[family], POD[family]):
        assert seen(outside, family) == POD[family]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_any_other_app_sees_a_loopback_address_that_is_not_its_own(
    network: Network, tmp_path: Path, host: str
) -> None:
    inside, outside = network
    with running(inside, tmp_path, manifest(WEB), host, POD["IPv4"]):
        assert seen(outside, "IPv4") == "127.0.0.6"


def test_an_app_that_listens_on_ipv6_alone_is_reached_all_the_same(
    network: Network, tmp_path: Path
) -> None:
    inside, outside = network
    with running(inside, tmp_path, manifest(WEB), "::1", POD["IPv6"]):
        assert seen(outside, "IPv6") == "::1"


def test_where_capture_was_set_by_hand_the_app_sees_what_it_always_saw(
    network: Network, tmp_path: Path
) -> None:
    inside, outside = network
    said = {"drainproxy.io/capture": "names"}
    with running(inside, tmp_path, manifest(WEB, annotations=said), "127.0.0.1", POD["IPv4"]):
        assert seen(outside, "IPv4") == "127.0.0.1"
