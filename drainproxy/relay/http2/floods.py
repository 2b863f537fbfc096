"""Rate limits against abuse by an HTTP/2 client: resets, control frames and empty frames.

Beyond them the connection ends with GOAWAY ENHANCE_YOUR_CALM (RFC 9113 10.5). Honest clients stay
below: DATA and streams earn credit for control frames, and resets among many good streams are
allowed.
"""

from drainproxy.drain.rate_limits import ProportionalLimit, RateLimit
from drainproxy.wire.http2 import ENHANCE_YOUR_CALM, Http2Error

# Control frames are cheap to send and cost the app a little: how many are allowed in how many
# seconds, and how many more for each further stream and each DATA frame in either direction. Envoy
# counts alike: 100 PRIORITY and 2 WINDOW_UPDATE for a stream, 20 WINDOW_UPDATE for a DATA frame.
_CONTROL_FRAMES, _CONTROL_WINDOW = 1000, 10.0
_CONTROL_FRAMES_EARNED = 10
_EMPTY_FRAMES = 100
_RESETS_WINDOW = 30.0


class Floods:
    """The budgets of one client. Each method takes one; Http2Error if the budget is exceeded."""

    __slots__ = (
        "_control",
        "_earned_before",
        "_earned_lately",
        "_empty",
        "_on_credit",
        "_window",
        "resets",
    )

    def __init__(self, max_resets: int) -> None:
        self.resets = ProportionalLimit(max_resets, _RESETS_WINDOW)
        self._control = RateLimit(_CONTROL_FRAMES, _CONTROL_WINDOW)
        self._empty = RateLimit(_EMPTY_FRAMES, _CONTROL_WINDOW)
        # The end of the current window; how many control frames came beyond its budget; and what
        # had earned credit when this window began, and the one before it.
        self._window = 0.0
        self._on_credit = self._earned_lately = self._earned_before = 0

    def spend_reset(self, now: float, begun: int) -> None:
        """A stream was reset. `begun`: how many were begun so far, by either side."""
        if not self.resets.spend(now, begun):
            raise _calm_down("too many streams were reset", "max-resets", self.resets.spent)

    def spend_control(self, now: float, earned: int) -> None:
        """A control frame. `earned`: how many DATA frames have passed so far in both directions,
        and how many streams to the app, without the first."""
        control = self._control
        within = control.spend(now)
        if control.ends != self._window:
            self._window, self._on_credit = control.ends, 0
            self._earned_before, self._earned_lately = self._earned_lately, earned
        if not within:
            self._on_credit += 1
            paid = _CONTROL_FRAMES_EARNED * (earned - self._earned_before)
            if self._on_credit > paid:
                raise _calm_down("too many control frames", "control-frames", control.spent)

    def spend_empty(self, now: float) -> None:
        """A DATA frame without a byte and without END_STREAM."""
        if not self._empty.spend(now):
            raise _calm_down("too many empty frames", "empty-frames", self._empty.spent)


def _calm_down(reason: str, budget: str, spent: int) -> Http2Error:
    return Http2Error(ENHANCE_YOUR_CALM, reason, budget, spent)
