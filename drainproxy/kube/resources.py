"""Requests and limits of our containers; the API server takes no request above its limit.

A pod may have `resources` of its own, which all its containers share (KEP-2837). The API server
takes none whose containers request more together, or of which one has a higher limit: of what the
pod names itself our containers ask nothing, unless somebody says so.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from drainproxy.manifests.podspec import Json, Pod
from drainproxy.manifests.values import Constant

from .annotations import CPU, MEMORY, InjectionOptions

# Request and limit.
_Amounts = tuple[str | None, str | None]

_QUANTITY: Final = re.compile(r"([0-9]{0,40}\.?[0-9]{0,40})(?:[eE]([-+]?[0-9]{1,2})|([A-Za-z]*))")
_UNITS: Final = ("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12)
_DECIMAL: Final = dict((*_UNITS, ("P", 15), ("E", 18)))
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def resources(pod_options: InjectionOptions, pod: Pod) -> Constant:
    """The same for every container of ours: a ResourceQuota asks each one, init containers
    included, and what an init container had before the others start is not counted twice."""
    amounts = _asked(pod_options)
    usual = {"cpu": CPU, "memory": MEMORY}
    for name in usual.keys() - _of_the_pod(pod):
        request, limit = amounts[name]
        amounts[name] = request or usual[name], limit
    return _resources(amounts["cpu"], amounts["memory"])


def beyond_the_pod(pod_options: InjectionOptions, pod: Pod) -> Iterator[str]:
    """What the API server would refuse of the amounts that somebody has asked for."""
    own = pod.spec.resources
    if own is None:
        return
    for name, (request, limit) in _asked(pod_options).items():
        ours = _smaller(request, limit) if request else limit
        theirs, most = own.request(name) or own.limit(name), own.limit(name)
        if ours and _exceeds(_sum(pod, name, ours), theirs):
            yield (
                f"with {ours} for the sidecar the containers request more {name} than the {theirs}"
                " of the pod's own resources, which the API server refuses: leave"
                f" {name}-request and {name}-limit out"
            )
        elif limit and _exceeds(amount(limit), most):
            yield (
                f"{name}-limit {limit} is above the {most} of the pod's own resources, which the"
                " API server refuses"
            )


def _asked(pod_options: InjectionOptions) -> dict[str, _Amounts]:
    return {
        "cpu": (pod_options.cpu_request, pod_options.cpu_limit),
        "memory": (pod_options.memory_request, pod_options.memory_limit),
    }


def _of_the_pod(pod: Pod) -> set[str]:
    """What its own resources name."""
    own = pod.spec.resources
    return {*(own.requests or ()), *(own.limits or ())} if own else set()


def _sum(pod: Pod, name: str, ours: str) -> Decimal:
    """What all that runs together requests; a limit alone is a request too."""
    running = [*pod.containers, *(each for each in pod.init_containers if each.is_sidecar)]
    found = (each.resources for each in running if each.resources)
    texts = [ours, *(each.request(name) or each.limit(name) for each in found)]
    return sum((amount(text) or Decimal() for text in texts), Decimal())


@lru_cache(256)
def _resources(cpu: _Amounts, memory: _Amounts) -> Constant:
    amounts = {"cpu": cpu, "memory": memory}
    limits = {name: limit for name, (_, limit) in amounts.items() if limit}
    requests = {name: _smaller(one, limits.get(name)) for name, (one, _) in amounts.items() if one}
    found: Mapping[str, Json] = {"requests": requests, "limits": limits}
    return Constant({key: each for key, each in found.items() if each})


def is_above(request: str, limit: str | None) -> bool:
    """Whether the API server would refuse this request beside this limit."""
    return _exceeds(amount(request), limit)


def _exceeds(one: Decimal | None, other: Any) -> bool:
    """Whether an amount is more than a quantity, as far as both are known."""
    most = amount(other)
    return one is not None and most is not None and one > most


def amount(quantity: Any) -> Decimal | None:
    """`50m`, `64Mi`, `0.5` or `1e3` as a number of cores or bytes; None for what is no quantity."""
    match = _QUANTITY.fullmatch(str(quantity))
    if match is None or match[1] in ("", "."):
        return None
    number, exponent, unit = match.groups()
    if unit in _BINARY:
        return Decimal(number) * (1 << _BINARY[unit])
    if exponent is None and unit not in _DECIMAL:
        return None
    return Decimal(number).scaleb(int(exponent) if exponent else _DECIMAL[unit])


def _smaller(request: str, limit: str | None) -> str:
    return limit if limit and is_above(request, limit) else request
