"""When the goodbye of a gRPC call or of an endless answer may be sent, by its rule.

A WebSocket's goodbye also looks at messages and open questions: see `websocket._look`.
"""

from drainproxy.drain.interruption import Pending, Place, Rule, may_stand, pause_begins
from drainproxy.relay.goodbye.carrier import Carrier


def may_be_said(rule: Rule, pending: Pending, now: float, carrier: Carrier) -> bool:
    """Whether the goodbye may be sent now. There is no pause while received bytes are unread, also
    where reading is paused because the client reads slowly."""
    if not carrier.at_boundary:
        return False
    if may_stand(rule, pending, Place.FRAME, now, question=0):
        return True
    return pause_begins(rule, pending, question=0) <= now and not carrier.has_unread()
