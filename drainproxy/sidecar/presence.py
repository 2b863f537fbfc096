"""Logs when an app becomes unreachable, and when it is reachable again."""

import logging
from collections.abc import Callable

# At most so many different errors are logged: some contain an address.
_MOST_FAILURES = 8

log = logging.getLogger("drainproxy.app")


class Presence:
    """Whether one app is reachable. It is told so by connects (`upstream`) and by checks of its
    listener (`readiness`).

    Before the app was reachable for the first time it is starting, and not away.
    """

    def __init__(self, app: str, now: Callable[[], float]) -> None:
        self._app = app
        self._now = now
        self._known = False
        self._away_since: float | None = None
        self._refused = 0
        self._failures: set[str] = set()

    def there(self) -> None:
        """The app has accepted a connection, or listens."""
        self._known = True
        self._failures.clear()
        if self._away_since is not None:
            seconds = self._now() - self._away_since
            fields = {"seconds": round(seconds, 3), "refused": self._refused}
            log.info("the app at %s is back", self._app, extra={"fields": fields})
            self._away_since = None

    def away(self, reason: str, *, refused: bool = False) -> None:
        """The app does not listen, or has `refused` a connection."""
        if not self._known:
            return
        if self._away_since is None:
            self._away_since, self._refused = self._now(), 0
            log.warning("the app at %s is away: %s", self._app, reason)
        self._refused += refused

    def failed(self, why: str) -> None:
        """A client was refused for this reason, and the app is not known to be away: it is
        starting, or the error is not the app's, such as an unknown name. Each reason is logged
        once, until the app is reachable."""
        if self._away_since is not None or why in self._failures:
            return
        if len(self._failures) < _MOST_FAILURES:
            self._failures.add(why)
            log.warning("the app at %s cannot be reached: %s", self._app, why)
