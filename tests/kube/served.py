"""Objects as an API server gives them back: with its defaults, and with what it writes itself.

After what `kubectl get -o yaml` prints of Kubernetes 1.32 (pkg/apis/core/v1/defaults.go).
"""

import json
from copy import deepcopy
from typing import Any

import yaml

from drainproxy.manifests.documents import parse
from drainproxy.manifests.podspec import Json, objects, workload

_PROBES = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_POD = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
}
_FIELDS: Json = {"f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}}}}}


def dump(text: str, *, as_list: bool = False) -> str:
    """What is in a file, as `kubectl get -o yaml` would print it after it was applied."""
    found = [served(body) for body in bodies(text)]
    if as_list:
        return _yaml({"apiVersion": "v1", "items": found, "kind": "List", "metadata": {}})
    return "---\n".join(map(_yaml, found))


def bodies(text: str) -> list[Json]:
    """The objects in a file, which share nothing."""
    return [
        body
        for document in parse(text)
        for body in objects(json.loads(json.dumps(document.data)))
        if "kind" in body
    ]


def served(body: Json) -> Json:
    """An object with its defaults, and without what is null."""
    body = _without_nulls(body)
    body.setdefault("metadata", {})
    one = workload(body)
    if one and one.pod:
        _fill_pod(one.pod["spec"])
        if one.kind == "Pod":
            _give_token(one.pod["spec"])
    if body["kind"] == "Service":
        for port in body["spec"].get("ports") or []:
            _fill(port, protocol="TCP", targetPort=port["port"])
    _fill(body["metadata"], uid="6d9c0f0a", managedFields=[{"fieldsV1": _FIELDS}])
    _fill(body, status={"observedGeneration": 1})
    return body


def _yaml(body: Json) -> str:
    return str(yaml.dump(body, Dumper=yaml.CSafeDumper, width=10_000))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: _without_nulls(each) for key, each in value.items() if each is not None}


def _fill(fields: Json, **defaults: Any) -> None:
    for key, value in defaults.items():
        fields.setdefault(key, deepcopy(value))


def _fill_pod(spec: Json) -> None:
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        _fill_container(container)
    for volume in spec.get("volumes") or ():
        if source := volume.get("downwardAPI"):
            _fill(source, defaultMode=420)
            for item in source["items"]:
                _fill(item["fieldRef"], apiVersion="v1")
    _fill(spec, **_POD)


def _fill_container(container: Json) -> None:
    _fill(container, imagePullPolicy="IfNotPresent", resources={})
    _fill(container, terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File")
    resources = container["resources"]
    if limits := (resources or {}).get("limits"):
        resources["requests"] = {**limits, **resources.get("requests", {})}
    for port in container.get("ports") or ():
        _fill(port, protocol="TCP")
    for entry in container.get("env") or ():
        if field := (entry.get("valueFrom") or {}).get("fieldRef"):
            _fill(field, apiVersion="v1")
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        if probe := container.get(name):
            _fill(probe, **_PROBES)
            _fill_action(probe)
    for hook in (container.get("lifecycle") or {}).values():
        _fill_action(hook or {})


def _fill_action(action: Json) -> None:
    if get := action.get("httpGet"):
        _fill(get, path="/", scheme="HTTP")


def _give_token(spec: Json) -> None:
    """As its admission plugin for ServiceAccounts does with pods."""
    name = "kube-api-access-x2f9q"
    volumes = spec.get("volumes") or []
    if name in [each["name"] for each in volumes]:
        return
    spec["volumes"] = [*volumes, {"name": name, "projected": {"sources": []}}]
    folder = "/var/run/secrets/kubernetes.io/serviceaccount"
    mount = {"mountPath": folder, "name": name, "readOnly": True}
    for container in (*spec["containers"], *(spec.get("initContainers") or ())):
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]
