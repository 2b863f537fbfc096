"""The reasons of goodbyes, and how goodbyes are spread so that reconnects do not come as one
wave."""

from collections.abc import Callable

# Why a goodbye is said, and why something is cut, as the metrics have it.
DRAIN, REBALANCE = "drain", "rebalance"
MAX_AGE, MAX_STREAM_AGE = "max-connection-age", "max-stream-age"
DEADLINE, SIGNAL, IDLE = "deadline", "signal", "idle-timeout"


def spread(count: int, window: float, uniform: Callable[[], float]) -> list[float]:
    """Delays in seconds, ascending, one for each of `count` goodbyes within `window` seconds.

    Each gets an equal slot of the window and a random place in it (`uniform` gives [0, 1)), so
    the rate is steady and two replicas that leave together do not keep step.
    """
    slot = max(0.0, window) / count if count else 0.0
    return [(place + uniform()) * slot for place in range(count)]
