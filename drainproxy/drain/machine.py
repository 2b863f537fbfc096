"""The phases of a drain: every transition lives in this file.

A `Machine` is told what happened (`handle`) and what time it is (`tick`); it answers with the
effects that the shell must carry out, in order. It never waits: `due` says when it wants the
next tick. `TABLE` holds a row for every pair of phase and input, so that nothing is implied.
"""

from dataclasses import dataclass
from enum import Enum
from math import inf

from drainproxy.drain.origin import Askers, Origin, Purpose

# What `cutting` keeps of the drain's time, so that closing handshakes fit in before the deadline.
CUTTING_RESERVE = 2.0
# The share of the time before cutting after which new connections are refused, quiet or not:
# clients that know no other address come back for ever, and what the last ones ask must have time
# to finish.
LATEST_CLOSE = 0.75
# SIGTERM while the hook that holds it back is unanswered: the kubelet has run out of the grace
# period, and grants two seconds from there to SIGKILL ("minimumGracePeriodInSeconds"). What is cut
# has this long for its goodbye: with the report and the end of the process that fits in 1.5 s.
HURRY = 1.2


class Phase(Enum):
    """Where the process stands in its life."""

    STARTING = "starting"
    SERVING = "serving"
    ANNOUNCED = "announced"
    LEAVING = "leaving"
    CLOSED = "closed"
    CUTTING = "cutting"
    DRAINED = "drained"


class Input(Enum):
    """What can happen to the machine."""

    BOUND = "the listeners are bound"
    DRAIN = "an admin call or a preStop hook asks for a drain"
    SIGNAL = "the first SIGTERM, SIGINT or SIGQUIT"
    HURRY = "the first signal while the sidecar's own preStop hook is unanswered: SIGKILL is near"
    KILL = "a further one of them"
    UNDRAIN = "the drain is taken back"
    DELAY_OVER = "drain-delay is over"
    QUIET = "no new client has asked for anything for drain-quiet, or leaving-timeout is over"
    FORSAKEN = "the app has gone, nothing is in flight and nobody is connected"
    EMPTY = "nothing is in flight"
    DEADLINE = "only the time for cutting is left"
    TIMEOUT = "drain-timeout is over"


class Effect(Enum):
    """What the shell must do, in the order given."""

    OPEN = "bind the listeners"
    LEAVE = "say goodbye to every client at its next boundary"
    CLOSE = "empty the accept queue and close the listeners"
    CUT = "say a last goodbye to what is still in flight"
    ABORT = "end what is still in flight"
    FINISH = "report, wake whoever waits for the drain, and exit if a signal asked"
    RETURN = "take the goodbyes back"


P, I, E = Phase, Input, Effect  # noqa: E741 - the table below is read as a table
_STAY: tuple[Effect, ...] = ()
_KILLED = (P.DRAINED, (E.CLOSE, E.CUT, E.ABORT, E.FINISH))

