"""Finds out during a drain whether the app restarts, or has gone for good.

The kubelet calls preStop hooks also when it restarts one container of a pod that stays: then the
sidecar gets no SIGTERM, and a new app listens where the old one did. Such a drain is taken back.
And a pod whose work is done (a Job) is deleted after its app has exited: sidecar and app must not
wait for each other.
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
# The listeners at each app, as identities that no later listener has; empty without one.
Listeners = Mapping[App, frozenset[bytes]]

# How often the apps are looked at during a drain, in seconds: the kernel does not report a listener
# of another process that opens or closes.
_LOOK_EVERY = 0.25
# Of an app that can only be probed it is known whether it is there, and not whether it is the same.
_SOMEBODY = frozenset({b"somebody"})

log = logging.getLogger("drainproxy.restart")


def changed(before: Listeners, now: Listeners) -> bool:
    """Whether an app went away: of those who listened there `before` nobody is left."""
    return any(not (before[app] & now.get(app, before[app])) for app in before)


class Drainable(Protocol):
    """A sidecar whose drain may turn out to be a restart of its app."""

    forwards: tuple[Forward, ...]
    machine: Machine
    readiness: Readiness

    def now(self) -> float:
        """The clock, in seconds."""

    def advance(self) -> None:
        """Let the machine look at what has changed."""

    def undrain(self) -> bool:
        """Take the drain back; False where that is not allowed."""


class Restart:
    """Watches the apps of one sidecar while a drain is under way or over."""

    def __init__(self, sidecar: Drainable) -> None:
        self._sidecar = sidecar
        self._before: Listeners = {}
        self._went_away = self._told = False
        # No app was there when the drain began, or at the last look.
        self._absent_at_first = self._absent = False
        self._drain_begun = asyncio.Event()

    def begin(self) -> None:
        """A drain begins: remember who listens, so that a successor can be told apart."""
        self._drain_begun.set()
        told = _told(self._apps())
        self._before, self._went_away, self._told = told, False, False
        self._absent = self._absent_at_first = len(told) == len(self._apps()) and not any(
            told.values()
        )

    @property
    def app_gone_for_good(self) -> bool:
        """Whether no app is there, and none will come: a restart brings it back. The kubelet calls
        no hook of an app that has gone, so a hook without a name is our own then."""
        askers = self._sidecar.machine.askers
        if askers is None or not self._absent:
            return False
        return not askers.may_be_restart or (self._absent_at_first and askers.first is Origin.HOOK)

    async def watch(self) -> None:
        """Look at the apps as long as a drain is under way or over; until one begins nothing runs.
        Runs for ever."""
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
        # Of those that could not be told at first, the first knock counts.
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
    """Who listens at each. Those on this host are not knocked at, which they might take for a
    client; the file of a Unix socket outlives who listened there."""
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
    """The listeners at apps of which the kernel tells them."""
    sockets = sock_diag.listening_sockets()
    ports = [app for app in apps if isinstance(app, Address) and _is_here(app)]
    told = {} if sockets is None else {app: sock_diag.those_of(app, sockets) for app in ports}
    return told | {app: _file(app.path) for app in apps if isinstance(app, UnixSocket)}


@cache
def _is_here(app: App) -> bool:
    """Whether it is at a TCP port of this host, by a name or an address that is always its own."""
    if sock_diag.is_told(app):
        return True
    with suppress(ValueError):
        return isinstance(app, Address) and own_addresses.is_ours(str(ip_address(app.host)))
    return False


def _file(path: str) -> frozenset[bytes]:
    """What no other file at this path has: numbers of files are used again, but not their times."""
    with suppress(OSError):
        found = os.stat(path)
        return frozenset({f"{found.st_dev} {found.st_ino} {found.st_ctime_ns}".encode()})
    return frozenset()
