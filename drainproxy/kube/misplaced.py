"""Annotations and the switch in the metadata of a workload, where pods do not get them."""

from collections.abc import Iterator
from typing import Any, Final

from drainproxy.config.mistakes import told
from drainproxy.manifests.podspec import Json, Workload

from .annotations import ANNOTATABLE, SWITCH_NAME

_OURS: Final = frozenset((SWITCH_NAME, *(row.annotation for row in ANNOTATABLE)))


def misplaced(workload: Workload) -> Iterator[str]:
    """A sentence about those that stand there and not in the pod template, if there are any."""
    pod = workload.pod
    if pod is None or pod is workload.body:
        return
    found = _ours(workload.body) - _ours(pod)
    if found:
        names, place = ", ".join(told(sorted(found))), ".".join((*workload.path, "metadata"))
        say, count = ("says", "it counts") if len(found) == 1 else ("say", "they count")
        yield f"{names} of its own metadata {say} nothing: {count} in {place}"


def _ours(body: Json) -> set[str]:
    """Its labels and annotations that are for us."""
    metadata = _map(body.get("metadata"))
    return {key for name in ("labels", "annotations") for key in _map(metadata.get(name))} & _OURS


def _map(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
