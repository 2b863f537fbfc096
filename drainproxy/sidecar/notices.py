"""What the log says of clients who have passed a budget, and of settings that may be wrong."""

import logging
from collections import defaultdict
from collections.abc import Callable

from drainproxy.drain.budget import Budget
from drainproxy.relay.hub import NOT_HTTP, SILENCE, Route

# So many lines for each budget in so many seconds: whoever floods us does not flood the log.
_MOST, _WINDOW = 20, 10.0

log = logging.getLogger("drainproxy.budget")
hints = logging.getLogger("drainproxy.hint")


class Notices:
    """Is called for each client that has passed a budget; those that are not said are counted, and
    the number stands in the next line."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lines: defaultdict[str, Budget] = defaultdict(lambda: Budget(_MOST, _WINDOW))
        self._unsaid: defaultdict[str, int] = defaultdict(int)

    def __call__(self, budget: str, peer: str, number: int, outcome: str) -> None:
        """A line, with the peer and how much it was."""
        if not self._lines[budget].spend(self._now()):
            self._unsaid[budget] += 1
            return
        fields: dict[str, object] = {"budget": budget, "peer": peer, "number": number}
        if unsaid := self._unsaid.pop(budget, 0):
            fields["unsaid"] = unsaid
        log.warning("%s: %s", budget, outcome, extra={"fields": fields})


_HINTS = {
    SILENCE: "a client of the app at %s has said nothing for header-timeout: from now on whoever"
    " speaks first is let through; where that is the server, as in SMTP or MySQL, add /tcp to the"
    " forward",
    NOT_HTTP: "a client of the app at %s was refused, which speaks RTSP or ICE: some HTTP servers"
    " take these for HTTP, so they pass only where the forward says /tcp",
}


class Hints:
    """Is called with what shows on connections of a forward; each is said once for each app."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()

    def __call__(self, topic: str, route: Route) -> None:
        """A line, if it is the first."""
        if (topic, route.app) not in self._said:
            self._said.add((topic, route.app))
            hints.warning(_HINTS[topic], route.app)
