"""The origins of a drain, which show its purpose: a pod is deleted, or a container restarted.

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
    """The origin of a request for a drain. A preStop hook may name its container."""

    ADMIN = "admin"
    HOOK = "prestop"
    APP_HOOK = "prestop of the app"
    SIDECAR_HOOK = "prestop of the sidecar"
    SIGNAL = "signal"

    @property
    def why(self) -> str:
        """The reason in reports, in which all hooks are one."""
        return Origin.HOOK.value if self in _HOOKS else self.value


_HOOKS = frozenset({Origin.HOOK, Origin.APP_HOOK, Origin.SIDECAR_HOOK})
# Hooks that the kubelet also calls when it restarts a container of a pod that stays.
_OF_RESTARTS = frozenset({Origin.HOOK, Origin.APP_HOOK})


class Purpose(Enum):
    """The purpose of a drain, as far as it is known."""

    ASKED = "a drain was requested, and nothing shows why"
    UNDECIDED = "the preStop hook of the app was called, that of the sidecar may follow"
    RESTART = "a container of the app restarts, and the pod is not deleted"
    DELETION = "the pod is deleted"


@dataclass(slots=True)
class Askers:
    """All origins of one drain. `first`: the one that began it, at `began`, in seconds."""

    first: Origin
    began: float
    _asked: dict[Origin, float] = field(init=False)

    def __post_init__(self) -> None:
        self._asked = {self.first: self.began}

    def add(self, origin: Origin, now: float) -> None:
        """Note that this origin has asked for the same drain."""
        self._asked.setdefault(origin, now)

    def purpose(self, now: float) -> Purpose:
        """The purpose of the drain. One that an admin call has begun stays ASKED, whatever hook is
        called later: it was taken out of service by hand, and must not be taken back."""
        hook, signal = (self._asked.get(each) for each in (Origin.SIDECAR_HOOK, Origin.SIGNAL))
        match self.first:
            case Origin.ADMIN:
                return Purpose.ASKED
            case Origin.HOOK:
                # A hook without a name may be the first of those of a deletion.
                together = hook is not None and hook <= self.began + TOGETHER
                return Purpose.DELETION if together else Purpose.ASKED
            case Origin.APP_HOOK if hook is None and signal is None:
                waits = now < self.began + TOGETHER
                return Purpose.UNDECIDED if waits else Purpose.RESTART
        return Purpose.DELETION

    @property
    def may_be_restart(self) -> bool:
        """Whether only hooks have asked that a restart of the app calls too: then an undrain is
        allowed."""
        return self._asked.keys() <= _OF_RESTARTS
