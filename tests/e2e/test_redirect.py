"""The redirect in a network namespace: real packets, real rules, the capabilities that a pod gives.

The app listens on 8080 as it always did, the sidecar on 15080 and 15081.
"""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection

import pytest

from tests.conftest import ROOT
from tests.e2e.netns import POD, Namespace, pod
from tests.e2e.process import PATIENCE, Sidecar, accepts, finished, is_up, started
from tests.e2e.programs import output, tool

APP, ADMIN, UID = 8080, 9180, 65532
MESH, MESH_ADMIN, MESH_UID = 15006, 15020, 1337
# Where the sidecar listens, and how it reaches the app from there.
TO = {"15080": f"127.0.0.1:{APP}", "15081": f"[::1]:{APP}"}
LOOPBACK = {"IPv4": "127.0.0.1", "IPv6": "::1"}

Network = tuple[Namespace, Namespace]


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """A pod and who is outside."""
    tool("nft")
    with pod() as network:
        rules = subprocess.run(
            [*network[0].prefix, "nft", "list", "tables"],
            capture_output=True,
            text=True,
            check=False,
        )
        if rules.returncode:
            pytest.skip(f"no nftables in this kernel: {rules.stderr.strip()}")
        yield network


@pytest.fixture(scope="module")
def running(network: Network) -> Iterator[Sidecar]:
    """The app in the pod, and the sidecar as the user that it has in a pod."""
    inside, _ = network
    files = str(ROOT / "drainproxy")
    app = ("http.server", "--bind", "::", "--directory", files, str(APP))
    forwards = [part for to, where in TO.items() for part in ("--forward", f"{to}={where}")]
    # With the redirect in place its probes come through the sidecar too, which is not there yet.
    with (
        started(*app, place=inside.place, ready=lambda: inside.enter(lambda: accepts(APP))),
        started(
            *("drainproxy", "run", "--admin", str(ADMIN), *forwards),
            place=inside.as_user(UID),
            ready=lambda: inside.enter(lambda: is_up(ADMIN)),
        ) as process,
    ):
        yield Sidecar(process, APP, ADMIN)


@pytest.fixture(scope="module")
def mesh(network: Network) -> Iterator[Sidecar]:
    """A proxy as a service mesh has it in each pod. It stands at a port of its own, as a user of
    its own, and passes everything on to the app's port."""
    inside, _ = network
    ends = ("--forward", f"{MESH}=127.0.0.1:{APP}/tcp", "--admin", str(MESH_ADMIN))
    with started(
        *("drainproxy", "run", *ends),
        place=inside.as_user(MESH_UID),
        ready=lambda: inside.enter(lambda: is_up(MESH_ADMIN)),
    ) as process:
        yield Sidecar(process, MESH, MESH_ADMIN)


@contextmanager
def meshed(inside: Namespace) -> Iterator[None]:
    """The rules of a mesh, as the nft variant of iptables makes them of `iptables -t nat`."""
    rules = (
        "table ip nat {\n"
        "chain PREROUTING { type nat hook prerouting priority -100;\n"
        f"tcp dport != {{ {ADMIN}, {MESH_ADMIN} }} redirect to :{MESH}; }}\n"
        "chain OUTPUT { type nat hook output priority -100;\n"
        f'oifname "lo" return; meta skuid {MESH_UID} return; }}\n'
        "}\n"
    )
    subprocess.run([*inside.prefix, "nft", "-f", "-"], input=rules, text=True, check=True)
    try:
        yield
    finally:
        output(*inside.prefix, "nft", "delete", "table", "ip", "nat")


def redirect(inside: Namespace, *arguments: str) -> str:
    """The command, with NET_ADMIN and no other capability."""
    place = inside.with_capabilities("net_admin")
    done = finished("drainproxy", "redirect", *arguments, place=place)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rules(inside: Namespace) -> str:
    return output(*inside.prefix, "nft", "list", "ruleset")


@contextmanager
def installed(inside: Namespace, to: str) -> Iterator[None]:
    redirect(inside, "install", "--port", str(APP), "--to", to, "--uid", str(UID), "--yes")
    try:
        yield
    finally:
        redirect(inside, "uninstall")
        assert rules(inside) == ""


def through_sidecar(network: Network, running: Sidecar, side: str, host: str) -> bool:
    """Ask the app's port for something; whether the sidecar has passed it on."""

    inside, outside = network
    before = answered(inside, running)
    client = inside if side == "pod" else outside
    assert client.enter(lambda: ask(host, APP, "/py.typed")) == 200
    return answered(inside, running) > before


