"""Renders the table of metrics as Prometheus' text. Imported at the first scrape."""

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    UnknownMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from drainproxy.relay.counters import Histogram
from drainproxy.sidecar.metrics import METRICS
from drainproxy.sidecar.status import Observed

_FAMILIES: dict[str, Any] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}
_OPEN_METRICS = "application/openmetrics-text"
# OpenMetrics names the family of a counter without `_total`. Where a gauge has that name, the
# counter is exposed as a family of unknown type, whose sample has the same name.
_NAMES = {metric.name for metric in METRICS}
_CLASHING = {name for name in _NAMES if name.removesuffix("_total") in _NAMES - {name}}


class SidecarCollector(Collector):
    """Reads every metric of one sidecar when it is collected."""

    def __init__(self, sidecar: Observed, *, open_metrics: bool) -> None:
        self._sidecar = sidecar
        self._families = {metric.name: _FAMILIES[metric.type] for metric in METRICS}
        if open_metrics:
            self._families |= dict.fromkeys(_CLASHING, UnknownMetricFamily)

    def collect(self) -> Iterator[Family]:
        """The metric families, in the order of the table."""
        for metric in METRICS:
            values = metric.read(self._sidecar)
            family = self._families[metric.name]
            made = family(metric.name, metric.help, labels=metric.labels)
            for labels, value in values.items():
                if isinstance(value, Histogram):
                    made.add_metric(labels, _buckets(value), value.total)
                else:
                    made.add_metric(labels, value)
            yield made


def render(sidecar: Observed, accept: str = "") -> tuple[bytes, str]:
    """The metrics as text, and its content type: OpenMetrics if the request's `accept` asks for it,
    else the text format that every scraper reads."""
    encoder, content_type = choose_encoder(accept)
    collector = SidecarCollector(sidecar, open_metrics=content_type.startswith(_OPEN_METRICS))
    return encoder(collector), content_type


def _buckets(histogram: Histogram) -> list[tuple[str, int]]:
    bounds = [*map(str, histogram.bounds), "+Inf"]
    return list(zip(bounds, accumulate(histogram.counts), strict=True))
