"""When a connection is old enough for its client to be asked to reconnect, and when it is cut.

Connections are balanced only when they are opened: without an age they would never reach new
replicas. Those that were opened together must not end together, so each age has a random jitter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

# The kind of a single gRPC stream, which has an age of its own.
STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Aging:
    """The settings of ages. `ages`: seconds by kind, and by STREAM for single gRPC streams; 0 or
    absent for never. `jitter`: the share of an age by which it varies, either way. `grace`: how
    many seconds after its age a connection is cut, 0 for never.

    `jitter_sample` in the methods: a number in [0, 1), drawn once for each connection. Moments are
    inf for never.
    """

    ages: Mapping[str, float] = field(default_factory=dict)
    jitter: float = 0.0
    grace: float = 0.0

    def expires_at(self, kind: str, since: float, jitter_sample: float) -> float:
        """When a connection expires whose age counts from `since`."""
        age = self.ages.get(kind)
        return since + age * (1 + self.jitter * (2 * jitter_sample - 1)) if age else inf

    def recomputed_expiry(self, kind: str, now: float, jitter_sample: float) -> float:
        """When a connection expires that is over an age which was just changed: within the time
        that the jitter spreads ages over, so that the change causes no wave of reconnects."""
        return now + self.ages[kind] * self.jitter * 2 * jitter_sample

    def grace_ends_at(self, expired: float) -> float:
        """When a connection that has `expired` is cut, if it still carries something."""
        return expired + self.grace if self.grace else inf
