"""Judges from outside to which ports of apps NetworkPolicies let clients.

Nothing of the injector is used here: a policy is asked at the port at which a connection arrives in
the pod, and what the sidecar does with it is read from its arguments.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tests.kube.judge import container, is_tcp, namespace, objects, pod_of, same, title

# Where the sidecar listens, and to which port of the app it leads from there.
Forward = tuple[int, int]


class Difference(NamedTuple):
    """Ports of an app that a list of a policy allows only after injection, or only before it."""

    policy: str
    title: str
    opened: set[int]
    closed: set[int]


def differences(before: str, after: str) -> list[Difference]:
    """Of each list of ports in a policy, and each pod that it is about."""
    old, new = objects(before), objects(after)
    found = []
    for body in old:
        pod = pod_of(body)
        for policy in old if pod is not None else ():
            if policy["kind"] == "NetworkPolicy":
                changed, injected = same(policy, new), pod_of(same(body, new))
                forwards = [*_forwards(injected)]
                apps = {each["containerPort"] for each in _declared(pod)}
                apps |= {end for _, end in forwards}
                for was, now in zip(_about(policy, body), _about(changed, body), strict=True):
                    one = _allowed(was, pod, apps, ())
                    other = _allowed(now, injected, apps, forwards)
                    if one != other:
                        name = policy["metadata"]["name"]
                        found.append(Difference(name, title(body), other - one, one - other))
    return found


def _about(policy: Any, body: Any) -> Iterator[list[Any]]:
    spec, pod = policy["spec"], pod_of(body)
    labels = (pod.get("metadata") or {}).get("labels") or {}
    here = namespace(policy) == namespace(body)
    if here and _selects(spec.get("podSelector") or {}, labels):
        yield from (rule.get("ports") or [] for rule in spec.get("ingress") or [])
    for rule in spec.get("egress") or []:
        peers = rule.get("to") or []
        if not peers or (here and any(_selects(each["podSelector"], labels) for each in peers)):
            yield rule.get("ports") or []


def _selects(selector: Any, labels: Any) -> bool:
    return all(labels.get(key) == text for key, text in (selector.get("matchLabels") or {}).items())


def _allowed(ports: list[Any], pod: Any, apps: set[int], forwards: Sequence[Forward]) -> set[int]:
    """The ports of the app to which clients come who may use these. A policy is asked before a
    redirect, which leads to where the sidecar leads."""
    ways = [(each, each) for each in apps] + [*forwards]
    return {end for at, end in ways if not ports or any(_allows(each, at, pod) for each in ports)}


def _forwards(pod: Any) -> Iterator[Forward]:
    for arg in (container(pod, "drainproxy") or {}).get("args", []):
        if arg.startswith("--forward="):
            listen, _, app = arg.partition("=")[2].partition("=")
            yield int(listen), int(app.partition("/")[0].rpartition(":")[2])


def _declared(pod: Any) -> Iterator[Any]:
    spec = pod["spec"]
    for each in (*spec["containers"], *(spec.get("initContainers") or [])):
        yield from filter(is_tcp, each.get("ports") or [])


def _allows(port: Any, number: int, pod: Any) -> bool:
    if not is_tcp(port):
        return False
    target = port.get("port")
    if isinstance(target, str):
        named = (each for each in _declared(pod) if each.get("name") == target)
        return any(each["containerPort"] == number for each in named)
    return target is None or bool(target <= number <= port.get("endPort", target))
