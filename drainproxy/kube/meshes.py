"""Service meshes, which redirect the same clients to a proxy of their own in the same pod."""

from collections.abc import Iterator
from typing import Final

from drainproxy.manifests.podspec import Pod

# As the meshes call their containers. The first makes the rules, unless a CNI plugin does; then the
# others are there all the same.
_CONTAINERS: Final = {
    "Istio": ("istio-init", "istio-validation", "istio-proxy"),
    "Linkerd": ("linkerd-init", "linkerd-network-validator", "linkerd-proxy"),
    "Kuma": ("kuma-init", "kuma-validation", "kuma-sidecar"),
    "Consul": ("consul-connect-inject-init", "consul-dataplane"),
    "Open Service Mesh": ("osm-init",),
}
# These redirect nobody, and have ports for the app alone.
_OTHERS: Final = ("daprd", "envoy-sidecar", "consul-sidecar")
_OF_MESHES: Final = frozenset(
    (*_OTHERS, *(name for theirs in _CONTAINERS.values() for name in theirs))
)
# What asks a mesh to put these containers in, later than we come.
_SWITCHES: Final = {
    "Istio": ("sidecar.istio.io/inject", ("true",)),
    "Linkerd": ("linkerd.io/inject", ("enabled", "ingress")),
    "Kuma": ("kuma.io/sidecar-injection", ("enabled", "true")),
    "Consul": ("consul.hashicorp.com/connect-inject", ("true",)),
}


def is_of_mesh(container: str) -> bool:
    """Whether a container of this name is the proxy of a mesh, whose ports are no ports of the app:
    it redirects to them itself, or serves its metrics there."""
    return container in _OF_MESHES


def meshed(pod: Pod) -> dict[str, str]:
    """The meshes that the pod is in, each with what tells so."""
    names = [container.name for _, container in pod.every_container()]
    texts = {**pod.annotations, **pod.labels}
    found = {mesh: key for mesh, (key, values) in _SWITCHES.items() if texts.get(key, "") in values}
    for mesh, theirs in _CONTAINERS.items():
        if sign := next((name for name in theirs if name in names), None):
            found[mesh] = sign
    return found


def mesh_warnings(pod: Pod) -> Iterator[str]:
    """For a pod whose clients are redirected: whose rules win."""
    for mesh, sign in meshed(pod).items():
        yield (
            f"{mesh} redirects too ({sign}), and its rules apply first: its proxy gets each"
            " connection, and connects to the app through the sidecar. No redirect to the sidecar"
            " is needed if the Service targets the name of the port"
        )
