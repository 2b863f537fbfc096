"""When clients that connect during a drain get their goodbye.

A client that still connects in `leaving` knows no other address: its balancer has not removed this
one, or there is no other. If it were told at once, it would be back at once, again and again. So it
is served, and told some seconds later; all are told when the listeners close, since then nobody can
come back.
"""

from math import inf

# Seconds. A client that is told to go comes again, so this is longer than the drain-quiet that
# people choose: in less than that one such client alone would keep `leaving` from ending. A client
# that comes this late may have been told twice: it keeps this third connection until the close.
TOLD_AFTER = 5.0


def told_at(came: float, leaving_since: float, sample: float) -> float:
    """The moment at which a client is told that came in `leaving`; inf if that is not before the
    listeners close. `sample`, in [0, 1), is drawn once for each, so that they are no wave."""
    if came - leaving_since >= TOLD_AFTER:
        return inf
    return came + TOLD_AFTER * (1 + sample)
