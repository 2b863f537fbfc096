"""Ages by ephemeral metadata: long ones while a replica serves, a short one when it does no more.

Argo Rollouts puts the annotations of `canaryMetadata` and `stableMetadata` on the pods of either
version, and deletes them from pods that are neither any more. It restores nothing that they have
covered: so the long ages are those of the kinds, and the short one, which is then left, is the
common one of the template. As deploy/rollouts/argo/canary.yaml has it, in proportion to its times.
"""

from dataclasses import dataclass

_PREFIX = "drainproxy.io/"
_SERVING = {f"max-connection-age-{kind}": "30m" for kind in ("http1", "http2", "websocket", "sse")}


@dataclass(frozen=True, slots=True)
class Ages:
    """`delay`: seconds from the promotion to the deletion of the old replicas (180 there)."""

    delay: float

    @property
    def refresh(self) -> float:
        """How late the kubelet tells the sidecar, in seconds (90 of 180)."""
        return self.delay / 2

    @property
    def age(self) -> float:
        """The short one, in seconds (60 of 180)."""
        return self.delay / 3

    def annotations(self, serving: bool) -> str:
        """Those of a replica, as the downward API writes them."""
        template = {
            "max-connection-age": f"{self.age * 1000:.0f}ms",
            "max-connection-age-jitter": "25%",
        }
        values = template | (_SERVING if serving else {})
        return "".join(f'{_PREFIX}{name}="{value}"\n' for name, value in values.items())
