"""The phases of a drain as a state machine: every transition is in this file.

Tell a `Machine` what happened (`handle`) and what time it is (`tick`); it returns the effects to
carry out, in order. It never waits: `due` is when the next `tick` is needed. `TABLE` has a row for
every pair of phase and input, so that nothing is implied.
"""

from dataclasses import dataclass
from enum import Enum
from math import inf

from drainproxy.drain.origin import Askers, Origin, Purpose

# In seconds: so long before the deadline `cutting` begins, so that closing handshakes end in time;
# half of drain-timeout if that is less.
CUTTING_RESERVE = 2.0
# After this share of the time until cutting new connections are refused (Input.QUIET) in any case:
# clients that know no other address reconnect for ever, and the last requests need time to finish.
LATEST_CLOSE = 0.75
# In seconds, from a SIGTERM that arrives while our preStop hook is unanswered to ABORT: the grace
# period is over then, and the kubelet grants 2 s until SIGKILL ("minimumGracePeriodInSeconds").
# With the report and the end of the process it takes 1.5 s.
TIME_BEFORE_SIGKILL = 1.2


class Phase(Enum):
    """The phases in the life of a process."""

    STARTING = "starting"
    SERVING = "serving"
    ANNOUNCED = "announced"
    LEAVING = "leaving"
    CLOSED = "closed"
    CUTTING = "cutting"
    DRAINED = "drained"


class Input(Enum):
    """The events of the machine."""

    BOUND = "the listeners are bound"
    DRAIN = "an admin call or a preStop hook asks for a drain"
    SIGNAL = "the first SIGTERM, SIGINT or SIGQUIT"
    SIGKILL_NEAR = (
        "the first signal while the sidecar's own preStop hook is unanswered: SIGKILL is near"
    )
    SIGNAL_AGAIN = "a further SIGTERM, SIGINT or SIGQUIT"
    UNDRAIN = "the drain is cancelled"
    DELAY_OVER = "drain-delay is over"
    QUIET = (
        "no new client has asked for anything for drain-quiet, or leaving-timeout, or 75 % of the"
        " time until cutting, is over"
    )
    APP_GONE = "the app has gone, nothing is in flight and nobody is connected"
    EMPTY = "nothing is in flight"
    CUTTING_DUE = "only the time for cutting is left"
    TIMEOUT = "drain-timeout is over"


class Effect(Enum):
    """The actions that the caller must carry out."""

    OPEN = "bind the listeners"
    LEAVE = "say goodbye to every client at its next boundary"
    CLOSE = "empty the accept queue and close the listeners"
    LAST_GOODBYE = "say a last goodbye to what is still in flight"
    ABORT = "end what is still in flight"
    FINISH = "report, answer whoever waits for the drain, and exit if a signal asked for it"
    CANCEL_GOODBYES = "cancel the goodbyes that have not been said"


P, I, E = Phase, Input, Effect  # noqa: E741 - the table below is read as a table
_NO_EFFECT: tuple[Effect, ...] = ()
_CUT_AT_ONCE = (P.DRAINED, (E.CLOSE, E.LAST_GOODBYE, E.ABORT, E.FINISH))

