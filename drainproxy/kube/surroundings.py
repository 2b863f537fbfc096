"""What leads clients to the pods of an input, as it was before it was changed, and its changes."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from drainproxy.config import ConfigError
from drainproxy.manifests.documents import restyle
from drainproxy.manifests.podspec import Json, api_group
from drainproxy.manifests.policies import Move, Place, Policy, policy
from drainproxy.manifests.selectors import Label
from drainproxy.manifests.services import Service, service

from .annotations import STATUS
from .capture import Capture, Rewrite
from .inputs import Found
from .leading import move, retargeted, widened
from .status import restored


class Moved(Struct, frozen=True):
    """A workload that gets a sidecar: where its pods are, and how clients are led to them."""

    place: Place
    capture: Capture


class _Leading(Struct, frozen=True):
    """A Service or a policy: where it stands, and its body before it was changed."""

    found: Found
    original: Json
    view: Service | Policy


class Surroundings:
    """The Services, NetworkPolicies and Namespaces among these objects.

    `mistakes` are those whose record cannot be read, each with the reason.
    """

    def __init__(self, objects: Sequence[Found]) -> None:
        self.mistakes: list[tuple[Found, str]] = []
        self._leading = [*self._read(objects)]
        self.namespaces = dict(_namespaces(objects))

    @property
    def services(self) -> list[Service]:
        """As they were."""
        return [each.view for each in self._leading if isinstance(each.view, Service)]

    def change(self, moved: Sequence[Moved]) -> list[list[str]]:
        """Lead clients to the sidecars; for each of these workloads, what was done for its sake."""
        done: list[list[str]] = [[] for _ in moved]
        index = _Index(moved)
        for each in self._leading:
            view = each.view
            if isinstance(view, Service):
                edited, changes = _retargeted(each.original, view, index.rewrites(view))
            else:
                edited, changes = _widened(each.original, view, index.moves(view))
            _put(each.found, edited)
            for at, text in changes.items():
                done[at].append(text)
        return done

    def restore(self) -> list[Found]:
        """Take them back to what they were; those that were changed."""
        return [each.found for each in self._leading if _put(each.found, each.original)]

    def _read(self, objects: Sequence[Found]) -> Iterator[_Leading]:
        for found in objects:
            try:
                original = _before(found.body)
            except (ConfigError, ValueError) as error:
                self.mistakes.append((found, str(error)))
                continue
            view = service(original) or policy(original)
            if view:
                here = replace(view.metadata, namespace=found.namespace)
                yield _Leading(found, original, replace(view, metadata=here))


def _before(body: Json) -> Json:
    if body.get("kind") not in ("Service", "NetworkPolicy"):
        return body
    metadata = body.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    changed = isinstance(annotations, dict) and STATUS in annotations
    return restored(body) if changed else body


def _namespaces(objects: Sequence[Found]) -> Iterator[tuple[str, Mapping[str, str]]]:
    for found in objects:
        if (found.body.get("kind"), api_group(found.body)) != ("Namespace", ""):
            continue
        metadata = found.body.get("metadata")
        if isinstance(metadata, dict) and isinstance(metadata.get("labels"), dict):
            yield str(metadata.get("name")), metadata["labels"]


class _Index:
    """What concerns a Service or a policy, found without a look at all workloads; each with the
    number of its workload."""

    def __init__(self, moved: Sequence[Moved]) -> None:
        self._rewrites: dict[tuple[str, str], list[tuple[int, Rewrite]]] = {}
        self._moves: dict[Label | None, list[tuple[int, Place, Move]]] = {}
        for at, each in enumerate(moved):
            for rewrite in each.capture.rewrites:
                self._rewrites.setdefault(rewrite.service.key, []).append((at, rewrite))
            for taken in each.capture.ports if each.capture.mode != "redirect" else ():
                for label in (None, *each.place.labels.items()):
                    self._moves.setdefault(label, []).append((at, each.place, move(taken)))

    def rewrites(self, view: Service) -> list[tuple[int, Rewrite]]:
        return self._rewrites.get(view.key, [])

    def moves(self, view: Policy) -> list[tuple[int, Place, Move]]:
        labels = {*view.labels()}
        found = {
            (at, one.listen): (at, place, one)
            for label in ([None] if None in labels else labels)
            for at, place, one in self._moves.get(label, ())
            if any(view.too_narrow(place, one))
        }
        return [found[key] for key in sorted(found)]


def _retargeted(
    original: Json, view: Service, wanted: Sequence[tuple[int, Rewrite]]
) -> tuple[Json, dict[int, str]]:
    if not wanted:
        return original, {}
    once = {(one.port.step, one.target): one for _, one in wanted}
    edited, texts = retargeted(original, view, once.values())
    return edited, {at: f"service/{view.name}: {', '.join(texts)}" for at, _ in wanted}


def _widened(
    original: Json, view: Policy, moves: Sequence[tuple[int, Place, Move]]
) -> tuple[Json, dict[int, str]]:
    if not moves:
        return original, {}
    edited = widened(original, view, [(place, one) for _, place, one in moves])
    pairs: dict[int, list[str]] = {}
    for at, _, one in moves:
        pairs.setdefault(at, []).append(f"{one.listen} beside {one.port}")
    name = f"networkpolicy/{view.metadata.name}"
    return edited, {at: f"{name}: allows {', '.join(texts)}" for at, texts in pairs.items()}


def _put(found: Found, body: Json) -> bool:
    """Whether the object had to be changed to become this."""
    if found.body == body:
        return False
    restyle(body, [STATUS] if STATUS in (body["metadata"].get("annotations") or {}) else [])
    for key in ("metadata", "spec"):
        found.body[key] = body[key]
    found.document.changed = True
    return True
