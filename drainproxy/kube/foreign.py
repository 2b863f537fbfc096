"""Warns of network policies that are not NetworkPolicies and name the app's port: they are not
changed.

Cilium, Calico and Antrea have kinds of their own, the API has cluster-wide ones, and meshes
authorize requests by port. Where the sidecar listens on another port, such a policy may block its
clients, or no longer block what it should.
"""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from drainproxy.manifests.podspec import Json, api_group
from drainproxy.manifests.templates import maps

from .inputs import Found
from .ports import PortTakeover, listed

_MESHES: Final = {("security.istio.io", "AuthorizationPolicy"), ("policy.linkerd.io", "Server")}
# Calico writes ranges so.
_RANGE: Final = re.compile(r"(\d{1,5})[:-](\d{1,5})", re.ASCII)
_END: Final = re.compile(r"\d{1,5}", re.ASCII)


def foreign_policies(
    objects: Sequence[Found], taken: Sequence[PortTakeover]
) -> Iterator[tuple[Found, str]]:
    """The policies that name ports of the app for which the sidecar listens elsewhere, and what to
    do; once for each policy."""
    ports = _Ports(taken)
    for found in objects if taken else ():
        if _is_foreign(found.body) and (named := ports.named_in(found.body)):
            yield found, _advice(named)


class _Ports:
    """Ports that moved, found by what a policy says without a look at all of them."""

    def __init__(self, taken: Sequence[PortTakeover]) -> None:
        self._sorted = sorted(taken, key=_number)
        self._by_text: defaultdict[str, list[PortTakeover]] = defaultdict(list)
        for each in self._sorted:
            for text in filter(None, (str(each.port), each.name)):
                self._by_text[text].append(each)

    def named_in(self, policy: Json) -> list[PortTakeover]:
        found: dict[PortTakeover, None] = {}
        for node in maps({key: value for key, value in policy.items() if key != "metadata"}):
            for text in {*map(str, _scalars(node))}:
                found |= dict.fromkeys(self._by_text.get(text, ()))
            for first, last in _ranges(node):
                start = bisect_left(self._sorted, first, key=_number)
                end = bisect_right(self._sorted, last, key=_number)
                found |= dict.fromkeys(self._sorted[start:end])
        return [*found]


def _number(taken: PortTakeover) -> int:
    return taken.port


def _is_foreign(body: Json) -> bool:
    group, kind = api_group(body), str(body.get("kind", ""))
    if kind.endswith("NetworkPolicy"):
        return group != "networking.k8s.io"
    return (group, kind) in _MESHES


def _advice(taken: Sequence[PortTakeover]) -> str:
    listens = listed(each.listen for each in taken)
    return (
        f"policies of this kind are not changed, and it may not hold for {listens}, where clients"
        f" come instead of {listed(each.port for each in taken)}: add what is missing"
    )


def _scalars(node: Json) -> Iterator[object]:
    for value in node.values():
        each = value if isinstance(value, list) else [value]
        yield from (one for one in each if isinstance(one, int | str))


def _ranges(node: Json) -> Iterator[tuple[int, int]]:
    """Those of ports, as Calico, and as Cilium, Antrea and the API write them."""
    for match in map(_RANGE.fullmatch, map(str, _scalars(node))):
        if match:
            yield int(match[1]), int(match[2])
    ends = node.get("port", node.get("start")), node.get("endPort", node.get("end"))
    if all(_END.fullmatch(str(each)) for each in ends):
        yield int(str(ends[0])), int(str(ends[1]))