TABLE: dict[tuple[Phase, Input], tuple[Phase, tuple[Effect, ...]]] = {
    (P.STARTING, I.BOUND): (P.SERVING, _NO_EFFECT),
    (P.STARTING, I.DRAIN): (P.DRAINED, (E.FINISH,)),
    (P.STARTING, I.SIGNAL): (P.DRAINED, (E.FINISH,)),
    (P.STARTING, I.SIGKILL_NEAR): (P.DRAINED, (E.FINISH,)),
    (P.STARTING, I.SIGNAL_AGAIN): (P.DRAINED, (E.FINISH,)),
    (P.STARTING, I.UNDRAIN): (P.STARTING, _NO_EFFECT),
    (P.STARTING, I.DELAY_OVER): (P.STARTING, _NO_EFFECT),
    (P.STARTING, I.QUIET): (P.STARTING, _NO_EFFECT),
    (P.STARTING, I.APP_GONE): (P.STARTING, _NO_EFFECT),
    (P.STARTING, I.EMPTY): (P.STARTING, _NO_EFFECT),
    (P.STARTING, I.CUTTING_DUE): (P.STARTING, _NO_EFFECT),
    (P.STARTING, I.TIMEOUT): (P.STARTING, _NO_EFFECT),
    (P.SERVING, I.BOUND): (P.SERVING, _NO_EFFECT),
    (P.SERVING, I.DRAIN): (P.ANNOUNCED, _NO_EFFECT),
    (P.SERVING, I.SIGNAL): (P.ANNOUNCED, _NO_EFFECT),
    (P.SERVING, I.SIGKILL_NEAR): (P.CUTTING, (E.LEAVE, E.CLOSE, E.LAST_GOODBYE)),
    (P.SERVING, I.SIGNAL_AGAIN): _CUT_AT_ONCE,
    (P.SERVING, I.UNDRAIN): (P.SERVING, _NO_EFFECT),
    (P.SERVING, I.DELAY_OVER): (P.SERVING, _NO_EFFECT),
    (P.SERVING, I.QUIET): (P.SERVING, _NO_EFFECT),
    (P.SERVING, I.APP_GONE): (P.SERVING, _NO_EFFECT),
    (P.SERVING, I.EMPTY): (P.SERVING, _NO_EFFECT),
    (P.SERVING, I.CUTTING_DUE): (P.SERVING, _NO_EFFECT),
    (P.SERVING, I.TIMEOUT): (P.SERVING, _NO_EFFECT),
    (P.ANNOUNCED, I.BOUND): (P.ANNOUNCED, _NO_EFFECT),
    (P.ANNOUNCED, I.DRAIN): (P.ANNOUNCED, _NO_EFFECT),
    (P.ANNOUNCED, I.SIGNAL): (P.ANNOUNCED, _NO_EFFECT),
    (P.ANNOUNCED, I.SIGKILL_NEAR): (P.CUTTING, (E.LEAVE, E.CLOSE, E.LAST_GOODBYE)),
    (P.ANNOUNCED, I.SIGNAL_AGAIN): _CUT_AT_ONCE,
    (P.ANNOUNCED, I.UNDRAIN): (P.SERVING, _NO_EFFECT),
    (P.ANNOUNCED, I.DELAY_OVER): (P.LEAVING, (E.LEAVE,)),
    (P.ANNOUNCED, I.QUIET): (P.ANNOUNCED, _NO_EFFECT),
    (P.ANNOUNCED, I.APP_GONE): (P.CLOSED, (E.LEAVE, E.CLOSE)),
    (P.ANNOUNCED, I.EMPTY): (P.ANNOUNCED, _NO_EFFECT),
    (P.ANNOUNCED, I.CUTTING_DUE): (P.CUTTING, (E.LEAVE, E.CLOSE, E.LAST_GOODBYE)),
    (P.ANNOUNCED, I.TIMEOUT): _CUT_AT_ONCE,
    (P.LEAVING, I.BOUND): (P.LEAVING, _NO_EFFECT),
    (P.LEAVING, I.DRAIN): (P.LEAVING, _NO_EFFECT),
    (P.LEAVING, I.SIGNAL): (P.LEAVING, _NO_EFFECT),
    (P.LEAVING, I.SIGKILL_NEAR): (P.CUTTING, (E.CLOSE, E.LAST_GOODBYE)),
    (P.LEAVING, I.SIGNAL_AGAIN): _CUT_AT_ONCE,
    (P.LEAVING, I.UNDRAIN): (P.SERVING, (E.CANCEL_GOODBYES,)),
    (P.LEAVING, I.DELAY_OVER): (P.LEAVING, _NO_EFFECT),
    (P.LEAVING, I.QUIET): (P.CLOSED, (E.CLOSE,)),
    (P.LEAVING, I.APP_GONE): (P.CLOSED, (E.CLOSE,)),
    (P.LEAVING, I.EMPTY): (P.LEAVING, _NO_EFFECT),
    (P.LEAVING, I.CUTTING_DUE): (P.CUTTING, (E.CLOSE, E.LAST_GOODBYE)),
    (P.LEAVING, I.TIMEOUT): _CUT_AT_ONCE,
    (P.CLOSED, I.BOUND): (P.CLOSED, _NO_EFFECT),
    (P.CLOSED, I.DRAIN): (P.CLOSED, _NO_EFFECT),
    (P.CLOSED, I.SIGNAL): (P.CLOSED, _NO_EFFECT),
    (P.CLOSED, I.SIGKILL_NEAR): (P.CUTTING, (E.LAST_GOODBYE,)),
    (P.CLOSED, I.SIGNAL_AGAIN): (P.DRAINED, (E.LAST_GOODBYE, E.ABORT, E.FINISH)),
    (P.CLOSED, I.UNDRAIN): (P.SERVING, (E.CANCEL_GOODBYES, E.OPEN)),
    (P.CLOSED, I.DELAY_OVER): (P.CLOSED, _NO_EFFECT),
    (P.CLOSED, I.QUIET): (P.CLOSED, _NO_EFFECT),
    (P.CLOSED, I.APP_GONE): (P.CLOSED, _NO_EFFECT),
    (P.CLOSED, I.EMPTY): (P.DRAINED, (E.FINISH,)),
    (P.CLOSED, I.CUTTING_DUE): (P.CUTTING, (E.LAST_GOODBYE,)),
    (P.CLOSED, I.TIMEOUT): (P.DRAINED, (E.LAST_GOODBYE, E.ABORT, E.FINISH)),
    (P.CUTTING, I.BOUND): (P.CUTTING, _NO_EFFECT),
    (P.CUTTING, I.DRAIN): (P.CUTTING, _NO_EFFECT),
    (P.CUTTING, I.SIGNAL): (P.CUTTING, _NO_EFFECT),
    (P.CUTTING, I.SIGKILL_NEAR): (P.CUTTING, _NO_EFFECT),
    (P.CUTTING, I.SIGNAL_AGAIN): (P.DRAINED, (E.ABORT, E.FINISH)),
    (P.CUTTING, I.UNDRAIN): (P.CUTTING, _NO_EFFECT),
    (P.CUTTING, I.DELAY_OVER): (P.CUTTING, _NO_EFFECT),
    (P.CUTTING, I.QUIET): (P.CUTTING, _NO_EFFECT),
    (P.CUTTING, I.APP_GONE): (P.CUTTING, _NO_EFFECT),
    (P.CUTTING, I.EMPTY): (P.DRAINED, (E.FINISH,)),
    (P.CUTTING, I.CUTTING_DUE): (P.CUTTING, _NO_EFFECT),
    (P.CUTTING, I.TIMEOUT): (P.DRAINED, (E.ABORT, E.FINISH)),
    (P.DRAINED, I.BOUND): (P.DRAINED, (E.CLOSE,)),
    (P.DRAINED, I.DRAIN): (P.DRAINED, (E.FINISH,)),
    (P.DRAINED, I.SIGNAL): (P.DRAINED, (E.FINISH,)),
    (P.DRAINED, I.SIGKILL_NEAR): (P.DRAINED, (E.FINISH,)),
    (P.DRAINED, I.SIGNAL_AGAIN): (P.DRAINED, (E.FINISH,)),
    (P.DRAINED, I.UNDRAIN): (P.SERVING, (E.CANCEL_GOODBYES, E.OPEN)),
    (P.DRAINED, I.DELAY_OVER): (P.DRAINED, _NO_EFFECT),
    (P.DRAINED, I.QUIET): (P.DRAINED, _NO_EFFECT),
    (P.DRAINED, I.APP_GONE): (P.DRAINED, _NO_EFFECT),
    (P.DRAINED, I.EMPTY): (P.DRAINED, _NO_EFFECT),
    (P.DRAINED, I.CUTTING_DUE): (P.DRAINED, _NO_EFFECT),
    (P.DRAINED, I.TIMEOUT): (P.DRAINED, _NO_EFFECT),
}

