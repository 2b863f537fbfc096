"""Rate-limited log lines about clients that exceeded a limit or were refused, and hints about
settings that may be wrong."""

import logging
from collections import defaultdict
from collections.abc import Callable

from drainproxy.drain.rate_limits import RateLimit
from drainproxy.relay.context import NOT_HTTP, SILENCE
from drainproxy.relay.route import Route
from drainproxy.sidecar.access_lines import trace
from drainproxy.wire.logged import NO_FACTS, Facts

# So many lines of each kind in so many seconds: a flood of requests must not flood the log.
_MOST, _WINDOW = 20, 10.0

log = logging.getLogger("drainproxy.budget")
refusals = logging.getLogger("drainproxy.refused")
hints = logging.getLogger("drainproxy.hint")


class _Lines:
    """Rate-limited lines, by kind; the next line says how many were suppressed before it."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lines: defaultdict[str, RateLimit] = defaultdict(lambda: RateLimit(_MOST, _WINDOW))
        self._suppressed: defaultdict[str, int] = defaultdict(int)

    def write(self, to: logging.Logger, kind: str, message: str, fields: dict[str, object]) -> None:
        """Write a line, or count it as suppressed if there were too many."""
        if not self._lines[kind].spend(self._now()):
            self._suppressed[kind] += 1
            return
        if suppressed := self._suppressed.pop(kind, 0):
            fields["suppressed"] = suppressed
        to.warning("%s", message, extra={"fields": fields})


class Notices:
    """Called when a client exceeds a limit."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._lines = _Lines(now)

    def __call__(self, budget: str, peer: str, number: int, outcome: str) -> None:
        """Log the limit, the peer, the number and the outcome."""
        fields: dict[str, object] = {"budget": budget, "peer": peer, "number": number}
        self._lines.write(log, budget, f"{budget}: {outcome}", fields)


class Refusals:
    """Called when the sidecar itself refuses a client."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._lines = _Lines(now)

    def __call__(self, reason: str, peer: str, words: str, facts: Facts = NO_FACTS) -> None:
        """Log the peer, the reason as it is counted, and the trace id of a request."""
        fields: dict[str, object] = {"reason": reason, "peer": peer, **trace(facts)}
        self._lines.write(refusals, reason, f"refused: {words}", fields)


_HINTS = {
    SILENCE: "a client of the app at %s sent nothing for header-timeout, so the first bytes of"
    " either side decide on its protocol; if the server sends first, as in SMTP or MySQL, add /tcp"
    " to the forward",
    NOT_HTTP: "a client of the app at %s was refused because it uses RTSP or ICE, which some HTTP"
    " servers take for HTTP; add /tcp to the forward if the app serves them",
}


class Hints:
    """Called when a connection hints at a wrong setting; logs each hint once for each app."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()

    def __call__(self, topic: str, route: Route) -> None:
        """Log the hint, unless it was logged before."""
        if (topic, route.app) not in self._said:
            self._said.add((topic, route.app))
            hints.warning(_HINTS[topic], route.app)
