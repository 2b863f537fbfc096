"""The age of a connection, and whether its client was asked to reconnect because of it."""

from math import inf

from drainproxy.drain.aging import Aging
from drainproxy.drain.goodbye import MAX_AGE


class Age:
    """The age of one connection.

    `expires_at`: when its client is asked to reconnect, or, if it was asked, when it is cut; inf
    for never. `told_at`: when it was asked, inf if it was not. `goodbye_why`: why it was asked, an
    age or a rebalance; empty if it was not. `jitter_sample`: see `Aging`.
    """

    __slots__ = ("connected_at", "expires_at", "goodbye_why", "jitter_sample", "told_at")

    def __init__(self, now: float, jitter_sample: float) -> None:
        self.connected_at = now
        self.jitter_sample = jitter_sample
        self.expires_at = self.told_at = inf
        self.goodbye_why = ""

    def count(self, aging: Aging, kind: str, since: float) -> None:
        """Compute `expires_at` of a session that has been of this kind `since` then."""
        self.told_at, self.goodbye_why = inf, ""
        self.expires_at = aging.expires_at(kind, since, self.jitter_sample)

    def recount(self, aging: Aging, kind: str, since: float, now: float) -> bool:
        """Compute `expires_at` again after the settings have changed. True if the client was asked
        for an age that it has not reached by the new settings: then a goodbye that was not sent has
        to be cancelled."""
        told_at, why = self.told_at, self.goodbye_why
        self.count(aging, kind, since)
        if why and why != MAX_AGE:
            self.told_at, self.goodbye_why = told_at, why
        elif self.expires_at > now:
            return bool(why)
        elif why:
            self.told_at, self.goodbye_why = told_at, why
            self.expires_at = aging.grace_ends_at(now)
        else:
            self.expires_at = aging.recomputed_expiry(kind, now, self.jitter_sample)
        return False

    def tell(self, why: str, now: float) -> None:
        """Note that the client is asked to reconnect now, for this reason."""
        self.told_at, self.goodbye_why = now, why
