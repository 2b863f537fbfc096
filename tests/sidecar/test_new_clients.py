"""Which clients that come during a drain hold it up: those that ask for something."""

from collections.abc import Callable

import pytest

from drainproxy.drain.machine import Input, Machine, Phase, Timing
from drainproxy.sidecar.new_clients import NewClients, is_probe
from tests.relay.conversation import Conversation, request
from tests.relay.frames import GET, PREFACE, ping, priority, settings, window_update
from tests.relay.proxy import Proxy

CAME = 1100.0
KUBELET = "User-Agent: kube-probe/1.33"


@pytest.fixture
def leaving() -> tuple[Proxy, NewClients]:
    proxy = Proxy()
    clients = NewClients(proxy.context)
    proxy.leaves()
    clients.begin()
    proxy.time = CAME
    return proxy, clients


def says(protocol: str, *chunks: bytes, first: bytes = b"") -> Callable[[Proxy], Conversation]:
    """A client that says this, to an app that speaks first or does not."""

    def come(proxy: Proxy) -> Conversation:
        talk = Conversation(protocol, proxy=proxy)
        if first:
            talk.app_sends(first)
        proxy.time += 0.5
        talk.client_sends(*chunks)
        return talk

    return come


def asks_over_http2(
    path: bytes, method: bytes = b"GET", agent: bytes = b"Mozilla/5.0"
) -> Callable[[Proxy], Conversation]:
    def come(proxy: Proxy) -> Conversation:
        talk = Conversation("auto", proxy=proxy)
        proxy.time += 0.5
        others = (each for each in GET if each[0] not in (b":path", b":method"))
        fields = ((b":method", method), (b":path", path), *others, (b"user-agent", agent))
        talk.client_sends(PREFACE + settings() + talk.says.headers(1, fields, end=True))
        return talk

    return come


ASKS = {
    "request": says("auto", request("/")),
    "post": says("http", request("/orders", method="POST", body=b"x")),
    "events": says("auto", request("/events", "Accept: text/event-stream")),
    "http2": asks_over_http2(b"/"),
    "grpc": asks_over_http2(b"/shop.Orders/Get", b"POST", b"grpc-go/1.75.0"),
    "tcp": says("tcp", b"\x00\x01"),
    "tcp told apart": says("auto", b"\x00\x01\x02\x03\r\n\r\n"),
    "greeted": says("tcp", b"HELO\r\n", first=b"220 here\r\n"),
    "a name that is no probe": says("auto", request("/orders/healthy")),
    "a kubelet in another field": says("auto", request("/", "X-Was: kube-probe")),
    "a post to a name of health": says("auto", request("/ping", method="POST", body=b"x")),
}
ASKS_NOTHING = {
    "silence": says("auto"),
    "silence where http is spoken": says("http"),
    "silence over tcp": says("tcp"),
    "a greeting that nobody answers": says("tcp", first=b"220 here\r\n"),
    "half a head": says("auto", b"GET / HTTP/1.1\r\nHo"),
    "a preface": says("auto", PREFACE + settings()),
    "pings": says("auto", PREFACE + settings() + ping(), ping()),
    "windows and priorities": says("auto", PREFACE + settings(), window_update(0, 9), priority(1)),
    "what is no request": says("http", b"\x16\x03\x01\x00\xa5\x01\r\n\r\n"),
    "a request behind what is none": says("auto", b"\x01", b"GET / HTTP/1.1\r\n"),
    "kubelet": says("auto", request("/", KUBELET)),
    "AWS": says("auto", request("/", "user-agent: ELB-HealthChecker/2.0")),
    "Google": says("auto", request("/x", "User-Agent: GoogleHC/1.0")),
    "Envoy": says("auto", request("/x", "USER-AGENT:Envoy/HC")),
    "healthz": says("auto", request("/healthz")),
    "a probe with a query": says("auto", request("/api/v1/_health/?full=1")),
    "Spring": says("auto", request("/actuator/health/readiness")),
    "HEAD": says("auto", request("/ping", method="HEAD")),
    "grpc health": asks_over_http2(b"/grpc.health.v1.Health/Check", b"POST"),
    "grpc watch": asks_over_http2(b"/grpc.health.v1.Health/Watch", b"POST"),
    "healthz over http2": asks_over_http2(b"/healthz"),
    "AWS over http2": asks_over_http2(b"/", agent=b"ELB-HealthChecker/2.0"),
    "Google over http2": asks_over_http2(b"/x", agent=b"GoogleHC/1.0"),
    "Envoy over http2": asks_over_http2(b"/x", agent=b"Envoy/HC"),
    "Azure": says("auto", request("/", "User-Agent: Azure Traffic Manager Endpoint Monitor")),
    "Nagios": says("auto", request("/", "User-Agent: check_http/v2.4 (monitoring-plugins 2.4)")),
    "Prometheus": says("auto", request("/-/healthy")),
}


