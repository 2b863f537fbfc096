"""Drain reports read from the status of pods: the report of the last drain is the termination
message of the sidecar, which the kubelet writes into the status before the pod is deleted."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct, json

from .cluster import ObjectMeta
from .containers import SIDECAR


class _Terminated(Struct, rename="camel", frozen=True):
    exit_code: int = 0
    finished_at: str | None = None
    message: str = ""
    container_id: str = msgspec.field(default="", name="containerID")


class _State(Struct, rename="camel", frozen=True):
    terminated: _Terminated | None = None


class _Container(Struct, rename="camel", frozen=True):
    name: str
    state: _State = _State()
    last_state: _State = _State()


class _PodStatus(Struct, rename="camel", frozen=True):
    init_container_statuses: list[_Container] | None = None
    container_statuses: list[_Container] | None = None


class PodStatus(Struct, frozen=True):
    """A pod, as far as it says how its sidecar does."""

    metadata: ObjectMeta
    status: _PodStatus = _PodStatus()


class Ending(Struct, frozen=True):
    """The end of a sidecar. Where it left no `report`, `message` is what it left."""

    namespace: str
    pod: str
    finished: str
    exit_code: int
    report: dict[str, Any] | None
    message: str = ""

    @property
    def cut(self) -> bool:
        """Whether somebody was cut, or left without an answer."""
        return self.report is not None and self.report.get("verdict") != "clean"


class Endings:
    """Finds endings in what pods say from time to time, each once."""

    def __init__(self) -> None:
        self._seen: dict[str, set[str]] = {}
        self._running: set[str] = set()

    def of(self, pod: PodStatus) -> Iterator[Ending]:
        """What has ended in a pod since it was looked at last."""
        sidecar = _sidecar(pod)
        if sidecar is None:
            return
        seen = self._seen.setdefault(pod.metadata.uid, set())
        for state in (sidecar.last_state, sidecar.state):
            ended = state.terminated
            if ended and (key := f"{ended.container_id} {ended.finished_at}") not in seen:
                seen.add(key)
                yield _ending(pod.metadata, ended)
        if not sidecar.state.terminated:
            self._running.add(pod.metadata.uid)
        else:
            self._running.discard(pod.metadata.uid)

    def gone(self, pod: PodStatus) -> Iterator[Ending]:
        """The same of a pod that was deleted: one whose sidecar nobody has seen end is told too."""
        uid = pod.metadata.uid
        yield from self.of(pod)
        if uid in self._running:
            why = "the pod was gone before its end was seen"
            yield Ending(pod.metadata.namespace, pod.metadata.name, "", -1, None, why)
        self._seen.pop(uid, None)
        self._running.discard(uid)


def _sidecar(pod: PodStatus) -> _Container | None:
    status = pod.status
    every = [*(status.init_container_statuses or ()), *(status.container_statuses or ())]
    return next((each for each in every if each.name == SIDECAR), None)


def _ending(metadata: ObjectMeta, ended: _Terminated) -> Ending:
    where = metadata.namespace, metadata.name, ended.finished_at or "", ended.exit_code
    report = _report(ended.message)
    return Ending(*where, report) if report else Ending(*where, None, ended.message)


def _report(message: str) -> dict[str, Any] | None:
    try:
        found = json.decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return found if isinstance(found, dict) and "verdict" in found else None
