"""What the API server makes of a pod that is written to it: it fills in defaults, and so a pod that
is read from it says more than we have put in (k8s.io/api/core/v1, `+default`; pkg/apis/core/v1,
defaults.go of Kubernetes)."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import json

from drainproxy.manifests.podspec import Json

from .annotations import STATUS
from .containers import REDIRECT, SIDECAR
from .resources import amount
from .status import status_text

_PROBE: Final = {
    "timeoutSeconds": 1,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}
_CONTAINER: Final = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "resources": {},
}
# Of mappings under these keys, and of the items of lists there.
_DEFAULTS: Final[Mapping[str, Json]] = {
    "containers": _CONTAINER,
    "initContainers": _CONTAINER,
    "startupProbe": _PROBE,
    "readinessProbe": _PROBE,
    "livenessProbe": _PROBE,
    "httpGet": {"path": "/", "scheme": "HTTP"},
    "ports": {"protocol": "TCP"},
    "fieldRef": {"apiVersion": "v1"},
    "downwardAPI": {"defaultMode": 0o644},
}
_NONE: Final[Json] = {}
# Of a record: what only a file has, and the lists and maps that were made for us, or filled. A list
# that others have put something into since would not be made again.
_TEXTS: Final = "texts"
_MADE: Final = ("created", "filled")
# There, in each container of a pod, the ServiceAccount's token is mounted.
_TOKEN: Final = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path, no secret


def is_served_as(pod: Json, served: Json) -> bool:
    """Whether the API server would make the same of both, but for parts of their records."""
    return _comparable(pod) == _comparable(served) and (
        _filled(pod.get("spec")) == _filled(served.get("spec"))
    )


def without_texts(pod: Json) -> Json:
    """The same pod with a record that holds no texts of a file."""
    record = json.encode(_record(pod, _TEXTS)).decode()
    return {**pod, "metadata": _with_record(pod, record)}


def _comparable(pod: Json) -> Json:
    record = _record(pod, _TEXTS, *_MADE)
    # The hooks of containers that others have added come last there (`inject.complete`).
    added = record.get("added")
    sort = {"added": sorted(map(str, added))} if isinstance(added, list) else {}
    return _with_record(pod, record | sort)


def _with_record(pod: Json, record: Any) -> Json:
    metadata = pod["metadata"]
    return {**metadata, "annotations": {**metadata["annotations"], STATUS: record}}


def _record(pod: Json, *without: str) -> Json:
    record = json.decode(status_text(pod) or "{}", type=Json)
    return {key: each for key, each in record.items() if key not in without}


def _filled(value: Any, key: str = "") -> Any:
    """A value with the defaults that it would get under a key."""
    if isinstance(value, list):
        items = [_filled(each, key) for each in value]
        if key == "volumes":
            return _in_any_order(items)
        return sorted(items, key=_is_ours) if key in ("containers", "initContainers") else items
    if not isinstance(value, dict):
        return value
    found = {
        **_DEFAULTS.get(key, _NONE),
        **{name: _filled(each, name) for name, each in value.items()},
    }
    if key in ("requests", "limits"):
        return {name: amount(each) or each for name, each in found.items()}
    if key in ("containers", "initContainers"):
        return _container(found)
    return found


def _container(found: Json) -> Json:
    """A container with defaults that depend on what else it says."""
    mounts = found.pop("volumeMounts", None)
    others = (
        [each for each in mounts if not _is_token(each)] if isinstance(mounts, list) else mounts
    )
    resources = found["resources"]
    if isinstance(resources, dict) and isinstance(limits := resources.get("limits"), dict):
        found["resources"] = {
            **resources,
            "requests": {**limits, **(resources.get("requests") or {})},
        }
    policy = {"imagePullPolicy": _pull_policy(str(found.get("image")))}
    return policy | found | ({"volumeMounts": others} if others else {})


def _is_token(mount: Any) -> bool:
    return isinstance(mount, dict) and mount.get("mountPath") == _TOKEN


def _pull_policy(image: str) -> str:
    _, has_digest, _ = image.partition("@")
    _, _, tag = image.rpartition("/")[2].partition(":")
    return "Always" if not has_digest and tag in ("", "latest") else "IfNotPresent"


def _is_ours(container: Any) -> bool:
    """Others put theirs before or behind ours, which stays where it is then."""
    return isinstance(container, dict) and container.get("name") in (SIDECAR, REDIRECT)


def _in_any_order(items: list[Any]) -> Any:
    """Others have put theirs behind ours: the order of volumes says nothing."""
    named = {str(each.get("name")): each for each in items if isinstance(each, dict)}
    return named if len(named) == len(items) else items
