"""The table in the text that Prometheus reads, read by the parser of its own client library."""

import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as read_open_metrics,
)
from prometheus_client.parser import text_string_to_metric_families as read_text

from drainproxy.sidecar.exposition import render
from drainproxy.sidecar.metrics import METRICS

from .fake_sidecar import FakeSidecar


def busy_sidecar() -> FakeSidecar:
    sidecar = FakeSidecar()
    counters = sidecar.context.counters
    counters.codes["http1"][200] = 7
    counters.codes["sse"][200] = 1
    counters.goodbyes["websocket", "drain"] = 2
    counters.rejected['an "odd"\nreason\\'] = 3
    for seconds in (0.0005, 0.002, 0.002, 1000.0):
        counters.durations["http1"].observe(seconds)
    return sidecar


async def test_every_metric_of_the_table_is_told_with_its_type_and_meaning() -> None:
    body, content_type = render(busy_sidecar())
    lines = body.decode().splitlines()

    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert [line for line in lines if line.startswith("# ")] == [
        line
        for metric in METRICS
        for line in (f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.type}")
    ]


async def test_labels_and_values_come_through() -> None:
    body, _ = render(busy_sidecar())
    samples = [sample for family in read_text(body.decode()) for sample in family.samples]
    told = {(sample.name, *sample.labels.values()): sample.value for sample in samples}

    assert b'drainproxy_requests_total{code="200",kind="http1"} 7.0\n' in body
    assert told["drainproxy_goodbyes_total", "websocket", "drain"] == 2
    assert told["drainproxy_rejected_total", 'an "odd"\nreason\\'] == 3
    assert told["drainproxy_phase", "serving"] == 1


async def test_the_buckets_of_a_histogram_add_up() -> None:
    body, _ = render(busy_sidecar())
    (family,) = (
        family
        for family in read_text(body.decode())
        if family.name == "drainproxy_request_duration_seconds"
    )
    samples = [sample for sample in family.samples if sample.labels["kind"] == "http1"]
    buckets = {s.labels["le"]: s.value for s in samples if s.name.endswith("_bucket")}
    rest = {s.name.rpartition("_")[2]: s.value for s in samples if "le" not in s.labels}

    assert [buckets[bound] for bound in ("0.001", "0.0025", "0.005", "300.0", "+Inf")] == [
        1,
        3,
        3,
        3,
        4,
    ]
    assert sorted(buckets.values()) == [*buckets.values()]
    assert rest == {"count": 4, "sum": pytest.approx(1000.0045)}


OPEN_METRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


async def test_who_asks_for_open_metrics_gets_it_with_the_same_samples() -> None:
    plain, _ = render(busy_sidecar())
    body, content_type = render(busy_sidecar(), OPEN_METRICS)
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    samples = [
        {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in read(text.decode())
            for sample in family.samples
            if not sample.name.startswith("process_")
        }
        for read, text in ((read_text, plain), (read_open_metrics, body))
    ]
    assert samples[0] == samples[1]


async def test_no_two_families_of_open_metrics_share_a_name() -> None:
    body, _ = render(busy_sidecar(), OPEN_METRICS)
    names = [line.split()[2] for line in body.decode().splitlines() if line.startswith("# TYPE")]
    assert len({*names}) == len(names)
    assert b"# TYPE drainproxy_requests counter\n" in body
    assert b"# TYPE drainproxy_connections gauge\n" in body
    assert b"# TYPE drainproxy_connections_total unknown\n" in body


async def test_no_two_metrics_share_a_name() -> None:
    body, _ = render(busy_sidecar())
    names = [line.split()[2] for line in body.decode().splitlines() if line.startswith("# TYPE")]

    assert len({*names}) == len(names)


def test_a_sidecar_that_nobody_scrapes_does_not_load_the_library(root: Path) -> None:
    code = "import sys, drainproxy.sidecar.admin; sys.exit('prometheus_client' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
