"""1,024 descriptors: whoever floods a port takes those of his own, and nobody else's."""

import os
import re
import resource
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from drainproxy.rehearsal.ports import free_ports
from tests.e2e.conftest import DemoApp
from tests.e2e.http_client import connected, get, get_once
from tests.e2e.place import Place
from tests.e2e.process import PATIENCE, Sidecar, sidecar

LIMIT = 1024
LIMITED = Place(descriptors=(LIMIT, LIMIT))
CROWD = 1100
# Seconds, on a machine that has much else to do; whoever is not answered at all waits for ever.
PROMPT = 25.0
HALF_A_HEAD = b"GET /livez HTTP/1.1\r\nHost: a.exam"
# Larger than any buffer on the way, when there are connections.
NEVER_READ = b"GET /metrics HTTP/1.1\r\nHost: a.example\r\n\r\n" * 500

pytestmark = [
    # As long as ten answers may take.
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc"
    ),
]


@pytest.fixture(autouse=True)
def room_for_a_crowd() -> Iterator[None]:
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 8 * CROWD:
        pytest.skip("the system grants too few descriptors for a crowd")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


@contextmanager
def crowd(port: int, says: bytes = b"", count: int = CROWD) -> Iterator[list[socket.socket]]:
    """So many connections, each of which has said this; some may be closed again by then."""
    with ExitStack() as sockets:
        members = []
        for _ in range(count):
            member = sockets.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            member.setblocking(False)
            if says:
                try:
                    member.send(says)
                except OSError:
                    continue
            members.append(member)
        yield members


def descriptors(running: Sidecar) -> int:
    return len(os.listdir(f"/proc/{running.process.pid}/fd"))


def rejected(running: Sidecar, reason: str) -> float:
    return running.metric(f'drainproxy_rejected_total{{reason="{reason}"}}')


def most_clients(running: Sidecar) -> int:
    return int(running.metric("drainproxy_connections_limit"))


def answers_probes(running: Sidecar) -> bool:
    """Each of them, soon."""
    for _ in range(5):
        for probe in ("/livez", "/readyz"):
            began = monotonic()
            assert running.get(probe)[0] == 200
            assert monotonic() - began < PROMPT, probe
    return True


@contextmanager
def limited(app: str, *arguments: str, protocol: str = "auto") -> Iterator[Sidecar]:
    with sidecar(app, *arguments, protocol=protocol, place=LIMITED) as running:
        yield running
        assert running.process.exit_code is not None or descriptors(running) < LIMIT


@pytest.fixture
def running(demo_app: DemoApp) -> Iterator[Sidecar]:
    with limited(demo_app.address) as running:
        yield running


# A flood on either port, or on both


SILENT_OR_SLOW = pytest.mark.parametrize(
    "says",
    [
        pytest.param(b"", id="silent", marks=pytest.mark.slow),
        pytest.param(HALF_A_HEAD, id="half a head"),
    ],
)


@SILENT_OR_SLOW
def test_a_crowd_of_clients_leaves_probes_and_who_was_there_alone(
    says: bytes, running: Sidecar
) -> None:
    with connected(running.port) as asked, connected(running.port) as quiet:
        assert get(asked, "/hello").status == 200
        with crowd(running.port, says):
            assert answers_probes(running)
            # The one has a connection to the app, the other one gets it now.
            assert get(asked, "/hello").status == 200
            assert get(quiet, "/hello").status == 200
            # They are taken in turns, and some may wait for theirs.
            least = CROWD - most_clients(running)
            running.process.until(lambda: rejected(running, "max-connections") >= least)
            assert descriptors(running) < LIMIT
        running.process.until(lambda: get_once(running.port).status == 200)


@SILENT_OR_SLOW
def test_a_crowd_on_the_admin_port_leaves_probes_and_clients_alone(
    says: bytes, running: Sidecar
) -> None:
    with connected(running.port) as client, crowd(running.admin, says):
        assert answers_probes(running)
        assert get(client, "/hello").status == 200
        assert get_once(running.port).status == 200
        least = CROWD - LIMIT // 10
        running.process.until(lambda: rejected(running, "admin-connections") >= least)
        assert rejected(running, "max-connections") == 0


