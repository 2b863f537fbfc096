"""How many objects an input of some length may hold: each costs work, and an input that is made to
be dense would cost more than anybody waits for.

Costs are counted in characters of input, a million of which are to cost less than a second. Shorter
inputs may cause as much.
"""

from collections.abc import Iterable
from typing import Any, Final

from drainproxy.manifests.misfits import Misfit
from drainproxy.manifests.podspec import Json, Workload, workload

# Half of what is usual: a Deployment and its Service without a comment, a probe and resources have
# 400. Where thousands are as short, a program has made them.
_OF_PODS: Final = 600
_CONTAINER: Final = 40
# Beyond the ports that most pods have: each is to be led to the sidecar, from a Service mostly. Two
# lines here and three there have more.
_FEW_PORTS: Final = 2
_PORT: Final = 60
_LEADS: Final = 100
_ANY: Final = 80
# In characters; what is shorter may hold as much as this.
LEAST: Final = 1_000_000


class TooMuch(ValueError):
    """There is more to weigh than an input of this length may cause."""


class Effort:
    """What comparisons an input may still cause, as characters of its length."""

    def __init__(self, left: int = LEAST) -> None:
        self._left = left

    def spend(self, characters: int, problem: str, name: str) -> None:
        """Use some of it; TooMuch, with that problem, if it is not there."""
        self._left -= characters
        if self._left < 0:
            parts = "inject it in parts, each with what leads to its pods"
            raise TooMuch(f"{problem} {name}, more than an input of this length may have: {parts}")


class Room:
    """How much more an input may hold, as characters of its length."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.left = max(sum(map(len, texts)), LEAST)

    def take(self, body: Json) -> str:
        """Why there is no room for one object more; empty if there is."""
        self.left -= _length(body)
        if self.left >= 0:
            return ""
        return (
            f"it holds more objects than an input of its length may: {LEAST // _OF_PODS:,} that"
            f" make pods, or one for each {_OF_PODS} characters, and fewer with many containers or"
            " ports: name fewer files at once, or parts of this one"
        )


def _length(body: Json) -> int:
    if one := workload(body):
        containers = _containers(one)
        ports = [each["ports"] for each in containers if isinstance(each, dict) and "ports" in each]
        many = sum(len(each) for each in ports if isinstance(each, list)) - _FEW_PORTS
        return _OF_PODS + _CONTAINER * max(len(containers) - 1, 0) + _PORT * max(many, 0)
    return _LEADS if body.get("kind") in ("Service", "NetworkPolicy") else _ANY


def _containers(one: Workload) -> list[Any]:
    """Those of its pods; what is no pod is for others to see."""
    try:
        spec = (one.pod or {}).get("spec")
    except Misfit:
        return []
    found = spec.get("containers") if isinstance(spec, dict) else None
    return found if isinstance(found, list) else []
