"""When those hear of a drain who come while it goes on.

Whoever still connects in `leaving` knows no other address: nobody has told it one, or there is
none. Told at once it is here again at once, as often as it is told. So it is served like anybody
before, and told later; when the listeners close it cannot come again, and all hear it.
"""

from math import inf

# Seconds. A client that is told to go comes again, so this is longer than the drain-quiet that
# people choose: in less than that one such client alone would keep `leaving` from ending. And what
# comes so long after its beginning may have been told twice, so nobody needs a fourth connection.
PATIENCE = 5.0


def told_at(came: float, leaving_since: float, sample: float) -> float:
    """The moment at which a client is told that came in `leaving`; inf if that is not before the
    listeners close. `sample`, in [0, 1), is drawn once for each, so that they are no wave."""
    if came - leaving_since >= PATIENCE:
        return inf
    return came + PATIENCE * (1 + sample)
