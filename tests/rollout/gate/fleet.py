"""Two versions as Prometheus sees them: series in the form in which the gate gets them."""

from collections.abc import Mapping

from drainproxy.rollout.gate.samples import Series
from drainproxy.rollout.gate.versions import Version, version

NOW, WINDOW, INTERVAL = 100_000.0, 600.0, 15.0
_MOMENTS = [NOW - WINDOW + INTERVAL * step for step in range(int(WINDOW / INTERVAL) + 1)]
_BOUNDS = ("0.1", "0.5", "1.0", "+Inf")


class Fleet:
    """The series of one version; counters grow evenly over the window."""

    def __init__(self, pods: int = 1, began: float = 0.0) -> None:
        self.found: dict[str, list[Series]] = {}
        # Versions of different sizes have different pods.
        self.pods = [f"web-{pods}-{number}" for number in range(pods)]
        self._began = began
        self.gauge("process_start_time_seconds", began)

    def counter(self, name: str, value: float, **labels: str) -> "Fleet":
        """So much more by the end of the window, on each pod."""
        last = len(_MOMENTS) - 1
        samples = [(at, float(round(value * step / last))) for step, at in enumerate(_MOMENTS)]
        return self._add(name, samples, labels)

    def gauge(self, name: str, value: float, **labels: str) -> "Fleet":
        """The same at each scrape."""
        return self._add(name, [(at, value) for at in _MOMENTS], labels)

    def requests(self, good: int, bad: int = 0, kind: str = "http1") -> "Fleet":
        """Answers, the bad ones with 500."""
        self.counter("drainproxy_requests_total", good, kind=kind, code="200")
        return self.counter("drainproxy_requests_total", bad, kind=kind, code="500")

    def times(self, *within: int, kind: str = "http1", what: str = "request_duration") -> "Fleet":
        """How many answers took up to 0.1, 0.5 and 1 s, and in all."""
        for bound, value in zip(_BOUNDS, within, strict=True):
            self.counter(f"drainproxy_{what}_seconds_bucket", value, kind=kind, le=bound)
        return self

    def scraped(self, name: str, now: float) -> list[Series]:
        """The series of one metric, as if the last scrape had been at that moment."""
        return [
            Series(each.labels, [(at + now - NOW, value) for at, value in each.samples])
            for each in self.found.get(name, [])
        ]

    def version(self) -> Version:
        """As the gate looks at it."""
        return version(self.found, NOW - WINDOW)

    def _add(
        self, name: str, samples: list[tuple[float, float]], labels: Mapping[str, str]
    ) -> "Fleet":
        for pod in self.pods:
            series = Series({"pod": pod, "namespace": "shop", **labels}, samples)
            self.found.setdefault(name, []).append(series)
        return self
