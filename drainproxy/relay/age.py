"""The age of a connection, and whether its client was asked to reconnect because of it."""

from math import inf

from drainproxy.drain.aging import Aging
from drainproxy.drain.goodbye import MAX_AGE


class Age:
    """`expires_at`: when the client is asked to come again, or is cut if it has been; inf for
    never. `told_at`: when it was asked, inf if it was not, and `goodbye_why`: for an age or for a
    rebalance. `jitter_sample`: where its age lies among those of others, see `Aging`."""

    __slots__ = ("connected_at", "expires_at", "goodbye_why", "jitter_sample", "told_at")

    def __init__(self, now: float, jitter_sample: float) -> None:
        self.connected_at = now
        self.jitter_sample = jitter_sample
        self.expires_at = self.told_at = inf
        self.goodbye_why = ""

    def count(self, aging: Aging, kind: str, since: float) -> None:
        """The session has become of this kind at `since`: compute its age."""
        self.told_at, self.goodbye_why = inf, ""
        self.expires_at = aging.expires_at(kind, since, self.jitter_sample)

    def recount(self, aging: Aging, kind: str, since: float, now: float) -> bool:
        """The ages of the settings have changed. True if the client was asked for an age that it
        has not reached any more: then a goodbye that was not said is not said."""
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
        """The client is asked now."""
        self.told_at, self.goodbye_why = now, why
