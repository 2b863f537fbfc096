"""Objects that others make, as dumps of a cluster have them (`kubectl get all -o yaml`): what is
changed in them is gone with the next rollout, or at once. What makes them is to be injected."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from drainproxy.manifests.podspec import Json, workload
from drainproxy.manifests.templates import title

from .inputs import Found

# Names are made of those of their owners, with something behind a hyphen: kind -> kinds of owners.
_NAMED_AFTER: Final = {"ReplicaSet": ("Deployment", "Rollout"), "Job": ("CronJob",)}
# It runs its pods from files: it is no object that could be injected.
_NODE: Final = "Node"

# Namespace, kind and name.
_Key = tuple[str, str, str]


class Owner(Struct, frozen=True):
    """What makes an object, as kubectl names it: `is_here` if it is in the input, where it is
    looked at for itself, `is_workload` if it can be injected."""

    title: str
    is_here: bool
    is_workload: bool

    def __str__(self) -> str:
        if self.is_workload:
            return f"{self.title} makes it: inject that"
        return (
            f"{self.title} makes it, and would take changes back: let the webhook inject its pods"
        )


class Owners:
    """The owners among the objects of an input."""

    def __init__(self, objects: Iterable[Found]) -> None:
        self._here: dict[_Key, Json] = {}
        for found in objects:
            kind, name = found.body.get("kind"), _metadata(found.body).get("name")
            self._here[found.namespace, str(kind), str(name)] = found.body

    def of(self, found: Found) -> Owner | None:
        """What makes an object; None if nothing does."""
        references = _metadata(found.body).get("ownerReferences")
        for each in references if isinstance(references, list) else ():
            if isinstance(each, dict) and each.get("controller") is True:
                return self._owner(found.namespace, each)
        return None

    def _owner(self, namespace: str, reference: Json) -> Owner | None:
        kind, name = str(reference.get("kind")), str(reference.get("name"))
        if kind == _NODE:
            return None
        here = self._here.get((namespace, kind, name))
        above = name.rpartition("-")[0]
        for other in _NAMED_AFTER.get(kind, ()) if here is None else ():
            here = here or self._here.get((namespace, other, above))
        body = here or {**reference, "metadata": {"name": name}}
        one = workload(body)
        return Owner(one.title if one else title(body), here is not None, one is not None)


def _metadata(body: Json) -> dict[str, Any]:
    found = body.get("metadata")
    return found if isinstance(found, dict) else {}
