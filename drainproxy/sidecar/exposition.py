"""The table of metrics in Prometheus' text. Imported when first scraped."""

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from drainproxy.relay.hub import Histogram
from drainproxy.sidecar.metrics import METRICS, Metric, Series

if TYPE_CHECKING:
    from drainproxy.sidecar.supervisor import Sidecar

FAMILIES: dict[str, type[CounterMetricFamily] | type[GaugeMetricFamily]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
}


class SidecarCollector(Collector):
    """Reads every metric of one sidecar at the moment it is asked."""

    def __init__(self, sidecar: "Sidecar") -> None:
        self._sidecar = sidecar

    def collect(self) -> Iterator[Family]:
        """The families, in the order of the table."""
        for metric in METRICS:
            values = metric.read(self._sidecar)
            if isinstance(values, Histogram):
                yield _histogram(metric, values)
            else:
                yield _family(metric, values)


def render(sidecar: "Sidecar") -> tuple[bytes, str]:
    """The metrics as text, and its content type.

    Never OpenMetrics, whatever is asked for: a counter's family goes there by its name without
    `_total`, and `drainproxy_connections` would be two families.
    """
    encoder, content_type = choose_encoder("")
    return encoder(SidecarCollector(sidecar)), content_type


def _family(metric: Metric, series: Series) -> Family:
    family = FAMILIES[metric.type](metric.name, metric.help, labels=metric.labels)
    for labels, value in series.items():
        family.add_metric(labels, value)
    return family


def _histogram(metric: Metric, histogram: Histogram) -> Family:
    bounds = [*map(str, histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
    return HistogramMetricFamily(metric.name, metric.help, buckets, histogram.total)
