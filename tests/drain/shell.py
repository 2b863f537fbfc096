"""A shell for the machine without a process: it does what the effects say and keeps the time."""

from collections.abc import Callable

from hypothesis import strategies as st

from drainproxy.drain.machine import Effect, Input, Machine, Phase, Timing
from drainproxy.drain.origin import Origin

TIMING = Timing(delay=5.0, quiet=2.0, timeout=25.0)
# What a drain does on its way out, in this order.
ONCE_PER_DRAIN = (Effect.LEAVE, Effect.CLOSE, Effect.LAST_GOODBYE, Effect.ABORT, Effect.FINISH)

timings = st.builds(
    Timing,
    delay=st.sampled_from([0.0, 0.5, 5.0, 40.0]),
    quiet=st.sampled_from([0.0, 2.0, 30.0]),
    timeout=st.sampled_from([0.0, 1.0, 3.0, 25.0]),
    leaving=st.sampled_from([0.0, 1.0, 60.0]),
)


class Shell:
    """Performs effects on counted connections; every step of the machine is checked and noted."""

    def __init__(self, timing: Timing = TIMING) -> None:
        self.now = 100.0
        self.machine = Machine(timing, self.now)
        self.listening = False
        self.in_flight = 0
        self.newest = 0.0
        # The app has gone for good, and nobody is connected.
        self.app_gone = False
        # What was done since the drain began, and the phases with the moment each began.
        self.done: list[Effect] = []
        self.phases: list[tuple[Phase, float]] = [(Phase.STARTING, self.now)]

    @classmethod
    def serving(cls, timing: Timing = TIMING, in_flight: int = 0) -> "Shell":
        shell = cls(timing)
        shell.bind()
        shell.in_flight = in_flight
        return shell

    @property
    def phase(self) -> Phase:
        return self.machine.phase

    def bind(self) -> None:
        self.listening = True
        self.perform(self.machine.handle(Input.BOUND, self.now))

    def connect(self) -> bool:
        """A client comes and asks for something; False if nobody listens."""
        if self.listening:
            self.newest = self.now
            self.in_flight += 1
            self.app_gone = False
        return self.listening

    def finish_one(self) -> None:
        self.in_flight -= 1
        self.advance()

    def drain(self, why: str = "preStop", origin: Origin = Origin.ADMIN) -> None:
        self._ask(lambda: self.machine.drain(why, self.now, origin))

    def signal(self, why: str = "SIGTERM", *, sigkill_near: bool = False) -> None:
        self._ask(lambda: self.machine.signal(why, self.now, sigkill_near=sigkill_near))

    def undrain(self) -> bool:
        effects = self.machine.undrain(self.now)
        if effects is None:
            return False
        self.perform(effects)
        self.done.clear()
        self.advance()
        return True

    def sleep(self, seconds: float) -> None:
        """Let time pass; the machine is called exactly when it wants to be."""
        until = self.now + seconds
        while (due := self.machine.due(self.newest)) is not None and due <= until:
            assert due > self.now, "the machine asks for a tick that it has just had"
            self.now = due
            self.advance()
        self.now = until
        self.advance()

    def advance(self) -> None:
        self.perform(
            self.machine.tick(self.now, self.newest, self.in_flight, app_gone=self.app_gone)
        )

    def perform(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            self.done.append(effect)
            if effect in (Effect.OPEN, Effect.CLOSE):
                self.listening = effect is Effect.OPEN
            elif effect is Effect.ABORT:
                self.in_flight = 0
        if self.phase is not self.phases[-1][0]:
            self.phases.append((self.phase, self.now))

    def _ask(self, ask: Callable[[], tuple[Effect, ...]]) -> None:
        if self.phase in (Phase.STARTING, Phase.SERVING):
            self.done.clear()
        self.perform(ask())
        self.advance()
