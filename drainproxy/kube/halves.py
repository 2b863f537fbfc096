"""Writes an input, or one half of it (`--only`), where the halves are applied one after the other.

One half are the Services, the other everything else: NetworkPolicies must allow the sidecar's port
before Services send clients to it.
"""

from typing import Any, Literal

from drainproxy.manifests.documents import Document, rendered
from drainproxy.manifests.podspec import objects
from drainproxy.manifests.services import is_service

from .inputs import ManifestInput

Half = Literal["workloads", "services"]


def written(given: ManifestInput, only: Half | None) -> list[str]:
    """The text of all files, as one stream, in pieces."""
    if only is None:
        return rendered(given.files.values())
    wanted = only == "services"
    halves = [[each for each in file if _belongs(each, wanted)] for file in given.files.values()]
    return rendered(halves)


def _belongs(document: Document, services: bool) -> bool:
    """Whether something of a document is wanted; what is not is taken out of its lists."""
    kinds = {is_service(each) for each in objects(document.data)}
    if kinds == {True, False}:
        _keep(document.data, services)
        document.changed = True
        return True
    return kinds == {services} or (not kinds and not services)


def _keep(node: Any, services: bool) -> None:
    items = node["items"]
    for at in reversed(range(len(items))):
        kinds = {is_service(each) for each in objects(items[at])}
        if kinds == {True, False}:
            _keep(items[at], services)
        elif kinds != {services}:
            del items[at]
