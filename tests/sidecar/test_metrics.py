"""The table of metrics: the names are a contract, the values those of the context."""

import time
from itertools import product

import pytest

from drainproxy import __version__
from drainproxy.config import Mistake
from drainproxy.drain.ledger import ENDINGS, KINDS
from drainproxy.drain.machine import Phase
from drainproxy.drain.origin import Origin
from drainproxy.relay.counters import Histogram
from drainproxy.relay.http1.connection import Http1Connection
from drainproxy.relay.tcp import Tcp
from drainproxy.sidecar.metrics import METRICS, Series, markdown

from .fake_sidecar import FakeSidecar, connect

CONTRACT = {
    "drainproxy_requests_total": ("kind", "code"),
    "drainproxy_grpc_requests_total": ("method", "grpc_status"),
    "drainproxy_request_duration_seconds": ("kind",),
    "drainproxy_time_to_first_byte_seconds": ("kind",),
    "drainproxy_in_flight": ("kind",),
    "drainproxy_connections": ("kind",),
    "drainproxy_connections_total": ("kind",),
    "drainproxy_connection_age_seconds": (),
    "drainproxy_ended_total": ("kind", "how"),
    "drainproxy_websocket_closes_total": ("code", "by"),
    "drainproxy_goodbyes_total": ("kind", "why"),
    "drainproxy_unanswered_total": ("kind", "why"),
    "drainproxy_cut_total": ("kind", "why"),
    "drainproxy_rejected_total": ("reason",),
    "drainproxy_max_streams_reached_total": (),
    "drainproxy_bytes_total": ("direction",),
    "drainproxy_app_connect_failures_total": (),
    "drainproxy_accept_failures_total": (),
    "drainproxy_bypassed_connections": (),
    "drainproxy_connections_limit": (),
    "drainproxy_phase": ("phase",),
    "drainproxy_drain_seconds": (),
    "drainproxy_config_mistakes": (),
    "drainproxy_build_info": ("version", "python"),
}


def series(sidecar: FakeSidecar, name: str) -> Series:
    """The present values of a metric that is no histogram."""
    (values,) = (metric.read(sidecar) for metric in METRICS if metric.name == name)
    return {key: value for key, value in values.items() if not isinstance(value, Histogram)}


def counted(sidecar: FakeSidecar, name: str) -> Series:
    """The same without what stands there as zero from the start."""
    return {labels: value for labels, value in series(sidecar, name).items() if value}


def test_names_and_labels_are_those_of_the_contract() -> None:
    ours = {
        metric.name: metric.labels for metric in METRICS if metric.name.startswith("drainproxy_")
    }

    assert ours == CONTRACT


def test_a_counter_is_called_total_and_nothing_else_is() -> None:
    assert all((metric.type == "counter") == metric.name.endswith("_total") for metric in METRICS)


async def test_every_series_has_a_value_for_each_label() -> None:
    sidecar = FakeSidecar()
    sidecar.context.counters.codes["http1"][200] = 1
    sidecar.context.counters.methods.count(b"/shop.Cart/Add", b"0", answered=True)
    sidecar.context.counters.goodbyes["websocket", "drain"] = 1
    sidecar.context.counters.rejected["malformed"] = 1
    for metric in METRICS:
        values = metric.read(sidecar)
        assert values
        assert {len(labels) for labels in values} == {len(metric.labels)}, metric.name


async def test_what_the_relay_counts_is_told() -> None:
    sidecar = FakeSidecar()
    route = sidecar.routes[0]
    refused, cut = Http1Connection(sidecar.context, route), Tcp(sidecar.context, route)
    connect(sidecar, refused)
    connect(sidecar, cut)
    refused.data_received(b"nonsense\r\n\r\n")
    cut.data_received(b"12345")
    cut.app_data(b"123")
    cut.abort("deadline")

    assert counted(sidecar, "drainproxy_requests_total") == {("http1", "400"): 1}
    assert counted(sidecar, "drainproxy_rejected_total") == {("malformed",): 1}
    assert series(sidecar, "drainproxy_connections_total")["tcp",] == 1
    none_cut = {(kind, "deadline"): 0 for kind in KINDS}
    assert series(sidecar, "drainproxy_cut_total") == none_cut | {("tcp", "deadline"): 1}
    assert series(sidecar, "drainproxy_bytes_total") == {
        ("from_clients",): len(b"nonsense\r\n\r\n" + b"12345"),
        ("from_app",): 3,
    }


async def test_what_an_alert_may_ask_for_is_there_before_it_happens() -> None:
    sidecar = FakeSidecar()
    sidecar.context.counters.methods.count(b"/shop.Cart/Add", b"0", answered=True)
    for kind, status in product(["http1", "http2", "grpc"], ["500", "502", "503", "504"]):
        assert series(sidecar, "drainproxy_requests_total")[kind, status] == 0
    for method, status in product(["other", "shop.Cart/Add"], ["2", "4", "12", "13", "14", "15"]):
        assert series(sidecar, "drainproxy_grpc_requests_total")[method, status] == 0
    for kind, how in product(KINDS, ENDINGS):
        assert series(sidecar, "drainproxy_ended_total")[kind, how] == 0
    assert len(series(sidecar, "drainproxy_websocket_closes_total")) == 7 * 3


