"""The goodbye of a response in a format that has none: its end, between two parts of it.

Nothing is known of its contents, so `drain.interruption` has it wait for a pause. Only a drain ends
it so; when time is up it is cut, since its end would make a whole answer of it.
"""

from math import inf

from drainproxy.drain.interruption import ENDLESS, QUIET, RULES, Pending, new_pending, urgency
from drainproxy.drain.ledger import GOODBYE
from drainproxy.relay.goodbye.carrier import Carrier
from drainproxy.relay.goodbye.pause import may_be_said


class EndlessGoodbye:
    """Ends one answer."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending: Pending | None = None

    @property
    def waits(self) -> bool:
        """It waits for its place."""
        return self._pending is not None

    def say(self, why: str, now: float) -> None:
        """End it as soon as that loses nothing, if this is a reason to end it."""
        if self._pending is None and (ENDLESS, urgency(why)) in RULES:
            self._pending = new_pending(why, now)

    def hasten(self, why: str, now: float) -> None:
        """Nothing can be said: the carrier cuts it."""

    def move(self, now: float) -> None:
        """Something of it has passed."""
        if self._pending is not None:
            self._pending.moved = now

    def cancel(self, remaining: str, now: float) -> None:
        """Go on: no other reason ends it."""
        self._pending = None

    def poll(self, now: float, carrier: Carrier) -> float:
        """End it if this is the moment; returns when to ask again."""
        goodbye = self._pending
        if goodbye is not None and may_be_said(
            RULES[ENDLESS, goodbye.urgency], goodbye, now, carrier
        ):
            carrier.count_goodbye(goodbye.why)
            carrier.finish(GOODBYE)
        return now + QUIET if self._pending is not None else inf
