"""Who asked for a drain, and what that tells: is the pod deleted, or only a container restarted?

When a pod is deleted the kubelet calls the preStop hooks of all containers at once; when it
restarts one container, the hook of that one alone, and nobody signals the sidecar. Only hooks that
name their container tell the two apart, and only after a moment, since hooks of one deletion do not
arrive together.
"""

from dataclasses import dataclass, field
from enum import Enum

# In seconds: the hooks of one deletion have all been called by then.
TOGETHER = 0.5


class Origin(Enum):
    """Who asks for a drain; a preStop hook may name its container."""

    ADMIN = "admin"
    HOOK = "prestop"
    APP_HOOK = "prestop of the app"
    SIDECAR_HOOK = "prestop of the sidecar"
    SIGNAL = "signal"

    @property
    def why(self) -> str:
        """The word for it in reports, in which all hooks are one reason."""
        return Origin.HOOK.value if self in _HOOKS else self.value


_HOOKS = frozenset({Origin.HOOK, Origin.APP_HOOK, Origin.SIDECAR_HOOK})
# Hooks that the kubelet also calls when it restarts a container of a pod that stays.
_OF_RESTARTS = frozenset({Origin.HOOK, Origin.APP_HOOK})


class Purpose(Enum):
    """What a drain is for, as far as that is known."""

    ASKED = "a drain was requested, and nothing shows why"
    UNDECIDED = "the preStop hook of the app was called, that of the sidecar may follow"
    RESTART = "a container of the app restarts, and the pod is not deleted"
    DELETION = "the pod is deleted"


@dataclass(slots=True)
class Askers:
    """All who have asked for one drain: the `first`, and when each of them did, in seconds."""

    first: Origin
    began: float
    _asked: dict[Origin, float] = field(init=False)

    def __post_init__(self) -> None:
        self._asked = {self.first: self.began}

    def add(self, origin: Origin, now: float) -> None:
        """Another one asks for the same drain."""
        self._asked.setdefault(origin, now)

    def purpose(self, now: float) -> Purpose:
        """What the drain is for. What an admin call has begun stays that, whoever asks later: who
        takes a pod out by hand does not get it back because it is deleted then."""
        hook, signal = (self._asked.get(each) for each in (Origin.SIDECAR_HOOK, Origin.SIGNAL))
        match self.first:
            case Origin.ADMIN:
                return Purpose.ASKED
            case Origin.HOOK:
                # One of the hooks of a deletion is the first.
                together = hook is not None and hook <= self.began + TOGETHER
                return Purpose.DELETION if together else Purpose.ASKED
            case Origin.APP_HOOK if hook is None and signal is None:
                waits = now < self.began + TOGETHER
                return Purpose.UNDECIDED if waits else Purpose.RESTART
        return Purpose.DELETION

    @property
    def may_be_restart(self) -> bool:
        """Whether a restart calls all who have asked: nobody else wants the drain to stay."""
        return self._asked.keys() <= _OF_RESTARTS