@pytest.mark.parametrize("come", ASKS.values(), ids=ASKS)
def test_who_asks_for_something_is_a_new_client(
    come: Callable[[Proxy], Conversation], leaving: tuple[Proxy, NewClients]
) -> None:
    proxy, clients = leaving
    come(proxy)
    # From when it connected: all that it asks after that is no further client.
    assert clients.newest == CAME


@pytest.mark.parametrize("come", ASKS_NOTHING.values(), ids=ASKS_NOTHING)
def test_who_asks_for_nothing_is_not(
    come: Callable[[Proxy], Conversation], leaving: tuple[Proxy, NewClients]
) -> None:
    proxy, clients = leaving
    talk = come(proxy)
    assert clients.newest == 0.0
    talk.client_ends()
    assert clients.newest == 0.0


def test_however_many_come_who_ask_for_nothing_leaving_lasts_as_long_as_drain_quiet() -> None:
    """To the tick: what the clock of a busy machine adds is left to the tests with sockets."""
    proxy = Proxy()
    began, quiet = proxy.time, 0.5 * len(ASKS_NOTHING)
    machine = Machine(Timing(delay=0, quiet=quiet, timeout=3600), began)
    machine.handle(Input.BOUND, began)
    machine.drain("test", began)
    machine.tick(began, 0.0, 0)
    assert machine.phase is Phase.LEAVING
    clients = NewClients(proxy.context)
    proxy.leaves()
    clients.begin()
    for come in ASKS_NOTHING.values():
        # Half a second passes with each.
        come(proxy)
        assert machine.due(clients.newest) == began + quiet
    machine.tick(proxy.time, clients.newest, 1)
    assert (machine.phase, machine.since) == (Phase.CLOSED, began + quiet)


def test_a_tcp_client_that_speaks_late_is_new_from_then_on(
    leaving: tuple[Proxy, NewClients],
) -> None:
    proxy, clients = leaving
    talk = Conversation("tcp", proxy=proxy)
    assert clients.newest == 0.0
    talk.client_sends(b"x")
    talk.client_resets()
    assert clients.newest == CAME


def test_clients_that_were_there_before_are_none(leaving: tuple[Proxy, NewClients]) -> None:
    proxy, clients = leaving
    proxy.time = 990.0
    talk = Conversation(proxy=proxy)
    proxy.time = CAME
    talk.client_sends(request())
    assert clients.newest == 990.0


def test_silent_clients_that_have_gone_are_forgotten(leaving: tuple[Proxy, NewClients]) -> None:
    proxy, clients = leaving
    for _ in range(1100):
        Conversation("tcp", proxy=proxy).client_resets()
    assert len(clients._silent) < 110


def test_a_drain_that_is_taken_back_looks_no_more() -> None:
    proxy = Proxy()
    book = proxy.context.ledger.open
    clients = NewClients(proxy.context)
    clients.begin()
    clients.end()
    assert proxy.context.ledger.open == book


@pytest.mark.parametrize(
    ("method", "path", "agent", "probe"),
    [
        (b"GET", "/livez", b"", True),
        (b"GET", "/up", b"", True),
        (b"GET", "/app/Health", b"", True),
        (b"GET", "/", b"Blackbox-Probe/1", True),
        (b"GET", "/", b"Load Balancer Agent", True),
        (b"OPTIONS", "*", b"", True),
        (b"OPTIONS", "/", b"", True),
        (b"OPTIONS", "/orders", b"", False),
        (b"POST", "/healthz", b"", False),
        (b"GET", "/", b"curl/8", False),
        (b"GET", "/-/healthy", b"", True),
        (b"GET", "/-/ready?full", b"", True),
        (b"GET", "/-/reload", b"", False),
        (b"PUT", "/-/user/org.couchdb.user:a", b"", False),
        (b"GET", "/shop/-/healthy", b"", False),
        (b"GET", "/health/insurance", b"", False),
        (b"GET", "/pinguin", b"", False),
        (b"GET", "", b"", False),
    ],
)
def test_a_probe_is_known_by_its_name(method: bytes, path: str, agent: bytes, probe: bool) -> None:
    assert is_probe(method, path, {b"user-agent": agent}) is probe
