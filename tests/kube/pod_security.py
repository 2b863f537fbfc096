"""The Pod Security Standards' `restricted` level, as its admission controller applies it to a pod.

Written after kubernetes.io/docs/concepts/security/pod-security-standards.
"""

from collections.abc import Iterator

from drainproxy.manifests.podspec import Json

_VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
    *("persistentVolumeClaim", "projected", "secret"),
}


def violations(pod: Json) -> list[str]:
    """Why a namespace of that level refuses the pod."""
    spec = pod["spec"]
    whole = spec.get("securityContext") or {}
    every = [*(spec.get("initContainers") or []), *spec["containers"]]
    return [
        *(f"{key}" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)),
        *(f"volume {each['name']}" for each in spec.get("volumes") or [] if not _usual(each)),
        *(["the pod's user"] if whole.get("runAsUser") == 0 else []),
        *(f"{each['name']}: {what}" for each in every for what in _container(each, whole)),
    ]


def _usual(volume: Json) -> bool:
    return {key for key in volume if key != "name"} <= _VOLUMES


def _container(container: Json, whole: Json) -> Iterator[str]:
    own = container.get("securityContext") or {}
    effective = {**whole, **own}
    capabilities = own.get("capabilities") or {}
    if any(port.get("hostPort") for port in container.get("ports") or []):
        yield "hostPort"
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if effective.get("runAsNonRoot") is not True:
        yield "runAsNonRoot"
    if own.get("runAsUser") == 0:
        yield "runAsUser"
    profile = (effective.get("seccompProfile") or {}).get("type")
    if profile not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile"
    if "ALL" not in (capabilities.get("drop") or []):
        yield "capabilities.drop"
    if {*(capabilities.get("add") or [])} - {"NET_BIND_SERVICE"}:
        yield "capabilities.add"