def ask(host: str, port: int, path: str) -> int:
    """The status of the answer."""
    connection = HTTPConnection(host, port, timeout=PATIENCE)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def answered(inside: Namespace, running: Sidecar) -> float:
    sample = 'drainproxy_requests_total{code="200",kind="http1"}'
    return inside.enter(lambda: running.metric(sample))


@pytest.mark.parametrize(
    ("to", "family"),
    [
        pytest.param("15080", "IPv4", id="15080-IPv4"),
        pytest.param("15081", "IPv6", id="15081-IPv6"),
        pytest.param("15080", "IPv6", id="15080-IPv6", marks=pytest.mark.slow),
        pytest.param("15081", "IPv4", id="15081-IPv4", marks=pytest.mark.slow),
    ],
)
def test_a_client_of_the_apps_port_arrives_at_the_sidecar_and_the_sidecar_at_the_app(
    network: Network, running: Sidecar, to: str, family: str
) -> None:
    with installed(network[0], to):
        assert through_sidecar(network, running, "outside", POD[family])


@pytest.mark.parametrize(
    "host",
    [
        *(LOOPBACK["IPv4"], POD["IPv6"]),
        *(pytest.param(each, marks=pytest.mark.slow) for each in (LOOPBACK["IPv6"], POD["IPv4"])),
    ],
)
def test_a_client_within_the_pod_arrives_at_the_sidecar_too(
    network: Network, running: Sidecar, host: str
) -> None:
    with installed(network[0], "15080"):
        assert through_sidecar(network, running, "pod", host)


@pytest.mark.parametrize("family", POD)
def test_without_a_redirect_clients_reach_the_app(
    network: Network, running: Sidecar, family: str
) -> None:
    with installed(network[0], "15080"):
        pass
    assert not through_sidecar(network, running, "outside", POD[family])
    assert not through_sidecar(network, running, "pod", LOOPBACK[family])


@pytest.mark.parametrize("family", POD)
def test_other_ports_are_left_alone(network: Network, running: Sidecar, family: str) -> None:
    inside, outside = network
    with installed(inside, "15080"):
        assert outside.enter(lambda: ask(POD[family], ADMIN, "/livez")) == 200


@pytest.mark.parametrize("mesh_first", [True, False])
def test_the_proxy_of_a_mesh_takes_clients_first_and_leads_them_to_the_sidecar(
    network: Network, running: Sidecar, mesh: Sidecar, mesh_first: bool
) -> None:
    inside, _ = network

    def passed() -> float:
        return inside.enter(lambda: mesh.metric('drainproxy_connections_total{kind="tcp"}'))

    before = passed()
    with ExitStack() as stack:
        if mesh_first:
            stack.enter_context(meshed(inside))
        redirect(inside, "install", "--port", str(APP), "--to", "15080", "--uid", str(UID), "--yes")
        stack.callback(redirect, inside, "uninstall")
        if not mesh_first:
            stack.enter_context(meshed(inside))
        assert through_sidecar(network, running, "outside", POD["IPv4"])
    assert passed() == before + 1


def test_installing_twice_is_installing_once(network: Network) -> None:
    inside, _ = network
    with installed(inside, "15080"):
        once = rules(inside)
        with installed(inside, "15080"):
            assert rules(inside) == once
            assert redirect(inside, "show") == once


def test_what_others_have_installed_stays(network: Network) -> None:
    inside, _ = network
    output(*inside.prefix, "nft", "add", "table", "inet", "others")
    try:
        redirect(inside, "install", "--port", "8080", "--to", "15080", "--yes")
        redirect(inside, "uninstall")
        assert rules(inside) == "table inet others {\n}\n"
    finally:
        output(*inside.prefix, "nft", "delete", "table", "inet", "others")


@pytest.mark.parametrize(
    "command", [("install", "--port", "8080", "--to", "15080", "--yes"), ("uninstall",), ("show",)]
)
def test_who_lacks_the_capability_is_told_so(network: Network, command: tuple[str, ...]) -> None:
    inside, _ = network
    done = finished("drainproxy", "redirect", *command, place=inside.with_capabilities())
    assert (done.returncode, done.stdout) == (1, "")
    assert "NET_ADMIN" in done.stderr
    assert rules(inside) == ""
