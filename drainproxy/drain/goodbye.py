"""The reasons of goodbyes and of cuts, and how goodbyes are spread over time."""

from collections.abc import Callable

# The label `why` of the metrics of goodbyes and of cuts.
DRAIN, REBALANCE = "drain", "rebalance"
MAX_AGE, MAX_STREAM_AGE = "max-connection-age", "max-stream-age"
DEADLINE, SIGNAL, IDLE = "deadline", "signal", "idle-timeout"


def spread(count: int, window: float, uniform: Callable[[], float]) -> list[float]:
    """Delays in seconds, ascending, one for each of `count` goodbyes within `window` seconds, so
    that reconnects do not come as one wave.

    Each gets an equal slot of the window and a random place in it (`uniform` gives [0, 1)), so
    the rate is steady, and replicas that leave together do not keep step.
    """
    slot = max(0.0, window) / count if count else 0.0
    return [(place + uniform()) * slot for place in range(count)]
