"""Rate limits against abuse by an HTTP/2 client: resets, control frames and empty frames.

Beyond them the connection ends with GOAWAY ENHANCE_YOUR_CALM (RFC 9113 10.5). Honest clients stay
below: DATA earns credit for control frames, and resets among many good streams are allowed.
"""

from drainproxy.drain.rate_limits import ProportionalLimit, RateLimit
from drainproxy.wire.http2 import ENHANCE_YOUR_CALM, Http2Error

# Frames that are cheap to send and cost the app a little: how many are allowed in how many seconds,
# and how many more for each DATA frame in either direction.
_CONTROL_FRAMES, _CONTROL_WINDOW = 1000, 10.0
_CONTROL_FRAMES_PER_DATA = 10
_EMPTY_FRAMES = 100
_RESETS_WINDOW = 30.0


class Floods:
    """The budgets of one client; each method takes one. Http2Error if that is too much."""

    __slots__ = (
        "_control",
        "_empty",
        "_on_credit",
        "_passed_before",
        "_passed_lately",
        "_window",
        "resets",
    )

    def __init__(self, max_resets: int) -> None:
        self.resets = ProportionalLimit(max_resets, _RESETS_WINDOW)
        self._control = RateLimit(_CONTROL_FRAMES, _CONTROL_WINDOW)
        self._empty = RateLimit(_EMPTY_FRAMES, _CONTROL_WINDOW)
        # How many came beyond the budget of the window that ends then, and how many frames of DATA
        # had passed when it began, and the one before it.
        self._window = 0.0
        self._on_credit = self._passed_lately = self._passed_before = 0

    def spend_reset(self, now: float, begun: int) -> None:
        """A stream was reset; `begun` have been begun so far, whoever has done it."""
        if not self.resets.spend(now, begun):
            raise _calm_down("too many streams were reset", "max-resets", self.resets.spent)

    def spend_control(self, now: float, data_frames: int) -> None:
        """A frame that carries nothing; so many frames of DATA have passed in both directions."""
        control = self._control
        within = control.spend(now)
        if control.ends != self._window:
            self._window, self._on_credit = control.ends, 0
            self._passed_before, self._passed_lately = self._passed_lately, data_frames
        if not within:
            self._on_credit += 1
            paid = _CONTROL_FRAMES_PER_DATA * (data_frames - self._passed_before)
            if self._on_credit > paid:
                raise _calm_down("too many control frames", "control-frames", control.spent)

    def spend_empty(self, now: float) -> None:
        """A frame of DATA without a byte, which ends nothing."""
        if not self._empty.spend(now):
            raise _calm_down("too many empty frames", "empty-frames", self._empty.spent)


def _calm_down(reason: str, budget: str, spent: int) -> Http2Error:
    return Http2Error(ENHANCE_YOUR_CALM, reason, budget, spent)
