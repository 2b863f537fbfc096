"""What the log says of clients who have passed a budget."""

import logging
from collections import defaultdict
from collections.abc import Callable

from drainproxy.drain.budget import Budget

# So many lines for each budget in so many seconds: whoever floods us does not flood the log.
_MOST, _WINDOW = 20, 10.0

log = logging.getLogger("drainproxy.budget")


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