def test_crowds_on_both_ports_at_once(running: Sidecar) -> None:
    with connected(running.port) as client:
        with crowd(running.port), crowd(running.admin), crowd(running.port, HALF_A_HEAD, 200):
            assert answers_probes(running)
            assert get(client, "/hello").status == 200
        running.process.until(lambda: get_once(running.port).status == 200)


def test_probes_are_answered_while_a_crowd_comes_and_comes(running: Sidecar) -> None:
    def come(port: int) -> None:
        for _ in range(10):
            with crowd(port, count=300):
                pass

    with ThreadPoolExecutor() as threads:
        floods = [threads.submit(come, port) for port in (running.port, running.admin)]
        while not all(flood.done() for flood in floods):
            assert answers_probes(running)
        for flood in floods:
            flood.result()


def test_who_asks_admin_for_much_and_reads_nothing_keeps_no_probe_out(running: Sidecar) -> None:
    with crowd(running.admin, NEVER_READ, 300):
        assert answers_probes(running)
        assert get_once(running.port).status == 200


def test_who_may_wait_for_a_drain_keeps_his_place_in_a_crowd(demo_app: DemoApp) -> None:
    with (
        limited(demo_app.address, "--drain-delay", "3s", "--drain-timeout", "10s") as running,
        socket.create_connection(("127.0.0.1", running.admin), PATIENCE) as hook,
    ):
        hook.sendall(b"GET /prestop HTTP/1.1\r\nHost: a.example\r\n\r\n")
        running.until_phase("announced")
        with crowd(running.admin):
            assert hook.recv(1 << 16).startswith(b"HTTP/1.1 200 ")


def test_whoever_says_nothing_on_the_admin_port_is_let_go(running: Sidecar) -> None:
    """As on any other port, after ten seconds; one that was answered may stay for longer."""
    with (
        connected(running.admin) as scraper,
        socket.create_connection(("127.0.0.1", running.admin), PATIENCE) as silent,
        socket.create_connection(("127.0.0.1", running.admin), PATIENCE) as slow,
    ):
        assert get(scraper, "/metrics").status == 200
        slow.sendall(HALF_A_HEAD)
        began = monotonic()
        for waiting in (silent, slow):
            with suppress(ConnectionResetError):
                assert waiting.recv(1) == b""
        assert 8 < monotonic() - began < PATIENCE
        assert get(scraper, "/metrics").status == 200


# The app's side


def test_everybody_who_is_let_in_gets_a_connection_to_the_app(running: Sidecar) -> None:
    most = most_clients(running)
    with ExitStack() as all_of_them:
        clients = [all_of_them.enter_context(connected(running.port)) for _ in range(most)]
        with crowd(running.port, count=300):
            for client in clients:
                assert get(client, "/hello").status == 200
            assert answers_probes(running)
            assert descriptors(running) > 2 * most
        assert get_once(running.port).status == 503


def test_opaque_connections_take_two_each_and_nobody_elses(demo_app: DemoApp) -> None:
    app = f"127.0.0.1:{demo_app.tcp_port}"
    with limited(app, protocol="tcp") as running:
        # From then on an app is away only if it is for three probes.
        running.process.until(lambda: running.get("/readyz")[0] == 200)
        with crowd(running.port) as members:
            assert answers_probes(running)
            members[0].setblocking(True)
            members[0].sendall(b"\0hello")
            assert members[0].recv(100)


def test_clients_who_leave_while_the_app_does_not_accept_take_nothing_with_them() -> None:
    with socket.socket() as app, ExitStack() as queue:
        app.bind(("127.0.0.1", 0))
        app.listen(0)
        for _ in range(3):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(app.getsockname())
        address = f"127.0.0.1:{app.getsockname()[1]}"
        with limited(address, "--connect-timeout", "10m") as running:
            before = descriptors(running)
            for _ in range(5):
                with crowd(
                    running.port, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", 300
                ) as asked:
                    for client in asked:
                        # Whoever only ends his side may still want the answer.
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            running.process.until(lambda: descriptors(running) < before + 20)
            assert running.get("/livez")[0] == 200


# gRPC health checks