TABLE: dict[tuple[Phase, Input], tuple[Phase, tuple[Effect, ...]]] = {
    (P.STARTING, I.BOUND): (P.SERVING, _STAY),
    (P.STARTING, I.DRAIN): (P.DRAINED, (E.FINISH,)),
    (P.STARTING, I.SIGNAL): (P.DRAINED, (E.FINISH,)),
    (P.STARTING, I.HURRY): (P.DRAINED, (E.FINISH,)),
    (P.STARTING, I.KILL): (P.DRAINED, (E.FINISH,)),
    (P.STARTING, I.UNDRAIN): (P.STARTING, _STAY),
    (P.STARTING, I.DELAY_OVER): (P.STARTING, _STAY),
    (P.STARTING, I.QUIET): (P.STARTING, _STAY),
    (P.STARTING, I.FORSAKEN): (P.STARTING, _STAY),
    (P.STARTING, I.EMPTY): (P.STARTING, _STAY),
    (P.STARTING, I.DEADLINE): (P.STARTING, _STAY),
    (P.STARTING, I.TIMEOUT): (P.STARTING, _STAY),
    (P.SERVING, I.BOUND): (P.SERVING, _STAY),
    (P.SERVING, I.DRAIN): (P.ANNOUNCED, _STAY),
    (P.SERVING, I.SIGNAL): (P.ANNOUNCED, _STAY),
    (P.SERVING, I.HURRY): (P.CUTTING, (E.LEAVE, E.CLOSE, E.CUT)),
    (P.SERVING, I.KILL): _KILLED,
    (P.SERVING, I.UNDRAIN): (P.SERVING, _STAY),
    (P.SERVING, I.DELAY_OVER): (P.SERVING, _STAY),
    (P.SERVING, I.QUIET): (P.SERVING, _STAY),
    (P.SERVING, I.FORSAKEN): (P.SERVING, _STAY),
    (P.SERVING, I.EMPTY): (P.SERVING, _STAY),
    (P.SERVING, I.DEADLINE): (P.SERVING, _STAY),
    (P.SERVING, I.TIMEOUT): (P.SERVING, _STAY),
    (P.ANNOUNCED, I.BOUND): (P.ANNOUNCED, _STAY),
    (P.ANNOUNCED, I.DRAIN): (P.ANNOUNCED, _STAY),
    (P.ANNOUNCED, I.SIGNAL): (P.ANNOUNCED, _STAY),
    (P.ANNOUNCED, I.HURRY): (P.CUTTING, (E.LEAVE, E.CLOSE, E.CUT)),
    (P.ANNOUNCED, I.KILL): _KILLED,
    (P.ANNOUNCED, I.UNDRAIN): (P.SERVING, _STAY),
    (P.ANNOUNCED, I.DELAY_OVER): (P.LEAVING, (E.LEAVE,)),
    (P.ANNOUNCED, I.QUIET): (P.ANNOUNCED, _STAY),
    (P.ANNOUNCED, I.FORSAKEN): (P.CLOSED, (E.LEAVE, E.CLOSE)),
    (P.ANNOUNCED, I.EMPTY): (P.ANNOUNCED, _STAY),
    (P.ANNOUNCED, I.DEADLINE): (P.CUTTING, (E.LEAVE, E.CLOSE, E.CUT)),
    (P.ANNOUNCED, I.TIMEOUT): _KILLED,
    (P.LEAVING, I.BOUND): (P.LEAVING, _STAY),
    (P.LEAVING, I.DRAIN): (P.LEAVING, _STAY),
    (P.LEAVING, I.SIGNAL): (P.LEAVING, _STAY),
    (P.LEAVING, I.HURRY): (P.CUTTING, (E.CLOSE, E.CUT)),
    (P.LEAVING, I.KILL): _KILLED,
    (P.LEAVING, I.UNDRAIN): (P.SERVING, (E.RETURN,)),
    (P.LEAVING, I.DELAY_OVER): (P.LEAVING, _STAY),
    (P.LEAVING, I.QUIET): (P.CLOSED, (E.CLOSE,)),
    (P.LEAVING, I.FORSAKEN): (P.CLOSED, (E.CLOSE,)),
    (P.LEAVING, I.EMPTY): (P.LEAVING, _STAY),
    (P.LEAVING, I.DEADLINE): (P.CUTTING, (E.CLOSE, E.CUT)),
    (P.LEAVING, I.TIMEOUT): _KILLED,
    (P.CLOSED, I.BOUND): (P.CLOSED, _STAY),
    (P.CLOSED, I.DRAIN): (P.CLOSED, _STAY),
    (P.CLOSED, I.SIGNAL): (P.CLOSED, _STAY),
    (P.CLOSED, I.HURRY): (P.CUTTING, (E.CUT,)),
    (P.CLOSED, I.KILL): (P.DRAINED, (E.CUT, E.ABORT, E.FINISH)),
    (P.CLOSED, I.UNDRAIN): (P.SERVING, (E.RETURN, E.OPEN)),
    (P.CLOSED, I.DELAY_OVER): (P.CLOSED, _STAY),
    (P.CLOSED, I.QUIET): (P.CLOSED, _STAY),
    (P.CLOSED, I.FORSAKEN): (P.CLOSED, _STAY),
    (P.CLOSED, I.EMPTY): (P.DRAINED, (E.FINISH,)),
    (P.CLOSED, I.DEADLINE): (P.CUTTING, (E.CUT,)),
    (P.CLOSED, I.TIMEOUT): (P.DRAINED, (E.CUT, E.ABORT, E.FINISH)),
    (P.CUTTING, I.BOUND): (P.CUTTING, _STAY),
    (P.CUTTING, I.DRAIN): (P.CUTTING, _STAY),
    (P.CUTTING, I.SIGNAL): (P.CUTTING, _STAY),
    (P.CUTTING, I.HURRY): (P.CUTTING, _STAY),
    (P.CUTTING, I.KILL): (P.DRAINED, (E.ABORT, E.FINISH)),
    (P.CUTTING, I.UNDRAIN): (P.CUTTING, _STAY),
    (P.CUTTING, I.DELAY_OVER): (P.CUTTING, _STAY),
    (P.CUTTING, I.QUIET): (P.CUTTING, _STAY),
    (P.CUTTING, I.FORSAKEN): (P.CUTTING, _STAY),
    (P.CUTTING, I.EMPTY): (P.DRAINED, (E.FINISH,)),
    (P.CUTTING, I.DEADLINE): (P.CUTTING, _STAY),
    (P.CUTTING, I.TIMEOUT): (P.DRAINED, (E.ABORT, E.FINISH)),
    (P.DRAINED, I.BOUND): (P.DRAINED, (E.CLOSE,)),
    (P.DRAINED, I.DRAIN): (P.DRAINED, (E.FINISH,)),
    (P.DRAINED, I.SIGNAL): (P.DRAINED, (E.FINISH,)),
    (P.DRAINED, I.HURRY): (P.DRAINED, (E.FINISH,)),
    (P.DRAINED, I.KILL): (P.DRAINED, (E.FINISH,)),
    (P.DRAINED, I.UNDRAIN): (P.SERVING, (E.RETURN, E.OPEN)),
    (P.DRAINED, I.DELAY_OVER): (P.DRAINED, _STAY),
    (P.DRAINED, I.QUIET): (P.DRAINED, _STAY),
    (P.DRAINED, I.FORSAKEN): (P.DRAINED, _STAY),
    (P.DRAINED, I.EMPTY): (P.DRAINED, _STAY),
    (P.DRAINED, I.DEADLINE): (P.DRAINED, _STAY),
    (P.DRAINED, I.TIMEOUT): (P.DRAINED, _STAY),
}

