"""Asks a share of the clients to reconnect, the oldest first, at a steady rate."""

from math import ceil

from drainproxy.drain.goodbye import REBALANCE
from drainproxy.relay.context import Context
from drainproxy.relay.registry import Member
from drainproxy.sidecar.paced import Paced

# Kinds of sessions that have no goodbye.
_CANNOT_BE_TOLD = ("tcp", "unknown")


class Rebalance:
    """One rebalancing: asks a `share` of the sessions that have a goodbye, over `over` seconds."""

    def __init__(self, context: Context, share: float, over: float) -> None:
        self._context = context
        self._over = over
        self._began = context.now()
        able = [
            s
            for s in context.registry.sessions
            if s.kind not in _CANNOT_BE_TOLD and not s.expired_by
        ]
        able.sort(key=lambda session: session.connected_at)
        self._chosen = able[: ceil(len(able) * share)]
        self._told = self._gone = 0
        delays = (place * over / len(self._chosen) for place in range(len(self._chosen)))
        delayed = zip(delays, self._chosen, strict=True)
        self._telling = Paced(context.slices, delayed, self._tell)

    @property
    def running(self) -> bool:
        """Whether some of the chosen clients have not been asked yet."""
        return self._told + self._gone < len(self._chosen)

    def progress(self) -> dict[str, object]:
        """The progress, as plain values for JSON; times in seconds."""
        left = max(0.0, self._began + self._over - self._context.now()) if self.running else 0.0
        return {
            "running": self.running,
            "connections": len(self._chosen),
            "told": self._told,
            "gone": self._gone,
            "seconds_left": round(left, 3),
        }

    def stop(self) -> None:
        """Ask no more clients."""
        self._telling.cancel()
        self._chosen = self._chosen[: self._told + self._gone]

    def _tell(self, session: Member) -> None:
        if session not in self._context.registry.sessions or session.expired_by:
            self._gone += 1
        else:
            self._told += 1
            session.expire(REBALANCE)
