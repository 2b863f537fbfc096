"""Readiness: the phase of the sidecar, and whether the apps that count are healthy.

No app may ever listen on a declared port (clustering, profiling). So the ports in `ready-ports`
count from the start, and any other port from its first good answer on.
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Protocol

from drainproxy.config import Address, Forward, Settings, UnixSocket, counts
from drainproxy.drain.machine import Machine, Phase
from drainproxy.drain.origin import Purpose
from drainproxy.sidecar import sock_diag
from drainproxy.sidecar.presence import Presence
from drainproxy.sidecar.probes import AppHealthCheck, ask

# In seconds: an answer of the app is used for so long, so that many probes cost one check. The
# kubelet probes each second, sometimes a little early.
FRESH = 0.75
# An app that was healthy is unhealthy after so many bad answers in a row.
AWAY_AFTER = 3
# In seconds: `status` shows the last answer for so long, if there is no newer one.
_REMEMBERED = 30.0
# In seconds: an app without a good answer for so long is named in the log.
_PATIENCE = 5.0
# In seconds: it is checked so often whether the apps listen. The kernel does not report changes.
_LOOK_EVERY = 1.0
_HINT = "the setting ready-ports names the ports that count"

# The phases of a drain in which clients are accepted, and those in which we are ready, by the
# setting `unready`.
_ACCEPTING = (Phase.ANNOUNCED, Phase.LEAVING)
_READY_UNTIL = {"announced": (), "leaving": (Phase.ANNOUNCED,), "closed": _ACCEPTING}

log = logging.getLogger("drainproxy.readiness")


def unready_phase(phase: Phase, unready: str, purpose: Purpose | None = None) -> str:
    """Why we are not ready in this phase of a drain with this purpose; empty if we are. `unready`:
    the setting of that name.

    The setting holds if the pod is being deleted. Then its endpoint is not ready anyway, and
    kube-proxy falls back to ready terminating endpoints if there are no others (KEP-1669).
    """
    if phase is Phase.STARTING:
        return "starting: the listeners are not bound yet"
    if phase is Phase.SERVING:
        return ""
    if phase in _ACCEPTING:
        if purpose is Purpose.UNDECIDED:
            return ""
        if purpose is Purpose.DELETION and phase in _READY_UNTIL[unready]:
            return ""
    why = f": {purpose.value}" if purpose is Purpose.RESTART else ""
    return f"draining ({phase.value}){why}"


class ReadinessSource(Protocol):
    """The parts of a sidecar that readiness depends on."""

    settings: Settings
    forwards: tuple[Forward, ...]
    machine: Machine

    @property
    def listening(self) -> bool:
        """Whether all listeners are bound."""

    def now(self) -> float:
        """The clock, in seconds."""


class Readiness:
    """Answers the readiness probes of one sidecar."""

    def __init__(self, sidecar: ReadinessSource) -> None:
        self._sidecar = sidecar
        self._asked = 0.0
        self._answer: asyncio.Task[str] | None = None
        self._asking_others: asyncio.Task[dict[AppHealthCheck, str]] | None = None
        settings = sidecar.settings
        self._questions = {
            forward: AppHealthCheck.of(forward, settings.app_health) for forward in sidecar.forwards
        }
        self._presences = {
            forward.app: Presence(str(forward.app), sidecar.now) for forward in sidecar.forwards
        }
        # The checks that count; at first those of `ready-ports`.
        self._counting = {
            question
            for forward, question in self._questions.items()
            if counts(forward, settings.ready_ports)
        }
        # The last problem by check, empty if healthy; and how many bad answers have come in a row,
        # for checks that have succeeded before.
        self._problems: dict[AppHealthCheck, str] = {}
        self._failures: dict[AppHealthCheck, int] = {}
        # Since when a check that counts has had a problem, and those whose problem was logged.
        self._since: dict[AppHealthCheck, float] = {}
        self._said: set[AppHealthCheck] = set()

    async def problem(self) -> str:
        """Why we are not ready; empty if we are."""
        if unready := self._unready():
            return unready
        answer = await asyncio.shield(self._ask())
        # A drain may have begun while the app was asked.
        return self._unready() or answer

    def known(self) -> str | None:
        """Why we are not ready, without waiting; empty if we are, None while apps are checked."""
        if unready := self._unready():
            return unready
        answer = self._ask()
        return answer.result() if answer.done() else None

    def forget_failures(self) -> None:
        """Forget past answers: after an undrain there may be a new app."""
        self._failures.clear()
        if self._answer is not None and self._answer.done():
            self._answer = None

    def counting(self) -> tuple[Forward, ...]:
        """The forwards to apps without which we are not ready at the moment."""
        return tuple(
            forward for forward, question in self._questions.items() if question in self._counting
        )

    def presence(self, app: Address | UnixSocket) -> Presence:
        """The `Presence` of one app."""
        return self._presences[app]

    def missing(self) -> list[dict[str, object]]:
        """The apps that do not listen, or whose last answer was bad, as plain values for JSON. No
        app is checked for this."""
        wrong = self._wrong()
        return [
            {
                "listen": str(forward.listen),
                "app": str(forward.app),
                "counts": question in self._counting,
                "problem": wrong[question],
            }
            for forward, question in self._questions.items()
            if question in wrong
        ]

    def not_ready(self) -> str:
        """Why we are not ready, as far as that is known without a check."""
        wrong = self._wrong()
        asked = self._sidecar.now() - self._asked < _REMEMBERED
        counting = (
            wrong[each]
            for each in self._in_order()
            if each in wrong and not (asked and self._is_tolerated(each))
        )
        return self._unready() or next(counting, "")

    async def watch(self) -> None:
        """Log which apps are missing, once each, also if nothing probes us. Runs for ever. Apps
        that do not count are named once the others are there."""
        ready = False
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            self._tell_presences()
            if self._unready():
                continue
            wrong = self._say()
            if not ready and not wrong.keys() & self._counting:
                ready = True
                for question in wrong:
                    log.info("nothing listens at %s; it does not count for readiness", question.app)

    def _unready(self) -> str:
        """Why we are not ready apart from the apps; empty if nothing else prevents it."""
        sidecar, machine = self._sidecar, self._sidecar.machine
        purpose = machine.purpose(sidecar.now())
        unready = unready_phase(machine.phase, sidecar.settings.unready, purpose)
        if not unready and not sidecar.listening:
            unready = "a listener is not bound again yet"
        return unready

    def _ask(self) -> asyncio.Task[str]:
        """The check under way, or the last one if it is fresh, or a new one."""
        now = self._sidecar.now()
        if self._answer is None or (self._answer.done() and now - self._asked >= FRESH):
            self._asked = now
            self._answer = asyncio.create_task(self._ask_all())
        return self._answer

    async def _ask_all(self) -> str:
        counting = self._in_order()
        others = set(self._questions.values()) - self._counting
        if others and (self._asking_others is None or self._asking_others.done()):
            # Apps that do not count may never answer, so they are not waited for.
            self._asking_others = asyncio.create_task(self._ask_these(others))
        problems = await self._ask_these(counting)
        self._say()
        away = (problems[each] for each in counting if not self._is_tolerated(each))
        return next(filter(None, away), "")

    def _is_tolerated(self, question: AppHealthCheck) -> bool:
        """Whether the app was healthy, and has had fewer than AWAY_AFTER bad answers since."""
        return self._failures.get(question, AWAY_AFTER) < AWAY_AFTER

    async def _ask_these(self, questions: Collection[AppHealthCheck]) -> dict[AppHealthCheck, str]:
        settings = self._sidecar.settings
        problems = await ask(questions, settings.max_fields, settings.app_source)
        self._problems |= problems
        for question, problem in problems.items():
            if not problem:
                self._failures[question] = 0
            elif question in self._failures:
                self._failures[question] += 1
        self._counting |= {each for each, problem in problems.items() if not problem}
        return problems

    def _in_order(self) -> list[AppHealthCheck]:
        return [each for each in self._questions.values() if each in self._counting]

    def _wrong(self) -> dict[AppHealthCheck, str]:
        """The problems of apps: nothing listens there now, or the last answer was bad."""
        ports = sock_diag.listening_ports()
        recent = self._sidecar.now() - self._asked < _REMEMBERED
        found = {}
        for question in self._questions.values():
            if ports is not None and sock_diag.is_absent(question.app, ports):
                found[question] = f"nothing listens at {question.app}, where the app should be"
            elif recent and (problem := self._problems.get(question)):
                found[question] = problem
        return found

    def _tell_presences(self) -> None:
        """Tell the presences of apps on this host whether these listen. Not after a drain, when
        they are expected to stop."""
        if self._sidecar.machine.phase is Phase.DRAINED:
            return
        if (ports := sock_diag.listening_ports()) is None:
            return
        for app, presence in self._presences.items():
            if sock_diag.is_absent(app, ports):
                presence.away("nothing listens there")
            elif sock_diag.is_told(app):
                presence.there()

    def _say(self) -> dict[AppHealthCheck, str]:
        """Log, once each, the problems of apps that count which have lasted for _PATIENCE, and
        their end. Returns all problems."""
        now, wrong = self._sidecar.now(), self._wrong()
        counting = {each: problem for each, problem in wrong.items() if each in self._counting}
        for question in self._said - counting.keys():
            log.info("the app at %s is up", question.app)
        self._said &= counting.keys()
        self._since = {each: self._since.get(each, now) for each in counting}
        for question, problem in counting.items():
            if question not in self._said and now - self._since[question] >= _PATIENCE:
                self._said.add(question)
                log.warning("not ready: %s; %s", problem, _HINT)
        return wrong
