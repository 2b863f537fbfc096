"""What the sidecar tells of itself: plain values, ready for JSON. Seconds throughout."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from drainproxy import __version__
from drainproxy.drain.ledger import KINDS
from drainproxy.drain.report import blockers
from drainproxy.relay.hub import Hub
from drainproxy.relay.pair import Pair

if TYPE_CHECKING:
    from drainproxy.sidecar.supervisor import Sidecar

MOST_BLOCKING = 20

# A connection that has not said yet what it speaks.
UNKNOWN = "unknown"


def status(sidecar: "Sidecar") -> dict[str, object]:
    """Where the process stands in its life, and what is in its way."""
    machine, report = sidecar.machine, sidecar.report
    return {
        "version": __version__,
        "phase": machine.phase.value,
        "since": round(sidecar.now() - machine.since, 3),
        "why": machine.why,
        "drain_seconds": round(drain_seconds(sidecar), 3),
        "deadline": seconds_left(sidecar),
        "in_flight": sidecar.hub.ledger.in_flight(),
        "connections": connections_by_kind(sidecar.hub),
        "blocking": _blocking(sidecar),
        # Idle connections that may be used again before they hear that they should go.
        "awaited": _awaited(sidecar),
        # Why we are not ready, and the apps that are not there, whether that matters or not.
        "not_ready": sidecar.readiness.not_ready(),
        "missing": sidecar.readiness.missing(),
        # Connections that reach the app past us, by its port.
        "bypassed": sidecar.bypass.status(),
        "config_mistakes": [str(mistake) for mistake in sidecar.annotation_mistakes],
        "report": report.as_dict() if report else None,
    }


def connections(sidecar: "Sidecar") -> Iterator[dict[str, object]]:
    """Every client connection, the oldest first; one by one, since there may be many."""
    now = sidecar.now()
    for session in sorted(sidecar.hub.sessions, key=lambda session: session.connected_at):
        yield _connection(session, now)


def connections_by_kind(hub: Hub) -> dict[str, int]:
    """How many clients are connected, by what they speak at the moment."""
    counts = dict.fromkeys((*KINDS, UNKNOWN), 0)
    for session in hub.sessions:
        counts[session.kind] += 1
    return counts


def seconds_left(sidecar: "Sidecar") -> float | None:
    """Until the drain under way must be over; None if none is."""
    deadline = sidecar.machine.deadline
    if deadline is None or not sidecar.machine.draining:
        return None
    return round(max(0.0, deadline - sidecar.now()), 3)


def drain_seconds(sidecar: "Sidecar") -> float:
    """How long the drain under way has taken so far, or the last one took; 0 before the first."""
    machine, report = sidecar.machine, sidecar.report
    if machine.draining and machine.began is not None:
        return sidecar.now() - machine.began
    return report.seconds if report else 0.0


def _awaited(sidecar: "Sidecar") -> int:
    if not sidecar.machine.draining:
        return 0
    since = sidecar.now() - sidecar.settings.idle_close
    return sum(session.awaited(since) for session in sidecar.hub.sessions)


def _blocking(sidecar: "Sidecar") -> list[dict[str, object]]:
    waited_for = blockers(sidecar.hub.ledger, sidecar.now(), MOST_BLOCKING)
    return [
        {"kind": each.kind, "age": each.age, "peer": each.peer, "path": each.path}
        for each in waited_for
    ]


def _connection(session: Pair, now: float) -> dict[str, object]:
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
    """Without the query, in which people put their keys: anybody who reaches us may read this."""
    return target.partition("?")[0]
