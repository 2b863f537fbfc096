"""What clients experienced, as numbers: by kind, by second, by version."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Literal

# Names of the report, and what people call them.
KINDS = {"http": "HTTP", "websocket": "WebSocket", "sse": "SSE", "grpc": "gRPC"}

# How something is lost, as the client sees it. WebSockets add `ws CODE`, gRPC adds its status.
REFUSED = "refused"
RESET_BEFORE = "reset before bytes"
RESET_AFTER = "reset after bytes"
APP_5XX = "5xx from the app"
PROXY_5XX = "5xx from the proxy"
TIMEOUT = "timeout"
WRONG = "wrong answer"
UNANSWERED = "unanswered"

_MOST_REASONS = 20


@dataclass(slots=True)
class Second:
    """What came back, by the version that answered, and what was lost in one second."""

    answered: Counter[str] = field(default_factory=Counter)
    failed: int = 0


class Clock:
    """Seconds since the beginning; `stage` is before the rollout, during it, or after."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._began = now()
        self.stage: Literal["before", "during", "after"] = "before"
        # Users that came one after the other, of all kinds.
        self.users = 0
        # When the last app that was killed on purpose was gone; inf while one dies: until then it
        # may take what it never answers.
        self.last_kill = -inf

    def now(self) -> float:
        """Seconds since the beginning."""
        return self._now() - self._began

    def killed_since(self, began: float) -> bool:
        """Whether an app has died of it after this."""
        return self.last_kill >= began


class Score:
    """The clients of one kind.

    A request is what a user waits for: an answer, a WebSocket's answer to a question, an event, a
    gRPC call or message. `exchanges` counts as proxies count: answers, upgrades, streams, calls.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.requests = 0
        self.exchanges = 0
        # Connections or streams that were ended politely.
        self.goodbyes = 0
        # Users who met a fault.
        self.struck = 0
        # Questions that met a goodbye on the wire: neither answered nor lost.
        self.crossed = 0
        self.failed: Counter[str] = Counter()
        # What was in an app that was killed on purpose, by how it looked: no proxy can answer that.
        self.with_app: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        # Seconds from question to answer, by the clock's stage.
        self.times: dict[str, list[float]] = {"before": [], "during": [], "after": []}
        # The longest that one client went without anything, in seconds.
        self.longest_gap = 0.0
        self.seconds: defaultdict[int, Second] = defaultdict(Second)

    def answered(self, version: str, took: float | None = None) -> None:
        """One more thing came as it should, `took` seconds after it was asked for."""
        self.requests += 1
        self.seconds[int(self.clock.now())].answered[version] += 1
        if took is not None:
            self.times[self.clock.stage].append(took)

    def lost(self, how: str, why: str) -> None:
        """One more thing did not."""
        self.requests += 1
        self.failed[how] += 1
        self.seconds[int(self.clock.now())].failed += 1
        reason = f"{how}: {why}"
        if reason in self.reasons or len(self.reasons) < _MOST_REASONS:
            self.reasons[reason] += 1

    def died_with_app(self, how: str) -> None:
        """One more thing was in an app that was killed."""
        self.requests += 1
        self.with_app[how] += 1

    def gap(self, seconds: float) -> None:
        """A client went so long without anything."""
        self.longest_gap = max(self.longest_gap, seconds)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which this share of them is; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
