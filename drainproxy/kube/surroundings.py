"""What leads clients to the pods of an input, as it was before it was changed, and its changes."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from drainproxy.config import ConfigError
from drainproxy.manifests.documents import restyle
from drainproxy.manifests.podspec import Json, api_group
from drainproxy.manifests.policies import Place, Policy, policy
from drainproxy.manifests.services import Service, service

from .annotations import STATUS
from .capture import Capture
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
        for each in self._leading:
            view = each.view
            if isinstance(view, Service):
                edited, changes = _retargeted(each.original, view, moved)
            else:
                edited, changes = _widened(each.original, view, moved)
            _put(each.found, edited)
            for at, texts in changes.items():
                done[at] += texts
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


def _retargeted(
    original: Json, view: Service, moved: Sequence[Moved]
) -> tuple[Json, dict[int, list[str]]]:
    wanted = {
        at: [one for one in each.capture.rewrites if one.service.key == view.key]
        for at, each in enumerate(moved)
    }
    once = {(one.port.step, one.target): one for each in wanted.values() for one in each}
    if not once:
        return original, {}
    edited, texts = retargeted(original, view, once.values())
    changes = [f"service/{view.name}: {', '.join(texts)}"]
    return edited, {at: changes for at, each in wanted.items() if each}


def _widened(
    original: Json, view: Policy, moved: Sequence[Moved]
) -> tuple[Json, dict[int, list[str]]]:
    moves = [
        (at, each.place, move(taken))
        for at, each in enumerate(moved)
        if each.capture.mode != "redirect"
        for taken in each.capture.ports
    ]
    narrow = [(at, place, one) for at, place, one in moves if any(view.too_narrow(place, one))]
    if not narrow:
        return original, {}
    edited = widened(original, view, [(place, one) for _, place, one in narrow])
    pairs: dict[int, list[str]] = {}
    for at, _, one in narrow:
        pairs.setdefault(at, []).append(f"{one.listen} beside {one.port}")
    name = f"networkpolicy/{view.metadata.name}"
    return edited, {at: [f"{name}: allows {', '.join(texts)}"] for at, texts in pairs.items()}


def _put(found: Found, body: Json) -> bool:
    """Whether the object had to be changed to become this."""
    if found.body == body:
        return False
    restyle(body, [STATUS] if STATUS in (body["metadata"].get("annotations") or {}) else [])
    for key in ("metadata", "spec"):
        found.body[key] = body[key]
    found.document.changed = True
    return True
