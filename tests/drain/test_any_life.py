"""The machine under any order of what can happen, on a clock that steps as it likes."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from drainproxy.drain.machine import DRAINING, Effect, Phase, Timing
from drainproxy.drain.origin import Origin
from tests.drain.shell import ONCE_PER_DRAIN, Shell, timings


class AnyLife(RuleBasedStateMachine):
    """Any order of what can happen, on a clock that steps as it likes."""

    @initialize(timing=timings, bound=st.booleans())
    def start(self, timing: Timing, bound: bool) -> None:
        self.shell = Shell.serving(timing) if bound else Shell(timing)
        self.signals = 0

    @rule()
    def bind(self) -> None:
        if self.shell.phase is Phase.STARTING:
            self.shell.bind()

    @rule()
    def connect(self) -> None:
        before = self.shell.phase
        accepted = self.shell.connect()
        assert accepted == (before in (Phase.SERVING, Phase.ANNOUNCED, Phase.LEAVING))

    @precondition(lambda self: self.shell.in_flight)
    @rule()
    def finish_one(self) -> None:
        self.shell.finish_one()

    @rule()
    def drain(self) -> None:
        self.shell.drain()

    @rule(origin=st.sampled_from(Origin))
    def hook(self, origin: Origin) -> None:
        self.shell.drain(origin=origin)

    @precondition(lambda self: self.signals < 2)
    @rule(sigkill_near=st.booleans())
    def signal(self, sigkill_near: bool) -> None:
        self.signals += 1
        self.shell.signal(sigkill_near=sigkill_near)
        assert self.shell.phase in DRAINING | {Phase.DRAINED}
        assert self.signals < 2 or self.shell.phase is Phase.DRAINED

    @precondition(lambda self: not self.shell.in_flight)
    @rule()
    def forsake(self) -> None:
        """The app has gone."""
        self.shell.app_gone = True
        self.shell.advance()
        assert self.shell.phase not in (Phase.ANNOUNCED, Phase.LEAVING, Phase.CLOSED)
        self.shell.app_gone = False

    @rule()
    def undrain(self) -> None:
        before, phase = self.signals, self.shell.phase
        taken_back = self.shell.undrain()
        assert taken_back == (not before and phase not in (Phase.STARTING, Phase.CUTTING))
        assert not taken_back or self.shell.phase is Phase.SERVING

    @rule(seconds=st.sampled_from([0.0, 0.25, 1.0, 2.0, 5.0, 30.0]))
    def sleep(self, seconds: float) -> None:
        self.shell.sleep(seconds)

    @rule(seconds=st.sampled_from([1.0, 10.0, 100.0]))
    def oversleep(self, seconds: float) -> None:
        """The loop was busy: the tick comes late."""
        self.shell.now += seconds
        self.shell.advance()

    @rule(timing=timings)
    def reload(self, timing: Timing) -> None:
        self.shell.machine.timing = timing
        self.shell.advance()

    @invariant()
    def nothing_is_done_twice_in_one_drain(self) -> None:
        done = [effect for effect in self.shell.done if effect in ONCE_PER_DRAIN]
        while done[-2:] == [Effect.FINISH] * 2:  # said again to who asked again
            done.pop()
        assert done == sorted(set(done), key=list(Effect).index)

    @invariant()
    def the_end_is_kept(self) -> None:
        shell, machine = self.shell, self.shell.machine
        if machine.draining:
            assert machine.deadline is not None
            assert shell.now < machine.deadline
        if shell.phase is Phase.DRAINED:
            assert shell.in_flight == 0
            assert not shell.listening


TestAnyLife = AnyLife.TestCase
