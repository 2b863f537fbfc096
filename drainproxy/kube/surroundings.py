"""The Services and NetworkPolicies of an input: as they were before injection, and how they
change."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from drainproxy.config import ConfigError
from drainproxy.config.mistakes import told
from drainproxy.manifests.documents import restyle
from drainproxy.manifests.misfits import filled
from drainproxy.manifests.podspec import Json, Pod, api_group
from drainproxy.manifests.policies import Move, NetworkPolicy, PolicyPod, policy
from drainproxy.manifests.services import Service, service
from drainproxy.manifests.templates import title

from .affected_workloads import AffectedWorkloads, Behind
from .annotations import STATUS
from .capture import Rewrite
from .density import Effort, TooMuch
from .inputs import Found
from .leads import Held
from .listeners import ListedPorts
from .namespace import Namespace
from .service_edits import retargeted, widened
from .status import taken_back


class Change(Struct, frozen=True):
    """What became of a Service or a policy: `for_whom` is the first workload (by its number) for
    whose sake it was changed, None where it was only taken back, or left as it was before;
    `warning` is what else comes of it, or all that does, where there is no text."""

    found: Found
    text: str
    for_whom: int | None = None
    is_left: bool = False
    warning: str = ""


# Told of what was changed before.
_BACK: Final = "nothing behind it needs the change any more"
_LEFT: Final = "it is changed already, and no pod of this input is behind it"


# Characters of the input for each change beyond one for each workload: what is changed is written
# anew, and read again.
_CHANGE: Final = 200
_PROBLEM: Final = "too many Services and policies are to be changed, as"


class _Leading(Struct, frozen=True):
    """A Service or a policy: where it stands, and its body before it was changed."""

    found: Found
    original: Json
    view: Service | NetworkPolicy


class Surroundings:
    """The Services, NetworkPolicies and Namespaces among these objects.

    `mistakes` are those that cannot be read, or whose record cannot, each with the reason.
    """

    def __init__(self, objects: Sequence[Found]) -> None:
        self.mistakes: list[tuple[Found, ConfigError | ValueError]] = []
        self._leading = [*self._read(objects)]
        self.namespaces = dict(_namespaces(objects))

    @property
    def services(self) -> list[Service]:
        """As they were."""
        return [each.view for each in self._leading if isinstance(each.view, Service)]

    def listed(self, pods: Iterable[Pod]) -> ListedPorts:
        """The ports that policies list, as they were, beside these pods of the input."""
        views = (each.view for each in self._leading if isinstance(each.view, NetworkPolicy))
        return ListedPorts(
            views, (port.container_port for pod in pods for _, port in pod.tcp_ports)
        )

    @property
    def held(self) -> dict[Held, int]:
        """The numbers that ports of Services have come to target."""
        found: dict[Held, int] = {}
        for each in self._leading:
            if not isinstance(each.view, Service) or each.found.body == each.original:
                continue
            was = {port.step: port.target for port in each.view.ports}
            now = service(each.found.body)
            for port in now.ports if now else ():
                if isinstance(port.target, int) and port.target != was.get(port.step):
                    found[each.view.key, port.step] = port.target
        return found

    def change(self, workloads: Sequence[Behind], effort: Effort) -> Iterator[Change]:
        """Lead clients to the sidecars. What was changed before and needs it no more is taken back;
        where no pod of this input is behind it, that cannot be told, and it stays as it is."""
        index = AffectedWorkloads(workloads, [each.view for each in self._leading], effort)
        free = len(workloads)
        for each in self._leading:
            try:
                for change in self._change(each, index):
                    free -= not change.is_left
                    if free < 0:
                        effort.spend(_CHANGE, _PROBLEM, title(each.found.body))
                    yield change
            except TooMuch as error:
                self.mistakes.append((each.found, error))
                return

    def _change(self, each: _Leading, index: AffectedWorkloads) -> Iterator[Change]:
        view = each.view
        if isinstance(view, Service):
            done = _retargeted(each.original, view, index.rewrites(view))
        else:
            moves = index.moves(view)
            done = _widened(each.original, view, moves)
            if opened := index.opened(view, moves):
                first = next(iter(opened.values()))
                yield Change(each.found, "", first, is_left=True, warning=_opened(view, opened))
        if done:
            edited, text, at = done
            _put(each.found, edited)
            yield Change(each.found, text, at)
        elif each.found.body == each.original:
            return
        elif not index.has_behind(view):
            yield Change(each.found, _LEFT, is_left=True)
        elif _put(each.found, each.original):
            yield Change(each.found, _BACK)

    def restore(self) -> list[Found]:
        """Take them back to what they were; those that were changed."""
        return [each.found for each in self._leading if _put(each.found, each.original)]

    def _read(self, objects: Sequence[Found]) -> Iterator[_Leading]:
        for found in objects:
            try:
                original = _before(found.body)
                view = service(original) or policy(original)
            except (ConfigError, ValueError) as error:
                self.mistakes.append((found, error))
                continue
            if view:
                here = replace(view.metadata, namespace=found.namespace)
                yield _Leading(found, original, replace(view, metadata=here))


def _before(body: Json) -> Json:
    if body.get("kind") not in ("Service", "NetworkPolicy"):
        return body
    metadata = body.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    changed = isinstance(annotations, dict) and STATUS in annotations
    return taken_back(body) if changed else body


def _namespaces(objects: Sequence[Found]) -> Iterator[tuple[str, Namespace]]:
    for found in objects:
        if (found.body.get("kind"), api_group(found.body)) != ("Namespace", ""):
            continue
        metadata = found.body.get("metadata")
        if isinstance(metadata, dict):
            said = (metadata.get(key) for key in ("labels", "annotations"))
            texts = [filled(each if isinstance(each, dict) else None) for each in said]
            yield str(metadata.get("name")), Namespace(*texts)


# What an object becomes, what was done in words, and the number of the first that it is done for.
_Done = tuple[Json, str, int | None]


def _retargeted(
    original: Json, view: Service, wanted: Sequence[tuple[int, Rewrite]]
) -> _Done | None:
    if not wanted:
        return None
    once = {(one.port.step, one.target): one for _, one in wanted}
    edited, texts = retargeted(original, view, once.values())
    return edited, ", ".join(told(texts)), wanted[0][0]


def _widened(
    original: Json, view: NetworkPolicy, moves: Sequence[tuple[int, PolicyPod, Move]]
) -> _Done | None:
    if not moves:
        return None
    edited = widened(original, view, [(place, one) for _, place, one in moves])
    pairs = dict.fromkeys(f"{one.listen} beside {one.port}" for _, _, one in moves)
    return edited, f"allows {', '.join(told([*pairs]))}", moves[0][0]


def _opened(view: NetworkPolicy, others: Iterable[str]) -> str:
    """What a policy lets clients to besides."""
    return (
        f"NetworkPolicy {view.metadata.name} lets its clients come to {', '.join(told([*others]))}"
        " as well, for which the sidecar listens at a port that it allows: choose another one there"
        " with drainproxy.io/forward"
    )


def _put(found: Found, body: Json) -> bool:
    """Whether the object had to be changed to become this."""
    if found.body == body:
        return False
    restyle(body, [STATUS] if STATUS in (body["metadata"].get("annotations") or {}) else [])
    for key in ("metadata", "spec"):
        found.body[key] = body[key]
    found.document.changed = True
    return True