def test_a_crowd_at_the_grpc_health_checks_is_limited_and_goes_soon(demo_app: DemoApp) -> None:
    (port,) = free_ports(1)
    request = health_pb2.HealthCheckRequest()
    with limited(demo_app.address, "--grpc-health", f"127.0.0.1:{port}") as running:
        before = descriptors(running)
        with crowd(port):
            assert answers_probes(running)
            assert get_once(running.port).status == 200
            assert descriptors(running) < before + 100

            def serves() -> bool:
                with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                    stub = health_pb2_grpc.HealthStub(channel)
                    try:
                        answer = stub.Check(request, timeout=1.0)
                    except grpc.RpcError:
                        return False
                    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

            running.process.until(serves)


# What is granted


def test_the_limit_that_is_in_force_is_said_and_can_be_read(running: Sidecar) -> None:
    most = most_clients(running)
    assert 300 < most < LIMIT // 2
    (line,) = re.findall(r"warning max-connections is .*", running.process.output)
    assert line == (
        f"warning max-connections is 10000, but 1024 file descriptors allow only {most}"
    )


def test_a_setting_that_fits_is_in_force_as_it_is(demo_app: DemoApp) -> None:
    with limited(demo_app.address, "--max-connections", "100") as running:
        assert most_clients(running) == 100
        assert "warning" not in running.process.output


def test_what_the_system_grants_beyond_the_soft_limit_is_taken(demo_app: DemoApp) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    place = Place(descriptors=(256, hard))
    with sidecar(demo_app.address, "--max-connections", "1000", place=place) as running:
        assert most_clients(running) == 1000
        assert "warning" not in running.process.output


@pytest.mark.parametrize("few", [pytest.param(100, marks=pytest.mark.slow), 64])
def test_with_next_to_nothing_it_still_serves(few: int, demo_app: DemoApp) -> None:
    with sidecar(demo_app.address, place=Place(descriptors=(few, few))) as running:
        with crowd(running.port, count=200), crowd(running.admin, count=200):
            assert answers_probes(running)
            assert descriptors(running) < few
        running.process.until(lambda: get_once(running.port).status == 200)


# When they are used up all the same


def busy(running: Sidecar, seconds: float) -> float:
    """The share of a processor that it takes for so long."""
    began = _worked(running)
    # The time that is measured.
    sleep(seconds)
    return (_worked(running) - began) / seconds


def _worked(running: Sidecar) -> float:
    fields = Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def without_descriptors(running: Sidecar) -> Iterator[None]:
    """Nothing more can be opened."""
    pid, kind = running.process.pid, resource.RLIMIT_NOFILE
    before = resource.prlimit(pid, kind)
    resource.prlimit(pid, kind, (3, before[1]))
    yield
    resource.prlimit(pid, kind, before)


@pytest.mark.parametrize("port", [lambda it: it.port, lambda it: it.admin], ids=["app", "admin"])
def test_who_cannot_be_taken_in_waits_and_nobody_spins(
    port: Callable[[Sidecar], int], running: Sidecar
) -> None:
    with connected(running.port) as before:
        assert get(before, "/hello").status == 200
        with ExitStack() as waiting:
            with without_descriptors(running):
                late = [waiting.enter_context(connected(port(running))) for _ in range(20)]
                assert busy(running, 1.0) < 0.5
                assert get(before, "/hello").status == 200
            for client in late:
                assert (
                    get(client, "/livez" if port(running) == running.admin else "/hello").status
                    == 200
                )
    assert running.metric("drainproxy_accept_failures_total") > 0
    assert running.process.output.count("cannot accept connections at the moment") == 1


def test_an_app_that_cannot_be_reached_for_want_of_descriptors_is_a_503(running: Sidecar) -> None:
    with connected(running.port) as client:
        running.process.until(lambda: running.metric('drainproxy_connections{kind="unknown"}') == 1)
        with without_descriptors(running):
            answer = get(client, "/hello")
            assert answer.status == 503
            assert "no descriptor is left" in answer.headers["Proxy-Status"]
        assert get_once(running.port).status == 200


def test_a_drain_takes_in_who_waited_for_a_descriptor(demo_app: DemoApp) -> None:
    with limited(demo_app.address, "--drain-delay", "2s", "--drain-timeout", "20s") as running:
        with ExitStack() as waiting:
            with without_descriptors(running):
                late = waiting.enter_context(connected(running.port))
                running.process.until(lambda: "cannot accept connections" in running.process.output)
                running.process.send_signal(15)
                running.process.until(lambda: "SIGTERM received" in running.process.output)
            assert get(late, "/hello").status == 200
        assert running.process.wait() == 0
