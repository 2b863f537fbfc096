"""Finds out during a drain whether the app restarts, or has gone for good.

The kubelet calls preStop hooks also when it restarts one container of a pod that stays. Then the
sidecar gets no SIGTERM, and a new app listens where the old one did: such a drain is taken back.
A pod whose work is done (a Job) is deleted after its app has exited: then a drain need not stay in
`announced` and `leaving` (Input.APP_GONE).
"""

import asyncio
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from ipaddress import ip_address
from typing import Protocol

from drainproxy.config import Address, AppHealth, Forward, UnixSocket
from drainproxy.drain.machine import Machine, Phase
from drainproxy.drain.origin import Origin, Purpose
from drainproxy.sidecar import own_addresses, sock_diag
from drainproxy.sidecar.probes import AppHealthCheck, ask
from drainproxy.sidecar.readiness import Readiness

App = Address | UnixSocket
# The listeners at each app, as identities that no later listener has; empty for none.
Listeners = Mapping[App, frozenset[bytes]]

# In seconds: how often the apps are looked at during a drain. The kernel does not report when
# another process begins or stops to listen.
_LOOK_EVERY = 0.25
# The identity of an app that can only be probed: whether it is still the same is not known.
_SOMEBODY = frozenset({b"somebody"})

log = logging.getLogger("drainproxy.restart")


def changed(before: Listeners, now: Listeners) -> bool:
    """Whether an app went away: none of its listeners `before` is left."""
    return any(not (before[app] & now.get(app, before[app])) for app in before)


class Drainable(Protocol):
    """A sidecar whose drain may turn out to be a restart of its app."""

    forwards: tuple[Forward, ...]
    machine: Machine
    readiness: Readiness

    def now(self) -> float:
        """The clock, in seconds."""

    def advance(self) -> None:
        """Let the machine take the steps that are due."""

    def undrain(self) -> bool:
        """Take the drain back; False where that is not allowed."""


class Restart:
    """Watches the apps of one sidecar while a drain is under way or over."""

    def __init__(self, sidecar: Drainable) -> None:
        self._sidecar = sidecar
        self._before: Listeners = {}
        self._went_away = self._told = False
        # Whether no app listened when the drain began, and at the last look.
        self._absent_at_first = self._absent = False
        self._drain_begun = asyncio.Event()

    def begin(self) -> None:
        """A drain begins: note the listeners, so that later ones can be told from them."""
        self._drain_begun.set()
        told = _told(self._apps())
        self._before, self._went_away, self._told = told, False, False
        self._absent = self._absent_at_first = len(told) == len(self._apps()) and not any(
            told.values()
        )

    @property
    def app_gone_for_good(self) -> bool:
        """Whether no app listens, and none will: the drain is no restart. The kubelet calls no hook
        of an app that has exited, so a hook without a name was then the sidecar's."""
        askers = self._sidecar.machine.askers
        if askers is None or not self._absent:
            return False
        return not askers.may_be_restart or (self._absent_at_first and askers.first is Origin.HOOK)

    async def watch(self) -> None:
        """Look at the apps from the beginning of a drain on, until it is taken back. Runs for
        ever; without a drain it only waits."""
        machine = self._sidecar.machine
        while True:
            await self._drain_begun.wait()
            await asyncio.sleep(_LOOK_EVERY)
            if machine.draining or machine.phase is Phase.DRAINED:
                await self.look()
            else:
                self._drain_begun.clear()

    async def look(self) -> None:
        """Take the drain back if it turns out to be a restart."""
        sidecar, machine = self._sidecar, self._sidecar.machine
        began = machine.began
        now = await _listeners(self._apps())
        if machine.began != began or machine.askers is None:
            return  # another drain, or none
        self._tell(machine.purpose(sidecar.now()))
        # For apps that can only be probed, the first probe counts as the beginning.
        self._before = {**now, **self._before}
        self._absent = not any(now.values())
        counting = {forward.app for forward in sidecar.readiness.counting()}
        there = {app: each for app, each in now.items() if app in counting}
        before = {app: each for app, each in self._before.items() if app in counting}
        self._went_away = self._went_away or changed(before, there)
        if self._went_away and all(there.values()) and machine.askers.may_be_restart:
            if sidecar.undrain():
                log.info("the app was restarted: the drain is cancelled")
        elif self._absent:
            sidecar.advance()

    def _tell(self, purpose: Purpose | None) -> None:
        if purpose is Purpose.RESTART and not self._told:
            self._told = True
            log.info(
                "only the app's preStop hook was called: %s; not ready until it listens again",
                purpose.value,
            )

    def _apps(self) -> frozenset[App]:
        return frozenset(forward.app for forward in self._sidecar.forwards)


async def _listeners(apps: frozenset[App]) -> Listeners:
    """The listeners of all apps. Apps on this host are not probed, since they may take that for a
    client; but a Unix socket is, since its file outlives its listener."""
    found = _told(apps)
    files = {app for app, listeners in found.items() if listeners and isinstance(app, UnixSocket)}
    unsure = (apps - found.keys()) | files
    problems = await ask(AppHealthCheck(app, AppHealth()) for app in unsure)
    knocked = {
        question.app: frozenset[bytes]() if problem else found.get(question.app, _SOMEBODY)
        for question, problem in problems.items()
    }
    return {**found, **knocked}


def _told(apps: frozenset[App]) -> Listeners:
    """The listeners of those apps for which the kernel lists them."""
    sockets = sock_diag.listening_sockets()
    ports = [app for app in apps if isinstance(app, Address) and _is_here(app)]
    told = {} if sockets is None else {app: sock_diag.those_of(app, sockets) for app in ports}
    return told | {app: _file(app.path) for app in apps if isinstance(app, UnixSocket)}


@cache
def _is_here(app: App) -> bool:
    """Whether an app is at a TCP port of this host, by `localhost` or one of its addresses."""
    if sock_diag.is_told(app):
        return True
    with suppress(ValueError):
        return isinstance(app, Address) and own_addresses.is_ours(str(ip_address(app.host)))
    return False


def _file(path: str) -> frozenset[bytes]:
    """The identity of the file at this path: inode numbers are used again, but not with the same
    time. Empty if there is no file."""
    with suppress(OSError):
        found = os.stat(path)
        return frozenset({f"{found.st_dev} {found.st_ino} {found.st_ctime_ns}".encode()})
    return frozenset()