DRAINING = frozenset({P.ANNOUNCED, P.LEAVING, P.CLOSED, P.CUTTING})


@dataclass(slots=True)
class Timing:
    """How long things take, in seconds; read at each tick, so that it may change while draining."""

    delay: float
    quiet: float
    timeout: float
    # The longest that `leaving` may take, whoever comes.
    leaving: float = inf


class Machine:
    """Where a process stands in its drain; `now` is any monotonic clock in seconds."""

    def __init__(self, timing: Timing, now: float) -> None:
        self.timing = timing
        self.phase = Phase.STARTING
        self.since = now
        self.began: float | None = None
        self.why: str | None = None
        self.askers: Askers | None = None
        # When SIGKILL leaves no more time, whatever the timeout says.
        self._latest = inf
        # Once a signal has come the process ends: nothing may take the drain back.
        self.signalled = False
        self.lengths: dict[Phase, float] = {}

    @property
    def draining(self) -> bool:
        """A drain is under way and not over."""
        return self.phase in DRAINING

    @property
    def deadline(self) -> float | None:
        """When the drain that is under way, or was the last, must be over."""
        return None if self.began is None else min(self.began + self.timing.timeout, self._latest)

    @property
    def hurried(self) -> bool:
        """SIGKILL leaves no time beyond the deadline."""
        return self._latest < inf

    def purpose(self, now: float) -> Purpose | None:
        """What the drain that is under way, or was the last, is for; None where there is none."""
        return None if self.askers is None else self.askers.purpose(now)

    def drain(self, why: str, now: float, origin: Origin = Origin.ADMIN) -> tuple[Effect, ...]:
        """Somebody asks for a drain without ending the process (admin, preStop)."""
        return self._begin(Input.DRAIN, why, now, origin)

    def signal(self, why: str, now: float, *, hurried: bool = False) -> tuple[Effect, ...]:
        """A signal asks the process to end: the first drains, or cuts within `HURRY` if it is
        `hurried`; a further one cuts at once."""
        given = Input.HURRY if hurried else Input.SIGNAL
        if self.signalled:
            given = Input.KILL
        elif hurried:
            self._latest = now + HURRY
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
        """Take the step that the table has for `given`; returns what must be done."""
        phase, effects = TABLE[self.phase, given]
        if phase is not self.phase:
            if self.draining:
                self.lengths[self.phase] = now - self.since
            self.phase, self.since = phase, now
        return effects

    def tick(
        self, now: float, newest: float, in_flight: int, *, forsaken: bool = False
    ) -> tuple[Effect, ...]:
        """Take every step that is due. `newest`: when the newest connection came that has asked for
        anything. `forsaken`: the app has gone for good and nobody is connected."""
        done: tuple[Effect, ...] = ()
        while (given := self._due_input(now, newest, in_flight, forsaken)) is not None:
            done += self.handle(given, now)
        return done

    def due(self, newest: float) -> float | None:
        """When the next tick is wanted; None if only an input changes anything."""
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

    def _due_input(self, now: float, newest: float, in_flight: int, forsaken: bool) -> Input | None:
        if not in_flight and self.phase in (Phase.CLOSED, Phase.CUTTING):
            return Input.EMPTY
        if forsaken and not in_flight and self.phase in (Phase.ANNOUNCED, Phase.LEAVING):
            return Input.FORSAKEN
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
        timers = [(self.began + waiting, Input.DEADLINE)]
        if self.phase is Phase.ANNOUNCED:
            timers.append((self.began + timing.delay, Input.DELAY_OVER))
        if self.phase is Phase.LEAVING:
            quiet = max(self.since, newest) + timing.quiet
            late = min(self.since + timing.leaving, self.began + LATEST_CLOSE * waiting)
            timers.append((max(self.since, min(quiet, late)), Input.QUIET))
        return timers