async def test_how_things_ended_is_told_by_kind() -> None:
    sidecar = FakeSidecar()
    for ending, session in enumerate(Tcp(sidecar.context, sidecar.routes[0]) for _ in ENDINGS):
        connect(sidecar, session)
        session.close_hold(ending)

    assert counted(sidecar, "drainproxy_ended_total") == {("tcp", how): 1 for how in ENDINGS}


async def test_codes_of_websockets_without_end_are_one_series() -> None:
    sidecar = FakeSidecar()
    for code in (1000, 1012, 1014, 4000, 4999):
        sidecar.context.counters.websocket_closes[code, "app"] += 1

    assert counted(sidecar, "drainproxy_websocket_closes_total") == {
        ("1000", "app"): 1,
        ("1012", "app"): 1,
        ("other", "app"): 3,
    }


async def test_connections_are_counted_when_asked() -> None:
    sidecar = FakeSidecar()
    session = Tcp(sidecar.context, sidecar.routes[0])
    connect(sidecar, session)
    before = series(sidecar, "drainproxy_connections"), series(sidecar, "drainproxy_in_flight")
    session.connection_lost(None)
    after = series(sidecar, "drainproxy_connections"), series(sidecar, "drainproxy_in_flight")

    assert [values["tcp",] for values in (*before, *after)] == [1, 1, 0, 0]


async def test_goodbyes_tell_to_whom_and_why() -> None:
    sidecar = FakeSidecar()
    sidecar.context.counters.goodbyes["websocket", "drain"] += 2

    assert counted(sidecar, "drainproxy_goodbyes_total") == {("websocket", "drain"): 2}


async def test_what_may_all_happen_between_two_scrapes_is_zero_before() -> None:
    """The increase of a series that is born with its last value is none."""
    sidecar = FakeSidecar()
    said = series(sidecar, "drainproxy_goodbyes_total")
    assert {kind for kind, _ in said} == {*KINDS} - {"tcp"}
    assert {why for _, why in said} == {"drain", "rebalance", "max-connection-age"}
    turned_away = series(sidecar, "drainproxy_rejected_total")
    assert ("max-connections",) in turned_away
    assert {*said.values(), *turned_away.values()} == {0}


@pytest.mark.parametrize("phase", Phase)
async def test_exactly_the_present_phase_is_one(phase: Phase) -> None:
    sidecar = FakeSidecar()
    sidecar.machine.phase = phase

    assert series(sidecar, "drainproxy_phase") == {
        (each.value,): float(each is phase) for each in Phase
    }


async def test_a_drain_is_timed_while_it_lasts_and_after() -> None:
    sidecar = FakeSidecar()
    blocker = Tcp(sidecar.context, sidecar.routes[0])
    connect(sidecar, blocker)

    seen = [series(sidecar, "drainproxy_drain_seconds")[()]]
    sidecar.drain(Origin.ADMIN)
    sidecar.ahead += 3
    seen.append(series(sidecar, "drainproxy_drain_seconds")[()])
    blocker.connection_lost(None)
    sidecar.advance()
    sidecar.ahead += 60
    seen.append(series(sidecar, "drainproxy_drain_seconds")[()])

    assert seen == [0, pytest.approx(3, abs=0.5), pytest.approx(3, abs=0.5)]


async def test_mistakes_in_annotations_are_counted() -> None:
    sidecar = FakeSidecar()
    sidecar.annotation_mistakes = (Mistake("a", "b", "c"), Mistake("a", "d", "e"))

    assert series(sidecar, "drainproxy_config_mistakes") == {(): 2}


async def test_the_build_and_the_process_are_told() -> None:
    sidecar = FakeSidecar()
    before = time.process_time()

    assert [version for version, _ in series(sidecar, "drainproxy_build_info")] == [__version__]
    assert before <= series(sidecar, "process_cpu_seconds_total")[()] <= time.process_time()
    assert series(sidecar, "process_resident_memory_bytes")[()] > 1 << 20


def test_the_table_for_the_readme_has_a_row_for_each_metric() -> None:
    head, rule, *rows = markdown().splitlines()

    assert head.count("|") == rule.count("|") == 5
    assert [row.split("`")[1] for row in rows] == [metric.name for metric in METRICS]
    assert "| `drainproxy_requests_total` | counter | `kind`, `code` | Responses" in markdown()


async def test_calls_of_grpc_are_told_by_method_and_status() -> None:
    sidecar = FakeSidecar()
    sidecar.context.counters.methods.count(b"/shop.Cart/Add", b"0", answered=True)
    sidecar.context.counters.methods.count(b"/no.Such/Method", b"12", answered=True)

    assert counted(sidecar, "drainproxy_grpc_requests_total") == {
        ("shop.Cart/Add", "0"): 1,
        ("other", "12"): 1,
    }
