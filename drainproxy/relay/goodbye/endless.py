"""The goodbye of a long response in a format that has none: the end of the body, in a pause.

The format of its contents is not known, so `drain.interruption` has the goodbye wait for a pause.
Only a drain ends a response this way. At the deadline it is cut instead, so that its client does
not take it for complete.
"""

from math import inf

from drainproxy.drain.interruption import ENDLESS, QUIET, RULES, Pending, new_pending, urgency
from drainproxy.drain.ledger import GOODBYE
from drainproxy.relay.goodbye.carrier import Carrier
from drainproxy.relay.goodbye.pause import may_be_said


class EndlessGoodbye:
    """The goodbye of one answer."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending: Pending | None = None

    @property
    def waits(self) -> bool:
        """A goodbye was asked for and was not sent yet."""
        return self._pending is not None

    def say(self, why: str, now: float) -> None:
        """End the answer in the next pause, if `RULES` has a rule for this reason."""
        if self._pending is None and (ENDLESS, urgency(why)) in RULES:
            self._pending = new_pending(why, now)

    def hasten(self, why: str, now: float) -> None:
        """Do nothing: at the deadline the session cuts the answer."""

    def move(self, now: float) -> None:
        """Bytes of the answer have passed: a pause begins anew."""
        if self._pending is not None:
            self._pending.moved = now

    def cancel(self, remaining: str, now: float) -> None:
        """Let the answer go on; no other reason than a drain ends one."""
        self._pending = None

    def poll(self, now: float, carrier: Carrier) -> float:
        """End the answer if the rule allows it now; returns when to call again."""
        pending = self._pending
        if pending is not None and may_be_said(
            RULES[ENDLESS, pending.urgency], pending, now, carrier
        ):
            carrier.count_goodbye(pending.why)
            carrier.finish(GOODBYE)
        return now + QUIET if self._pending is not None else inf
