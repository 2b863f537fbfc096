"""The content of `/status` and `/connections`, as plain values for JSON. Durations in seconds."""

from collections.abc import Mapping
from heapq import nsmallest
from math import inf
from typing import NamedTuple, Protocol

from drainproxy import __version__
from drainproxy.config import Mistake, Settings
from drainproxy.drain.ledger import KINDS
from drainproxy.drain.machine import Machine
from drainproxy.drain.report import DrainReport, blockers
from drainproxy.relay.context import Context
from drainproxy.relay.registry import Member
from drainproxy.sidecar.bypass import Bypass
from drainproxy.sidecar.readiness import Readiness

MOST_BLOCKING = 20
# How many connections a page has by default, and at most. Describing a hundred blocks the loop for
# half a millisecond.
PAGE, LONGEST_PAGE = 100, 1000

# The kind of a session whose protocol is not detected yet.
UNKNOWN = "unknown"


class Observed(Protocol):
    """The parts of a sidecar that status and metrics read."""

    settings: Settings
    context: Context
    machine: Machine
    readiness: Readiness
    bypass: Bypass
    annotation_mistakes: tuple[Mistake, ...]

    @property
    def report(self) -> DrainReport | None:
        """The report of the last drain."""

    def now(self) -> float:
        """The clock, in seconds."""


def status(sidecar: Observed) -> dict[str, object]:
    """The content of `/status`."""
    machine, report = sidecar.machine, sidecar.report
    return {
        "version": __version__,
        "phase": machine.phase.value,
        "since": round(sidecar.now() - machine.since, 3),
        "why": machine.why,
        "drain_seconds": round(drain_seconds(sidecar), 3),
        "deadline": seconds_left(sidecar),
        "in_flight": sidecar.context.ledger.in_flight(),
        "connections": connections_by_kind(sidecar.context),
        "blocking": _blocking(sidecar),
        # Connections on which a request may still come, since their clients were not told to go.
        "awaited": _awaited(sidecar),
        # Why we are not ready, and the apps that do not answer, whether or not they count.
        "not_ready": sidecar.readiness.not_ready(),
        "missing": sidecar.readiness.missing(),
        # Connections that bypass the sidecar, by port of the app.
        "bypassed": sidecar.bypass.status(),
        "config_mistakes": [str(mistake) for mistake in sidecar.annotation_mistakes],
        "report": report.as_dict() if report else None,
    }


class Page(NamedTuple):
    """A page of connections, the oldest first. `after`: the parameter of the next page, None on the
    last one."""

    connections: list[dict[str, object]]
    after: float | None


def connections(sidecar: Observed, after: float = -inf, most: int = PAGE) -> Page:
    """The client connections that came later than `after`, on the sidecar's clock.

    Connections of the same moment are on one page, so that none is left out between two pages.
    """
    now, sessions = sidecar.now(), sidecar.context.registry.sessions
    later = [each for each in sessions if each.connected_at > after]
    found = nsmallest(most, later, key=_connected_at)
    if len(found) == len(later):
        return Page([_connection(each, now) for each in found], None)
    last = found[-1].connected_at
    chosen = {*found, *(each for each in later if each.connected_at == last)}
    ordered = sorted(chosen, key=_connected_at)
    return Page([_connection(each, now) for each in ordered], last)


def _connected_at(session: Member) -> float:
    return session.connected_at


def without_paths(told: dict[str, object]) -> dict[str, object]:
    """A status without the request paths of blockers, for clients that may not read them."""
    report = told["report"]
    if isinstance(report, Mapping):
        report = {**report, "blockers": _pathless(report["blockers"])}
    return {**told, "blocking": _pathless(told["blocking"]), "report": report}


def _pathless(blockers: object) -> list[dict[str, object]]:
    assert isinstance(blockers, list)
    return [{**each, "path": ""} for each in blockers]


def connections_by_kind(context: Context) -> dict[str, int]:
    """How many clients are connected, by the kind of their session."""
    counts = dict.fromkeys((*KINDS, UNKNOWN), 0)
    for session in context.registry.sessions:
        counts[session.kind] += 1
    return counts


def seconds_left(sidecar: Observed) -> float | None:
    """Seconds until the deadline of the current drain; None without one."""
    deadline = sidecar.machine.deadline
    if deadline is None or not sidecar.machine.draining:
        return None
    return round(max(0.0, deadline - sidecar.now()), 3)


def drain_seconds(sidecar: Observed) -> float:
    """How long the current drain has taken so far, or the last one took; 0 before the first."""
    machine, report = sidecar.machine, sidecar.report
    if machine.draining and machine.began is not None:
        return sidecar.now() - machine.began
    return report.seconds if report else 0.0


def _awaited(sidecar: Observed) -> int:
    if not sidecar.machine.draining:
        return 0
    since = sidecar.now() - sidecar.settings.idle_close
    return sum(session.may_receive_request(since) for session in sidecar.context.registry.sessions)


def _blocking(sidecar: Observed) -> list[dict[str, object]]:
    waited_for = blockers(sidecar.context.ledger, sidecar.now(), MOST_BLOCKING)
    return [
        {"kind": each.kind, "age": each.age, "peer": each.peer, "path": each.path}
        for each in waited_for
    ]


def _connection(session: Member, now: float) -> dict[str, object]:
    return {
        "kind": session.kind,
        "peer": session.peer,
        "path": _path(session.path),
        "age": round(now - session.connected_at, 3),
        "idle": 0.0 if session.active else round(now - session.idle_since, 3),
        "in_flight": session.in_flight,
        "app": session.route.app,
    }


def _path(target: str) -> str:
    """The path without its query, which may hold secrets."""
    return target.partition("?")[0]
