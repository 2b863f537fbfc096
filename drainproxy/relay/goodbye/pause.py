"""The law of goodbyes that stand between any two frames or chunks, in a pause if there is one."""

from drainproxy.drain.interruption import Pending, Place, Rule, may_stand, pause_begins
from drainproxy.relay.goodbye.carrier import Carrier


def may_be_said(rule: Rule, goodbye: Pending, now: float, carrier: Carrier) -> bool:
    """Whether a goodbye may be said here and now. What waits to be read, by us or behind a client
    that reads slowly, is no pause."""
    if not carrier.at_boundary:
        return False
    if may_stand(rule, goodbye, Place.FRAME, now, question=0):
        return True
    return pause_begins(rule, goodbye, question=0) <= now and not carrier.has_unread()
