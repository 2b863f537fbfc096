"""When clients that connect during a drain get their goodbye.

A client that still connects in `leaving` knows no other address: its balancer has not removed this
one, or there is no other. If it were told at once, it would be back at once, again and again. So it
is served, and told some seconds later. When the listeners close all are told, since then no client
can come back.
"""

from math import inf

# In seconds. A client that is told reconnects, so this is longer than usual values of drain-quiet:
# otherwise a single such client would keep `leaving` from ending. A client that connects so late
# after the effect LEAVE, or later, is told only when the listeners close (CLOSE): by then it may
# have been told twice already.
TOLD_AFTER = 5.0


def told_at(came: float, leaving_since: float, sample: float) -> float:
    """When a client is told that `came` in `leaving`; inf if only when the listeners close.
    `sample`: a number in [0, 1), drawn once for each client, that spreads them."""
    if came - leaving_since >= TOLD_AFTER:
        return inf
    return came + TOLD_AFTER * (1 + sample)
