"""Requests and limits of our containers; the API server takes no request above its limit."""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from drainproxy.manifests.podspec import Json
from drainproxy.manifests.values import Constant

from .annotations import InjectionOptions

# Request and limit.
_Amounts = tuple[str, str | None]

_QUANTITY: Final = re.compile(r"([0-9.]+)(.*)")
_DECIMAL: Final = {"": 0, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12}
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40}


def resources(pod_options: InjectionOptions) -> Json:
    """The same for every container of ours: a ResourceQuota asks each one, init containers
    included, and what an init container had before the others start is not counted twice."""
    cpu, memory = (
        (pod_options.cpu_request, pod_options.cpu_limit),
        (pod_options.memory_request, pod_options.memory_limit),
    )
    return _resources(cpu, memory)


@lru_cache(256)
def _resources(cpu: _Amounts, memory: _Amounts) -> Json:
    requests = {"cpu": cpu[0], "memory": memory[0]}
    limits = {"cpu": cpu[1], "memory": memory[1]}
    given = {name: limit for name, limit in limits.items() if limit}
    fitting = {name: _smaller(request, given.get(name)) for name, request in requests.items()}
    return Constant({"requests": fitting, **({"limits": given} if given else {})})


def is_above(request: str, limit: str | None) -> bool:
    """Whether the API server would refuse this request beside this limit."""
    return limit is not None and amount(request) > amount(limit)


def amount(quantity: str) -> Decimal:
    """`50m`, `64Mi` or `0.5` as a number of cores or bytes."""
    match = _QUANTITY.fullmatch(quantity)
    assert match, "it was read as a quantity before"
    number, unit = match.groups()
    if unit in _BINARY:
        return Decimal(number) * (1 << _BINARY[unit])
    return Decimal(number).scaleb(_DECIMAL[unit])


def _smaller(request: str, limit: str | None) -> str:
    return limit if limit and is_above(request, limit) else request