DRAINING = frozenset({P.ANNOUNCED, P.LEAVING, P.CLOSED, P.CUTTING})


@dataclass(slots=True)
class Timing:
    """The settings of a drain, in seconds; read at each tick, so that they may change meanwhile.
    `leaving`: the longest that the phase of that name may take."""

    delay: float
    quiet: float
    timeout: float
    leaving: float = inf


class Machine:
    """The state machine of one process. `now` is any monotonic clock, in seconds."""

    def __init__(self, timing: Timing, now: float) -> None:
        self.timing = timing
        self.phase = Phase.STARTING
        self.since = now
        self.began: float | None = None
        self.why: str | None = None
        self.askers: Askers | None = None
        # The deadline once SIGKILL is near, whatever drain-timeout is; inf before.
        self._latest = inf
        # A signal has come, so the process will end: the drain cannot be taken back.
        self.signalled = False
        self.lengths: dict[Phase, float] = {}

    @property
    def draining(self) -> bool:
        """Whether a drain is under way."""
        return self.phase in DRAINING

    @property
    def deadline(self) -> float | None:
        """When the current drain, or the last one, must be over; None without one."""
        return None if self.began is None else min(self.began + self.timing.timeout, self._latest)

    @property
    def sigkill_near(self) -> bool:
        """Whether SIGKILL follows the deadline at once."""
        return self._latest < inf

    def purpose(self, now: float) -> Purpose | None:
        """The purpose of the current drain, or of the last one; None without one."""
        return None if self.askers is None else self.askers.purpose(now)

    def drain(self, why: str, now: float, origin: Origin = Origin.ADMIN) -> tuple[Effect, ...]:
        """Begin a drain that does not end the process (admin, preStop)."""
        return self._begin(Input.DRAIN, why, now, origin)

    def signal(self, why: str, now: float, *, sigkill_near: bool = False) -> tuple[Effect, ...]:
        """A signal asks the process to end: the first drains, or cuts within TIME_BEFORE_SIGKILL
        if `sigkill_near`; a further one cuts at once."""
        given = Input.SIGKILL_NEAR if sigkill_near else Input.SIGNAL
        if self.signalled:
            given = Input.SIGNAL_AGAIN
        elif sigkill_near:
            self._latest = now + TIME_BEFORE_SIGKILL
        self.signalled = True
        return self._begin(given, why, now, Origin.SIGNAL)

    def undrain(self, now: float) -> tuple[Effect, ...] | None:
        """Take the drain back; None where that is not allowed (after a signal, while cutting)."""
        if self.signalled or self.phase in (Phase.STARTING, Phase.CUTTING):
            return None
        effects = self.handle(Input.UNDRAIN, now)
        self.began = self.why = self.askers = None
        return effects

    def handle(self, given: Input, now: float) -> tuple[Effect, ...]:
        """Take the step in `TABLE`; returns what must be done, in this order."""
        phase, effects = TABLE[self.phase, given]
        if phase is not self.phase:
            if self.draining:
                self.lengths[self.phase] = now - self.since
            self.phase, self.since = phase, now
        return effects

    def tick(
        self, now: float, newest: float, in_flight: int, *, app_gone: bool = False
    ) -> tuple[Effect, ...]:
        """Take every step that is due; returns what must be done. `newest`: when the newest
        connection came that has asked for anything. `app_gone`: the app has gone for good, and no
        client is connected."""
        done: tuple[Effect, ...] = ()
        while (given := self._due_input(now, newest, in_flight, app_gone)) is not None:
            done += self.handle(given, now)
        return done

    def due(self, newest: float) -> float | None:
        """When the next tick is due; None if only an input can change anything."""
        times = [when for when, _ in self._timers(newest)]
        return min(times) if times else None

    def _begin(self, given: Input, why: str, now: float, origin: Origin) -> tuple[Effect, ...]:
        if self.phase in (Phase.STARTING, Phase.SERVING):
            self.began, self.why, self.lengths = now, why, {}
        if self.askers is None:
            self.askers = Askers(origin, now)
        else:
            self.askers.add(origin, now)
        return self.handle(given, now)

    def _due_input(self, now: float, newest: float, in_flight: int, app_gone: bool) -> Input | None:
        if not in_flight and self.phase in (Phase.CLOSED, Phase.CUTTING):
            return Input.EMPTY
        if app_gone and not in_flight and self.phase in (Phase.ANNOUNCED, Phase.LEAVING):
            return Input.APP_GONE
        for when, given in self._timers(newest):
            if when <= now:
                return given
        return None

    def _timers(self, newest: float) -> list[tuple[float, Input]]:
        """The timers of the current phase, the most drastic first."""
        if self.began is None or not self.draining:
            return []
        timing = self.timing
        if self.phase is Phase.CUTTING:
            return [(min(self.began + timing.timeout, self._latest), Input.TIMEOUT)]
        waiting = timing.timeout - min(CUTTING_RESERVE, timing.timeout / 2)
        timers = [(self.began + waiting, Input.CUTTING_DUE)]
        if self.phase is Phase.ANNOUNCED:
            timers.append((self.began + timing.delay, Input.DELAY_OVER))
        if self.phase is Phase.LEAVING:
            quiet = max(self.since, newest) + timing.quiet
            late = min(self.since + timing.leaving, self.began + LATEST_CLOSE * waiting)
            timers.append((max(self.since, min(quiet, late)), Input.QUIET))
        return timers
