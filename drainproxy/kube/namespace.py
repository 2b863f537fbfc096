"""What a namespace says of the pods in it, and so where they cannot be redirected: a redirect needs
NET_ADMIN, and a pod that may not have it would be refused."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from drainproxy.config import ANNOTATION_PREFIX

ENFORCED: Final = "pod-security.kubernetes.io/enforce"
# The Pod Security levels that a pod with NET_ADMIN does not pass.
_STRICT: Final = ("baseline", "restricted")
# OpenShift's API server gives it to each namespace: its SCCs admit the pods there, of which those
# that everybody may use grant no capability.
_SCC: Final = "openshift.io/sa.scc.uid-range"
_OPENSHIFT: Final = (
    "OpenShift grants NET_ADMIN by an SCC alone: where the pod's ServiceAccount may use one that"
    f" does, set {ANNOTATION_PREFIX}capture: redirect"
)


class Namespace(Struct, frozen=True):
    """What the namespace of a pod says: its labels switch, its annotations are defaults."""

    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}


def forbids_redirect(namespace: str, labels: Mapping[str, str]) -> str:
    """Why a namespace with these labels takes no redirect; empty if it does."""
    level = labels.get(ENFORCED)
    forbidden = f"the Pod Security level {level} of namespace {namespace} forbids NET_ADMIN"
    return forbidden if level in _STRICT else ""


def redirects_if_asked(annotations: Mapping[str, str]) -> str:
    """Why in a namespace with these annotations only who asks for a redirect gets one; empty if
    nothing speaks against it."""
    return _OPENSHIFT if _SCC in annotations else ""
