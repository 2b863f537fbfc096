"""The goodbye of a response in a format that has none: its end, between two parts of it.

Nothing is known of its contents. So it ends in a pause, when what came last is likely to be whole,
and if there is none, between two frames or chunks.
"""

from drainproxy.drain.interruption import PATIENCE, QUIET
from drainproxy.drain.ledger import GOODBYE
from drainproxy.relay.goodbye.carrier import Carrier


class EndlessGoodbye:
    """`why`: the reason of the goodbye that waits, if any. Seconds."""

    __slots__ = ("_moved", "_since", "why")

    def __init__(self) -> None:
        self.why = ""
        self._since = self._moved = 0.0

    def say(self, why: str, now: float) -> None:
        """End it as soon as that loses nothing."""
        if not self.why:
            self.why, self._since, self._moved = why, now, now

    def move(self, now: float) -> None:
        """Something of it has passed."""
        self._moved = now

    def cancel(self) -> None:
        """Go on."""
        self.why = ""

    def poll(self, now: float, carrier: Carrier) -> float:
        """End it if this is the moment; returns when to ask again."""
        quiet = self._moved + QUIET <= now and not carrier.has_unread()
        if carrier.at_boundary and (quiet or self._since + PATIENCE <= now):
            carrier.told(self.why)
            carrier.finish(GOODBYE)
        return now + QUIET
